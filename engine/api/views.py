"""Reading one instance: the full status, and what the screen of a node needs (engine 2.4, 8.5)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from engine import snapshots
from engine.api import schemas
from engine.api.bodies import answer
from engine.api.callers import caller_of
from engine.api.documents import action_document, status_documents
from engine.api.found import instance_for
from engine.api.problems import Problem
from engine.core import jsonio, paths
from engine.core.graph import Node, NodeType
from engine.core.turn import timestamp
from engine.models import Instance, Timer

LONGEST_ID = 19  # digits of a number of 64 bits


def add_to(router: Router, *, shown: bool) -> None:
    """The operations, on a router whose paths begin with the instance; `shown` in the OpenAPI document."""
    router.get(
        "/{instance}/status",
        summary="The whole instance",
        tags=["Read"],
        include_in_schema=shown,
        **schemas.documented(schemas.StatusAnswer, reads=True),
    )(status)
    router.get(
        "/{instance}/data/{nodeId}",
        summary="Values and actions for a node's screen",
        tags=["Read"],
        include_in_schema=shown,
        **schemas.documented(schemas.DataAnswer, reads=True),
    )(data)


def status(request: HttpRequest, instance: str) -> HttpResponse:
    """Values (sensitive ones as `***`), tokens, subprocesses that the caller may view, and exceptions."""
    user = caller_of(request).needs("read")
    return answer(status_documents(instance_for(user, instance), user))


def data(request: HttpRequest, instance: str, nodeId: str) -> HttpResponse:
    """The values of the node's input keys (all but sensitive ones when none are set), its manual actions, and until when it
    waits for a timer of its own."""
    user = caller_of(request).needs("read")
    found = instance_for(user, instance)
    graph = snapshots.graph(found.snapshot_id)
    node = graph.nodes.get(int(nodeId)) if nodeId.isdecimal() and len(nodeId) <= LONGEST_ID else None
    if node is None:
        raise Problem(404, "Node not found.", entity="node", params=nodeId)
    values = jsonio.loads(found.params)
    assert isinstance(values, dict)
    if node.input_keys:
        values = paths.copy_only(values, node.input_keys)
    elif graph.sensitive_keys:
        values = paths.copy_without(values, graph.sensitive_keys)
    actions = [action_document(action, node) for action in node.top_level() if action.manual]
    return answer({"data": values, "actions": actions, "waitsUntil": _waits_until(found, node)})


def _waits_until(instance: Instance, node: Node) -> str | None:
    """When the node's timer or response timeout is due; of several tokens there, the first one."""
    if node.type is not NodeType.TIMER_INTERMEDIATE and not node.response_timeout:
        return None
    pending = Timer.objects.filter(instance_id=instance.id, node_id=node.id, state__in=("PENDING", "HELD"))
    due = pending.filter(kind__in=("NODE", "RESPONSE")).order_by("due_at").values_list("due_at", flat=True).first()
    return timestamp(due) if due else None
