"""5,000 timers due in the same second: how late their effects are committed, and that each fired once.

    python benchmarks/timers.py [--count 5000]

On a PostgreSQL of its own, without Redis: nobody is woken, and the gateway's sweep finds the timers by looking each second.
Each timer lets a token go on to a task that pushes a frame. An effect counts as there when another connection sees that its
timer is no longer pending.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.programs import private_postgres  # noqa: E402

LOOK_S = 0.02
LIMIT_S = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5_000)
    count = parser.parse_args().count
    with private_postgres() as server:
        os.environ["DATABASE_URL"] = server.url
        from benchmarks import engine

        with engine.scratch_database():
            measure(count)


def measure(count: int) -> None:
    from django.db import connection
    from django.utils import timezone

    from benchmarks import work
    from engine import publishing, runtime, timers
    from engine.core.stimuli import Start
    from engine.models import Instance, JournalEntry, Timer

    tell = {"id": 1, "name": "tell", "order": 1, "type": "WEBSOCKET_SEND", "actionParams": [
        {"key": "message", "value": '{"due": "${due}"}'}]}  # fmt: skip
    nodes = [
        work.node(1, "START"),
        work.node(2, "TIMER_INTERMEDIATE", timerExpression="${due}"),
        work.node(3, "TASK", actions=[tell]),
        work.node(4, "END"),
    ]
    snapshot = publishing.publish_snapshot(work.snapshot("timed", nodes), published_by="bench").id
    due = (timezone.now() + timedelta(seconds=10 + count / 400)).replace(microsecond=0)
    params = {"due": due.isoformat().replace("+00:00", "Z")}
    for first in range(0, count, 100):
        size = min(100, count - first)
        runtime.apply([Start(uuid.uuid4(), snapshot, params, work.ACTOR) for _ in range(size)])
    waiting = Timer.objects.filter(state="PENDING", due_at=due).count()
    print(f"{waiting:,} timers are due at {due:%H:%M:%S}; it is {timezone.now():%H:%M:%S}", flush=True)
    assert waiting == count, "the timers were not all armed for the same second: give a machine this slow more time"
    assert timezone.now() < due, "it took longer to start the instances than until they were due"

    stop = threading.Event()

    def sweep() -> None:
        timers.Sweeper().run(stop)
        connection.close()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    lateness: list[float] = []
    try:
        while len(lateness) < count and (timezone.now() - due).total_seconds() < LIMIT_S:
            gone = count - Timer.objects.filter(state="PENDING", due_at=due).count()
            late = (timezone.now() - due).total_seconds()
            lateness += [late] * (gone - len(lateness))
            time.sleep(LOOK_S)
    finally:
        stop.set()
        sweeper.join()
    assert lateness, "no timer fired"
    frames = JournalEntry.objects.filter(frame_type="data").count()
    own = JournalEntry.objects.filter(frame_type="data").values("instance_id").distinct().count()
    finished = Instance.objects.filter(state="FINISHED").count()
    print(
        f"fired {len(lateness):,}, finished {finished:,}, frames {frames:,} of {own:,} instances: each once is {count:,}"
    )
    for share in (0.5, 0.9, 0.99, 1.0):
        print(f"  p{share * 100:<4.0f}{lateness[max(0, int(len(lateness) * share) - 1)]:>7.2f} s late")


if __name__ == "__main__":
    main()
