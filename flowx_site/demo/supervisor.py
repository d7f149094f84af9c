"""Starts all parts of the demo, watches them, and ends all of them: the one place that knows their order.

1. Hold the folder, see that the port is free (one sentence and exit code 1 where not).
2. Start a private Redis and, in this process, the embedded broker.
3. Prepare the database in a program of its own: tables, people, the sample.
4. Start web, gateway, worker, beat and the sample external system side by side; wait until the site is ready.
5. Print where to go. Start again whatever ends by itself, unless it keeps on ending.
6. On Ctrl-C or SIGTERM: end all parts together, then broker and Redis; whoever does not listen is killed.

Every child is on a leash (`children`), so none outlives this process even if it is killed with SIGKILL. What was in the broker
and in Redis is lost then; instances, timers and unsent messages are rows and go on at the next start.
"""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from types import FrameType
from typing import IO

from engine.kafka.embedded import EmbeddedBroker, EmbeddedBrokerError
from flowx_site.config import BASE_DIR, config
from flowx_site.demo import children
from flowx_site.demo.folder import DemoRefusedError, Folder, take
from flowx_site.demo.private_redis import NoRedisError, PrivateRedis
from flowx_site.demo.words import greeting

HOST = "127.0.0.1"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TOPICS = {"warehouse.bike.reserve.v1": 4, "ai.flowx.dev.engine.receive.bike.reserved.v1": 4}  # else made at first use
PREPARE_LIMIT_S = 120.0
READY_LIMIT_S = 90.0
LOOK_EACH_S = 0.2
GIVE_SIGNS = {"gateway", "worker", "beat"}  # write a row once they work (engine 15.5)
STARTS_PER_MINUTE = 4  # a part that ends more often than this is broken
SETTINGS_OF_PRODUCTION = ("FLOWX_PRODUCTION", "DEBUG", "ALLOWED_HOSTS", "FLOWX_DB_POOL_SIZE")


class StopAskedError(Exception):
    """Ctrl-C or SIGTERM arrived."""


@dataclass(slots=True)
class Part:
    """One process of the demo and when it was started."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    starts: deque[float] = field(default_factory=lambda: deque(maxlen=STARTS_PER_MINUTE))

    @property
    def keeps_ending(self) -> bool:
        """Whether it was started too often within the last minute."""
        return len(self.starts) == STARTS_PER_MINUTE and time.monotonic() - self.starts[0] < 60


class Supervisor:
    """One run of the demo."""

    def __init__(self, port: int, say: Callable[[str], None]) -> None:
        self._port = port
        self._say = say
        self._address = f"http://{HOST}:{port}"
        self._parts: list[Part] = []
        self._logs: list[IO[bytes]] = []
        self._redis: PrivateRedis | None = None
        self._broker: EmbeddedBroker | None = None
        self._environ: dict[str, str] = {}

    def run(self) -> None:
        """Run until Ctrl-C or SIGTERM; raises DemoRefusedError, with everything ended, where that is not possible."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._ask_to_stop)
        try:
            folder = take(config.var_dir)
            self._start(folder)
            self._say(greeting(self._address, folder.passwords, folder.logs))
            self._watch(folder)
        except StopAskedError:
            pass
        except (NoRedisError, EmbeddedBrokerError) as error:
            raise DemoRefusedError(str(error)) from error
        finally:
            self._end()

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        raise StopAskedError

    def _start(self, folder: Folder) -> None:
        refuse_a_port_in_use(self._port)
        folder.note_address(self._address)
        self._redis = PrivateRedis()
        self._broker = EmbeddedBroker(TOPICS)
        self._environ = environment(folder, self._redis.url, self._broker.bootstrap)
        self._prepare(folder)
        for name, command in commands(self._port, self._broker.bootstrap).items():
            part = Part(name, command)
            self._parts.append(part)
            self._launch(part, folder)
        self._wait_until_ready(folder)

    def _prepare(self, folder: Folder) -> None:
        """Fill the database, in a child that ends before the others start."""
        part = Part("prepare", [sys.executable, "-m", "flowx_site.demo.prepare"])
        self._parts = [part]
        self._launch(part, folder)
        assert part.process is not None
        deadline = time.monotonic() + PREPARE_LIMIT_S
        while part.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if part.process.poll() != 0:
            raise DemoRefusedError(f"The database could not be prepared: {last_line(folder, part)}")
        self._parts = []

    def _launch(self, part: Part, folder: Folder) -> None:
        part.starts.append(time.monotonic())
        with (folder.logs / f"{part.name}.log").open("ab" if len(part.starts) > 1 else "wb") as log:
            part.process = children.start(part.command, log=log, env=self._environ, cwd=BASE_DIR)

    def _wait_until_ready(self, folder: Folder) -> None:
        """Return once the site says that it is ready and the others live; a part that ends meanwhile ends the demo."""
        deadline = time.monotonic() + READY_LIMIT_S
        while not (is_ready(self._address) and signs_of_life(folder) >= GIVE_SIGNS):
            for part in self._parts:
                if part.process is not None and part.process.poll() is not None:
                    raise DemoRefusedError(f"The demo's {part.name} did not start: {last_line(folder, part)}")
            if time.monotonic() > deadline:
                raise DemoRefusedError(f"The site was not ready after {READY_LIMIT_S:.0f} s; look into {folder.logs}.")
            time.sleep(LOOK_EACH_S)

    def _watch(self, folder: Folder) -> None:
        """Until asked to stop, start again what has ended."""
        while True:
            time.sleep(LOOK_EACH_S)
            if self._redis is not None:
                self._redis.ensure_started()
            for part in self._parts:
                if part.process is None or part.process.poll() is None:
                    continue
                if part.keeps_ending:
                    raise DemoRefusedError(f"The demo's {part.name} keeps ending: {last_line(folder, part)}")
                self._say(f"{part.name} has ended by itself and is started again.")
                self._launch(part, folder)

    def _end(self) -> None:
        """End the parts, then what they stand on; being asked to stop meanwhile changes nothing."""
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        children.end([part.process for part in reversed(self._parts) if part.process is not None])
        if self._redis is not None:
            self._redis.stop()
        if self._broker is not None:
            self._broker.stop()


