"""Store what a batch changed: one statement a table (architecture 6)."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any
from uuid import UUID
from zlib import crc32

from engine.core import jsonio, paths
from engine.core import state as core
from engine.core.stimuli import FromElsewhere, Throw
from engine.core.turn import Changes, World, timestamp
from engine.kafka import deadletters, outbox
from engine.models import (
    EventSubscription,
    Incident,
    Instance,
    JournalEntry,
    OutboxMessage,
    PendingStimulus,
    ReceivedMessage,
    RestartData,
    StartCorrelation,
    Timer,
    Token,
    Visit,
)
from engine.models.messages import SHARDS
from engine.storage import bulk, upgrade


def changes(world: World) -> bulk.Writes:
    """All of `world.changes`, to be flushed."""
    made, stored = world.changes, world.stored
    writes = bulk.Writes()
    writes.put(
        Instance,
        [_instance(world, state) for state in made.instances.values()],
        stored=stored,
        keep=("uuid", "root_id", "start_params", "started_at", "snapshot_id"),
    )
    tokens = [_token(state, token) for state, token in made.tokens.values()]
    writes.put(Token, tokens, stored=stored, keep=("uuid", "created_at"))
    writes.put(Visit, [_visit(state, visit) for state, visit in made.visits.values()], stored=stored)
    writes.put(Timer, [_timer(state, timer) for state, timer in made.timers.values()], stored=stored)
    incidents = [_incident(world, state, incident) for state, incident in made.incidents.values()]
    writes.put(Incident, incidents, stored=stored)
    writes.add(JournalEntry, [_entry(state, entry) for state, entry in made.journal])
    rows = [outgoing(state, row, world) for state, row in made.outgoing]
    writes.add(OutboxMessage, rows + _dead_letters(made, world), skip_known="id")
    _kept(made, writes)
    _events(world, writes)
    writes.add(
        RestartData,
        [
            {"instance_id": state.id, "action_name": name, "params": jsonio.dumps(state.restarts[name])}
            for state, name in made.restarts
        ],
    )
    writes.add(PendingStimulus, _elsewhere(world))
    return writes


def _events(world: World, writes: bulk.Writes) -> None:
    """Subscriptions to message events, and the values by which event-started processes are known (engine 1.8)."""
    made = world.changes
    writes.put(
        EventSubscription,
        [
            {
                "id": each.id,
                "instance_id": state.id,
                "instance_uuid": state.uuid,
                "token_id": each.token_id,
                "visit_id": each.visit_id,
                "node_id": each.node_id,
                "message_name": each.message_name,
                "correlation": each.correlation[:255],
                "held": each.held,
            }
            for state, each in made.subscriptions.values()
        ],
        stored={each.id for _, each in made.subscriptions.values() if each.stored},
    )
    if made.unsubscribed:
        writes.then(EventSubscription.objects.filter(id__in=made.unsubscribed).delete)
    known = []
    for state in made.instances.values():
        graph = world.graph(state.snapshot_id)
        for node in graph.catch_starts() if state.revision == 1 else ():
            value = paths.get(state.start_params, node.correlation_key) if node.correlation_key else None
            if value is not None and not isinstance(value, paths.Missing):
                known.append((graph.name, jsonio.dumps(value)[:255], state.uuid))
    # In one order, so that two batches of starts never wait for each other's values in a ring.
    rows = [
        StartCorrelation(process_name=name, correlation=text, instance_uuid=made_by)
        for name, text, made_by in sorted(known)
    ]
    if rows:
        writes.then(lambda: StartCorrelation.objects.bulk_create(rows, ignore_conflicts=True))


def shard_of(text: str) -> int:
    """The outbox shard of an instance's uuid, or of a key where there is no instance (scenarios 6.3)."""
    return crc32(text.encode()) % SHARDS


