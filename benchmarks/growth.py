"""Whether the engine gets slower as instances pile up: the same rows measured with few and with many stored.

    python benchmarks/growth.py [--stored 100000]        # 1000000 for the whole claim: about 10 GB of disk, some minutes to fill

On a PostgreSQL of its own. Ended instances are copies of one that ran, made by INSERT ... SELECT from generate_series, in every
table that a straight-through instance writes. Each row is the median of several rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.peers import private_postgres  # noqa: E402

FIRST = 10**12
STEP = 100  # ids of one copy: its instance, then its tokens and visits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with private_postgres() as server:
        os.environ["DATABASE_URL"] = server.url
        from benchmarks import engine

        with engine.scratch_database():
            ours = engine.Ours()
            measured = {}
            stored = 0
            for wanted in (1_000, given.stored):
                begun = time.perf_counter()
                fill(engine, stored, wanted)
                print(f"{wanted:,} stored ({time.perf_counter() - begun:.0f} s to fill)", flush=True)
                stored = wanted
                measured[wanted] = rates(ours, given.rounds)
            few, many = measured.values()
            for name, rate in many.items():
                print(f"  {name:28}{few[name]:>10,.0f}{rate:>10,.0f} instances/s{rate / few[name]:>8.2f}")


def rates(ours: Any, rounds: int) -> dict[str, float]:
    asked = {
        "straight, one at a time": lambda: ours.measure("straight", 1, 1.5)[0],
        "straight, batches of 100": lambda: ours.in_batches(100, 1.5)[0],
        "durable, one at a time": lambda: ours.measure("durable", 1, 1.5)[0],
    }
    for ask in asked.values():
        ask()
    return {name: statistics.median(ask() for _ in range(rounds)) for name, ask in asked.items()}


def fill(engine: Any, stored: int, wanted: int) -> None:
    """Copies of one ended instance, from number `stored` on up to `wanted`."""
    instance = engine.Instance.objects.filter(id__lt=FIRST, process_name="straight").first()
    if instance is None:
        engine.runtime.apply(engine.starts(engine.Ours()._straight, 1))
        instance = engine.Instance.objects.get(id__lt=FIRST)
    with engine.connection.cursor() as cursor:
        for model in (engine.Instance, *engine.BELONGING):
            own = "id" if model is engine.Instance else "instance_id"
            names, values = zip(*columns(engine, model, instance.id), strict=True)
            table = model._meta.db_table
            cursor.execute(
                f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table}, "  # noqa: S608
                f"generate_series({stored} + 1, {wanted}) g WHERE {own} = {instance.id}"
            )
        cursor.execute("ANALYZE")
        cursor.execute("CHECKPOINT")


def columns(engine: Any, model: Any, instance_id: int) -> list[tuple[str, str]]:
    """Column and expression: ids of the copy's own, fresh uuids, the rest as it is."""
    mine = f"{FIRST} + g::bigint * {STEP}"
    found = []
    for field in model._meta.concrete_fields:
        name = f'"{field.column}"'
        value = name
        if field.get_internal_type() == "BigAutoField":
            continue  # journal and outbox are numbered by the database
        if field.get_internal_type() == "UUIDField":
            value = f"CASE WHEN {name} IS NULL THEN NULL ELSE gen_random_uuid() END"
        elif field.attname in ("root_id", "instance_id") or (model is engine.Instance and field.attname == "id"):
            value = mine
        elif field.attname in ("id", "token_id", "visit_id"):
            value = f"{mine} + {name} - {instance_id}"
        elif field.attname == "state" and model is engine.OutboxMessage:
            value = "'sent'"
        found.append((name, value))
    return found


if __name__ == "__main__":
    main()
