"""Fixtures of the tests that need real servers: Apache Kafka, PostgreSQL, Redis, started for the run by `tests.servers`."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from tests import servers
from tests.services import checks
from tests.services.duel import Fighters
from tests.services.kafka_server import KafkaServer
from tests.services.postgres_server import PostgresServer


@pytest.fixture
def kafka() -> Iterator[KafkaServer]:
    """The real broker; it may be stopped, killed and started: it runs again afterwards. Use topics of your own."""
    server = servers.current().kafka
    assert server is not None, "run by make services-test"
    yield server
    if not server.runs:
        server.start()


@pytest.fixture
def kafka_bootstrap(kafka: KafkaServer) -> str:
    """Its address."""
    return kafka.bootstrap


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """The real PostgreSQL; it may be stopped and started: it runs again afterwards."""
    server = servers.current().postgres
    assert server is not None, "run by make services-test"
    yield server
    if not server.runs:
        server.start()


@pytest.fixture
def make_topic(kafka_bootstrap: str) -> Callable[..., str]:
    """Makes a topic on the real broker and gives its name, a new one unless one is asked for."""
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap, "log_level": 0})

    def make(name: str | None = None, partitions: int = 6) -> str:
        topic = name or f"t.{uuid.uuid4().hex}"
        admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(30)
        return topic

    return make


@pytest.fixture(scope="session")
def arena(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Fighters]]:
    """Holds the fighters once a test has asked for them; ends them before the database goes."""
    holder: list[Fighters] = []
    yield holder
    for fighters in holder:
        fighters.close()


@pytest.fixture
def fighters(
    transactional_db: None,
    program_environ: Callable[[], dict[str, str]],
    arena: list[Fighters],
    tmp_path_factory: pytest.TempPathFactory,
) -> Fighters:
    """Two OS processes of ours that apply what they are given, in step; they serve all tests, one after the other."""
    if not arena:
        folder: Path = tmp_path_factory.mktemp("fighters")
        arena.append(Fighters(program_environ(), folder))
    return arena[0]


@pytest.fixture
def no_deadlock(transactional_db: None, postgres: PostgresServer) -> Iterator[None]:
    """Fails a test in which PostgreSQL had to break up a deadlock."""
    before = checks.deadlocks(postgres)
    yield
    assert checks.deadlocks(postgres) == before
