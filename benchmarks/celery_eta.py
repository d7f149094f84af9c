"""Celery's own timers, alone: tasks with an `eta`, a real Redis, a real worker, and no state of any process behind them.

A task does the least that shows that it ran: one RPUSH of its number and how late it was. `benchmarks/timers.py` starts this.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import redis  # noqa: E402
from celery import Celery  # noqa: E402

from flowx_site.demo import children  # noqa: E402
from flowx_site.demo.private_redis import PrivateRedis  # noqa: E402

BROKER = "BENCH_BROKER_URL"
DONE = "done"
LIMIT_S = 120.0
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=ERROR")

app = Celery("eta", broker=os.environ.get(BROKER), set_as_current=False)
app.conf.update(task_ignore_result=True, task_default_queue="eta", broker_connection_retry_on_startup=True)
done = redis.Redis.from_url(os.environ.get(BROKER, "redis://127.0.0.1:1/0"))  # connects when a task pushes


@app.task(name="note", shared=False)  # type: ignore[untyped-decorator]
def note(number: int, due: float) -> None:
    done.rpush(DONE, f"{number} {time.time() - due}")


@contextmanager
def worker(broker: str, processes: int) -> Iterator[None]:
    """A worker with so many processes."""
    command = (sys.executable, "-m", "celery", "-A", "benchmarks.celery_eta", "worker", f"--concurrency={processes}")
    with tempfile.TemporaryFile() as log:
        running = children.start([*command, *QUIET], log=log, cwd=ROOT, env=os.environ | {BROKER: broker})
        try:
            yield
        finally:
            children.end([running])


@contextmanager
def broker() -> Iterator[str]:
    """A Redis of its own, to which this process sends; gives its address."""
    server = PrivateRedis()
    app.conf.broker_url = server.url
    try:
        yield server.url
    finally:
        app.close()
        server.stop()


def lateness(broker: str, count: int, lead_s: float, processes: int) -> list[float]:
    """So many tasks for the same second, `lead_s` from now: seconds that each came late, sorted."""
    with redis.Redis.from_url(broker) as client, worker(broker, processes):
        client.delete(DONE)
        for number in range(processes):
            note.apply_async((number, time.time()))
        _wait_for(client, processes)
        client.delete(DONE)
        due = (datetime.now(UTC) + timedelta(seconds=lead_s)).replace(microsecond=0)
        for number in range(count):
            note.apply_async((number, due.timestamp()), eta=due)
        assert datetime.now(UTC) < due, "it took longer to send the tasks than until they were due: more --lead"
        _wait_for(client, count, due)
        found = dict(entry.decode().split() for entry in client.lrange(DONE, 0, -1))
        assert len(found) == client.llen(DONE), "a task ran twice"
        return sorted(float(late) for late in found.values())


def _wait_for(client: redis.Redis, count: int, since: datetime | None = None) -> None:
    deadline = (time.time() if since is None else since.timestamp()) + LIMIT_S
    while client.llen(DONE) < count and time.time() < deadline:
        time.sleep(0.05)