def _instance(world: World, state: core.InstanceState) -> dict[str, Any]:
    state.revision += 1
    graph = world.graph(state.snapshot_id)
    waiting = [
        timer for timer in state.timers.values() if timer.state in (core.TimerStatus.PENDING, core.TimerStatus.HELD)
    ]
    incidents = [incident for incident in state.incidents.values() if incident.closed_at is None]
    return {
        "id": state.id,
        "uuid": state.uuid,
        "root_id": state.root_id,
        "parent_id": state.parent_id,
        "parent_uuid": state.parent_uuid,
        "relation": state.relation,
        "snapshot_id": state.snapshot_id,
        "definition_id": graph.definition_id,
        "process_name": graph.name,
        "version": graph.version,
        "state": str(state.state),
        "params": jsonio.dumps(state.params),
        "start_params": "" if state.revision > 1 else jsonio.dumps(state.start_params),  # of a stored one they are kept
        "owner_id": state.owner_id,
        "owner_name": state.owner_name,
        "test": state.test,
        "started_at": state.started_at,
        "finished_at": state.finished_at,
        "updated_at": world.now,
        "expires_at": state.expires_at,
        "back_counter": state.back_counter,
        "started_by_action_id": state.started_by_action_id,
        "started_by_token_id": state.started_by_token_id,
        "restarted_from_uuid": state.restarted_from_uuid,
        "item_index": state.item_index,
        "start_message_id": state.start_message_id,
        "journal_seq": state.journal_seq,
        "frame_seq": state.frame_seq,
        "visit_seq": state.visit_seq,
        "revision": state.revision,
        "where": _where(world, state),
        "open_incidents": len(incidents),
        "incident_text": incidents[0].message[:300] if incidents else "",
        "pending_timers": len(waiting),
        "next_due_at": min((timer.due_at for timer in waiting), default=None),
    }


def _where(world: World, state: core.InstanceState) -> str:
    """Where the open tokens are and what they wait for, for lists."""
    graph = world.graph(state.snapshot_id)
    rows: list[jsonio.Json] = []
    for token in state.open_tokens():
        node = graph.nodes[token.node_id]
        rows.append(
            {
                "token": str(token.uuid),
                "node": token.node_id,
                "nodeName": token.node_name,
                "nodeType": str(node.type),
                "status": str(token.status),
                "swimlane": token.swimlane,
                "since": None if token.visit is None else timestamp(token.visit.arrived_at),
                "topics": list[jsonio.Json](node.topics(world.scenarios)),
            }
        )
    return jsonio.dumps(rows)


def _token(state: core.InstanceState, token: core.Token) -> dict[str, Any]:
    return {
        "id": token.id,
        "uuid": token.uuid,
        "instance_id": state.id,
        "parent_token_id": token.parent_token_id,
        "state": str(token.state),
        "status": str(token.status),
        "start_node_id": token.start_node_id,
        "current_node_id": token.node_id,
        "current_node_name": token.node_name,
        "swimlane": token.swimlane,
        "sync_count": token.sync_count,
        "sync_finished": token.sync_finished,
        "version": token.version,
        "replaces_id": token.replaces_id,
        "history_until": token.history_until,
        "stage": token.stage,
        "assignee": token.assignee,
        "created_at": token.created_at,
        "updated_at": token.updated_at,
    }


def _visit(state: core.InstanceState, visit: core.Visit) -> dict[str, Any]:
    return {
        "id": visit.id,
        "instance_id": state.id,
        "token_id": visit.token_id,
        "number": visit.number,
        "node_id": visit.node_id,
        "node_name": visit.node_name,
        "arrived_at": visit.arrived_at,
        "left_at": visit.left_at,
        "waiting_since": visit.waiting_since,
        "actions": action_states(visit),
    }


def action_states(visit: core.Visit) -> str:
    """The action states of a visit as they are stored; `engine.storage.load.action_states` reads them."""
    if not visit.actions:
        return "{}"
    stored: dict[str, Any] = {
        str(action_id): {
            "name": state.name,
            "state": str(state.state),
            "runs": state.runs,
            "completed": state.completed,
            "lastExecutedDate": None if state.last_executed is None else timestamp(state.last_executed),
            **({"waitsFor": list(state.waits_for)} if state.waits_for else {}),
            **({"rest": list(state.rest)} if state.rest else {}),
            **({"upload": state.upload} if state.upload else {}),
        }
        for action_id, state in visit.actions.items()
    }
    return jsonio.dumps(upgrade.tagged(stored, upgrade.VISIT))


def _timer(state: core.InstanceState, timer: core.Timer) -> dict[str, Any]:
    return {
        "id": timer.id,
        "instance_id": state.id,
        "token_id": timer.token_id,
        "visit_id": timer.visit_id,
        "kind": str(timer.kind),
        "action_id": timer.action_id,
        "node_id": timer.node_id,
        "node_name": timer.node_name,
        "action_name": timer.action_name,
        "rest": list(timer.rest),
        "run": timer.run,
        "expression": timer.expression[:255],
        "due_at": timer.due_at,
        "state": str(timer.state),
        "created_at": timer.created_at,
    }


