"""One batch of records into one transaction: offsets, known ids, strays and stimuli together (scenarios 6.3).

    lock the partitions' rows; drop records below `next`; drop known `Fx-MessageId`s; store strays; set `next`; apply the stimuli

If the runtime has to take a batch in halves, each half moves the offsets as far as its own records go, so that a crash in between
loses and doubles nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from engine import faults, runtime, wakeups
from engine.core import jsonio
from engine.core.state import KeptState
from engine.core.stimuli import Done, MessageReceived, Outcome, Refused, Stimulus
from engine.kafka import deadletters
from engine.kafka.correlate import NO_INSTANCE, NOT_JSON, Record, Stray, correlate
from engine.kafka.offsets import Offsets, Partition
from engine.models import Instance, JournalEntry, OutboxMessage, ReceivedMessage

log = logging.getLogger("flowx.consumer")

FAILED = "FAILED"
STATES = {NO_INSTANCE: ReceivedMessage.State.UNMATCHED, NOT_JSON: ReceivedMessage.State.DEAD}


class AppliedMeanwhile(Exception):
    """Another consumer has applied a record of the same id between our look and our lock: the batch is tried again, and knows."""


def take_in(records: Sequence[Record], offsets: Offsets) -> None:
    """Give a batch of records its effect, once. Raises OperationalError or InterfaceError while the database is away.

    A record that breaks the taking-in itself is put aside as dead; the others of its batch are not touched by it.
    """
    if not records:
        return
    try:
        try:
            Batch(records, offsets).apply()
        except IntegrityError:  # another consumer has taken in a record with the same id a moment ago: now it is known
            Batch(records, offsets).apply()
    except Exception as error:
        if is_away(error):
            raise
        if len(records) > 1:
            _one_by_one(records, offsets)
        elif not _bury(records[0], offsets, error):
            raise


def is_away(error: Exception) -> bool:
    """Whether the error speaks of the database, not of what was asked of it: the batch is tried again as it is."""
    return isinstance(error, OperationalError | InterfaceError)


def _one_by_one(records: Sequence[Record], offsets: Offsets) -> None:
    log.exception("A batch of %s records cannot be taken in; they are taken one by one.", len(records))
    for record in records:
        take_in([record], offsets)


def _bury(record: Record, offsets: Offsets, error: Exception) -> bool:
    """Last resort for a record that breaks its own taking-in: dead, and the partition moves on; false if even that fails."""
    log.error("Record %s[%s] %s is put aside: %s", record.topic, record.partition, record.offset, error)
    try:
        with transaction.atomic():
            position = offsets.lock([(record.topic, record.partition)])
            if record.offset >= position[record.topic, record.partition]:
                store_strays([Stray(record, FAILED, str(error)[:1000])])
                offsets.move({(record.topic, record.partition): record.offset + 1})
    except Exception:
        log.exception("The record cannot even be put aside.")
        return False
    return True


@dataclass(frozen=True, slots=True)
class Item:
    """A record with what became of it."""

    record: Record
    result: MessageReceived | Stray


class Batch:
    """The records of one read. `inside` and `after` are called by the runtime in each of its transactions."""

    def __init__(self, records: Sequence[Record], offsets: Offsets) -> None:
        self._offsets = offsets
        self._items = [Item(record, result) for record, result in zip(records, correlate(records), strict=True)]
        self._place = {
            id(item.result): number
            for number, item in enumerate(self._items)
            if isinstance(item.result, MessageReceived)
        }
        self._applied: list[MessageReceived] = []

    def apply(self) -> list[Outcome]:
        """Apply the batch; gives the outcomes of the records that reached an instance and were not dropped."""
        stimuli = [item.result for item in self._items if isinstance(item.result, MessageReceived)]
        outcomes = runtime.apply(stimuli, inside=self.inside, after=self.after)
        faults.point("consumer.after_commit")
        return outcomes

    def inside(self, stimuli: Sequence[Stimulus]) -> Sequence[Stimulus]:
        """Offsets, duplicates and strays of the records up to these stimuli; gives the stimuli that still count."""
        items = self._span(stimuli)
        position = self._offsets.lock((item.record.topic, item.record.partition) for item in items)
        fresh = self._unknown([item for item in items if item.record.offset >= position[_partition(item.record)]])
        store_strays([item.result for item in fresh if isinstance(item.result, Stray)])
        self._offsets.move(_next_positions(items, position))
        self._applied = [item.result for item in fresh if isinstance(item.result, MessageReceived)]
        faults.point("consumer.before_commit")
        return self._applied

    def after(self, outcomes: Sequence[Outcome]) -> None:
        """An instance that was deleted a moment ago: its record is a stray like any other.

        A record that is kept is looked for once more, now that its tree is locked: had its double been applied while we waited
        for the lock, it would count twice. Two that are applied, or kept, the database itself keeps apart.
        """
        strays = []
        for message, outcome in zip(self._applied, outcomes, strict=True):
            if isinstance(outcome, Refused):
                item = self._items[self._place[id(message)]]
                strays.append(Stray(item.record, NO_INSTANCE, outcome.refusal.message, message.message_id))
        store_strays(strays)
        kept = {
            message.message_id
            for message, outcome in zip(self._applied, outcomes, strict=True)
            if isinstance(outcome, Done) and outcome.answer.get("record") != str(KeptState.APPLIED)
        } - {None}
        if kept and JournalEntry.objects.filter(message_id__in=kept).exists():
            raise AppliedMeanwhile

    def _span(self, stimuli: Sequence[Stimulus]) -> list[Item]:
        """The items that a transaction with these stimuli settles: from behind the former stimulus up to the last of these.

        Items behind the batch's last stimulus go with it. The runtime keeps the order and cuts between stimuli only.
        """
        if not stimuli:
            return self._items
        places = sorted(self._place.values())
        first, last = self._place[id(stimuli[0])], self._place[id(stimuli[-1])]
        former = [place for place in places if place < first]
        start = former[-1] + 1 if former else 0
        end = len(self._items) if last == places[-1] else last + 1
        return self._items[start:end]

    def _unknown(self, items: list[Item]) -> list[Item]:
        """Without those whose id counted before, or that came earlier in this batch."""
        known = known_ids(item.result.message_id for item in items)
        kept: list[Item] = []
        for item in items:
            message_id = item.result.message_id
            if message_id is None or message_id not in known:
                kept.append(item)
                if message_id is not None:
                    known.add(message_id)
        return kept


def known_ids(message_ids: Iterable[UUID | None]) -> set[UUID]:
    """Those of the ids that had their effect or are kept: one statement."""
    asked = {message_id for message_id in message_ids if message_id is not None}
    if not asked:
        return set()
    applied = JournalEntry.objects.filter(message_id__among=asked).order_by().values_list("message_id")
    kept = ReceivedMessage.objects.filter(message_id__among=asked).order_by().values_list("message_id")
    started = Instance.objects.filter(start_message_id__among=asked).order_by().values_list("start_message_id")
    return {found for (found,) in applied.union(kept, started) if found is not None}


def store_strays(strays: Sequence[Stray]) -> None:
    """Keep records that reached no instance, and send their dead-letter copies: two statements.

    They are inserted in the order of their ids: two consumers that read the same ids in different orders wait for each other's
    rows in no ring.
    """
    if not strays:
        return
    now = timezone.now()
    for stray in strays:
        record = stray.record
        log.warning("Record %s[%s] %s: %s", record.topic, record.partition, record.offset, stray.reason)
    ReceivedMessage.objects.bulk_create(
        ReceivedMessage(
            state=STATES.get(stray.reason, ReceivedMessage.State.DEAD),
            reason=stray.reason,
            error=stray.error,
            topic=stray.record.topic,
            partition=stray.record.partition,
            offset=stray.record.offset,
            key=stray.record.key_text,
            value=stray.record.value,
            headers=jsonio.dumps(dict(deadletters.without_secrets(stray.record.headers))),
            message_id=stray.message_id,
            received_at=stray.record.received_at,
        )
        for stray in sorted(strays, key=lambda stray: str(stray.message_id))
    )
    OutboxMessage.objects.bulk_create(OutboxMessage(**dead_letter(stray, now=now)) for stray in strays)
    transaction.on_commit(lambda: wakeups.notify(outbox=True))


def dead_letter(stray: Stray, *, now: datetime) -> dict[str, Any]:
    """The copy of a stray for its dead-letter topic."""
    record = stray.record
    return deadletters.outbox_row(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        raw=record.value,
        headers=record.headers,
        reason=stray.reason,
        error=stray.error,
        now=now,
    )


def _partition(record: Record) -> Partition:
    return record.topic, record.partition


def _next_positions(items: Sequence[Item], position: Mapping[Partition, int]) -> dict[Partition, int]:
    """One behind the last record of each partition, never backwards."""
    positions = dict(position)
    for item in items:
        partition = _partition(item.record)
        positions[partition] = max(positions[partition], item.record.offset + 1)
    return positions
