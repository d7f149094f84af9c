"""What a measurement costs, read from outside: statements, commits, WAL, and processor time of the engine and of PostgreSQL.

Statements are what `pg_stat_statements` counts, without BEGIN and COMMIT; each row of a JDBC batch counts as one. Commits are
the transactions that wrote: how many numbers the server gave out. Processor time is what the kernel counted for the engine's OS
processes and for all of the server's (Linux only).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg

LIBRARY = "pg_stat_statements"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
CONTROL = "^(begin|start|commit|end|rollback|abort|savepoint|release|set|show|reset|deallocate|discard)\\M"
COUNTED = """
    SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
    WHERE query !~* %s AND dbid = (SELECT oid FROM pg_database WHERE datname = %s)"""
WRITTEN = """
    SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint"""


@dataclass(frozen=True, slots=True)
class Found:
    """One measurement: instances a second, and what each instance cost."""

    rate: float
    engine_ms: float
    postgres_ms: float
    statements: float
    commits: float
    wal_bytes: float


class Meter:
    """Measures one stretch after the other, on the server of `url`."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        self._connection.execute(f"CREATE EXTENSION IF NOT EXISTS {LIBRARY}")
        self._postmaster = int(_stat(self._connection.info.backend_pid)[1])

    def begin(self, processes: Iterable[int]) -> None:
        """A stretch begins, of the engine that runs in these OS processes."""
        self._processes = list(processes)
        self._connection.execute("SELECT pg_stat_statements_reset()")
        self._wal, self._commits = self._written()
        self._engine_s, self._postgres_s = self._processor_s()
        self._at = time.perf_counter()

    def end(self, database: str, instances: int) -> Found:
        """It is over: so many instances, in this database."""
        spent = time.perf_counter() - self._at
        engine_s, postgres_s = self._processor_s()
        wal, commits = self._written()
        statements = self._number(COUNTED, [CONTROL, database])
        return Found(
            rate=instances / spent,
            engine_ms=(engine_s - self._engine_s) * 1000 / instances,
            postgres_ms=(postgres_s - self._postgres_s) * 1000 / instances,
            statements=statements / instances,
            commits=(commits - self._commits) / instances,
            wal_bytes=(wal - self._wal) / instances,
        )

    def close(self) -> None:
        self._connection.close()

    def _written(self) -> tuple[int, int]:
        """Bytes of WAL and writing transactions since the server was made."""
        row = self._connection.execute(WRITTEN).fetchone()
        assert row is not None
        return int(row[0]), int(row[1])

    def _number(self, query: LiteralString, parameters: Sequence[object]) -> int:
        row = self._connection.execute(query, parameters).fetchone()
        assert row is not None
        return int(row[0])

    def _processor_s(self) -> tuple[float, float]:
        """Seconds so far of the engine's processes, and of the server's: those that ended count with their parent."""
        engine = sum(_spent(pid) for pid in self._processes)
        server = _spent(self._postmaster, ended=True) + sum(_spent(pid) for pid in _children(self._postmaster))
        return engine, server


def _stat(pid: int) -> list[str]:
    """The words of /proc/PID/stat behind the name: state, parent, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _spent(pid: int, *, ended: bool = False) -> float:
    """User and system time of a process, with `ended` also of its children that it has waited for."""
    try:
        words = _stat(pid)
    except OSError:  # it ended just now
        return 0.0
    return sum(int(word) for word in words[11 : 15 if ended else 13]) / TICKS_A_SECOND


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if int(_stat(int(entry.name))[1]) == parent:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
