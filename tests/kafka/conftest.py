"""Fixtures for the message path: topics of one test, rows of the outbox, what a topic holds, relays."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Protocol

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition
from django.db import OperationalError
from django.utils import timezone

from engine.kafka import clients
from engine.kafka.offsets import Offsets
from engine.kafka.relay import Relay
from engine.leases import LONG_AGO
from engine.models import OutboxMessage, OutboxShard
from engine.models.messages import SHARDS

LIMIT_S = 30.0


def until(look: Callable[[], Any], what: str, *, work: Callable[[], Any] = lambda: time.sleep(0.01)) -> Any:
    """Call `look` until it gives something true, doing `work` in between; fails with `what` when the time is up."""
    deadline = time.monotonic() + LIMIT_S
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"not seen in {LIMIT_S:.0f} s: {what}")
        work()
    return found


def headers_of(record: Message) -> dict[str, str]:
    """The headers as text; the last of a name counts."""
    return {name: (value or b"").decode() for name, value in record.headers() or []}


@pytest.fixture
def offsets() -> Offsets:
    """How far a group of its own has read."""
    return Offsets("flowx-test", "cluster")


@pytest.fixture
def topic() -> str:
    """A topic of this test alone; the embedded broker makes it when it is first used."""
    return f"out.{uuid.uuid4().hex}"


class Enqueue(Protocol):
    """Puts a row into the outbox."""

    def __call__(self, topic: str, value: Any = None, **fields: Any) -> OutboxMessage: ...


@pytest.fixture
def enqueue() -> Enqueue:
    """Puts rows into the outbox as a transition would; by default of instance 1, shard 0."""

    def make(topic: str, value: Any = None, **fields: Any) -> OutboxMessage:
        now = timezone.now()
        row: dict[str, Any] = {
            "id": uuid.uuid4(),
            "topic": topic,
            "key": "some key",
            "value": json.dumps({} if value is None else value),
            "headers": json.dumps({"processInstanceId": "1"}),
            "shard": 0,
            "instance_id": 1,
            "available_at": now,
            "created_at": now,
        }
        return OutboxMessage.objects.create(**row | fields)

    return make


@pytest.fixture
def records() -> Iterator[Callable[..., list[Message]]]:
    """What a topic holds from its beginning, in order of arrival, once there are so many."""
    open_consumers: list[Consumer] = []

    def read(topic: str, count: int, partitions: int = 4) -> list[Message]:
        consumer = Consumer(
            clients.common("test") | {"group.id": uuid.uuid4().hex, "enable.auto.commit": False, "log_level": 0}
        )
        open_consumers.append(consumer)
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(partitions)])
        found: list[Message] = []

        def poll() -> None:
            record = consumer.poll(0.1)
            if record is not None and record.error() is None:
                found.append(record)

        until(lambda: len(found) >= count, f"{count} records in {topic}", work=poll)
        return sorted(found, key=lambda record: record.timestamp()[1])

    yield read
    for consumer in open_consumers:
        consumer.close()


@pytest.fixture
def make_relay(db: None) -> Iterator[Callable[..., Relay]]:
    """Makes relays; ended with the test."""
    made: list[Relay] = []

    def make(**options: Any) -> Relay:
        relay = Relay(**options)
        made.append(relay)
        return relay

    yield make
    for relay in made:
        relay.finish()


@pytest.fixture
def relay(make_relay: Callable[..., Relay]) -> Relay:
    """A relay of all shards."""
    return make_relay()


def work(relay: Relay, look: Callable[[], Any], what: str) -> Any:
    """Let a relay work in this thread until `look` gives something true."""

    def turn() -> None:
        if not relay.turn():
            time.sleep(0.005)

    return until(look, what, work=turn)


def all_sent(count: int) -> Callable[[], bool]:
    """Whether so many rows are sent."""
    return lambda: OutboxMessage.objects.filter(state="sent").count() >= count


def take_lease_from(shard: int = 0) -> None:
    """Another relay takes the lease on a shard, as when the former was too slow to renew it."""
    row = OutboxShard.objects.get(shard=shard)
    until = timezone.now() + timedelta(minutes=1)
    OutboxShard.objects.filter(shard=shard).update(owner="another", epoch=row.epoch + 1, until=until)


def free_all_leases() -> None:
    OutboxShard.objects.filter(shard__lt=SHARDS).update(until=LONG_AGO)


@pytest.fixture
def produce() -> Iterator[Callable[..., None]]:
    """Sends records as a foreign program does, and waits for the acknowledgement."""
    producer = Producer(clients.common("test") | {"partitioner": "murmur2_random", "log_level": 0})

    def send(topic: str, value: bytes | None, *, key: str | bytes | None = None, **headers: Any) -> None:
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        pairs = [(name, text if isinstance(text, bytes) else str(text).encode()) for name, text in names.items()]
        producer.produce(topic, value=value, key=key, headers=pairs)
        assert producer.flush(LIMIT_S) == 0

    yield send
    producer.flush(1)


def database_away(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """For `connection.execute_wrapper`: every statement fails as when the server is gone."""
    raise OperationalError("the server closed the connection unexpectedly")
