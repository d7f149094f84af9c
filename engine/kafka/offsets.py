"""How far each partition has been read: rows that move in the transaction of the effect (engine 6.6, scenarios 6.3).

A record below `next` has had its effect. The row is locked before anything else of the batch, compared, and set. Kafka's own
committed offsets are for lag tools only.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from django.db.models import Q

from engine.models import KafkaOffset

log = logging.getLogger("flowx.consumer")

DESCRIBE_TIMEOUT_S = 5.0

Partition = tuple[str, int]  # topic, number


class Offsets:
    """The rows of one consumer group on one cluster."""

    def __init__(self, group: str, cluster_id: str) -> None:
        self.group = group
        self.cluster_id = cluster_id[:100]
        self.topic_ids: dict[str, str] = {}

    def where_to_start(self, partitions: Iterable[Partition], topic_ids: Mapping[str, str]) -> dict[Partition, int]:
        """`next` of each partition that was read before; not of one whose topic was made anew since.

        `topic_ids` may lack topics: without an id a topic counts as the same.
        """
        self.topic_ids |= {topic: topic_id for topic, topic_id in topic_ids.items() if topic_id}
        wanted = set(partitions)
        start: dict[Partition, int] = {}
        for row in self._rows(wanted):
            new_id = self.topic_ids.get(row.topic, "")
            if new_id and row.topic_id and new_id != row.topic_id:
                log.warning("Topic %s was made anew; partition %s is read from its start.", row.topic, row.partition)
                KafkaOffset.objects.filter(pk=row.pk).update(next=0, topic_id=new_id)
                continue
            if new_id and not row.topic_id:
                KafkaOffset.objects.filter(pk=row.pk).update(topic_id=new_id)
            start[row.topic, row.partition] = row.next
        return start

    def lock(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Lock the rows, make those that are missing, and give `next` of each. Call in the batch's transaction, first."""
        wanted = sorted(set(partitions))
        found = self._locked(wanted)
        missing = [partition for partition in wanted if partition not in found]
        if missing:
            KafkaOffset.objects.bulk_create([self._row(partition, 0) for partition in missing], ignore_conflicts=True)
            found = self._locked(wanted)
        return found

    def move(self, positions: Mapping[Partition, int]) -> None:
        """Set `next` of locked rows: one statement."""
        KafkaOffset.objects.bulk_create(
            [self._row(partition, position) for partition, position in sorted(positions.items())],
            update_conflicts=True,
            unique_fields=["group", "cluster_id", "topic", "partition"],
            update_fields=["next"],
        )

    def _row(self, partition: Partition, position: int) -> KafkaOffset:
        topic, number = partition
        return KafkaOffset(
            group=self.group,
            cluster_id=self.cluster_id,
            topic=topic,
            topic_id=self.topic_ids.get(topic, ""),
            partition=number,
            next=position,
        )

    def _rows(self, partitions: set[Partition], *, locked: bool = False) -> list[KafkaOffset]:
        which = Q(topic__in={topic for topic, _ in partitions})
        rows = KafkaOffset.objects.filter(which, group=self.group, cluster_id=self.cluster_id)
        if locked:
            rows = rows.filter(partition__in={number for _, number in partitions}).select_for_update()
        return [row for row in rows.order_by("topic", "partition") if (row.topic, row.partition) in partitions]

    def _locked(self, partitions: list[Partition]) -> dict[Partition, int]:
        return {(row.topic, row.partition): row.next for row in self._rows(set(partitions), locked=True)}


def read_topic_ids(admin: AdminClient, topics: Iterable[str]) -> dict[str, str]:
    """The broker's ids of topics; without those it does not tell (older brokers, the embedded one)."""
    names = sorted(set(topics))
    if not names:
        return {}
    futures = admin.describe_topics(TopicCollection(names), request_timeout=DESCRIBE_TIMEOUT_S)
    ids: dict[str, str] = {}
    for name, future in futures.items():
        try:
            topic_id = future.result(timeout=timedelta(seconds=DESCRIBE_TIMEOUT_S + 1).total_seconds()).topic_id
        except (KafkaException, TimeoutError) as error:
            log.info("The broker gives no id of topic %s: %s", name, error)
            continue
        ids[name] = str(topic_id) if topic_id is not None else ""
    return ids
