"""One OS process of ours under measurement; `benchmarks/peers.py` starts several and asks them as it asks the Java engines.

    python benchmarks/worker.py NUMBER     # number 0 makes the tables and publishes the processes first

It reads lines and answers each, on the database of DATABASE_URL:

    prepare KIND COUNT            prepared     so many instances wait: for messages, or for timers that are due
    go KIND THREADS SECONDS SIZE  INSTANCES    straight, durable: batches of SIZE for so long; else all that wait, to their end
    check                         UNFINISHED   how many of those that waited have not ended
    fill STORED                   filled       so many ended instances are stored (benchmarks/growth.py)
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks import work  # noqa: E402  (sets Django up; before anything of the engine's)
from benchmarks.fill import fill  # noqa: E402
from flowx_site import collector  # noqa: E402


class Worker:
    """Carries out what the lines ask for."""

    def __init__(self, number: int) -> None:
        self._partitions = work.Partitions(number)
        self._waiting: list[uuid.UUID] = []

    def answer(self, line: str) -> str:
        match line.split():
            case ["prepare", kind, count]:
                self._waiting = work.start_all(kind, int(count))
                return "prepared"
            case ["go", ("straight" | "durable") as kind, threads, seconds, size]:
                return str(repeat(self._batch(kind, int(size)), int(threads), float(seconds)))
            case ["go", "messages", _, _, size]:
                work.answer_all(self._waiting, self._partitions, int(size))
                return str(len(self._waiting))
            case ["go", "timers", _, _, _]:
                work.fire_all()
                return str(len(self._waiting))
            case ["fill", stored]:
                fill(int(stored))
                return "filled"
            case ["check"]:
                return str(work.unfinished(self._waiting))
        raise ValueError(line)

    def _batch(self, kind: str, size: int) -> Callable[[], int]:
        if kind == "straight":
            return work.straight(work.snapshot_of("straight"), size)
        return work.durable(work.snapshot_of("messages"), size)


def repeat(batch: Callable[[], int], threads: int, seconds: float) -> int:
    """Batch after batch in each thread until the time is over; gives how many instances."""
    until = time.perf_counter() + seconds

    def one() -> int:
        done = 0
        while time.perf_counter() < until:
            done += batch()
        connection.close()
        return done

    with ThreadPoolExecutor(threads) as pool:
        return sum(each.result() for each in [pool.submit(one) for _ in range(threads)])


def main() -> None:
    number = int(sys.argv[1])
    if number == 0:
        call_command("migrate", verbosity=0)
        work.publish()
    worker = Worker(number)
    collector.settle()
    print("ready", flush=True)
    for line in sys.stdin:
        print(worker.answer(line), flush=True)


if __name__ == "__main__":
    main()
