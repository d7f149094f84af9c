"""Effects on other process trees: rows written with the commit that caused them, applied next, in order, each once.

A row is taken (deleted) in the transaction of its effect, under the lock of the trees it touches, so two processes never apply it
twice, and a crash in between leaves it for the sweep (architecture 4, unit of locking).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID, uuid4

from engine.core import jsonio, paths
from engine.core.stimuli import (
    SYSTEM,
    AppendParams,
    EventCaught,
    Outcome,
    PushFrame,
    Start,
    StartChild,
    Stimulus,
    Throw,
)
from engine.models import EventStart, EventSubscription, PendingStimulus, StartCorrelation
from engine.storage import load, upgrade

AT_ONCE = 500


class Apply(Protocol):
    """`engine.runtime.apply`."""

    def __call__(
        self, stimuli: Sequence[Stimulus], *, inside: Callable[[Sequence[Stimulus]], Sequence[Stimulus]] | None = None
    ) -> list[Outcome]: ...


def apply_stored(apply: Apply, instance_uuids: Iterable[UUID] | None = None) -> int:
    """Apply stored effects, in order; gives how many rows were looked at. Without uuids: whatever is left."""
    waiting = PendingStimulus.objects.order_by("id")
    if instance_uuids is not None:
        waiting = waiting.filter(instance_uuid__in=list(instance_uuids))
    rows = list(waiting[:AT_ONCE])
    for row in rows:
        _apply_row(apply, row)
    return len(rows)


def _apply_row(apply: Apply, row: PendingStimulus) -> None:
    mine = False

    def take(given: Sequence[Stimulus]) -> Sequence[Stimulus]:
        """The first part of the batch takes the row for all of it, should the runtime have to try in halves."""
        nonlocal mine
        load.lock({stimulus.instance_uuid for stimulus in given})
        taken, _ = PendingStimulus.objects.filter(id=row.id).delete()
        mine = mine or bool(taken)
        return given if mine else []

    apply(_stimuli(row), inside=take)


def _stimuli(row: PendingStimulus) -> list[Stimulus]:
    loaded: Any = jsonio.loads(row.body)
    body = upgrade.upgraded(loaded, upgrade.EFFECT)
    if row.kind == "Throw":
        return _caught(Throw(row.instance_uuid, body["message_name"], body["correlation"], body["text"]))
    if row.kind == "StartChild":
        return [StartChild(row.instance_uuid, **{**body, "uuid": UUID(body["uuid"])})]
    origin = None if body["from_uuid"] is None else UUID(body["from_uuid"])
    if row.kind == "AppendParams":
        return [AppendParams(row.instance_uuid, body["destination"], body["text"], body["action_name"], origin)]
    return [PushFrame(row.instance_uuid, body["frame_type"], body["text"], body["action_name"], origin)]


def _caught(event: Throw) -> list[Stimulus]:
    """All catches that wait for the event now, and the processes that it starts (engine 1.8)."""
    waiting = EventSubscription.objects.filter(
        message_name=event.message_name, correlation=event.correlation[:255], held=None
    ).order_by("instance_id", "id")
    caught: list[Stimulus] = [EventCaught(row.instance_uuid, row.id, event.text) for row in waiting]
    for start in EventStart.objects.filter(message_name=event.message_name):
        known = StartCorrelation.objects.filter(process_name=start.process_name, correlation=event.correlation[:255])
        if start.correlation_key and known.exists():
            continue
        params: dict[str, Any] = {}
        if start.correlation_key:
            params = paths.put(params, start.correlation_key, jsonio.loads(event.correlation))
        if start.receive_data_key:
            params = paths.put(params, start.receive_data_key, jsonio.loads(event.text))
        caught.append(Start(uuid4(), start.snapshot_id, params, SYSTEM, node_id=start.node_id))
    return caught
