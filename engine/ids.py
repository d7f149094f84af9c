"""Numeric ids of instances, tokens, visits, timers and incidents, reserved in blocks by each OS process.

The core names rows before they are stored, so ids are taken before the transaction of a batch, in a transaction of their own:
a batch that rolls back leaves a gap, never a double. A block of 10,000 costs two statements. The uuids of a batch come from here
too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from uuid import UUID

from django.db import connection, transaction

from engine.models import IdBlock

BLOCK = 10_000
_lock = threading.Lock()
_next = 0
_end = 0


class Ids:
    """Free ids, one a call of `next()`; the end of the block gives unused ones back when nobody has taken others since."""

    def __init__(self, first: int, end: int) -> None:
        self._at = first
        self._end = end

    def __iter__(self) -> Ids:
        return self

    def __next__(self) -> int:
        if self._at == self._end:  # a stimulus that takes more than was foreseen, as a long run of steps may
            self._at = _take(1000)
            self._end = self._at + 1000
        value, self._at = self._at, self._at + 1
        return value

    def __enter__(self) -> Ids:
        return self

    def __exit__(self, *_: object) -> None:
        global _next
        with _lock:
            if _next == self._end:
                _next = self._at
        self._end = self._at


def reserve(count: int) -> Ids:
    """At least `count` free ids.

    Inside a caller's transaction exactly these are taken from the database, as part of it: were more kept, a roll-back would
    let another process take the same ones.
    """
    global _next, _end
    if connection.in_atomic_block:
        first = _take(count)
        return Ids(first, first + count)
    with _lock:
        if _end - _next >= count:
            first, _next = _next, _next + count
            return Ids(first, first + count)
    size = max(BLOCK, count)
    first = _take(size)  # without the lock: who waits for a connection may keep nobody from giving one back
    with _lock:
        _next, _end = first + count, first + size
    return Ids(first, first + count)


def uuids() -> Callable[[], UUID]:
    """Random uuids, one a call, for one batch.

    The kernel is asked for 64 at a time. Each question lets another thread have the interpreter; with one for each uuid, two
    threads at work took it from each other all the time, which cost more than the batch itself.
    """
    random: list[bytes] = []

    def new() -> UUID:
        if not random:
            drawn = os.urandom(64 * 16)
            random.extend(drawn[start : start + 16] for start in range(0, len(drawn), 16))
        return UUID(bytes=random.pop(), version=4)

    return new


def forget() -> None:
    """Drop the reserved block, for a process whose database was emptied (tests do that)."""
    global _next, _end
    with _lock:
        _next = _end = 0


def _take(size: int) -> int:
    with transaction.atomic():
        IdBlock.objects.get_or_create(name="engine")
        first = IdBlock.objects.select_for_update().get(name="engine").next
        IdBlock.objects.filter(name="engine").update(next=first + size)
    return first
