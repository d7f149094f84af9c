"""The programs that a comparison runs: a PostgreSQL of its own, Java engines, and OS processes of ours, all asked by lines.

An engine is one or more OS processes on one database. `Engine.measure` asks as many of them as wanted at the same time, so that
a Java engine, which computes on all cores in one process, is compared with what ours is deployed as: several processes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402

from benchmarks.meters import LIBRARY, Found, Meter  # noqa: E402
from tests.services.postgres_server import PostgresServer  # noqa: E402

PROGRAMS = ROOT / "benchmarks" / "peers"
MAINS = {"flowable": "peers.FlowablePeer", "operaton": "peers.OperatonPeer"}
SETTINGS = (
    *("max_connections=300", "shared_buffers=256MB", "max_wal_size=4GB", "checkpoint_timeout=30min"),
    f"shared_preload_libraries={LIBRARY}",
)
POOL_SIZE = 32  # connections of one process of ours: one for each of its threads
WITH_POPULATION = ("messages", "triggers", "timers")
DEAF_REDIS = "redis://127.0.0.1:1/0"  # nobody listens: hints are dropped, as with Redis away


class NoPeerError(RuntimeError):
    """A Java engine cannot be had; the message says why."""


@dataclass(frozen=True, slots=True)
class Way:
    """How an engine is driven: by how many OS processes, threads in each, instances or records in a batch."""

    processes: int = 1
    threads: int = 1
    size: int = 1


class Program:
    """One OS process that answers lines."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT
        )
        self.pid = self._process.pid

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        """The next line; raises `RuntimeError` when the program has ended."""
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        if not said:
            raise RuntimeError(f"{self._process.args!r} ended instead of giving an answer")
        return said.strip()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)


class Engine:
    """One engine: its processes, on a database of its own."""

    def __init__(self, name: str, database: str, programs: Sequence[Program], meter: Meter) -> None:
        self.name = name
        self.database = database
        self._programs = programs
        self._meter = meter

    def measure(self, kind: str, way: Way, seconds: float, population: int) -> Found:
        """Whole instances for so long, or, for a kind with a population, until so many have ended."""
        asked = self._programs[: way.processes]
        if kind in WITH_POPULATION:
            self.ask_all(asked, f"prepare {kind} {population // way.processes}")
        self._meter.begin(program.pid for program in asked)
        answers = self.ask_all(asked, f"go {kind} {way.threads} {seconds} {way.size}")
        found = self._meter.end(self.database, sum(int(answer) for answer in answers))
        unfinished = sum(int(answer) for answer in self.ask_all(asked, "check"))
        assert unfinished == 0, f"{self.name} left {unfinished} instances unfinished: {kind}"
        return found

    def fill(self, stored: int) -> None:
        """Store so many ended instances (ours only)."""
        self.ask_all(self._programs[:1], f"fill {stored}")

    def ask_all(self, programs: Sequence[Program], line: str) -> list[str]:
        """Ask at the same time; gives the answers when all are there."""
        for program in programs:
            program.tell(line)
        return [program.answer() for program in programs]


@contextmanager
def private_postgres(*settings: str) -> Iterator[PostgresServer]:
    """A server that syncs each commit to its disk, ended with the block."""
    with tempfile.TemporaryDirectory(prefix="flowx-bench-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder) / "postgres", SETTINGS + settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def meter(server: PostgresServer) -> Iterator[Meter]:
    made = Meter(server.url)
    try:
        yield made
    finally:
        made.close()


def address(server: PostgresServer, database: str) -> str:
    """For DATABASE_URL."""
    return server.url.rpartition("/")[0] + f"/{database}"


def create_database(server: PostgresServer, name: str) -> str:
    """A new database; gives its address."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return address(server, name)


@contextmanager
def ours(server: PostgresServer, measured: Meter, processes: int, *, database: str = "ours") -> Iterator[Engine]:
    """So many processes of ours on a new database."""
    env = os.environ | {
        "DATABASE_URL": create_database(server, database),
        "DJANGO_SETTINGS_MODULE": "flowx_site.settings",
        "FLOWX_DB_POOL_SIZE": str(POOL_SIZE),
        "REDIS_URL": DEAF_REDIS,
    }
    with ExitStack() as stack:
        programs = []
        for number in range(processes):
            program = Program([sys.executable, str(ROOT / "benchmarks" / "worker.py"), str(number)], env)
            stack.callback(program.close)
            assert program.answer() == "ready"
            programs.append(program)
        yield Engine("ours", database, programs, measured)


@contextmanager
def peer(name: str, server: PostgresServer, measured: Meter) -> Iterator[Engine]:
    """A Java engine on a new database. Raises `NoPeerError`."""
    if shutil.which("mvn") is None or shutil.which("java") is None:
        raise NoPeerError("Maven and Java 17 are needed")
    if not _is_built(name):
        built = subprocess.run(["mvn", "-q", "-B", "clean", "package"], cwd=PROGRAMS, capture_output=True, text=True)
        if built.returncode:
            raise NoPeerError(built.stdout[-800:])
    create_database(server, name)
    jars = PROGRAMS / name / "target"
    url = f"jdbc:postgresql://127.0.0.1:{server.port}/{name}"
    program = Program(["java", "-Xmx1g", "-cp", f"{jars}/peers-{name}-1.jar:{jars}/lib/*", MAINS[name], url, "flowx"])
    try:
        while program.answer() != "ready":
            pass
        yield Engine(name, name, [program], measured)
    finally:
        program.close()


def _is_built(name: str) -> bool:
    """Whether the engine's jars are there and newer than every source."""
    jar = PROGRAMS / name / "target" / f"peers-{name}-1.jar"
    if not jar.exists() or not (jar.parent / "lib").exists():
        return False
    sources = [path for part in ("common", name) for path in (PROGRAMS / part / "src").rglob("*") if path.is_file()]
    return all(path.stat().st_mtime <= jar.stat().st_mtime for path in [*sources, *PROGRAMS.rglob("pom.xml")])
