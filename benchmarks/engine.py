"""How many process instances a second the engine runs, beside a baseline in the same run.

    python benchmarks/engine.py                                  # SQLite in a temporary folder
    DATABASE_URL=postgres://... python benchmarks/engine.py      # a scratch database beside the named one

Straight-through: START, a task with a Kafka Send and a Websocket Send, END; journal, frames and outbox are written. Durable:
START, then three receive tasks, each answered by a record of its own, each step committed before the next. The baseline is a
plain Django script that inserts the same rows one by one in one transaction an instance. Figures are instances a second; compare
ratios, not figures of different machines.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowx_site.settings")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")  # nobody listens: hints are dropped, as with Redis away
os.environ.setdefault("DATABASE_URL", f"sqlite:///{tempfile.mkdtemp()}/bench.sqlite3")

import django  # noqa: E402

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_databases, teardown_databases  # noqa: E402
from django.utils import timezone  # noqa: E402

from engine import publishing, runtime  # noqa: E402
from engine.core.graph import FORMAT  # noqa: E402
from engine.core.stimuli import Actor, MessageReceived, Start  # noqa: E402
from engine.models import Instance, JournalEntry, OutboxMessage, Token, Visit  # noqa: E402

TOPIC = "ai.flowx.dev.engine.receive.bench.v1"
ACTOR = Actor("bench")
BELONGING = (Token, Visit, JournalEntry, OutboxMessage)
KEYS = itertools.count(10**9)
PARAMS = {"application": {"client": {"firstName": "Tamsin", "heightCm": 174}}, "bike": "TRAIL-300"}


def straight() -> dict:
    sends = [
        {"id": 1, "name": "ask", "order": 1, "type": "KAFKA_SEND", "actionParams": [
            {"key": "topicName", "value": "bench.v1"},
            {"key": "message", "value": '{"name": "${application.client.firstName}", "bike": "${bike}"}'}]},
        {"id": 2, "name": "tell", "order": 2, "type": "WEBSOCKET_SEND", "actionParams": [
            {"key": "message", "value": '{"name": "${application.client.firstName}"}'}]},
    ]  # fmt: skip
    return snapshot("straight", [node(1, "START"), node(2, "TASK", actions=sends), node(3, "END")])


def durable() -> dict:
    receive = {"dataStreamTopics": [{"topicName": TOPIC, "keyName": "reply"}]}
    waits = [node(number, "MESSAGE_EVENT_RECEIVE", **receive) for number in (2, 3, 4)]
    return snapshot("durable", [node(1, "START"), *waits, node(5, "END")])


def node(number: int, kind: str, **fields: object) -> dict:
    return {"id": number, "key": f"n{number}", "name": f"Node {number}", "type": kind, **fields}


def snapshot(name: str, nodes: list[dict]) -> dict:
    flows = [{"id": n, "sourceNode": n, "targetNode": n + 1} for n in range(1, len(nodes))]
    return {"format": FORMAT, "definitionId": 1, "name": name, "version": 1, "nodes": nodes, "sequences": flows}


def starts(snapshot_id: int, count: int) -> list[Start]:
    return [Start(uuid.uuid4(), snapshot_id, PARAMS, ACTOR) for _ in range(count)]


def in_batches(snapshot_id: int, size: int) -> Callable[[int], None]:
    def run(count: int) -> None:
        for _ in range(0, count, size):
            runtime.apply(starts(snapshot_id, size))

    return run


def in_threads(snapshot_id: int, threads: int) -> Callable[[int], None]:
    def one(count: int) -> None:
        for start in starts(snapshot_id, count):
            runtime.apply([start])
        connection.close()

    def run(count: int) -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, [count // threads] * threads))

    return run


def step_by_step(snapshot_id: int, size: int) -> Callable[[int], None]:
    """Every instance gets its three records, each in a batch of its own with those of `size - 1` others."""

    def run(count: int) -> None:
        for _ in range(0, count, size):
            made = starts(snapshot_id, size)
            runtime.apply(made)
            moment = Instance.objects.latest("id").started_at
            for _ in range(3):
                runtime.apply(
                    [MessageReceived(start.uuid, TOPIC, {"ok": True}, b'{"ok":true}', moment) for start in made]
                )

    return run


def row_by_row(rows: dict[type, list]) -> Callable[[int], None]:
    """The rows of one straight-through instance again and again, under new keys, by `save` one after the other."""

    def run(count: int) -> None:
        for _ in range(count):
            key = next(KEYS)
            with transaction.atomic():
                for model, originals in rows.items():
                    for number, original in enumerate(originals):
                        save_copy(model, original, key, number)

    return run


def save_copy(model: type, original: object, key: int, number: int) -> None:
    values = {field.attname: getattr(original, field.attname) for field in model._meta.concrete_fields}  # type: ignore[attr-defined]
    values[model._meta.pk.attname] = None if model in (JournalEntry, OutboxMessage) else key * 10 + number  # type: ignore[attr-defined]
    if "uuid" in values:
        values["uuid"] = uuid.uuid4()
    if "instance_id" in values:
        values["instance_id"] = key
    if model is OutboxMessage:
        values["id"] = uuid.uuid4()
    model(**values).save(force_insert=True)


def rate(run: Callable[[int], None], seconds: float, at_least: int) -> float:
    """Instances a second: once to warm up, then for about `seconds`."""
    run(at_least)
    begun, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - begun) < seconds:
        run(at_least)
        done += at_least
    return done / spent


def wal_bytes(run: Callable[[int], None], count: int) -> int | None:
    """Bytes of write-ahead log an instance, on PostgreSQL."""
    if connection.vendor != "postgresql":
        return None
    before = _wal_position()
    run(count)
    return (_wal_position() - before) // count


def _wal_position() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
        return int(cursor.fetchone()[0])


class Ours:
    """The engine as `benchmarks/peers.py` asks it: the same kinds of instances, threads and seconds as the others."""

    def __init__(self) -> None:
        self._straight = publishing.publish_snapshot(straight(), published_by="bench").id
        self._durable = publishing.publish_snapshot(durable(), published_by="bench").id

    def measure(self, kind: str, threads: int, seconds: float) -> tuple[float, float]:
        """Instances a second, and bytes of WAL each."""
        one = self._one_straight if kind == "straight" else self._one_durable
        return self._timed(one, threads, seconds)

    def in_batches(self, size: int, seconds: float) -> tuple[float, float]:
        """The same of batches of `size`, one thread."""
        rate, wal = self._timed(lambda: runtime.apply(starts(self._straight, size)), 1, seconds)
        return rate * size, wal / size

    def durable_in_batches(self, size: int, seconds: float) -> tuple[float, float]:
        """Each step durable before the next, as records come: `size` instances in a batch, one thread."""
        rate, wal = self._timed(lambda: step_by_step(self._durable, size)(size), 1, seconds)
        return rate * size, wal / size

    def _timed(self, one: Callable[[], object], threads: int, seconds: float) -> tuple[float, float]:
        before, begun = _wal_position(), time.perf_counter()

        def until_over() -> int:
            done = 0
            while time.perf_counter() - begun < seconds:
                one()
                done += 1
            connection.close()
            return done

        with ThreadPoolExecutor(threads) as pool:
            done = sum(each.result() for each in [pool.submit(until_over) for _ in range(threads)])
        return done / (time.perf_counter() - begun), (_wal_position() - before) / done

    def _one_straight(self) -> None:
        runtime.apply(starts(self._straight, 1))

    def _one_durable(self) -> None:
        (start,) = starts(self._durable, 1)
        runtime.apply([start])
        for _ in range(3):
            runtime.apply([MessageReceived(start.uuid, TOPIC, {"ok": True}, b'{"ok":true}', timezone.now())])


@contextmanager
def scratch_database() -> Iterator[None]:
    kept = setup_databases(verbosity=0, interactive=False)
    try:
        yield
    finally:
        teardown_databases(kept, verbosity=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each row is measured")
    seconds = parser.parse_args().seconds
    with scratch_database():
        fast = publishing.publish_snapshot(straight(), published_by="bench").id
        slow = publishing.publish_snapshot(durable(), published_by="bench").id
        runtime.apply(starts(fast, 1))
        instance = Instance.objects.get()
        rows = {
            Instance: [instance],
            **{
                model: list(model.objects.filter(instance_id=instance.id))
                for model in (Token, Visit, JournalEntry, OutboxMessage)
            },
        }
        count = sum(len(found) for found in rows.values())
        baseline = rate(row_by_row(rows), seconds, 20)
        print(f"{connection.vendor}: {count} rows an instance\n")
        print(f"{'':34}{'instances/s':>12}{'x baseline':>12}{'statements':>12}{'WAL bytes':>12}")
        line("baseline: the rows one by one", baseline, baseline, row_by_row(rows), 1)
        for size in (1, 10, 100):
            run = in_batches(fast, size)
            line(f"straight, batches of {size}", rate(run, seconds, size * 5), baseline, run, size)
        if connection.vendor == "postgresql":
            for threads in (8, 32):
                print(
                    f"{f'straight, {threads} threads':34}{rate(in_threads(fast, threads), seconds, threads * 10):>12,.0f}"
                )
        for size in (1, 100):
            run = step_by_step(slow, size)
            line(f"durable steps, batches of {size}", rate(run, seconds, size * 2), baseline, run, size)


def line(name: str, found: float, baseline: float, run: Callable[[int], None], size: int) -> None:
    with CaptureQueriesContext(connection) as statements:
        run(size)
    wal = wal_bytes(run, size * 5)
    print(
        f"{name:34}{found:>12,.0f}{found / baseline:>12.1f}{len(statements) / size:>12.1f}"
        f"{'-' if wal is None else format(wal, ',d'):>12}"
    )


if __name__ == "__main__":
    main()
