"""Stored records given another chance by staff: attached to a token, replayed, or discarded (engine 13.4).

A row is claimed by a conditional UPDATE in the transaction of its effect, so each has its effect once. Callers have checked the
right (Instances-admin) and the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from engine import runtime
from engine.core import jsonio
from engine.core.stimuli import Actor, Deliver, Done, Outcome, Refusal, Stimulus
from engine.kafka import requests
from engine.kafka.correlate import NOT_JSON, Record, Stray, correlate
from engine.models import AuditEntry, Instance, ReceivedMessage
from engine.storage import load

State = ReceivedMessage.State
ATTACHABLE = (State.LATE, State.UNMATCHED, State.DEAD)
REPLAYABLE = (State.UNMATCHED, State.DEAD)
NO_RECORD = "There is no such stored record."
GONE = "This record was attached, replayed or discarded meanwhile."


class Gone(runtime.ExpectedByCaller):
    """Somebody else was faster with this record."""


@dataclass(slots=True)
class Attached:
    """A stored record on its way to a token: `inside` and `after` belong to the runtime's transaction."""

    row: ReceivedMessage

    def stimulus(self, instance: UUID, token: UUID, actor: Actor, reason: str, version: int | None) -> Deliver:
        message = load.message_of(self.row, instance)
        message = replace(message, manual=True)
        return Deliver(instance, token, message, actor, reason, attach=True, version=version)

    def inside(self, stimuli: Sequence[Stimulus]) -> Sequence[Stimulus]:
        """Take the row. Raises `Refusal` 409 for one that is no longer there to take."""
        if not _claim(self.row, ATTACHABLE):
            raise Gone
        return stimuli

    def after(self, outcomes: Sequence[Outcome]) -> None:
        """A refused record stays what it was."""
        if outcomes and isinstance(outcomes[0], Done):
            ReceivedMessage.objects.filter(id=self.row.id).update(instance_id=_instance_id(outcomes[0].instance_uuid))
        else:
            ReceivedMessage.objects.filter(id=self.row.id).update(state=self.row.state)


def attach(row_id: int) -> Attached:
    """Begin to attach a stored `late`, `unmatched` or `dead` record, but not one that is no JSON. Raises `Refusal`."""
    row = _row(row_id)
    if row.reason == NOT_JSON:
        raise Refusal(409, "A record that is not JSON cannot be attached.", entity="record")
    if row.state not in ATTACHABLE:
        raise Refusal(409, GONE, entity="record")
    return Attached(row)


def replay(row_id: int, *, actor: Actor, reason: str) -> str:
    """Treat an `unmatched` or `dead` record as if it came now, its own id not counting as a repeat; gives what became of it.

    Raises `Refusal` for one that cannot be replayed.
    """
    row = _row(row_id)
    if row.reason == NOT_JSON:
        raise Refusal(409, "A record that is not JSON stays what it is.", entity="record")
    if row.state not in REPLAYABLE:
        raise Refusal(409, GONE, entity="record")
    record = _record(row)
    try:
        became = _ask_again(row, record) if requests.is_request(row.topic) else _receive_again(row, record)
    except Gone as gone:
        raise Refusal(409, GONE, entity="record") from gone
    except IntegrityError:  # a request that is still wrong would be put aside once more
        became = str(row.state)
    _audit("Retry", row, actor, reason, became)
    return became


def discard(row_id: int, *, actor: Actor, reason: str) -> None:
    """Nothing more is done with an `unmatched` or `dead` record. Raises `Refusal`."""
    row = _row(row_id)
    with transaction.atomic():
        if not _claim(row, REPLAYABLE, State.DISCARDED):
            raise Refusal(409, GONE, entity="record")
        _audit("Delete", row, actor, reason, str(State.DISCARDED))


def _receive_again(row: ReceivedMessage, record: Record) -> str:
    [found] = correlate([record])
    if isinstance(found, Stray):
        return str(row.state)
    message = replace(found, message_id=row.message_id, manual=True, row_id=row.id)
    became = [str(row.state)]

    def inside(stimuli: Sequence[Stimulus]) -> Sequence[Stimulus]:
        if not _claim(row, REPLAYABLE):
            raise Gone
        return stimuli

    def after(outcomes: Sequence[Outcome]) -> None:
        """The row goes on living in the state that the record has now."""
        mine = ReceivedMessage.objects.filter(id=row.id)
        if outcomes and isinstance(outcomes[0], Done):
            became[0] = str(outcomes[0].answer["record"])
            error = str(outcomes[0].answer.get("error", ""))
            mine.update(state=became[0], error=error, instance_id=_instance_id(message.instance_uuid))
        else:
            mine.update(state=row.state)

    runtime.apply([message], inside=inside, after=after)
    return became[0]


def _ask_again(row: ReceivedMessage, record: Record) -> str:
    def claim() -> None:
        if not _claim(row, REPLAYABLE):
            raise Gone

    requests.take_again(record, claim)
    row.refresh_from_db(fields=["state"])
    return str(row.state)


def _claim(row: ReceivedMessage, states: Sequence[str], becomes: str = State.APPLIED) -> bool:
    """Take the row out of one of these states; false when somebody else did."""
    return bool(ReceivedMessage.objects.filter(id=row.id, state__in=states).update(state=becomes))


def _row(row_id: int) -> ReceivedMessage:
    row = ReceivedMessage.objects.filter(id=row_id).first()
    if row is None:
        raise Refusal(404, NO_RECORD, entity="record")
    return row


def _record(row: ReceivedMessage) -> Record:
    headers = jsonio.loads(row.headers)
    assert isinstance(headers, dict)
    return Record(
        topic=row.topic,
        partition=row.partition or 0,
        offset=row.offset or 0,
        key=None if row.key is None else row.key.encode(),
        value=bytes(row.value),
        headers={name: str(text) for name, text in headers.items()},
        received_at=timezone.now(),
    )


def _instance_id(uuid: UUID) -> int | None:
    return Instance.objects.filter(uuid=uuid).values_list("id", flat=True).first()


def _audit(event: str, row: ReceivedMessage, actor: Actor, reason: str, became: str) -> None:
    """Who did it and why: such a record need not have an instance with a journal."""
    AuditEntry.objects.create(
        at=timezone.now(),
        user=actor.name,
        subject="Exception",
        event=event,
        identifier=f"record {row.id}",
        details={"topic": row.topic, "reason": reason, "before": str(row.state), "after": became},
    )


__all__ = ["Attached", "Gone", "attach", "discard", "replay"]
