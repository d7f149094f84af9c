"""Lists for frontends: instances, tasks, definitions (engine 2.3). Only what the caller may see, newest first, in pages."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from engine import rights, snapshots
from engine.api import schemas
from engine.api.bodies import answer
from engine.api.callers import caller_of
from engine.api.problems import Problem
from engine.core.graph import Node, NodeType
from engine.core.state import InstanceStatus, NodeStatus
from engine.core.turn import timestamp
from engine.models import Instance, PublishedProcess, Token, Visit
from engine.queries.instances import Cursor
from engine.queries.whereabouts import places_of

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
WAITS_ELSEWHERE = (NodeStatus.WAITING_MESSAGE,)
Row = TypeVar("Row")


def add_to(router: Router, *, shown: bool) -> None:
    """The three lists; `shown` in the OpenAPI document."""
    for path, summary, view, page in (
        ("/instances", "Instances that the caller may view", instances, schemas.InstancePage),
        ("/tasks", "User tasks that the caller may work on", tasks, schemas.TaskPage),
        ("/definitions", "Processes that the caller may start", definitions, schemas.DefinitionPage),
    ):
        router.get(
            path, summary=summary, tags=["Lists"], include_in_schema=shown, **schemas.documented(page, reads=True)
        )(view)


LIMIT: Any = Query(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Rows of a page.")  # type: ignore[type-arg]
AFTER: Any = Query("", description="`next` of the page before.")  # type: ignore[type-arg]


def instances(
    request: HttpRequest,
    limit: int = LIMIT,
    after: str = AFTER,
    state: InstanceStatus | None = None,
    processName: str = "",
) -> HttpResponse:
    """Own instances and those of processes in which the caller has `view` or `execute`; test runs are left out."""
    user = caller_of(request).needs("read")
    rows = rights.viewable(user).filter(test=False).defer("params", "start_params")
    if state is not None:
        rows = rows.filter(state=state)
    if processName:
        rows = rows.filter(process_name=processName)
    if after:
        rows = rows.filter(_cursor(after).condition)
    page, more = _page(rows.order_by("-started_at", "-id"), limit)
    items = [
        {
            "uuid": str(row.uuid),
            "name": row.process_name,
            "version": row.version,
            "state": row.state,
            "dateStarted": timestamp(row.started_at),
            "dateFinished": timestamp(row.finished_at) if row.finished_at else None,
            "currentNodes": [{"nodeId": place["node"], "name": place["nodeName"]} for place in places_of(row)],
        }
        for row in page
    ]
    return answer({"items": items, "next": Cursor.text_at(page[-1]) if more else None})


def tasks(request: HttpRequest, limit: int = LIMIT, after: str = AFTER) -> HttpResponse:
    """Tokens on user tasks of running instances in swimlanes where the caller has `execute`."""
    user = caller_of(request).needs("read")
    instance = Instance.objects.filter(id=OuterRef("instance_id"), state="STARTED", test=False)
    rows = (
        Token.objects.filter(state="ACTIVE")
        .exclude(status__in=WAITS_ELSEWHERE)
        .annotate(process_name=Subquery(instance.values("process_name")))
        .filter(process_name__isnull=False)
        .order_by("-id")
    )
    if not rights.may_operate(user):
        lanes = rights.permissions_of(user, "execute")
        rows = rows.filter(Exists(lanes.filter(process_name=OuterRef("process_name"), swimlane=OuterRef("swimlane"))))
    if after:
        rows = rows.filter(id__lt=_number(after))
    found = _on_user_tasks(rows, limit)
    page, more = found[:limit], len(found) > limit
    return answer({"items": _task_documents(page), "next": str(page[-1][0].id) if more else None})


def definitions(request: HttpRequest, limit: int = LIMIT, after: str = AFTER) -> HttpResponse:
    """Published processes with a START node in whose swimlane the caller has `execute`."""
    user = caller_of(request).needs("read")
    rows = PublishedProcess.objects.select_related("snapshot").defer("snapshot__body", "snapshot__bpmn")
    if after:
        rows = rows.filter(snapshot_id__lt=_number(after))
    if not rights.may_operate(user):
        named = rights.permissions_of(user, "execute").values("process_name")
        rows = rows.filter(name__in=named)
    allowed = rights.lanes_with(user, "execute", rows.values_list("name", flat=True))
    startable = [
        row
        for row in rows.order_by("-snapshot_id")
        if allowed is None or any((row.name, lane) in allowed for lane in row.start_swimlanes)
    ]
    page, more = startable[:limit], len(startable) > limit
    items = [
        {"name": row.name, "version": row.snapshot.version, "startConditions": row.start_conditions} for row in page
    ]
    return answer({"items": items, "next": str(page[-1].snapshot_id) if more else None})


# -- pages -------------------------------------------------------------------------------------------------------------


def _page(rows: QuerySet[Instance], limit: int) -> tuple[list[Instance], bool]:
    found = list(rows[: limit + 1])
    return found[:limit], len(found) > limit


def _cursor(after: str) -> Cursor:
    cursor = Cursor.read(after, "")
    if cursor is None:
        raise _bad_cursor()
    return cursor


def _number(after: str) -> int:
    if not after.isdecimal() or len(after) > 18:
        raise _bad_cursor()
    return int(after)


def _bad_cursor() -> Problem:
    message = "`after` is not the `next` of a page of this list."
    return Problem(400, message, errors=[{"code": "", "field": "after", "message": message}])


# -- tasks -------------------------------------------------------------------------------------------------------------

Task = tuple[Token, Instance, Node]


def _on_user_tasks(rows: QuerySet[Token], limit: int) -> list[Task]:
    """At most `limit` + 1 tokens that stand on user tasks. Which node is one stands in the graphs, so batches are sieved."""
    found: list[Task] = []
    step = limit + 1
    last: int | None = None
    while len(found) <= limit:
        batch = list((rows if last is None else rows.filter(id__lt=last))[:step])
        owners = {row.id: row for row in _light(batch)}
        for token in batch:
            owner = owners[token.instance_id]
            node = snapshots.graph(owner.snapshot_id).nodes.get(token.current_node_id)
            if node is not None and node.type is NodeType.USER_TASK:
                found.append((token, owner, node))
        if len(batch) < step:
            break
        last = batch[-1].id
    return found[: limit + 1]


def _light(tokens: list[Token]) -> QuerySet[Instance]:
    return Instance.objects.filter(id__in={token.instance_id for token in tokens}).defer("params", "start_params")


def _task_documents(page: list[Task]) -> list[dict[str, Any]]:
    visits = Visit.objects.filter(instance_id__in={owner.id for _, owner, _ in page}, left_at=None)
    arrived = dict(visits.values_list("token_id", "arrived_at"))
    return [
        {
            "processInstanceUuid": str(owner.uuid),
            "tokenUuid": str(token.uuid),
            "processName": owner.process_name,
            "nodeId": node.id,
            "nodeName": node.name,
            "arrivedDate": timestamp(arrived.get(token.id, token.updated_at)),
            "actions": [action.name for action in node.top_level() if action.manual],
        }
        for token, owner, node in page
    ]
