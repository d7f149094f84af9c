"""Leases: rows that say which OS process does a job that only one may do at a time, told apart by an epoch.

A lease is taken by a conditional UPDATE and its row count, renewed while its owner works, and free again when it runs out, is
released, or its owner is seen to be dead: killed on this machine, so that a restart need not wait for the lease to run out.
What its owner writes is guarded by owner and epoch (`mine`), so that one who lost a lease without noticing changes nothing.
The outbox has a lease for each shard (scenarios 6.3); the sweep of due timers has one more row of the same table.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from engine.machines import is_dead, this_process
from engine.models import OutboxShard

TIMER_SWEEP = 100  # beside the shards of the outbox, which count from 0
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def new_owner() -> str:
    """A name for an owner in this process that no other has, readable for staff: `machine:number:secret`."""
    return f"{this_process()}:{secrets.token_hex(4)}"


class Leases:
    """The leases that one owner holds or wants. Not for several threads."""

    def __init__(self, numbers: Iterable[int], *, owner: str, ttl_s: float) -> None:
        self.numbers = sorted(numbers)
        self.owner = owner
        self.ttl = timedelta(seconds=ttl_s)
        self.epochs: dict[int, int] = {}  # what is held
        self._rows_exist = False

    def hold(self, *, at_most: int | None = None) -> set[int]:
        """Renew what is held and take what is free, up to `at_most` in all. Returns what was lost meanwhile."""
        if not self._rows_exist:
            rows = [OutboxShard(shard=number, until=LONG_AGO) for number in self.numbers]
            OutboxShard.objects.bulk_create(rows, ignore_conflicts=True)
            self._rows_exist = True
        lost = self._renew()
        wanted = len(self.numbers) if at_most is None else at_most
        if len(self.epochs) < wanted:
            self._take(wanted - len(self.epochs))
        return lost

    def release(self, numbers: Iterable[int] | None = None) -> None:
        """Give back some leases, or all that are held: others may have them at once."""
        given = set(self.epochs) if numbers is None else set(numbers) & set(self.epochs)
        if given:
            OutboxShard.objects.filter(self.mine(given)).update(owner="", until=LONG_AGO)
            for number in given:
                del self.epochs[number]

    def mine(self, numbers: Iterable[int] | None = None) -> Q:
        """The condition on a lease's row that it is still held in the epoch known here; false without any."""
        condition = Q(pk__in=[])
        for number in self.epochs if numbers is None else numbers:
            condition |= Q(shard=number, owner=self.owner, epoch=self.epochs[number])
        return condition

    def _renew(self) -> set[int]:
        if not self.epochs:
            return set()
        renewed = OutboxShard.objects.filter(self.mine()).update(until=timezone.now() + self.ttl)
        if renewed == len(self.epochs):
            return set()
        kept = set(OutboxShard.objects.filter(self.mine()).values_list("shard", flat=True))
        lost = set(self.epochs) - kept
        for number in lost:
            del self.epochs[number]
        return lost

    def _take(self, count: int) -> None:
        """Look first: an UPDATE that finds nothing would still take the write lock of SQLite."""
        now = timezone.now()
        rows = OutboxShard.objects.filter(shard__in=self.numbers).exclude(shard__in=self.epochs).order_by("shard")
        free = [row for row in rows if row.until < now or is_dead(row.owner.rpartition(":")[0])]
        for row in free[:count]:
            same = OutboxShard.objects.filter(shard=row.shard, epoch=row.epoch, owner=row.owner, until=row.until)
            if same.update(owner=self.owner, epoch=row.epoch + 1, until=now + self.ttl):
                self.epochs[row.shard] = row.epoch + 1