def refuse_a_port_in_use(port: int) -> None:
    """Raises DemoRefusedError unless this process may listen on the port."""
    try:
        with socket.create_server((HOST, port)):
            return
    except PermissionError as error:
        raise DemoRefusedError(f"Port {port} needs rights of the system's; choose a higher one: PORT=8000.") from error
    except (OSError, OverflowError) as error:
        raise DemoRefusedError(
            f"Port {port} is in use; choose another one: make demo PORT={port % 60000 + 1}"
        ) from error


def environment(folder: Folder, redis_url: str, bootstrap: str) -> dict[str, str]:
    """What the demo's processes find in their environment; it never leads to servers that the person has set up."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in SETTINGS_OF_PRODUCTION and not name.startswith(("KAFKA_S", "DJANGO_"))
    }
    return kept | {
        "DJANGO_SETTINGS_MODULE": "flowx_site.settings",
        "PYTHONUNBUFFERED": "1",
        "SECRET_KEY": folder.secret_key,
        "FLOWX_VAR": str(folder.path),
        "DATABASE_URL": f"sqlite:///{folder.path / 'flowx.sqlite3'}",
        "REDIS_URL": redis_url,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "FLOWX_KAFKA_EMBEDDED": "true",
        "FLOWX_PROCESS_START_AUTH": "trusted",
    }


def commands(port: int, bootstrap: str) -> dict[str, list[str]]:
    """The demo's processes: those of an installation (architecture 5), each once, and the sample external system."""
    python = sys.executable
    celery = [python, "-m", "celery", "-A", "flowx_site"]
    return {
        "web": [
            *(python, "-m", "uvicorn", "flowx_site.asgi:application", "--host", HOST, "--port", str(port)),
            *("--lifespan", "off", "--log-level", "warning", "--timeout-graceful-shutdown", "3"),
        ],
        "gateway": [python, "manage.py", "gateway"],
        "worker": [*celery, "worker", "--pool", "threads", "--concurrency", "2", "--loglevel", "warning"],
        "beat": [*celery, "beat", "--loglevel", "warning", "--pidfile", ""],
        "bike_stock": [python, "examples/bike_stock.py", "--bootstrap", bootstrap, "--group-protocol", "consumer"],
    }


def is_ready(address: str) -> bool:
    """Whether the site says so."""
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def signs_of_life(folder: Folder) -> set[str]:
    """The kinds of processes that have said in the database that they live; read without Django, which is not set up for it."""
    try:
        with closing(sqlite3.connect(f"file:{folder.path / 'flowx.sqlite3'}?mode=ro", uri=True, timeout=1)) as database:
            return {kind for (kind,) in database.execute("SELECT kind FROM engine_heartbeat")}
    except sqlite3.Error:
        return set()


def last_line(folder: Folder, part: Part) -> str:
    """The last thing a part has written, and where the rest is."""
    file = folder.logs / f"{part.name}.log"
    lines = file.read_text(errors="replace").strip().splitlines() if file.exists() else []
    return f"{lines[-1] if lines else 'it wrote nothing'} (the whole of it is in {file})"
