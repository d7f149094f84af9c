"""The servers a test process runs on: a private Redis and the embedded broker, or, for `tests/services`, the real ones.

Each pytest process (with xdist: each worker) has its own, so tests never see each other's keys or records. They start when
`tests.settings` is first imported, because Django's settings name their addresses, and end with the process. A program that a
test starts finds them in its environment and starts none.
"""

import atexit
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from engine.kafka.embedded import EmbeddedBroker
from flowx_site.demo.private_redis import PrivateRedis

OWNER = "TEST_SERVERS_OF"  # in the environment: which pytest process the addresses belong to


@dataclass(frozen=True, slots=True)
class Servers:
    """What runs for this process; `broker` is None where a real Kafka runs."""

    redis: PrivateRedis
    broker: EmbeddedBroker | None
    folder: Path


running: Servers | None = None


def own_name() -> str:
    """This pytest process, as xdist calls it."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


def start_once() -> None:
    """Start this process's servers and put their addresses into the environment; does nothing in a child or a second time."""
    global running
    if os.environ.get(OWNER) == own_name():
        return
    folder = tempfile.TemporaryDirectory(prefix="flowx-tests-")
    atexit.register(folder.cleanup)
    redis = PrivateRedis()
    atexit.register(redis.stop)
    broker = EmbeddedBroker()
    atexit.register(broker.stop)
    running = Servers(redis=redis, broker=broker, folder=Path(folder.name))
    os.environ |= {
        OWNER: own_name(),
        "FLOWX_VAR": folder.name,
        "DATABASE_URL": f"sqlite:///{folder.name}/flowx.sqlite3",
        "REDIS_URL": redis.url,
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
        "FLOWX_KAFKA_EMBEDDED": "true",
        "SECRET_KEY": "a-key-for-tests-that-is-long-enough-to-sign-things-with",
    }


def current() -> Servers:
    """The servers of this process; raises RuntimeError in a program that a test has started."""
    if running is None:
        raise RuntimeError("The servers belong to the pytest process that started this one.")
    return running


def postgres_url(database: str) -> str:
    """The address of a database on the PostgreSQL of this process."""
    return os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{database}"