def _incident(world: World, state: core.InstanceState, incident: core.Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "instance_id": state.id,
        "instance_uuid": state.uuid,
        "parent_instance_uuid": state.parent_uuid if state.relation == "SUBPROCESS" else None,
        "process_name": world.graph(state.snapshot_id).name,
        "token_id": incident.token_id,
        "token_uuid": incident.token_uuid,
        "visit_id": incident.visit_id,
        "node_id": incident.node_id,
        "node_name": incident.node_name,
        "action_id": incident.action_id,
        "action_name": incident.action_name,
        "outbox_id": incident.outbox_id,
        "source": incident.source,
        "type": incident.type,
        "cause_type": incident.cause_type[:100],
        "message": incident.message,
        "details": incident.details,
        "rest": list(incident.rest),
        "opened_at": incident.opened_at,
        "closed_at": incident.closed_at,
        "closed_by": incident.closed_by,
        "closed_how": incident.closed_how,
    }


def _entry(state: core.InstanceState, entry: core.Entry) -> dict[str, Any]:
    return {
        "instance_id": state.id,
        "number": entry.number,
        "at": entry.at,
        "event": entry.event,
        "subject": entry.subject,
        "status": entry.status,
        "user": entry.user,
        "token_id": entry.token_id,
        "node_id": entry.node_id,
        "node_name": entry.node_name,
        "action_name": entry.action_name,
        "details": entry.details,
        "payload": entry.payload,
        "frame_seq": entry.frame_seq,
        "frame_id": entry.frame_id,
        "frame_type": entry.frame_type,
        "outbox_id": entry.outbox_id,
        "message_id": entry.message_id,
    }


def outgoing(state: core.InstanceState, row: core.Outgoing, world: World) -> dict[str, Any]:
    """The outbox row of a record made by an action."""
    return {
        "id": row.id,
        "topic": row.topic,
        "key": row.key,
        "value": row.value,
        "headers": jsonio.dumps(_headers(row)),
        "shard": shard_of(state.uuid_text),
        "state": "queued",
        "instance_id": state.id,
        "visit_id": row.visit_id,
        "visit_number": row.visit_number,
        "action_id": row.action_id,
        "action_name": row.action_name,
        "node_name": row.node_name,
        "run": row.run,
        "attempts": 0,
        "available_at": world.now,
        "created_at": world.now,
        "last_error": "",
    }


def _headers(row: core.Outgoing) -> dict[str, Any]:
    """The headers as stored: with the names of those that the relay fills in as the record leaves (engine 7)."""
    stored: dict[str, Any] = {name: text for name, text in row.headers.items() if name not in outbox.INTERNAL}
    return stored | ({outbox.MINTED: list(row.minted)} if row.minted else {})


def _dead_letters(made: Changes, world: World) -> list[dict[str, Any]]:
    """Copies of records that could not be applied, for their dead-letter topics (scenarios 6.3)."""
    return [
        deadletters.of_message(kept.message, reason=kept.reason, error=kept.error, now=world.now)
        for _, kept in made.kept
        if kept.state in (core.KeptState.UNMATCHED, core.KeptState.DEAD) and not kept.message.manual
    ]


def _kept(made: Changes, writes: bulk.Writes) -> None:
    new = [(state, kept) for state, kept in made.kept if kept.row_id is None]
    writes.add(ReceivedMessage, [_received(state, kept) for state, kept in new])
    for target in core.KeptState:
        known = [kept.row_id for _, kept in made.kept if kept.row_id is not None and kept.state is target]
        if known:
            reason = next(kept.reason for _, kept in made.kept if kept.state is target)
            rows = ReceivedMessage.objects.filter(id__in=known)
            writes.then(partial(rows.update, state=str(target), reason=reason))


def _received(state: core.InstanceState, kept: core.Kept) -> dict[str, Any]:
    message = kept.message
    request = message.request
    answers = (
        ""
        if request is None
        else jsonio.dumps({"visit": request.visit_number, "action": request.action_id, "run": request.run})
    )
    return {
        "state": str(kept.state),
        "reason": kept.reason,
        "error": kept.error,
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "key": message.key,
        "value": message.raw,
        "headers": jsonio.dumps(dict(message.headers)),
        "message_id": message.message_id,
        "request": answers,
        "instance_id": state.id,
        "received_at": message.received_at,
    }


def _elsewhere(world: World) -> list[dict[str, Any]]:
    """Effects on other trees, to be applied next (architecture 4, unit of locking)."""
    return [
        {
            "instance_uuid": push.instance_uuid,
            "kind": type(push).__name__,
            "body": pending_body(push),
            "created_at": world.now,
        }
        for push in world.changes.elsewhere
    ]


def pending_body(effect: FromElsewhere | Throw) -> str:
    """A stored effect as JSON; `engine.pending` reads it."""
    fields = {key: value for key, value in asdict(effect).items() if key != "instance_uuid"}
    stored = {key: str(value) if isinstance(value, UUID) else value for key, value in fields.items()}
    return jsonio.dumps(upgrade.tagged(stored, upgrade.EFFECT))
