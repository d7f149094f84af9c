"""Real OS processes of the program, killed at the worst moment, on the embedded broker and a database file."""

import json
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from engine.kafka.embedded import EmbeddedBroker
from flowx_site.demo import children
from flowx_site.demo.private_redis import PrivateRedis

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT_S = 40.0
QUIET = {"log_level": 0, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200}


def until(look: Callable[[], Any], what: str, *, limit_s: float = LIMIT_S) -> Any:
    """Call `look` until it gives something true; fails with `what` when the time is up."""
    deadline = time.monotonic() + limit_s
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"not seen in {limit_s:.0f} s: {what}")
        time.sleep(0.05)
    return found


class Program:
    """One OS process of ours; its output goes to a file that a failing test shows."""

    def __init__(self, command: list[str], environ: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = children.start([sys.executable, *command], log=output, env=environ, cwd=ROOT)

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_until_it_says(self, words: str) -> None:
        def look() -> bool:
            assert self._process.poll() is None or words in self.said, f"it ended:\n{self.said}"
            return words in self.said

        until(look, f"{words!r} in what the process said")

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        children.end([self._process], patience_s=0.0)

    def wait_until_it_died(self) -> None:
        """Until a planted fault has killed it."""
        until(lambda: self._process.poll() is not None, f"the process's death; it said:\n{self.said}")

    def end(self) -> int:
        """SIGTERM; gives the exit code."""
        children.end([self._process], patience_s=LIMIT_S)
        return int(self._process.returncode)


@pytest.fixture
def own_broker() -> Iterator[EmbeddedBroker]:
    """A broker of this test alone, which soon gives the partitions of a killed consumer to another."""
    with EmbeddedBroker(session_timeout_ms=1500, heartbeat_ms=300) as running:
        yield running


@pytest.fixture
def environ(
    transactional_db: None,
    own_broker: EmbeddedBroker,
    redis_server: PrivateRedis,
    program_environ: Callable[[], dict[str, str]],
) -> dict[str, str]:
    """What the programs of this test run with: its database file, broker and Redis."""
    return program_environ() | {"KAFKA_BOOTSTRAP_SERVERS": own_broker.bootstrap, "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def start(environ: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts programs: `start("manage.py", "gateway")`, with `fault="relay.after_ack"` to die there. All end with the test."""
    started: list[Program] = []

    def make(*command: str, fault: str = "", **more: str) -> Program:
        variables = environ | ({"FLOWX_FAULT": fault} if fault else {}) | more
        program = Program(list(command), variables, tmp_path / f"{len(started)}.log")
        started.append(program)
        return program

    yield make
    for program in started:
        program.kill()


@pytest.fixture
def gateway(start: Callable[..., Program]) -> Callable[..., Program]:
    """Starts a gateway, ready to work; with a fault it may be dead before."""

    def make(*loops: str, fault: str = "") -> Program:
        only = ["--only", ",".join(loops)] if loops else []
        program = start("manage.py", "gateway", *only, fault=fault)
        program.wait_until_it_says("The gateway runs")
        return program

    return make


class Kafka:
    """The foreign side of a broker: sends records, reads topics."""

    def __init__(self, bootstrap: str) -> None:
        self._settings = {"bootstrap.servers": bootstrap} | QUIET
        self._producer = Producer(self._settings)

    def send(self, topic: str, value: bytes, *, key: str | None = None, **headers: Any) -> None:
        pairs = [(name.replace("_", "-"), str(text).encode()) for name, text in headers.items()]
        self._producer.produce(topic, value=value, key=key, headers=pairs)
        assert self._producer.flush(LIMIT_S) == 0

    def read(self, topic: str, count: int, *, settle_s: float = 0.0) -> list[Message]:
        """The topic's records from its beginning, once there are so many; waits `settle_s` for one too many."""
        consumer = Consumer(self._settings | {"group.id": uuid.uuid4().hex, "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(4)])
        found: list[Message] = []
        deadline, end = time.monotonic() + LIMIT_S, 0.0
        while len(found) < count or time.monotonic() < end:
            assert time.monotonic() < deadline, f"{len(found)} of {count} records in {topic}"
            record = consumer.poll(0.1)
            if record is not None and record.error() is None:
                found.append(record)
                end = time.monotonic() + settle_s
        consumer.close()
        return sorted(found, key=lambda record: (record.timestamp()[1], record.offset()))


@pytest.fixture
def kafka(own_broker: EmbeddedBroker) -> Kafka:
    return Kafka(own_broker.bootstrap)


def headers_of(record: Message) -> dict[str, str]:
    return {name: (value or b"").decode() for name, value in record.headers() or []}


def value_of(record: Message) -> Any:
    return json.loads(record.value() or b"null")
