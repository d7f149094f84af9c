"""Many requests in one transaction: offsets, known ids, effects and replies together (engine 6.6, 7; scenarios 6.3).

    lock the partitions' rows; drop what is known; apply the stimuli; write replies, handled ids and offsets

A batch that fails is taken one request at a time; a request that fails alone is dead, and whoever waits for it is told so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from engine import faults, pending, runtime, wakeups
from engine.core.stimuli import Crashed, Done, Outcome, Stimulus
from engine.kafka.intake import is_away, known_ids, store_strays
from engine.kafka.offsets import Offsets, Partition
from engine.kafka.requests.asked import Asked, Written
from engine.models import HandledRequest, Instance, OutboxMessage, PendingStimulus

log = logging.getLogger("flowx.consumer")

Claim = Callable[[], None]


class Halved(runtime.ExpectedByCaller):
    """The runtime would go on in halves; requests are taken one at a time instead."""


class RequestBatch:
    """Requests to be given their effect together. Without `offsets` they are stored ones, given again: `claim` is then the
    first thing in the transaction, and ids do not count as known."""

    def __init__(self, asked: Sequence[Asked], offsets: Offsets | None, *, claim: Claim | None = None) -> None:
        self._asked = list(asked)
        self._offsets = offsets
        self._claim = claim
        self._fresh: list[Asked] = []
        self._position: dict[Partition, int] = {}
        self._entered = False
        self._thrown: set[UUID] = set()

    def apply(self) -> None:
        """Raises OperationalError or InterfaceError while the database is away, and what `claim` raises."""
        stimuli = [stimulus for each in self._asked for stimulus in each.stimuli]
        try:
            runtime.apply(stimuli, inside=self.inside, after=self.after)
        except Halved:
            self._smaller(None)
        except Exception as error:
            if is_away(error) or isinstance(error, runtime.ExpectedByCaller):
                raise
            self._smaller(error)
        faults.point("consumer.after_commit")
        if self._thrown:
            pending.apply_stored(runtime.apply, self._thrown)

    def inside(self, stimuli: Sequence[Stimulus]) -> Sequence[Stimulus]:
        """Offsets and known ids; gives the stimuli that still count."""
        if self._entered:
            raise Halved
        self._entered = True
        self._begin()
        return [stimulus for each in self._fresh for stimulus in each.stimuli]

    def after(self, outcomes: Sequence[Outcome]) -> None:
        """Replies, handled ids and offsets, in the transaction of the effects."""
        waiting = list(outcomes)
        uuids = [outcome.instance_uuid for outcome in outcomes if isinstance(outcome, Done)]
        numbers = dict(Instance.objects.filter(uuid__among=uuids).values_list("uuid", "id")) if uuids else {}
        written = []
        for each in self._fresh:
            own, waiting = waiting[: len(each.stimuli)], waiting[len(each.stimuli) :]
            written.append(each.settle(own, numbers))
        self._write(written)
        faults.point("consumer.before_commit")

    def _begin(self) -> None:
        if self._claim is not None:
            self._claim()
        if self._offsets is None:
            self._fresh = self._asked
            return
        self._position = self._offsets.lock((each.record.topic, each.record.partition) for each in self._asked)
        ids = {each.message_id for each in self._asked if each.message_id is not None}
        known = known_ids(ids)
        if ids:
            known |= set(HandledRequest.objects.filter(message_id__among=ids).values_list("message_id", flat=True))
        self._fresh = []
        for each in self._asked:
            old = each.record.offset < self._position[each.record.topic, each.record.partition]
            if old or each.message_id in known:
                continue
            self._fresh.append(each)
            if each.message_id is not None:
                known.add(each.message_id)

    def _write(self, written: Sequence[Written]) -> None:
        now = timezone.now()
        store_strays([stray for each in written for stray in each.strays])
        again = self._offsets is None  # the first answer has the id that a request's answer has
        rows = [row | ({"id": uuid4()} if again else {}) for each in written for row in each.replies]
        replies = [OutboxMessage(**row) for row in rows]
        OutboxMessage.objects.bulk_create(replies, ignore_conflicts=True)
        thrown = [row for each in written for row in each.pending]
        PendingStimulus.objects.bulk_create(thrown)
        self._thrown = {row.instance_uuid for row in thrown}
        handled = [HandledRequest(message_id=each.message_id, at=now) for each in self._fresh if each.message_id]
        # A copy that another consumer takes at this moment is waited for here; whoever is second begins anew and knows it then.
        HandledRequest.objects.bulk_create(handled, ignore_conflicts=again)
        if self._offsets is not None:
            for each in self._asked:
                partition = (each.record.topic, each.record.partition)
                self._position[partition] = max(self._position[partition], each.record.offset + 1)
            self._offsets.move(self._position)
        if replies:
            transaction.on_commit(lambda: wakeups.notify(outbox=True))

    # --- when it does not go together ----------------------------------------------------------------------------------

    def _smaller(self, error: Exception | None) -> None:
        if len(self._asked) > 1:
            log.exception("%s requests cannot be taken in together; they are taken one by one.", len(self._asked))
            for each in self._asked:
                RequestBatch([each], self._offsets, claim=self._claim).apply()
        elif self._offsets is None and error is not None:
            raise error
        elif len(self._asked[0].stimuli) > 1:
            self._one_by_one(self._asked[0])
        else:
            self._bury(self._asked[0], error)

    def _one_by_one(self, asked: Asked) -> None:
        """A bulk with an operation that crashes: each has its own transaction, the answer the last. A crash of this process in
        between repeats operations that say the same twice."""
        with transaction.atomic():
            self._begin()
            if not self._fresh:
                self._write([])  # known by now: only the offset moves
                return
        outcomes: list[Outcome] = []
        for stimulus in asked.stimuli:
            try:
                outcomes += runtime.apply([stimulus])
            except Exception as error:
                if is_away(error):
                    raise
                log.exception("An operation failed; the others of its request go on.")
                outcomes.append(Crashed(stimulus.instance_uuid, error))
        with transaction.atomic():
            if self._offsets is not None:
                self._position = self._offsets.lock([(asked.record.topic, asked.record.partition)])
            self.after(outcomes)

    def _bury(self, asked: Asked, error: Exception | None) -> None:
        log.error("A request on %s is put aside.", asked.record.topic, exc_info=error)
        with transaction.atomic():
            self._begin()
            self._write([asked.failed(str(error) or type(error).__name__)] if self._fresh else [])
