"""Due timers: rows are the truth, and whoever looks first fires them (engine 5.4, architecture 4.5).

Three look: a Celery worker that was woken for the due second, the sweep that beat asks for each second, and the gateway's loop,
under a lease so that of several gateways one looks. All call `fire_due`, which may be called at any time, by any number at once:
a timer that is no longer pending when its tree is locked is ignored.
"""

from __future__ import annotations

import heapq
import json
import logging
import time
from itertools import chain
from threading import Event

from celery import shared_task
from django.db import connection
from django.utils import timezone

from engine import clock, faults, heartbeats, runtime, timer_starts, wakeups
from engine.core.stimuli import TimerDue
from engine.leases import TIMER_SWEEP, Leases, new_owner
from engine.loops import Trouble
from engine.models import Instance, Timer, TimerStart

log = logging.getLogger("flowx.timers")

BATCH = 500
MAX_BATCHES = 40  # in one call: then others have a turn
LOOK_S = 1.0
LEASE_S = 5.0
REMEMBERED = 10_000


def fire_due_batch() -> int:
    """Fire up to 500 due timers as one batch; gives how many rows were due.

    The rows are read without a lock: each tree is locked by the runtime, and what somebody else has fired is ignored there.
    """
    rows = Timer.objects.filter(state="PENDING", due_at__lte=clock.now()).order_by("due_at", "id")
    due = list(rows.values_list("id", "instance_id", "due_at")[:BATCH])
    if not due:
        return 0
    uuids = dict(Instance.objects.filter(id__among={number for _, number, _ in due}).values_list("id", "uuid"))
    faults.point("timers.before_apply")
    runtime.apply([TimerDue(uuids[number], timer_id, due_at) for timer_id, number, due_at in due if number in uuids])
    faults.point("timers.after_apply")
    return len(due)


def fire_all_due() -> int:
    """Fire whatever is due, batch by batch, then start what is scheduled; gives how many rows were due."""
    fired = 0
    for _ in range(MAX_BATCHES):
        count = fire_due_batch()
        fired += count
        if count < BATCH:
            break
    return fired + timer_starts.start_due()


@shared_task(name=wakeups.FIRE_DUE)  # type: ignore[untyped-decorator]
def fire_due() -> int:
    """A wake-up for a due second."""
    heartbeats.beat("worker")
    return fire_all_due()


@shared_task(name="engine.timers.sweep")  # type: ignore[untyped-decorator]
def sweep() -> int:
    """What beat asks for each second: due timers that nobody was woken for, and effects left behind by a crash."""
    heartbeats.beat("worker")
    heartbeats.beat("beat", name="beat")
    runtime.apply_pending()
    return fire_all_due()


@shared_task(name="engine.timers.arm_next")  # type: ignore[untyped-decorator]
def arm_next() -> int:
    """What beat asks for each minute: wake-ups for the due seconds of the next five; gives how many were sent."""
    until = timezone.now() + wakeups.ARM_AHEAD
    dues = Timer.objects.filter(state="PENDING", due_at__lte=until).values_list("due_at", flat=True).order_by("due_at")
    starts = TimerStart.objects.filter(next_due_at__lte=until).values_list("next_due_at", flat=True)
    return wakeups.arm(wakeups.connect(), chain(dues[:20_000].iterator(chunk_size=2000), filter(None, starts)))


class Sweeper:
    """The gateway's loop: looks each second, and at the moment that a hint names."""

    def __init__(self, *, owner: str | None = None) -> None:
        self.leases = Leases([TIMER_SWEEP], owner=owner or new_owner(), ttl_s=LEASE_S)
        self._dues: list[float] = []
        self._renew_at = 0.0
        self.fired = 0

    def run(self, stop: Event) -> None:
        """Look until `stop`; then give the lease back."""
        trouble = Trouble(log, "The sweep of timers")
        with wakeups.Listener(wakeups.TIMERS, stop) as hints:
            while not stop.is_set():
                try:
                    self.turn()
                except Exception as error:
                    trouble.begin(error)
                    stop.wait(LOOK_S)
                    continue
                trouble.end()
                self._hear(hints.wait(self._wait_s()))
        try:
            self.leases.release()
        except Exception:
            log.exception("The lease of the sweep was not given back; it runs out by itself.")
        connection.close()

    def turn(self) -> int:
        """Look once, if the lease is ours; gives how many timers were due."""
        now = time.monotonic()
        if now >= self._renew_at:
            self.leases.hold()
            self._renew_at = now + LEASE_S / 4
        if not self.leases.epochs:
            return 0
        runtime.apply_pending()
        fired = fire_all_due()
        self.fired += fired
        return fired

    def _hear(self, hints: list[str]) -> None:
        """Remember the due moments of the next minutes; the rest is found by looking."""
        horizon = time.time() + wakeups.ARM_AHEAD.total_seconds()
        for hint in hints:
            for due in json.loads(hint):
                if due <= horizon and len(self._dues) < REMEMBERED:
                    heapq.heappush(self._dues, float(due))

    def _wait_s(self) -> float:
        """Seconds until the next look."""
        now = time.time()
        while self._dues and self._dues[0] <= now:
            heapq.heappop(self._dues)
        return min(LOOK_S, self._dues[0] - now + 0.001) if self._dues else LOOK_S
