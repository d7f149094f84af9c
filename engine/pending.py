"""Effects on other process trees: rows written with the commit that caused them, applied next, in order, each once.

A row is taken (deleted) in the transaction of its effect, under the lock of the trees it touches, so two processes never apply it
twice, and a crash in between leaves it for the sweep (architecture 4, unit of locking).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID, uuid4

from django.db import OperationalError, connection
from django.db.models import QuerySet

from engine.core import jsonio, paths
from engine.core.stimuli import (
    SYSTEM,
    AppendParams,
    EventCaught,
    Outcome,
    PushFrame,
    Refused,
    Start,
    StartChild,
    Stimulus,
    Throw,
)
from engine.models import EventStart, EventSubscription, PendingStimulus, StartCorrelation
from engine.storage import load, upgrade

log = logging.getLogger("flowx.runtime")

AT_ONCE = 500


class Apply(Protocol):
    """`engine.runtime.apply`."""

    def __call__(
        self,
        stimuli: Sequence[Stimulus],
        *,
        inside: Callable[[Sequence[Stimulus]], Sequence[Stimulus]] | None = None,
        after: Callable[[Sequence[Outcome]], None] | None = None,
    ) -> list[Outcome]: ...


def apply_stored(apply: Apply, instance_uuids: Iterable[UUID] | None = None) -> int:
    """Apply stored effects, in order; gives how many rows were looked at. Without uuids: whatever is left.

    An effect that fails stays, with those behind it for the same instance; it holds up no other instance.
    """
    waiting = PendingStimulus.objects.order_by("id")
    if instance_uuids is not None:
        waiting = waiting.filter(instance_uuid__in=list(instance_uuids))
    rows = list(waiting[:AT_ONCE])
    stuck: set[UUID] = set()
    for row in rows:
        if row.instance_uuid in stuck:
            continue
        try:
            _apply_row(apply, row)
        except Exception as error:
            if isinstance(error, OperationalError) or connection.in_atomic_block:
                raise
            log.exception("Effect %s on %s failed; the next sweep tries it again.", row.id, row.instance_uuid)
            stuck.add(row.instance_uuid)
    return len(rows)


def _apply_row(apply: Apply, row: PendingStimulus) -> None:
    effect = _Effect(row)
    apply(effect.stimuli, inside=effect.take, after=effect.settle)


class _Effect:
    """A stored effect on its way; `take` and `settle` are called by the runtime in each of its transactions.

    Who waits for an event is read without a lock, so a throw is matched again once the trees of those found are locked: a token
    that has come round meanwhile waits with another subscription. By the value of a catch start no two instances are made.
    """

    def __init__(self, row: PendingStimulus) -> None:
        self._row = row
        self._event: Throw | None = None
        self._keyed: dict[UUID, str] = {}
        self._mine = False
        self.stimuli = self._read()
        first: dict[UUID, int] = {}
        for each in self.stimuli:
            if isinstance(each, EventCaught):
                first.setdefault(each.instance_uuid, each.subscription_id)
        self._listed = {each.subscription_id for each in self.stimuli if isinstance(each, EventCaught)}
        self._first = set(first.values())

    def take(self, given: Sequence[Stimulus]) -> Sequence[Stimulus]:
        """The first part of the batch takes the row for all of it, should the runtime have to try in halves."""
        load.lock({stimulus.instance_uuid for stimulus in given})
        taken, _ = PendingStimulus.objects.filter(id=self._row.id).delete()
        self._mine = self._mine or bool(taken)
        if not self._mine:
            return []
        if self._event is None:
            return given
        catches = [each for each in given if isinstance(each, EventCaught)]
        starts = [each for each in given if isinstance(each, Start) and self._may_start(each)]
        return [*self._waiting_still(self._event, catches), *starts]

    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """A start that was refused leaves its value to another."""
        refused = [
            each.instance_uuid for each in outcomes if isinstance(each, Refused) and each.instance_uuid in self._keyed
        ]
        if refused:
            StartCorrelation.objects.filter(instance_uuid__in=refused).delete()

    def _waiting_still(self, event: Throw, catches: Sequence[EventCaught]) -> list[Stimulus]:
        """Those of these instances that wait now; what is new in one goes with the first that was found in it."""
        if not catches:
            return []
        given = {each.subscription_id for each in catches}
        fresh_of = {each.instance_uuid for each in catches if each.subscription_id in self._first}
        rows = _waiting(event).filter(instance_uuid__in={each.instance_uuid for each in catches})
        return [
            EventCaught(row.instance_uuid, row.id, event.text)
            for row in rows
            if row.id in given or (row.id not in self._listed and row.instance_uuid in fresh_of)
        ]

    def _may_start(self, start: Start) -> bool:
        """Whether this instance is the one for its value: who inserts the row first is, others wait here for his commit."""
        name = self._keyed.get(start.uuid)
        if name is None or self._event is None:
            return True
        claim = {"process_name": name, "correlation": self._event.correlation[:255], "instance_uuid": start.uuid}
        StartCorrelation.objects.bulk_create([StartCorrelation(**claim)], ignore_conflicts=True)
        return StartCorrelation.objects.filter(**claim).exists()

    def _read(self) -> list[Stimulus]:
        row = self._row
        loaded: Any = jsonio.loads(row.body)
        body = upgrade.upgraded(loaded, upgrade.EFFECT)
        if row.kind == "Throw":
            self._event = Throw(row.instance_uuid, body["message_name"], body["correlation"], body["text"])
            return self._caught(self._event)
        if row.kind == "StartChild":
            return [StartChild(row.instance_uuid, **{**body, "uuid": UUID(body["uuid"])})]
        origin = None if body["from_uuid"] is None else UUID(body["from_uuid"])
        if row.kind == "AppendParams":
            return [AppendParams(row.instance_uuid, body["destination"], body["text"], body["action_name"], origin)]
        return [PushFrame(row.instance_uuid, body["frame_type"], body["text"], body["action_name"], origin)]

    def _caught(self, event: Throw) -> list[Stimulus]:
        """All catches that wait for the event now, and the processes that it starts (engine 1.8)."""
        caught: list[Stimulus] = [EventCaught(row.instance_uuid, row.id, event.text) for row in _waiting(event)]
        for start in EventStart.objects.filter(message_name=event.message_name).order_by("process_name"):
            known = StartCorrelation.objects.filter(
                process_name=start.process_name, correlation=event.correlation[:255]
            )
            if start.correlation_key and known.exists():
                continue
            params: dict[str, Any] = {}
            made = uuid4()
            if start.correlation_key:
                params = paths.put(params, start.correlation_key, jsonio.loads(event.correlation))
                self._keyed[made] = start.process_name
            if start.receive_data_key:
                params = paths.put(params, start.receive_data_key, jsonio.loads(event.text))
            caught.append(Start(made, start.snapshot_id, params, SYSTEM, node_id=start.node_id))
        return caught


def _waiting(event: Throw) -> QuerySet[EventSubscription]:
    rows = EventSubscription.objects.filter(
        message_name=event.message_name, correlation=event.correlation[:255], held=None
    )
    return rows.order_by("instance_id", "id")
