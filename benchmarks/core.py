"""How many straight-through instances a second the pure core runs in memory, on one core of the machine.

    python benchmarks/core.py

START, a TASK without actions, END: seven journal entries, two frames and three visits an instance, nothing stored.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.core import machine  # noqa: E402
from engine.core.graph import FORMAT, Graph  # noqa: E402
from engine.core.stimuli import Actor, Start  # noqa: E402
from engine.core.turn import World  # noqa: E402

PARAMS = {"application": {"client": {"firstName": "Tamsin", "heightCm": 174}}, "bike": "TRAIL-300"}
ACTOR = Actor("bench")
BATCH = 100


def graph() -> Graph:
    kinds = ("START", "TASK", "END")
    nodes = [{"id": n, "key": f"n{n}", "name": f"Node {n}", "type": kind} for n, kind in enumerate(kinds, 1)]
    flows = [{"id": n, "sourceNode": n, "targetNode": n + 1} for n in (1, 2)]
    return Graph.from_json(
        {"format": FORMAT, "definitionId": 1, "name": "core", "version": 1, "nodes": nodes, "sequences": flows}
    )


def run(compiled: Graph, count: int) -> None:
    ids = itertools.count(1)
    for _ in range(0, count, BATCH):
        world = World(now=datetime.now(UTC), ids=ids, new_uuid=uuid.uuid4, graph=lambda _: compiled)
        for _ in range(BATCH):
            machine.step(world, Start(uuid.uuid4(), 1, PARAMS, ACTOR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5_000, help="instances a round")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    compiled, count, rates = graph(), given.count, []
    run(compiled, count)
    for _ in range(given.rounds):
        begun = time.process_time()
        run(compiled, count)
        rates.append(count / (time.process_time() - begun))
    print(f"{statistics.median(rates):,.0f} instances a second of processor time (median of {len(rates)} rounds)")


if __name__ == "__main__":
    main()
