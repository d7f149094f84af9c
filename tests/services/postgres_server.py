"""A real PostgreSQL of our own, in a temporary folder on a free port, for the tests of this folder and the benchmarks.

It runs as the user `postgres` when the tests run as root, which PostgreSQL refuses; it does not sync, since its data need not
outlive the tests.
"""

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from flowx_site.demo import children

PLACES = "/usr/lib/postgresql"  # Debian keeps each version's programs in a folder of its own, off PATH
OLDEST = 15
START_LIMIT_S = 60.0
SPEED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")


class NoPostgresError(RuntimeError):
    """PostgreSQL cannot be had; the message says what to install or where to look."""


def programs() -> Path:
    """The folder of `initdb` and `postgres`, of the newest version; raises NoPostgresError."""
    found = sorted(Path(PLACES).glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    folders = found + ([Path(on_path).resolve().parent] if on_path else [])
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            check_version(folder)
            return folder
    raise NoPostgresError(f"No PostgreSQL server was found: install the package postgresql ({OLDEST} or later).")


def check_version(folder: Path) -> None:
    """Raises NoPostgresError for a server that is too old."""
    words = subprocess.run(
        [folder / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout.split()
    if int(words[2].split(".")[0].split("d")[0]) < OLDEST:
        raise NoPostgresError(f"PostgreSQL {words[2]} is too old: {OLDEST} or later is needed.")


def unprivileged_user() -> str | None:
    """Who runs the server when we are root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class PostgresServer:
    """One running server; `url` is the address of its database `postgres`. It may be stopped and started again."""

    def __init__(self, folder: Path, settings: Sequence[str] = SPEED) -> None:
        folder.mkdir(parents=True)
        self._settings = settings
        self._programs = programs()
        self._user = unprivileged_user()
        self._data = folder / "data"
        self._sockets = folder
        self._log = folder / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = children.free_port()
        if self._user is not None:
            shutil.chown(folder, self._user)
            for parent in folder.parents[:1]:
                parent.chmod(0o755)  # a temporary folder is closed to other users
        subprocess.run(
            [
                self._programs / "initdb",
                "-D",
                self._data,
                "-U",
                "flowx",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
            ],
            cwd=folder,
            user=self._user,
            extra_groups=[] if self._user else None,
            check=True,
            capture_output=True,
        )

    @property
    def url(self) -> str:
        """For DATABASE_URL."""
        return f"postgres://flowx@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start and wait until it answers; on the same port as before."""
        options = [word for setting in self._settings for word in ("-c", setting)]
        command = [
            *(str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port), "-h", "127.0.0.1"),
            *("-k", str(self._sockets), *options),
        ]
        with self._log.open("ab") as log:
            self._process = children.start(command, log=log, cwd=self._sockets, user=self._user)
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        self.stop()
        raise NoPostgresError(f"PostgreSQL did not start: {self._log.read_text()[-2000:]}")

    @property
    def log(self) -> str:
        """What the server has written so far."""
        return self._log.read_text(errors="replace")

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it at once, as a crash would: open connections break. May be called twice."""
        if self._process is not None:
            children.end([self._process], patience_s=0)
            self._process = None
