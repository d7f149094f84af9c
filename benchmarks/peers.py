"""Ours beside Java engines embedded on the same PostgreSQL, in turn, in the same run.

    python benchmarks/peers.py [--rounds 3] [--seconds 2] [--population 1000] [--kinds single timers] [--only flowable | --alone]

Starts a PostgreSQL of its own (fsync on, a temporary folder, as the user `postgres` when run as root), builds the programs
under `benchmarks/peers/` with Maven where that has not been done, and asks each engine in turn, round after round. Figures are
medians; the machine's noise hits all alike, so only the ratios of one run mean something. Processor time is less noisy than the
clock. An engine that cannot be had is left out, and said.

A Java engine is one OS process that computes on all cores; ours is deployed as several processes, of which each computes on one
core. The tables name both: what one process of ours does, and what two and four do beside the others' 8 and 32 threads.

The others fire timers by their own executors: 8 threads, 256 jobs acquired at once, 10 ms between two looks. Messages reach
them by a subscription (`messages`) and, as the cheapest way they have, by the known execution of a receive task (`triggers`).
Records reach ours by the gateway's door, with offset rows and known ids in the same transaction.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import programs  # noqa: E402
from benchmarks.meters import Found  # noqa: E402
from benchmarks.programs import MAINS, Engine, NoPeerError, Way  # noqa: E402

WARM_UP_S = 4.0
POLL = 500  # records that one poll of the gateway gives at most


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: what an engine is asked, and how that is called."""

    kind: str
    way: Way
    name: str


@dataclass(frozen=True, slots=True)
class Table:
    """What is compared, and the rows of ours and of each of the others."""

    title: str
    ours: Sequence[Row]
    others: Sequence[Row]


def _several(kind: str, ways: Iterable[tuple[int, int]]) -> list[Row]:
    return [Row(kind, Way(n, t), f"{_count(n, 'process')} x {_count(t, 'thread')}") for n, t in ways]


def _batches(kind: str, ways: Iterable[tuple[int, int]]) -> list[Row]:
    return [Row(kind, Way(n, 1, size), f"{_count(n, 'process')}, batches of {size}") for n, size in ways]


def _threads(kind: str, *threads: int) -> list[Row]:
    said = f", {kind}" if kind in ("messages", "triggers") else ""
    return [Row(kind, Way(threads=t), f"{_count(t, 'thread')}{said}") for t in threads]


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 'es' if word.endswith('s') else 's'}"


SEVERAL = ((1, 8), (1, 32), (2, 1), (2, 4), (2, 8), (4, 1), (4, 4), (4, 8))
FEW_BATCHES = ((1, 10), (1, 100), (2, 10), (2, 100))
TABLES = {
    "single": Table("straight through, one at a time", _several("straight", [(1, 1)]), _threads("straight", 1)),
    "threads": Table("straight through, concurrent calls", _several("straight", SEVERAL), _threads("straight", 8, 32)),
    "batches": Table("straight through, batches", _batches("straight", FEW_BATCHES), _threads("straight", 8, 32)),
    "durable": Table(
        "each step durable, single calls from start to end",
        _several("durable", [(1, 1), *SEVERAL]),
        _threads("durable", 1, 8, 32),
    ),
    "messages": Table(
        "each step durable, three messages to instances that wait",
        _batches("messages", [(1, 100), (1, POLL), (2, 100), (2, POLL)]),
        _threads("messages", 8, 32) + _threads("triggers", 8, 32),
    ),
    "timers": Table(
        "each step durable, three timers that are due",
        [Row("timers", Way(n), f"{_count(n, 'process')}, due rows by 500") for n in (1, 2)],
        [Row("timers", Way(threads=8), "executor of 8 threads")],
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement in a round")
    parser.add_argument("--population", type=int, default=1_000, help="instances that wait for messages or timers")
    parser.add_argument("--kinds", nargs="+", choices=sorted(TABLES), default=list(TABLES), help="which tables")
    parser.add_argument("--warm-up", type=float, default=WARM_UP_S, help="seconds for each engine and kind before")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--only", choices=sorted(MAINS), help="one Java engine instead of both")
    which.add_argument("--alone", action="store_true", help="ours without the others")
    given = parser.parse_args()
    tables = [TABLES[kind] for kind in given.kinds]
    with ExitStack() as stack:
        server = stack.enter_context(programs.private_postgres())
        meter = stack.enter_context(programs.meter(server))
        processes = max(row.way.processes for table in tables for row in table.ours)
        engines = [stack.enter_context(programs.ours(server, meter, processes))]
        for name in [] if given.alone else [given.only] if given.only else MAINS:
            try:
                engines.append(stack.enter_context(programs.peer(name, server, meter)))
            except NoPeerError as error:
                print(f"{name} is left out: {error}")
        for table in tables:
            measure(table, engines, given)


def measure(table: Table, engines: Sequence[Engine], given: argparse.Namespace) -> None:
    """Warm all up, then all rows in turn, round after round."""
    rows = [(engine, row) for engine in engines for row in (table.ours if engine.name == "ours" else table.others)]
    for engine, row in rows:
        share = sum(other is engine for other, _ in rows)
        engine.measure(row.kind, row.way, given.warm_up / share, max(8 * row.way.processes, given.population // 4))
    found: dict[str, list[Found]] = {}
    for _ in range(given.rounds):
        for engine, row in rows:
            result = engine.measure(row.kind, row.way, given.seconds, given.population)
            found.setdefault(f"{engine.name}, {row.name}", []).append(result)
    show(table.title, {name: median(rounds) for name, rounds in found.items()})


def median(rounds: Sequence[Found]) -> Found:
    return Found(*(statistics.median(getattr(each, field.name) for each in rounds) for field in fields(Found)))


def show(title: str, found: dict[str, Found]) -> None:
    """A row for each way of each engine, beside the fastest of the others."""
    others = {name: each.rate for name, each in found.items() if not name.startswith("ours")}
    best = max(others, key=others.__getitem__, default="")
    heads = ("instances/s", "x best", "ms engine", "ms server", "statements", "commits", "WAL bytes")
    print(f"\n{title}\n{'':38}" + "".join(f"{head:>12}" for head in heads))
    for name, each in found.items():
        ratio = f"{each.rate / others[best]:.2f}" if best else "-"
        figures = (f"{each.rate:,.0f}", ratio, f"{each.engine_ms:.2f}", f"{each.postgres_ms:.2f}")
        counts = (f"{each.statements:.2f}", f"{each.commits:.2f}", f"{each.wal_bytes:,.0f}")
        print(f"  {name:36}" + "".join(f"{figure:>12}" for figure in figures + counts))
    mine = {name: each.rate for name, each in found.items() if name.startswith("ours")}
    if best:
        fastest = max(mine, key=mine.__getitem__)
        print(f"  {fastest} / {best}: {mine[fastest] / others[best]:.2f}", flush=True)


if __name__ == "__main__":
    main()
