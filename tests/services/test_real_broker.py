"""The program's own clients on a real Kafka broker: a round trip, a crash of the broker, a topic made later."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer

from engine.kafka.clients import make_consumer, make_producer
from flowx_site.config import config
from tests.services.kafka_server import SASL_PASSWORD, SASL_USER, KafkaServer

LIMIT_S = 60.0
pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def consumers() -> Iterator[Callable[..., Consumer]]:
    """Consumers as the gateway makes them, each in a group of its own; closed afterwards."""
    made: list[Consumer] = []

    def make(*topics: str, **options: Any) -> Consumer:
        consumer = make_consumer(f"g-{uuid.uuid4().hex}", **options)
        consumer.subscribe(list(topics))
        made.append(consumer)
        return consumer

    yield make
    for consumer in made:
        consumer.close()


def receive(consumer: Consumer) -> Message:
    """The next record."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        record = consumer.poll(0.2)
        if record is not None and record.error() is None:
            return record
    return pytest.fail("no record came")


def send(producer: Producer, topic: str, value: bytes, **more: Any) -> list[KafkaError | None]:
    """Produce one record; the report's error appears in the list once the broker has answered."""
    reports: list[KafkaError | None] = []
    producer.produce(topic, value, on_delivery=lambda error, _: reports.append(error), **more)
    return reports


def test_the_settings_of_a_real_broker_are_in_force() -> None:
    assert (config.kafka_embedded, config.kafka_group_protocol) == (False, "classic")


def test_a_record_makes_the_round_trip_whole(make_topic: Any, consumers: Any) -> None:
    topic = make_topic()
    producer = make_producer()
    headers = [("a", b"1"), ("a", b""), ("none", None), ("text", "ç")]
    reports = send(producer, topic, b'{"x": 1}', key=b"k", headers=headers)
    assert producer.flush(LIMIT_S) == 0
    assert reports == [None]
    record = receive(consumers(topic))
    assert (record.key(), record.value()) == (b"k", b'{"x": 1}')
    assert record.headers() == [*headers[:-1], ("text", "ç".encode())]


def test_s141_the_same_key_lands_where_a_java_client_would_put_it(make_topic: Any, consumers: Any) -> None:
    topic = make_topic(partitions=6)
    producer = make_producer()
    java = {b"a": 4, b"ab": 2, b"order-1": 4, "ключ".encode(): 2}
    for key in java:
        send(producer, topic, b"{}", key=key)
    assert producer.flush(LIMIT_S) == 0
    consumer = consumers(topic)
    records = [receive(consumer) for _ in java]
    assert {record.key(): record.partition() for record in records} == java


def test_s002_a_classic_pattern_takes_in_a_topic_made_later_and_no_other(make_topic: Any, consumers: Any) -> None:
    stem = f"r{uuid.uuid4().hex}"
    producer = make_producer()
    first = make_topic(f"{stem}.one")
    consumer = consumers(f"^({stem}[.].*)$", **{"topic.metadata.refresh.interval.ms": 1000})
    send(producer, first, b"1")
    assert receive(consumer).topic() == first
    other, second = make_topic(f"dlt.{stem}.one"), make_topic(f"{stem}.two")
    send(producer, other, b"not ours")
    send(producer, second, b"2")
    assert producer.flush(LIMIT_S) == 0
    assert receive(consumer).topic() == second


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_s130_records_wait_for_a_broker_that_is_away_and_leave_in_order(
    kafka: KafkaServer, make_topic: Any, consumers: Any, way: str
) -> None:
    topic = make_topic(partitions=1)
    producer = make_producer()
    send(producer, topic, b"0")
    assert producer.flush(LIMIT_S) == 0
    getattr(kafka, way)()
    reports = [send(producer, topic, str(number).encode()) for number in range(1, 4)]
    assert producer.flush(0.5) == 3
    kafka.start()
    assert producer.flush(LIMIT_S) == 0
    assert reports == [[None]] * 3
    consumer = consumers(topic)
    assert [receive(consumer).value() for _ in range(4)] == [b"0", b"1", b"2", b"3"]


def test_a_login_at_the_broker_is_passed_through(kafka: KafkaServer, make_topic: Any) -> None:
    topic = make_topic()
    login = {
        "bootstrap.servers": kafka.sasl_bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": SASL_USER,
        "sasl.password": SASL_PASSWORD,
    }
    producer = make_producer(**login)
    reports = send(producer, topic, b"{}")
    assert producer.flush(LIMIT_S) == 0
    assert reports == [None]
