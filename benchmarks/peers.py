"""Ours beside Java engines embedded on the same PostgreSQL, in turn, in the same run.

    python benchmarks/peers.py [--rounds 3] [--seconds 2] [--only flowable]

Starts a PostgreSQL of its own (fsync on, a temporary folder, as the user `postgres` when run as root), builds the programs
under `benchmarks/peers/` with Maven where that has not been done, and asks each engine in turn, round after round. Figures are
medians; the machine's noise hits all alike, so only the ratios of one run mean something. An engine that cannot be had is left
out, and said.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402

from tests.services.postgres_server import PostgresServer  # noqa: E402

PROGRAMS = ROOT / "benchmarks" / "peers"
MAINS = {"flowable": "peers.FlowablePeer", "operaton": "peers.OperatonPeer"}
SETTINGS = ("max_connections=200", "shared_buffers=256MB", "max_wal_size=4GB", "checkpoint_timeout=30min")
WARM_UP_S = 4.0
KINDS = ("straight", "durable")
THREADS = (1, 8, 32)


@dataclass(frozen=True, slots=True)
class Found:
    """What one engine did in one round."""

    rate: float
    wal_bytes: float


Ask = Callable[[str, int, float], Found]


class NoPeerError(RuntimeError):
    """A Java engine cannot be had; the message says why."""


@contextmanager
def private_postgres() -> Iterator[PostgresServer]:
    """A server that syncs each commit to its disk, ended with the block."""
    with tempfile.TemporaryDirectory(prefix="flowx-bench-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder) / "postgres", SETTINGS)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def peer(name: str, server: PostgresServer) -> Iterator[Ask]:
    """A warm Java engine on a database of its own. Raises `NoPeerError`."""
    jars = PROGRAMS / name / "target"
    if not (jars / "lib").exists():
        if shutil.which("mvn") is None or shutil.which("java") is None:
            raise NoPeerError("Maven and Java 17 are needed")
        built = subprocess.run(["mvn", "-q", "-B", "package"], cwd=PROGRAMS, capture_output=True, text=True)
        if built.returncode:
            raise NoPeerError(built.stdout[-800:])
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
    url = f"jdbc:postgresql://127.0.0.1:{server.port}/{name}"
    command = ["java", "-Xmx1g", "-cp", f"{jars}/peers-{name}-1.jar:{jars}/lib/*", MAINS[name], url, "flowx"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    given, answers = process.stdin, process.stdout
    while (said := answers.readline()) != "ready\n":
        if not said:
            raise NoPeerError("it did not start")

    def ask(kind: str, threads: int, seconds: float) -> Found:
        given.write(f"{kind} {threads} {seconds}\n")
        given.flush()
        done, spent, wal = answers.readline().split()
        return Found(int(done) / float(spent), int(wal) / int(done))

    try:
        yield ask
    finally:
        given.close()
        process.wait(20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement in a round")
    parser.add_argument("--only", choices=sorted(MAINS), help="one Java engine instead of both")
    given = parser.parse_args()
    with ExitStack() as stack:
        server = stack.enter_context(private_postgres())
        os.environ["DATABASE_URL"] = server.url
        os.environ.setdefault("FLOWX_DB_POOL_SIZE", "10")
        from benchmarks import engine

        stack.enter_context(engine.scratch_database())
        ours = engine.Ours()
        engines: dict[str, Ask] = {"ours": lambda *asked: Found(*ours.measure(*asked))}
        for name in [given.only] if given.only else MAINS:
            try:
                engines[name] = stack.enter_context(peer(name, server))
            except NoPeerError as error:
                print(f"{name} is left out: {error}")
        for ask in engines.values():
            for kind in KINDS:
                ask(kind, 8, WARM_UP_S / 2)
        for kind in KINDS:
            for threads in THREADS:
                rounds = [
                    {name: ask(kind, threads, given.seconds) for name, ask in engines.items()}
                    for _ in range(given.rounds)
                ]
                table(f"{kind}, {threads} thread{'s' * (threads > 1)}", rounds)
        batches = {"straight": ours.in_batches, "durable": ours.durable_in_batches}
        for kind, run in batches.items():
            for size in (10, 100):
                rounds = [{f"ours, batches of {size}": Found(*run(size, given.seconds))} for _ in range(given.rounds)]
                table(f"{kind}, batches of {size}", rounds)


def table(title: str, rounds: list[dict[str, Found]]) -> None:
    """The medians of each engine, and ours against the best of the others."""
    rates = {name: statistics.median(each[name].rate for each in rounds) for name in rounds[0]}
    print(f"\n{title}")
    for name, rate in rates.items():
        wal = statistics.median(each[name].wal_bytes for each in rounds)
        print(f"  {name:24}{rate:>10,.0f} instances/s{wal:>10,.0f} bytes of WAL each")
    others = {name: rate for name, rate in rates.items() if not name.startswith("ours")}
    if others and "ours" in rates:
        best = max(others, key=others.__getitem__)
        print(f"  ours / {best}: {rates['ours'] / others[best]:.2f}", flush=True)


if __name__ == "__main__":
    main()
