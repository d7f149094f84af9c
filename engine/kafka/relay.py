"""The relay: takes waiting rows of the outbox to the broker and notes what became of each (scenarios 6.3, engine 6.5).

    lease -> rows -> produce -> reports -> marks

Promises: a row leaves at least once and always with the same `Fx-MessageId`; rows of one instance leave in the order they were
made, since the next one is produced when its former is acknowledged; a row in back-off holds back its own instance only; a row
that was refused for good holds back nothing. A loop of the gateway runs one `Relay` in a thread of its own.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import Any
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from django.db import DatabaseError, connection, transaction
from django.db import Error as DatabaseGone
from django.utils import timezone

from engine import faults, runtime, wakeups
from engine.kafka import clients, outbox
from engine.kafka.clients import Verdict
from engine.kafka.outbox import Row
from engine.leases import Leases, new_owner
from engine.loops import Trouble
from engine.models.messages import SHARDS

log = logging.getLogger("flowx.relay")

LEASE_S = 60.0
RENEW_S = 10.0
LOOK_S = 1.0  # without a hint
LOOK_AGAIN_S = 0.05  # while rows are under way
MARK_S = 0.05  # reports are gathered so long
MARK_ROWS = 200
STOP_S = 10.0
WINDOW_BYTES = 64 * 1024 * 1024

DeliveryFailed = Callable[[UUID, str], Any]


@dataclass(slots=True)
class Lane:
    """Rows that leave one after the other; `under_way` is the one that was produced and not reported yet."""

    rows: deque[Row] = field(default_factory=deque)
    under_way: Row | None = None


@dataclass(slots=True)
class Outcomes:
    """Reports that are not marked in the database yet."""

    acknowledged: list[tuple[Row, int, int]] = field(default_factory=list)
    delayed: list[tuple[Row, str]] = field(default_factory=list)
    refused: list[tuple[Row, str]] = field(default_factory=list)
    timed_out: list[tuple[Row, str]] = field(default_factory=list)
    since: float = 0.0

    def __len__(self) -> int:
        return len(self.acknowledged) + len(self.delayed) + len(self.refused) + len(self.timed_out)

    def shards(self) -> set[int]:
        """Of which shards."""
        others = (*self.delayed, *self.refused, *self.timed_out)
        return {row.shard for row, _, _ in self.acknowledged} | {row.shard for row, _ in others}


class Relay:
    """Relays the shards that it can lease. `delivery_failed` makes the incidents of rows that were refused for good."""

    def __init__(
        self,
        *,
        shards: Iterable[int] = range(SHARDS),
        owner: str | None = None,
        make_producer: Callable[[], Producer] = clients.make_producer,
        delivery_failed: DeliveryFailed = runtime.delivery_failed,
        lease_s: float = LEASE_S,
        share: Callable[[], int] | None = None,
    ) -> None:
        self.leases = Leases(shards, owner=owner or new_owner(), ttl_s=lease_s)
        self._make_producer = make_producer
        self._delivery_failed = delivery_failed
        self._lease_s = lease_s
        self._share = share
        self._producer: Producer | None = None
        self._lanes: dict[int, Lane] = {}
        self._outcomes = Outcomes()
        self._renew_at = self._look_at = self._back_at = 0.0
        self._valid_until = 0.0
        self._backlog = False
        self._fatal = False
        self._failures = 0
        self._leaving: set[int] = set()
        self.away_since: float | None = None
        self.sent = 0

    @property
    def busy(self) -> bool:
        """Whether something was produced that is not reported or not marked yet."""
        return self._under_way() or len(self._outcomes) > 0

    def run(self, stop: Event) -> None:
        """Work until `stop`; then send what is under way, give the leases back and return."""
        trouble = Trouble(log, "The relay")
        with wakeups.Listener(wakeups.OUTBOX, stop) as hints:
            while not stop.is_set():
                try:
                    busy = self.turn()
                except Exception as error:
                    trouble.begin(error)
                    stop.wait(LOOK_S)
                    continue
                trouble.end()
                if not busy and hints.wait(LOOK_S):
                    self._look_at = 0.0
        self.finish()
        connection.close()

    def turn(self) -> bool:
        """One round; true while there is more to do at once."""
        now = time.monotonic()
        if now >= self._renew_at:
            self._hold()
        if now >= self._back_at:
            self._load(now)
            self._produce_heads()
        self._serve(0.05 if self._under_way() else 0.0)
        outcomes = self._outcomes
        if len(outcomes) and (
            not self._under_way() or len(outcomes) >= MARK_ROWS or time.monotonic() - outcomes.since > MARK_S
        ):
            self._mark()
        if not len(outcomes):
            self._forget_idle_lanes()
        if self._fatal:
            self._replace_producer()
        return bool(self._lanes) or (self._backlog and time.monotonic() >= self._back_at)

    def finish(self) -> None:
        """Send what is under way for a few seconds, mark it, give the leases back."""
        for lane in self._lanes.values():
            lane.rows.clear()
        deadline = time.monotonic() + STOP_S
        try:
            while self._under_way() and time.monotonic() < deadline and self.away_since is None:
                self._serve(0.1)
            if self._producer is not None and self._under_way():
                self._producer.purge()
                self._serve(0.5)
            self._mark()
            self.leases.release()
        except Exception:
            log.exception("The relay could not end well; its leases run out by themselves.")
        self._producer = None

    # --- lease ---------------------------------------------------------------------------------------------------------

    def _hold(self) -> None:
        started = time.monotonic()
        share = self._share() if self._share else None
        for shard in self.leases.hold(at_most=share):
            log.warning("The lease on shard %s was lost.", shard)
        self._leave(len(self.leases.epochs) - share if share is not None else 0)
        for lane in self._lanes.values():
            lane.rows = deque(row for row in lane.rows if row.shard in self.leases.epochs)
        self._valid_until = started + self._lease_s - clients.DELIVERY_TIMEOUT_S
        missing = len(self.leases.epochs) < len(self.leases.numbers) or bool(self._leaving)
        self._renew_at = started + min(RENEW_S, self._lease_s / 6) / (5 if missing else 1)

    def _leave(self, surplus: int) -> None:
        """Shards that another relay should have: nothing more is loaded from them, and once they are idle they are given back."""
        self._leaving = set(sorted(self.leases.epochs)[len(self.leases.epochs) - surplus :]) if surplus > 0 else set()
        busy = {row.shard for lane in self._lanes.values() for row in (*lane.rows, lane.under_way) if row is not None}
        if idle := self._leaving - busy - self._outcomes.shards():
            self.leases.release(idle)
            self._leaving -= idle

    # --- rows ----------------------------------------------------------------------------------------------------------

    def _load(self, now: float) -> None:
        """Fill the window from the shards in turn, unless it is half full or was looked at a moment ago."""
        waiting = sum(len(lane.rows) + (lane.under_way is not None) for lane in self._lanes.values())
        if waiting > outbox.BATCH // 2 or (now < self._look_at and not self._backlog):
            return
        size_bytes = sum(row.size_bytes for lane in self._lanes.values() for row in lane.rows)
        self._backlog = False
        for shard in self.leases.epochs.keys() - self._leaving:
            if size_bytes > WINDOW_BYTES:
                break
            rows = outbox.load(shard, busy_lanes=list(self._lanes), limit=outbox.BATCH, now=timezone.now())
            for row in rows:
                self._lanes.setdefault(row.lane, Lane()).rows.append(row)
                size_bytes += row.size_bytes
            self._backlog = self._backlog or len(rows) >= outbox.BATCH
        self._look_at = now + LOOK_AGAIN_S

    def _produce_heads(self) -> None:
        """Produce the next row of each lane that has none under way."""
        if time.monotonic() > self._valid_until:
            return
        for lane in list(self._lanes.values()):
            while lane.rows and lane.under_way is None and not self._fatal:
                self._produce(lane, lane.rows.popleft())

    def _produce(self, lane: Lane, row: Row) -> None:
        if self._producer is None:
            self._producer = self._make_producer()
        faults.point("relay.before_produce")
        lane.under_way = row
        try:
            key, value, headers = row.record()
            self._producer.produce(
                row.topic, value=value, key=key, headers=headers, on_delivery=partial(self._report, lane, row)
            )
        except KafkaException as error:
            self._settle(lane, row, error.args[0])
        except (BufferError, DatabaseGone):  # the database is asked where a token is made for a header
            self._away(lane)
        except (ValueError, TypeError) as error:  # the row itself is broken
            lane.under_way = None
            self._note(self._outcomes.refused, (row, f"The row cannot be sent: {error}"))

    # --- reports -------------------------------------------------------------------------------------------------------

    def _serve(self, timeout_s: float) -> None:
        """Take delivery reports; a fatal error shows as an exception here (no report is lost, but some may be late)."""
        if self._producer is None:
            return
        try:
            self._producer.poll(timeout_s)
        except (KafkaException, SystemError) as error:
            log.warning("The producer is done for and replaced: %s", error)
            self._fatal = True

    def _report(self, lane: Lane, row: Row, error: KafkaError | None, message: Message) -> None:
        if lane.under_way is not row:
            return
        if error is not None:
            self._settle(lane, row, error)
            return
        lane.under_way = None
        self._failures, self.away_since = 0, None
        self._note(self._outcomes.acknowledged, (row, message.partition(), message.offset()))
        self._produce_next(lane)

    def _produce_next(self, lane: Lane) -> None:
        if lane.rows and time.monotonic() < self._valid_until and not self._fatal:
            self._produce(lane, lane.rows.popleft())

    def _settle(self, lane: Lane, row: Row, error: KafkaError) -> None:
        """What an error means for the row and for those behind it."""
        verdict = clients.judge(error)
        text = f"{error.name()}: {error.str()}"
        if verdict is Verdict.FATAL:
            self._fatal = True
            self._away(lane)
        elif verdict is Verdict.AWAY:
            self._away(lane)
        elif verdict is Verdict.NEVER:
            lane.under_way = None
            self._note(self._outcomes.refused, (row, text))
        else:
            lane.under_way = None
            lane.rows.clear()
            timed_out = error.code() in (KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT)
            self._note(self._outcomes.timed_out if timed_out else self._outcomes.delayed, (row, text))

    def _away(self, lane: Lane) -> None:
        """Nobody took it: the rows stay as they are in the database and are loaded again, a second later."""
        lane.under_way = None
        lane.rows.clear()
        self._back_at = max(self._back_at, time.monotonic() + outbox.BACK_OFF_S)

    def _note(self, outcomes: list[Any], outcome: tuple[Any, ...]) -> None:
        if not len(self._outcomes):
            self._outcomes.since = time.monotonic()
        outcomes.append(outcome)

    # --- marks ---------------------------------------------------------------------------------------------------------

    def _mark(self) -> None:
        """Write the outcomes down, one UPDATE each, then forget lanes that are empty."""
        outcomes, now = self._outcomes, timezone.now()
        if outcomes.timed_out:
            self._ask_whether_away()
        if outcomes.acknowledged:
            faults.point("relay.after_ack")
            marked = outbox.mark_sent(outcomes.acknowledged, self.leases, now)
            if marked < len(outcomes.acknowledged):
                log.warning("%s sent rows were not marked: their lease is lost.", len(outcomes.acknowledged) - marked)
            self.sent += marked
            outcomes.acknowledged.clear()
            faults.point("relay.after_mark")
        if outcomes.delayed:
            for row, error in outcomes.delayed[:5]:
                log.warning("Message %s to %s is tried again later: %s", row.id, row.topic, error)
            outbox.mark_retrying(outcomes.delayed, self.leases, now)
            outcomes.delayed.clear()
        while outcomes.refused:
            self._fail(*outcomes.refused[-1])
            outcomes.refused.pop()

    def _forget_idle_lanes(self) -> None:
        """Only when everything is marked: until then the rows of a lane would be loaded again."""
        for key in [key for key, lane in self._lanes.items() if not lane.rows and lane.under_way is None]:
            del self._lanes[key]

    def _fail(self, row: Row, error: str) -> None:
        """Mark a refused row and make its incident, together or not at all. The incident first: it locks the tree."""
        log.error("Message %s to %s was refused for good: %s", row.id, row.topic, error)
        try:
            with transaction.atomic():
                self._delivery_failed(row.id, error)
                if not outbox.mark_failed([(row, error)], self.leases):
                    transaction.set_rollback(True)
        except DatabaseError:
            raise
        except Exception:  # the row must not come again and again for want of an incident
            log.exception("No incident could be made for message %s.", row.id)
            outbox.mark_failed([(row, error)], self.leases)

    def _ask_whether_away(self) -> None:
        """Rows that timed out: with a broker that answers they are tried again later, else nothing is wrong with them."""
        outcomes = self._outcomes
        if self._producer is not None and clients.answers(self._producer.list_topics):
            outcomes.delayed.extend(outcomes.timed_out)
            self.away_since, self._failures = None, 0
        else:
            self._failures += 1
            pause_s = outbox.back_off(self._failures).total_seconds()
            self._back_at = time.monotonic() + pause_s
            if self.away_since is None:
                self.away_since = time.time()
                log.warning("No Kafka broker takes messages; they wait in the outbox. Next try in %.0f s.", pause_s)
        outcomes.timed_out.clear()

    def _replace_producer(self) -> None:
        """After a fatal error nothing more comes from this producer: rows under way are loaded again, with the same ids."""
        self._mark()
        for lane in self._lanes.values():
            self._away(lane)
        self._lanes.clear()
        self._producer, self._fatal = None, False
        self._look_at = self._back_at = 0.0

    def _under_way(self) -> bool:
        return any(lane.under_way is not None for lane in self._lanes.values())
