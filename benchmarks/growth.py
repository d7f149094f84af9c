"""Whether the engine gets slower as instances pile up: two databases, one with few and one with many stored, measured in turn.

    python benchmarks/growth.py [--stored 100000]        # 1000000 for the whole claim: about 10 GB of disk, some minutes to fill

On a PostgreSQL of its own without autovacuum; before each round both databases are vacuumed and analyzed. Each round asks both
for each kind right after one another, the other way round the next time, so that the machine's noise hits both. Figures are
medians of the rounds; the ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402

from benchmarks import programs  # noqa: E402
from benchmarks.meters import Found  # noqa: E402
from benchmarks.programs import Engine, Way  # noqa: E402
from tests.services.postgres_server import PostgresServer  # noqa: E402

ASKED = (
    ("straight, one at a time", "straight", Way()),
    ("straight, batches of 100", "straight", Way(size=100)),
    ("durable, single calls", "durable", Way()),
    ("durable, messages by 100", "messages", Way(size=100)),
    ("durable, due timers", "timers", Way()),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=1_000)
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement in a round")
    parser.add_argument("--population", type=int, default=500, help="instances that wait for messages or timers")
    given = parser.parse_args()
    with ExitStack() as stack:
        server = stack.enter_context(programs.private_postgres("autovacuum=off"))
        meter = stack.enter_context(programs.meter(server))
        engines = []
        for name, stored in (("few", given.few), ("many", given.stored)):
            engine = stack.enter_context(programs.ours(server, meter, 1, database=name))
            begun = time.perf_counter()
            engine.fill(stored)
            print(f"{stored:,} stored in {time.perf_counter() - begun:.0f} s", flush=True)
            engines.append(engine)
        rounds = []
        for number in range(given.rounds + 1):
            tidy_up(server, ("few", "many"))
            rounds.append(measure(engines[:: -1 if number % 2 else 1], given.seconds, given.population))
        show(rounds[1:])  # the first was to warm up


def tidy_up(server: PostgresServer, databases: Sequence[str]) -> None:
    for name in databases:
        with psycopg.connect(programs.address(server, name), autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def measure(engines: Sequence[Engine], seconds: float, population: int) -> dict[tuple[str, str], Found]:
    """One round: what each database gave, by name of the row and database."""
    return {
        (name, engine.database): engine.measure(kind, way, seconds, population)
        for name, kind, way in ASKED
        for engine in engines
    }


def show(rounds: Sequence[dict[tuple[str, str], Found]]) -> None:
    heads = ("few", "many", "many / few", "lowest", "highest", "server ms few", "server ms many")
    print(f"\n{'instances/s':28}" + "".join(f"{head:>16}" for head in heads))
    for name, _, _ in ASKED:
        few, many = ([each[name, database] for each in rounds] for database in ("few", "many"))
        ratios = [b.rate / a.rate for a, b in zip(few, many, strict=True)]
        server = [statistics.median(each.postgres_ms for each in found) for found in (few, many)]
        rates = [f"{statistics.median(each.rate for each in found):,.0f}" for found in (few, many)]
        spread = [f"{each:.2f}" for each in (statistics.median(ratios), min(ratios), max(ratios))]
        costs = [f"{each:.2f}" for each in server]
        print(f"{name:28}" + "".join(f"{figure:>16}" for figure in (*rates, *spread, *costs)))


if __name__ == "__main__":
    main()
