"""The consumer: reads the topics the engine listens to and gives each batch to `intake` (engine 6.6, scenarios 6.3).

    poll -> batch -> one transaction -> the broker's own offsets, for lag tools

Promises: a record has its effect once, whatever is delivered again; a record that cannot be read or applied holds back no other;
while the database is away the partitions are paused and polling goes on, so that the membership is kept. A loop of the gateway
runs one `EngineConsumer` in a thread of its own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from threading import Event
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from django.db import close_old_connections, connection
from django.utils import timezone

from engine.kafka import clients
from engine.kafka.correlate import Record, record_of
from engine.kafka.offsets import Offsets, Partition, read_topic_ids
from engine.kafka.outbox import back_off
from engine.kafka.requests import take_in
from engine.loops import Trouble
from flowx_site.config import config

log = logging.getLogger("flowx.consumer")

GROUP = "flowx-engine"
BATCH = 500
POLL_S = 0.5
ASK_S = 5.0
MAX_PAUSE_S = 10.0


class EngineConsumer:
    """One member of the engine's consumer group."""

    def __init__(
        self,
        *,
        group: str = GROUP,
        pattern: str | None = None,
        make_consumer: Callable[..., Consumer] = clients.make_consumer,
        make_admin: Callable[[], AdminClient] | None = None,
    ) -> None:
        self.group = group
        self._pattern = pattern or config.reads
        self._make_consumer = make_consumer
        if make_admin is None and not config.kafka_embedded:  # the embedded broker tells no topic ids
            make_admin = clients.make_admin
        self._make_admin = make_admin
        self._admin: AdminClient | None = None
        self._consumer: Consumer | None = None
        self._offsets: Offsets | None = None
        self._next: dict[Partition, int] = {}
        self._waiting: list[Record] = []  # read, not taken in: the database is away
        self._unplaced: set[Partition] = set()  # assigned while the database was away
        self._not_placed: Exception | None = None
        self._paused = False
        self._failures = 0
        self._retry_at = 0.0
        self.taken_in = 0

    @property
    def assigned(self) -> set[Partition]:
        """The partitions that are read now."""
        if self._consumer is None:
            return set()
        return {(partition.topic, partition.partition) for partition in self._consumer.assignment()}

    @property
    def paused(self) -> bool:
        """Whether the database is away."""
        return self._paused

    def run(self, stop: Event) -> None:
        """Read until `stop`; then leave the group."""
        trouble = Trouble(log, "The consumer")
        while not stop.is_set():
            try:
                self.turn()
            except Exception as error:
                trouble.begin(error)
                if isinstance(error, KafkaException) and error.args[0].fatal():
                    self.close()  # this client is done for: the next turn makes another
                stop.wait(1.0)
                continue
            trouble.end()
        self.close()
        connection.close()

    def turn(self, timeout_s: float = POLL_S) -> int:
        """Read what there is and take it in; gives how many records were read."""
        records = self._read(timeout_s)
        if self._not_placed is not None:
            error, self._not_placed = self._not_placed, None
            self._pause(error)
        if self._paused and time.monotonic() < self._retry_at:
            return len(records)
        if self._unplaced or self._waiting:
            self._settle()
        return len(records)

    def close(self) -> None:
        """Leave the group, so that others go on at once."""
        consumer, self._consumer, self._offsets = self._consumer, None, None
        if consumer is not None:
            consumer.close()
        self._waiting.clear()
        self._unplaced.clear()
        self._next.clear()
        self._paused = False

    # --- reading -------------------------------------------------------------------------------------------------------

    def _read(self, timeout_s: float) -> list[Record]:
        consumer = self._open()
        first = consumer.poll(timeout_s)
        messages = [] if first is None else [first, *consumer.consume(BATCH - 1, 0.0)]
        now = timezone.now()
        records = [record_of(message, now) for message in messages if self._is_record(message)]
        self._waiting.extend(records)
        return records

    def _open(self) -> Consumer:
        """The consumer, subscribed. Which cluster it is on is asked here: a call-back may not ask (see `_on_assign`)."""
        if self._consumer is None:
            self._consumer = self._make_consumer(self.group)
        if self._offsets is None:
            self._offsets = Offsets(self.group, self._cluster_id(self._consumer))
            self._consumer.subscribe(
                [self._pattern], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
            )
        return self._consumer

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.fatal():
            raise KafkaException(error)
        if error.code() != KafkaError._PARTITION_EOF:
            log.warning("Kafka consumer: %s", error.str())
        return False

    # --- taking in -----------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Place new partitions and take the waiting records in; while the database is away, pause and try again."""
        try:
            if self._unplaced:
                self._place()
            self._notice_new_topics()
            batch = self._waiting
            take_in(batch, self._known_offsets())
        except Exception as error:
            self._pause(error)
            return
        self._waiting = []
        self.taken_in += len(batch)
        self._failures = 0
        self._resume()
        self._commit(batch)

    def _pause(self, error: Exception) -> None:
        self._failures += 1
        pause_s = min(back_off(self._failures).total_seconds(), MAX_PAUSE_S)
        self._retry_at = time.monotonic() + pause_s
        if not self._paused:
            log.warning("The database takes no records (%s); the partitions are paused.", error, exc_info=True)
        self._paused = True
        if self._consumer is not None:
            self._consumer.pause(self._consumer.assignment())
            self._unplaced |= self.assigned  # what comes back may be an older copy: our rows say where we are
        close_old_connections()

    def _resume(self) -> None:
        if self._paused and self._consumer is not None:
            self._consumer.resume(self._consumer.assignment())
            log.info("The database takes records again.")
        self._paused = False

    def _commit(self, batch: Iterable[Record]) -> None:
        """Tell the broker how far we are; nothing here depends on it."""
        for record in batch:
            partition = (record.topic, record.partition)
            self._next[partition] = max(self._next.get(partition, 0), record.offset + 1)
        moved = {(record.topic, record.partition) for record in batch}
        if not moved or self._consumer is None:
            return
        positions = [TopicPartition(topic, number, self._next[topic, number]) for topic, number in moved]
        try:
            self._consumer.commit(offsets=positions, asynchronous=True)
        except KafkaException as error:
            log.debug("The broker took no offsets: %s", error)

    # --- partitions ----------------------------------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Begin where our own rows say; without the database, begin later.

        Inside a call-back the client takes no calls but those on the assignment: another one would abort the process when a
        second call-back follows in the same poll.
        """
        new = {(partition.topic, partition.partition) for partition in partitions}
        try:
            start = self._starting_points(new)
        except Exception as error:
            start = {}
            self._unplaced |= new
            self._not_placed = error
        for partition in partitions:
            at = start.get((partition.topic, partition.partition))
            if at is not None:
                partition.offset = at
        consumer.incremental_assign(partitions)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Others read these now: what was read and not taken in is theirs to read again."""
        gone = {(partition.topic, partition.partition) for partition in partitions}
        self._waiting = [record for record in self._waiting if (record.topic, record.partition) not in gone]
        self._unplaced -= gone
        for partition in gone:
            self._next.pop(partition, None)
        consumer.incremental_unassign(partitions)

    def _place(self) -> None:
        """Move to where the rows say, now that the database is there; what was read meanwhile is read again."""
        consumer = self._open()
        start = self._starting_points(self._unplaced)
        placed = set(start)
        for topic, number in sorted(self._unplaced):
            if (topic, number) in start:
                consumer.seek(TopicPartition(topic, number, start[topic, number]))
            elif config.kafka_auto_offset_reset == "earliest":
                consumer.seek(TopicPartition(topic, number, OFFSET_BEGINNING))
                placed.add((topic, number))
        self._waiting = [record for record in self._waiting if (record.topic, record.partition) not in placed]
        self._unplaced.clear()

    def _starting_points(self, partitions: set[Partition]) -> dict[Partition, int]:
        start = self._known_offsets().where_to_start(partitions, self._topic_ids({topic for topic, _ in partitions}))
        for partition in partitions:
            self._next.pop(partition, None)
        self._next |= start
        return start

    def _notice_new_topics(self) -> None:
        """Offsets that go backwards: the topic was made anew under our eyes, or the records are merely delivered again."""
        behind = {
            (record.topic, record.partition)
            for record in self._waiting
            if record.offset < self._next.get((record.topic, record.partition), 0)
        }
        if not behind:
            return
        topics = {topic for topic, _ in behind}
        partitions = {partition for partition in self._next if partition[0] in topics} | behind
        start = self._known_offsets().where_to_start(partitions, self._topic_ids(topics))
        for partition in partitions - set(start):
            self._next.pop(partition, None)

    def _known_offsets(self) -> Offsets:
        assert self._offsets is not None, "made before the subscription"
        return self._offsets

    def _topic_ids(self, topics: set[str]) -> dict[str, str]:
        if self._make_admin is None:
            return {}
        if self._admin is None:
            self._admin = self._make_admin()
        return read_topic_ids(self._admin, topics)

    def _cluster_id(self, consumer: Any) -> str:
        """Which cluster the offsets belong to. An embedded broker's own id may come again: its address tells it apart."""
        cluster_id = str(consumer.list_topics(timeout=ASK_S).cluster_id or "")
        return f"{cluster_id} {config.kafka_bootstrap}" if config.kafka_embedded else cluster_id
