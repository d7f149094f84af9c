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
from typing import TYPE_CHECKING

from engine.kafka.embedded import EmbeddedBroker
from flowx_site.demo.private_redis import NoRedisError, PrivateRedis

if TYPE_CHECKING:
    from tests.services.kafka_server import KafkaServer
    from tests.services.postgres_server import PostgresServer

OWNER = "TEST_SERVERS_OF"  # in the environment: which pytest process the addresses belong to


@dataclass(frozen=True, slots=True)
class Servers:
    """What runs for this process: the embedded broker, or, for `tests/services`, a real Kafka and PostgreSQL."""

    redis: PrivateRedis
    broker: EmbeddedBroker | None = None
    kafka: "KafkaServer | None" = None
    postgres: "PostgresServer | None" = None


running: Servers | None = None


def own_name() -> str:
    """This pytest process, as xdist calls it."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


def start_once() -> None:
    """Start this process's servers and put their addresses into the environment.

    Does nothing a second time, nor in a program that a test has started.
    """
    global running
    if os.environ.get(OWNER) == own_name():
        return
    holder = tempfile.TemporaryDirectory(prefix="flowx-tests-", ignore_cleanup_errors=True)
    atexit.register(holder.cleanup)
    folder = Path(holder.name)
    os.environ |= {
        OWNER: own_name(),
        "FLOWX_VAR": str(folder),
        "SECRET_KEY": "a-key-for-tests-that-is-long-enough-to-sign-things-with",
    }
    running = start_real(folder) if os.environ.get("SERVICES") == "1" else start_embedded(folder)
    os.environ["REDIS_URL"] = running.redis.url


def start_embedded(folder: Path) -> Servers:
    """What runs anywhere within a tenth of a second; the database is a file."""
    redis, broker = PrivateRedis(), EmbeddedBroker()
    atexit.register(redis.stop)
    atexit.register(broker.stop)
    os.environ |= {
        "DATABASE_URL": f"sqlite:///{folder}/flowx.sqlite3",
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
        "FLOWX_KAFKA_EMBEDDED": "true",
    }
    return Servers(redis=redis, broker=broker)


def start_real(folder: Path) -> Servers:
    """Apache Kafka, PostgreSQL and Redis; what is missing on this machine ends the run with one sentence."""
    import pytest

    from tests.services.kafka_server import KafkaServer, NoKafkaError
    from tests.services.postgres_server import NoPostgresError, PostgresServer

    try:
        redis, kafka, postgres = PrivateRedis(), KafkaServer(folder / "kafka"), PostgresServer(folder / "postgres")
        for stop in (redis.stop, kafka.kill, postgres.stop):
            atexit.register(stop)
        kafka.start()
        postgres.start()
    except (NoRedisError, NoKafkaError, NoPostgresError) as error:
        raise pytest.UsageError(str(error)) from error
    os.environ |= {"DATABASE_URL": postgres.url, "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap}
    os.environ |= {"FLOWX_KAFKA_EMBEDDED": "false"}
    return Servers(redis=redis, kafka=kafka, postgres=postgres)


def current() -> Servers:
    """The servers of this process; raises RuntimeError in a program that a test has started."""
    if running is None:
        raise RuntimeError("The servers belong to the pytest process that started this one.")
    return running


def postgres_url(database: str) -> str:
    """The address of a database on the PostgreSQL of this process."""
    return os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{database}"
