"""How many process instances a second the engine runs in one OS process, beside a baseline in the same run.

    python benchmarks/engine.py                                  # SQLite in a temporary folder
    DATABASE_URL=postgres://... python benchmarks/engine.py      # a scratch database beside the named one

The processes are those of `benchmarks/work.py`: straight through, and three steps each durable before the next, driven by
messages and by due timers. The baseline is a plain Django script that inserts the same rows one by one in one transaction an
instance. Figures are instances a second; compare ratios, not figures of different machines. `benchmarks/peers.py` measures
several OS processes, and other engines.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("FLOWX_DB_POOL_SIZE", "32")  # a connection for each thread

from django.db import connection, transaction  # noqa: E402
from django.db.models import Model  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_databases, teardown_databases  # noqa: E402

from benchmarks import work  # noqa: E402  (sets Django up)
from benchmarks.worker import repeat  # noqa: E402
from engine.models import Instance, JournalEntry, OutboxMessage, Token, Visit  # noqa: E402

BELONGING = (Token, Visit, JournalEntry, OutboxMessage)
KEYS = itertools.count(10**9)
CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what is repeated, in how many threads, and what is done before without being measured."""

    name: str
    batch: Callable[[], int]
    threads: int = 1
    before: Callable[[], None] | None = None

    def prepare(self) -> None:
        if self.before is not None:
            self.before()


def baseline() -> Callable[[], int]:
    """The rows of one straight-through instance again and again, under new keys, by `save` one after the other."""
    work.straight(work.snapshot_of("straight"), 1)()
    instance = Instance.objects.get()
    rows = [instance, *(row for model in BELONGING for row in model.objects.filter(instance_id=instance.id))]
    print(f"{connection.vendor}: {len(rows)} rows an instance\n")

    def run() -> int:
        key = next(KEYS)
        with transaction.atomic():
            for number, original in enumerate(rows):
                _save_copy(original, key, number)
        return 1

    return run


def _save_copy(original: Model, key: int, number: int) -> None:
    meta = original._meta
    values = {field.attname: getattr(original, field.attname) for field in meta.concrete_fields}
    values[meta.pk.attname] = None if isinstance(original, JournalEntry | OutboxMessage) else key * 100 + number
    if "uuid" in values:
        values["uuid"] = uuid.uuid4()
    if "instance_id" in values:
        values["instance_id"] = key * 100
    if isinstance(original, OutboxMessage):
        values |= {"id": uuid.uuid4()}
    type(original)(**values).save(force_insert=True)


class Waiting:
    """Instances that wait, and the door by which they go on; each `run` takes all of them to their end."""

    def __init__(self, kind: str, count: int, at_once: int = 0) -> None:
        self._kind, self._count, self._at_once = kind, count, at_once
        self._partitions = work.Partitions(0)
        self._instances: list[uuid.UUID] = []

    def prepare(self) -> None:
        self._instances = work.start_all(self._kind, self._count)

    def run(self) -> int:
        if self._kind == "messages":
            work.answer_all(self._instances, self._partitions, self._at_once)
        else:
            work.fire_all()
        assert work.unfinished(self._instances) == 0
        return len(self._instances)


def rows(population: int) -> Iterator[Row]:
    straight, durable = work.snapshot_of("straight"), work.snapshot_of("messages")
    yield Row("baseline: the rows one by one", baseline())
    for size in (1, 10, 100):
        yield Row(f"straight, batches of {size}", work.straight(straight, size))
    if connection.vendor == "postgresql":
        for threads in (8, 32):
            yield Row(f"straight, {threads} threads", work.straight(straight, 1), threads)
    yield Row("durable, single calls", work.durable(durable, 1))
    for size in (100, 500):
        waiting = Waiting("messages", population, size)
        yield Row(f"durable, messages by {size}", waiting.run, before=waiting.prepare)
    waiting = Waiting("timers", population)
    yield Row("durable, due timers by 500", waiting.run, before=waiting.prepare)


def rate(row: Row, seconds: float) -> float:
    """Instances a second for about `seconds`, without what is done before."""
    spent, done = 0.0, 0
    while spent < seconds:
        row.prepare()
        begun = time.perf_counter()
        done += row.batch() if row.before is not None else repeat(row.batch, row.threads, seconds)
        spent += time.perf_counter() - begun
    return done / spent


def cost(row: Row) -> tuple[float, float, float | None]:
    """Statements, commits and, on PostgreSQL, bytes of WAL an instance."""
    row.prepare()
    with CaptureQueriesContext(connection) as captured:
        done = row.batch()
    texts = [query["sql"] or "" for query in captured.captured_queries]
    commits = sum(text.startswith("COMMIT") for text in texts)
    statements = sum(not text.startswith(CONTROL) for text in texts)
    if connection.vendor != "postgresql":
        return statements / done, commits / done, None
    row.prepare()
    before = _wal_position()
    done = row.batch()
    return statements / done, commits / done, (_wal_position() - before) / done


def _wal_position() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
        return int(cursor.fetchone()[0])


@contextmanager
def scratch_database() -> Iterator[None]:
    """A database of its own with the processes in it, dropped with the block."""
    if connection.vendor == "sqlite":  # a file: Django's own choice for tests would be memory
        connection.settings_dict["TEST"]["NAME"] = f"{connection.settings_dict['NAME']}.scratch"
    kept = setup_databases(verbosity=0, interactive=False)
    try:
        work.publish()
        yield
    finally:
        teardown_databases(kept, verbosity=0)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each row is measured")
    parser.add_argument("--population", type=int, default=1_000, help="instances that wait for messages or timers")
    given = parser.parse_args(arguments)
    with scratch_database():
        first = 0.0
        heads = ("instances/s", "x baseline", "statements", "commits", "WAL bytes")
        for row in rows(given.population):
            if not first:
                print(f"{'':34}" + "".join(f"{head:>12}" for head in heads))
            statements, commits, wal = cost(row)  # which warms up
            found = rate(row, given.seconds)
            first = first or found
            figures = (f"{found:,.0f}", f"{found / first:.1f}", f"{statements:.2f}", f"{commits:.2f}")
            print(
                f"{row.name:34}" + "".join(f"{each:>12}" for each in (*figures, "-" if wal is None else f"{wal:,.0f}"))
            )


if __name__ == "__main__":
    main()
