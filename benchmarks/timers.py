"""5,000 timers due in the same second: how late their effects are there, and that each fired once; beside Celery's `eta` alone.

    python benchmarks/timers.py [--count 5000] [--rounds 1] [--alone] [--deaf]

Ours: on a PostgreSQL of its own; the gateway's sweep, in an OS process of its own, looks each second and at the moments that
Redis hints at. With `--deaf` there is no Redis, so nobody is woken. Each timer lets a token go on to a task that pushes a frame;
the effect counts as there when another connection sees that the timer is no longer pending. Celery: the same number of tasks
for the same second, on the same Redis, by a worker with as many processes as the machine has cores, without any process state.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import celery_eta  # noqa: E402
from benchmarks.programs import DEAF_REDIS, private_postgres  # noqa: E402

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from engine.models import Timer

LOOK_S = 0.02
LIMIT_S = 120.0
SWEEP = """
import django; django.setup()
from threading import Event
from engine import timers
from flowx_site import collector
collector.settle()
print('ready', flush=True)
timers.Sweeper().run(Event())
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--lead", type=float, default=10.0, help="seconds until they are due, beside what starting takes"
    )
    parser.add_argument("--alone", action="store_true", help="ours without Celery")
    parser.add_argument("--deaf", action="store_true", help="ours without Redis")
    given = parser.parse_args()
    lead_s = given.lead + given.count / 400
    cores = os.cpu_count() or 1
    with private_postgres() as server, celery_eta.broker() as broker:
        os.environ |= {"DATABASE_URL": server.url, "REDIS_URL": DEAF_REDIS if given.deaf else broker}
        from benchmarks import engine

        with engine.scratch_database():
            for _ in range(given.rounds):
                show("ours", given.count, ours(given.count, lead_s))
                if not given.alone:
                    late = celery_eta.lateness(broker, given.count, lead_s, cores)
                    show(f"Celery's eta alone, {cores} processes", given.count, late)


def show(name: str, count: int, lateness: Sequence[float]) -> None:
    assert lateness, f"no timer fired: {name}"
    shares = [(share, lateness[max(0, int(len(lateness) * share) - 1)]) for share in (0.5, 0.9, 0.99, 1.0)]
    print(f"{name}: {len(lateness):,} of {count:,} fired, each once")
    print("  seconds late: " + ", ".join(f"p{share * 100:.0f} {late:.2f}" for share, late in shares), flush=True)


@contextmanager
def sweeping() -> Iterator[None]:
    """The gateway's sweep, alone in a process of its own, on the database of this one."""
    from django.db import connection

    url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
    env = os.environ | {"DATABASE_URL": url}
    running = subprocess.Popen([sys.executable, "-c", SWEEP], stdout=subprocess.PIPE, env=env, cwd=ROOT)
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        yield
    finally:
        running.kill()
        running.wait()


def ours(count: int, lead_s: float) -> list[float]:
    """Seconds that the effect of each timer came late, sorted."""
    from django.utils import timezone

    from engine.models import Instance, JournalEntry, Timer

    finished, frames = Instance.objects.filter(state="FINISHED"), JournalEntry.objects.filter(frame_type="data")
    before = finished.count(), frames.count()
    with sweeping():
        due = (timezone.now() + timedelta(seconds=lead_s)).replace(microsecond=0)
        start(count, due)
        pending = Timer.objects.filter(state="PENDING", due_at=due)
        assert pending.count() == count, "not all were armed for the same second: give a slow machine more --lead"
        assert timezone.now() < due, "it took longer to start the instances than until they were due: more --lead"
        late = watch(pending, count, due)
    owners = frames.values("instance_id").distinct().count()
    there = (finished.count() - before[0], frames.count() - before[1], owners - before[1])
    assert there == (len(late),) * 3, f"not each once: {there}"
    return late


def watch(pending: QuerySet[Timer], count: int, due: datetime) -> list[float]:
    """How late each of the timers was no longer pending."""
    from django.utils import timezone

    lateness: list[float] = []
    while len(lateness) < count and (timezone.now() - due).total_seconds() < LIMIT_S:
        gone = count - pending.count()
        late = (timezone.now() - due).total_seconds()
        lateness += [late] * (gone - len(lateness))
        time.sleep(LOOK_S)
    return lateness


def start(count: int, due: datetime) -> None:
    """So many instances, each with a timer for that moment."""
    from benchmarks import work
    from engine import publishing, runtime
    from engine.core.stimuli import Start

    tell = {"id": 1, "name": "tell", "order": 1, "type": "WEBSOCKET_SEND", "actionParams": [
        {"key": "message", "value": '{"due": "${due}"}'}]}  # fmt: skip
    nodes = [
        work.node(1, "START"),
        work.node(2, "TIMER_INTERMEDIATE", timerExpression="${due}"),
        work.node(3, "TASK", actions=[tell]),
        work.node(4, "END"),
    ]
    snapshot = publishing.publish_snapshot(work.snapshot("timed", nodes), published_by="bench").id
    params = {"due": due.isoformat().replace("+00:00", "Z")}
    for first in range(0, count, work.AT_ONCE):
        size = min(work.AT_ONCE, count - first)
        runtime.apply([Start(uuid.uuid4(), snapshot, params, work.ACTOR) for _ in range(size)])


if __name__ == "__main__":
    main()
