"""The statements of the outbox: which rows are next, and what became of them (scenarios 6.3).

Used by the relay only. A shard's waiting rows come from the partial index `outbox_waiting (shard, seq)`; marks are one UPDATE per
outcome, whatever the number of rows, and count only while the lease on the row's shard is held in the same epoch.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Min

from engine.kafka import minting
from engine.leases import Leases
from engine.models import OutboxMessage, OutboxShard

WAITING = (OutboxMessage.State.QUEUED, OutboxMessage.State.RETRYING)
BATCH = 500
BATCH_BYTES = 32 * 1024 * 1024
LANE_LENGTH = 50  # rows of one instance in memory, so that a long row of them leaves room for others
BACK_OFF_S = 1.0
BACK_OFF_MAX_S = 60.0
MESSAGE_ID = "Fx-MessageId"
AS_BYTES = "Fx-AsBytes"  # internal, never sent: which of key and value are base64 of what is no text
MINTED = "Fx-Minted"  # internal, never sent: names of headers whose value is a token made as the record leaves
INTERNAL = frozenset({AS_BYTES, MINTED})
ERROR_LENGTH = 2_000


@dataclass(slots=True)
class Row:
    """A waiting row as the relay needs it. Rows of one lane leave one after the other."""

    seq: int
    id: UUID
    shard: int
    instance_id: int | None
    topic: str
    key: str | None
    value: str
    headers: str
    attempts: int
    size_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.size_bytes = len(self.value)

    @property
    def lane(self) -> int:
        """Its instance; a row without instance is alone in its lane (numbers below zero)."""
        return -self.seq if self.instance_id is None else self.instance_id

    def record(self) -> tuple[bytes | None, bytes, list[tuple[str, str | bytes | None]]]:
        """Key, value and headers as they go over the wire; raises ValueError for a row that cannot be sent."""
        stored = json.loads(self.headers or "{}")
        if not isinstance(stored, dict):
            raise ValueError("The headers of the row are no JSON object.")
        as_bytes = stored.pop(AS_BYTES, "")
        for name in stored.pop(MINTED, ()):
            stored[name] = minting.token_for(self.instance_id, self.topic)
        stored[MESSAGE_ID] = str(self.id)
        headers: list[tuple[str, str | bytes | None]] = [(name, str(text).encode()) for name, text in stored.items()]
        key = None if self.key is None else self.key.encode()
        value = self.value.encode()
        if "key" in as_bytes and key is not None:
            key = base64.b64decode(key, validate=True)
        if "value" in as_bytes:
            value = base64.b64decode(value, validate=True)
        return key, value, headers


def load(shard: int, *, busy_lanes: Sequence[int], limit: int, now: datetime) -> list[Row]:
    """The shard's next waiting rows by `seq`, without those of lanes at work and without those held back.

    A row in back-off holds back the later ones of its instance: they are moved to its time, so that they do not fill each
    batch in front of others.
    """
    waiting = OutboxMessage.objects.filter(shard=shard, state__in=WAITING)
    rows = (
        waiting.filter(available_at__lte=now)
        .exclude(instance_id__in=[lane for lane in busy_lanes if lane > 0])
        .exclude(seq__in=[-lane for lane in busy_lanes if lane < 0])
        .order_by("seq")
        .values_list("seq", "id", "shard", "instance_id", "topic", "key", "value", "headers", "attempts")[:limit]
    )
    loaded: list[Row] = []
    lengths: Counter[int] = Counter()
    size_bytes = 0
    for values in rows.iterator(chunk_size=50):
        row = Row(*values)
        lengths[row.lane] += 1
        if lengths[row.lane] > LANE_LENGTH:
            continue
        loaded.append(row)
        size_bytes += row.size_bytes
        if size_bytes >= BATCH_BYTES:
            break
    instances = {row.instance_id for row in loaded if row.instance_id is not None}
    if not instances:
        return loaded
    heads = dict(
        waiting.filter(instance_id__in=instances, available_at__gt=now)
        .values_list("instance_id")
        .annotate(first=Min("seq"))
    )
    held = [row for row in loaded if row.instance_id is not None and row.seq > heads.get(row.instance_id, row.seq)]
    if held:
        first = waiting.filter(seq__in=heads.values()).aggregate(at=Min("available_at"))["at"] or now
        OutboxMessage.objects.filter(seq__in=[row.seq for row in held]).update(available_at=first)
    gone = {row.seq for row in held}
    return [row for row in loaded if row.seq not in gone]


def back_off(attempts: int) -> timedelta:
    """How long to wait after so many attempts: 1 s, doubling to 60 s."""
    return timedelta(seconds=min(BACK_OFF_S * 2 ** min(attempts - 1, 10), BACK_OFF_MAX_S))


def mark_sent(acknowledged: Sequence[tuple[Row, int, int]], leases: Leases, now: datetime) -> int:
    """Note partition and offset of acknowledged rows; returns how many are marked."""
    return _mark(
        "state = 'sent', last_error = '', sent_at = %s, \"partition\" = v.column2, \"offset\" = v.column3",
        [connection.ops.adapt_datetimefield_value(now)],
        [(row.seq, partition, offset) for row, partition, offset in acknowledged],
        leases,
    )


def mark_retrying(delayed: Sequence[tuple[Row, str]], leases: Leases, now: datetime) -> int:
    """Put rows into back-off with the reason; returns how many are marked."""
    adapt = connection.ops.adapt_datetimefield_value
    return _mark(
        "state = 'retrying', available_at = v.column2, last_error = v.column3",
        [],
        [(row.seq, adapt(now + back_off(row.attempts + 1)), error[:ERROR_LENGTH]) for row, error in delayed],
        leases,
    )


def mark_failed(refused: Sequence[tuple[Row, str]], leases: Leases) -> int:
    """Note that rows were refused for good; returns how many are marked."""
    return _mark(
        "state = 'failed', last_error = v.column2",
        [],
        [(row.seq, error[:ERROR_LENGTH]) for row, error in refused],
        leases,
    )


def _mark(assignments: str, params: list[Any], values: list[tuple[Any, ...]], leases: Leases) -> int:
    """One UPDATE joined with a list of values by the primary key; `assignments` is text of this module only."""
    if not values or not leases.epochs:
        return 0
    rows = OutboxMessage._meta.db_table
    shards = OutboxShard._meta.db_table
    held = " OR ".join(["(s.shard = %s AND s.epoch = %s)"] * len(leases.epochs))
    one = f"({', '.join(['%s'] * len(values[0]))})"
    sql = (
        f"UPDATE {rows} SET {assignments}, attempts = attempts + 1 FROM (VALUES {', '.join([one] * len(values))}) AS v"  # noqa: S608
        f" WHERE {rows}.seq = v.column1 AND EXISTS (SELECT 1 FROM {shards} s"
        f" WHERE s.shard = {rows}.shard AND s.owner = %s AND ({held}))"
    )
    pairs = [number for pair in leases.epochs.items() for number in pair]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, *(item for row in values for item in row), leases.owner, *pairs])
        return int(cursor.rowcount)
