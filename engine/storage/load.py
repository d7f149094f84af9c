"""Load whole process trees under lock: two statements on PostgreSQL, whatever the number of instances (architecture 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.core import jsonio
from engine.core import state as core
from engine.core.graph import Graph
from engine.core.stimuli import MessageReceived, Request
from engine.models import (
    EventSubscription,
    Incident,
    Instance,
    PublishedProcess,
    ReceivedMessage,
    RestartData,
    Timer,
    Token,
    Visit,
)
from engine.storage import rows, upgrade

NUMBERED = (Visit, Token, Timer, Incident)
"""Tables whose ids come from `engine.ids`, all from one sequence, as those of instances do."""


def trees(
    uuids: Iterable[UUID], graph: Callable[[int], Graph], stored: set[int] | None = None
) -> dict[UUID, core.InstanceState]:
    """Lock the trees of these instances by their roots, in ascending order, and load everything open in them.

    Unknown uuids are simply absent from the answer. The numbers of the rows that are there are added to `stored`. On SQLite the
    immediate transaction is the lock already.
    """
    roots = lock(uuids)
    if not roots:
        return {}
    instances, belonging = rows.trees(roots)
    found = {row.id: _instance(row) for row in instances}
    _visits(found, belonging[Visit])
    _tokens(found, belonging[Token])
    _timers(found, belonging[Timer])
    _incidents(found, belonging[Incident])
    _kept(found, belonging[ReceivedMessage])
    _subscriptions({key: state for key, state in found.items() if graph(state.snapshot_id).catches})
    _restarts({key: state for key, state in found.items() if graph(state.snapshot_id).restarts})
    if stored is not None:
        stored.update(found, *([row.id for row in belonging[model]] for model in NUMBERED))
    return {state.uuid: state for state in found.values()}


def published(snapshot_ids: Iterable[int], graph: Callable[[int], Graph]) -> dict[str, int]:
    """The published snapshots of the processes that these may start, theirs included: a statement a level, none without."""
    found: dict[str, int] = {}
    asked: set[str] = set()
    waiting = {name.lower() for snapshot_id in snapshot_ids for name in graph(snapshot_id).subprocess_names}
    while waiting:
        asked |= waiting
        there = dict(PublishedProcess.objects.filter(name_key__in=waiting).values_list("name_key", "snapshot_id"))
        found |= there
        names = {name.lower() for snapshot_id in there.values() for name in graph(snapshot_id).subprocess_names}
        waiting = names - asked
    return found


def lock(uuids: Iterable[UUID]) -> list[int]:
    """Lock the roots of these instances, in ascending order, so that two batches never wait for each other in a ring."""
    return rows.lock(list(set(uuids)))


def lock_free(uuids: Iterable[UUID]) -> set[UUID]:
    """Lock the trees of those of these instances that nobody else has locked, waiting for nobody; gives the instances."""
    return rows.lock_free(list(set(uuids)))


def uuid_of(instance_id: int) -> UUID | None:
    """The uuid of an instance, None when there is none."""
    return Instance.objects.filter(id=instance_id).values_list("uuid", flat=True).first()


def _instance(row: Instance) -> core.InstanceState:
    return core.InstanceState(
        id=row.id,
        uuid=row.uuid,
        root_id=row.root_id,
        snapshot_id=row.snapshot_id,
        state=core.InstanceStatus(row.state),
        params=_object(row.params),
        start_params={},
        started_at=row.started_at,
        updated_at=row.updated_at,
        owner_id=row.owner_id,
        owner_name=row.owner_name,
        parent_id=row.parent_id,
        parent_uuid=row.parent_uuid,
        relation=row.relation,
        test=row.test,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
        back_counter=row.back_counter,
        started_by_action_id=row.started_by_action_id,
        started_by_token_id=row.started_by_token_id,
        restarted_from_uuid=row.restarted_from_uuid,
        item_index=row.item_index,
        start_message_id=row.start_message_id,
        journal_seq=row.journal_seq,
        frame_seq=row.frame_seq,
        visit_seq=row.visit_seq,
        revision=row.revision,
    )


def _visits(found: dict[int, core.InstanceState], belonging: rows.Rows) -> None:
    for row in belonging:
        visit = core.Visit(
            id=row.id,
            token_id=row.token_id,
            number=row.number,
            node_id=row.node_id,
            node_name=row.node_name,
            arrived_at=row.arrived_at,
            left_at=row.left_at,
            waiting_since=row.waiting_since,
            actions=action_states(row.actions),
        )
        found[row.instance_id].visits.append(visit)


def action_states(text: str) -> dict[int, core.ActionState]:
    """The stored action states of a visit."""
    if text == "{}":
        return {}
    stored = upgrade.upgraded(_object(text), upgrade.VISIT)
    return {
        int(action_id): core.ActionState(
            name=raw["name"],
            state=core.ActionStatus(raw["state"]),
            runs=raw["runs"],
            completed=raw["completed"],
            last_executed=datetime.fromisoformat(raw["lastExecutedDate"]) if raw["lastExecutedDate"] else None,
            waits_for=tuple(raw.get("waitsFor") or ()),
            rest=tuple(raw.get("rest") or ()),
            upload=raw.get("upload", ""),
        )
        for action_id, raw in stored.items()
    }


def _tokens(found: dict[int, core.InstanceState], belonging: rows.Rows) -> None:
    for row in belonging:
        state = found[row.instance_id]
        token = core.Token(
            id=row.id,
            uuid=row.uuid,
            parent_token_id=row.parent_token_id,
            state=core.TokenState(row.state),
            status=core.NodeStatus(row.status),
            start_node_id=row.start_node_id,
            node_id=row.current_node_id,
            node_name=row.current_node_name,
            swimlane=row.swimlane,
            created_at=row.created_at,
            updated_at=row.updated_at,
            sync_count=row.sync_count,
            sync_finished=row.sync_finished,
            version=row.version,
            replaces_id=row.replaces_id,
            history_until=row.history_until,
            stage=row.stage,
            assignee=row.assignee,
        )
        if token.state in core.OPEN_TOKEN:
            mine = [visit for visit in state.visits if visit.token_id == token.id and visit.left_at is None]
            token.visit = mine[-1] if mine else None
        state.tokens[token.id] = token


def _timers(found: dict[int, core.InstanceState], belonging: rows.Rows) -> None:
    for row in belonging:
        found[row.instance_id].timers[row.id] = core.Timer(
            id=row.id,
            kind=core.TimerKind(row.kind),
            due_at=row.due_at,
            created_at=row.created_at,
            expression=row.expression,
            token_id=row.token_id,
            visit_id=row.visit_id,
            node_id=row.node_id,
            node_name=row.node_name,
            action_id=row.action_id,
            action_name=row.action_name,
            run=row.run,
            rest=tuple(row.rest),
            state=core.TimerStatus(row.state),
        )


def _incidents(found: dict[int, core.InstanceState], belonging: rows.Rows) -> None:
    for row in belonging:
        found[row.instance_id].incidents[row.id] = core.Incident(
            id=row.id,
            type=row.type,
            source=row.source,
            message=row.message,
            opened_at=row.opened_at,
            cause_type=row.cause_type,
            details=row.details,
            token_id=row.token_id,
            token_uuid=row.token_uuid,
            visit_id=row.visit_id,
            node_id=row.node_id,
            node_name=row.node_name,
            action_id=row.action_id,
            action_name=row.action_name,
            outbox_id=row.outbox_id,
            rest=tuple(row.rest),
        )


def _kept(found: dict[int, core.InstanceState], belonging: rows.Rows) -> None:
    uuids = {state.id: state.uuid for state in found.values()}
    for row in belonging:
        message = message_of(row, uuids[row.instance_id])
        kept = core.Kept(message, core.KeptState(row.state), row.reason, row.error, row.id)
        found[row.instance_id].kept.append(kept)


def _restarts(found: dict[int, core.InstanceState]) -> None:
    if found:
        for row in RestartData.objects.filter(instance_id__in=found):
            found[row.instance_id].restarts[row.action_name] = _object(row.params)


def _subscriptions(found: dict[int, core.InstanceState]) -> None:
    if found:
        for row in EventSubscription.objects.filter(instance_id__in=found).order_by("id"):
            found[row.instance_id].subscriptions[row.id] = core.Subscription(
                row.id, row.token_id, row.visit_id, row.node_id, row.message_name, row.correlation, row.held, True
            )


def message_of(row: ReceivedMessage, instance_uuid: UUID) -> MessageReceived:
    """The record as it came."""
    raw = bytes(row.value)
    request = _object(row.request) if row.request else None
    return MessageReceived(
        instance_uuid=instance_uuid,
        topic=row.topic,
        value=jsonio.loads(raw),
        raw=raw,
        received_at=row.received_at,
        key=row.key,
        headers=_object(row.headers),
        message_id=row.message_id,
        request=None if request is None else Request(request["visit"], request["action"], request["run"]),
        partition=row.partition,
        offset=row.offset,
    )


def _object(text: str) -> dict[str, Any]:
    loaded = jsonio.loads(text)
    assert isinstance(loaded, dict)
    return loaded
