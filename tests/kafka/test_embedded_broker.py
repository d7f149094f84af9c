"""One smoke test per fact of the embedded broker that the program leans on (scenarios 6.4): a new librdkafka that breaks one
shows here, not as a riddle somewhere else."""

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from engine.kafka.embedded import Answer, EmbeddedBroker, EmbeddedBrokerError, Request

LIMIT_S = 20.0
QUIET = {"log_level": 0, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200}


def until(look: Callable[[], Any], what: str) -> Any:
    """Call `look` until it gives something true; fails with `what` when the time is up."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        if found := look():
            return found
    return pytest.fail(f"not seen in {LIMIT_S} s: {what}")


@pytest.fixture
def topic() -> str:
    """A topic of this test alone."""
    return f"t.{uuid.uuid4().hex}"


@pytest.fixture
def producer(broker: EmbeddedBroker) -> Iterator[Producer]:
    """A producer set up as the relay's."""
    made = Producer(
        {"bootstrap.servers": broker.bootstrap, "enable.idempotence": True, "acks": "all", "compression.type": "lz4"}
        | {"partitioner": "murmur2_random", "linger.ms": 5}
        | QUIET
    )
    yield made
    made.flush(2)


@pytest.fixture
def make_consumer(broker: EmbeddedBroker) -> Iterator[Callable[..., Consumer]]:
    """Makes consumers set up as the gateway's on this broker; closes them afterwards."""
    made: list[Consumer] = []

    def make(group: str, *topics: str, **options: Any) -> Consumer:
        settings = {
            "bootstrap.servers": broker.bootstrap,
            "group.id": group,
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "topic.metadata.refresh.interval.ms": 1000,
        }
        consumer = Consumer(settings | QUIET | options)
        consumer.subscribe(list(topics))
        made.append(consumer)
        return consumer

    yield make
    for consumer in made:
        consumer.close()


def receive(consumer: Consumer) -> Message:
    """The next record."""

    def look() -> Message | None:
        record = consumer.poll(0.2)
        return record if record is not None and record.error() is None else None

    return until(look, "a record")


def send(producer: Producer, topic: str, value: bytes | None, **more: Any) -> Message:
    """Produce one record and wait for its report; raises KafkaException where the broker refused it."""
    reports: list[tuple[KafkaError | None, Message]] = []
    producer.produce(topic, value, on_delivery=lambda error, record: reports.append((error, record)), **more)
    until(lambda: (producer.poll(0.1), reports)[1], "a delivery report")
    error, record = reports[0]
    if error is not None:
        raise KafkaException(error)
    return record


def test_s146_keys_headers_and_timestamps_arrive_whole(producer: Producer, make_consumer: Any, topic: str) -> None:
    headers = [("a", b"1"), ("a", b"2"), ("empty", b""), ("none", None), ("raw", b"\xff\x00"), ("text", "ç")]
    send(producer, topic, b'{"x": 1}', key=b"k", headers=headers, timestamp=1_700_000_000_123)
    record = receive(make_consumer("g-" + topic, topic))
    assert (record.key(), record.value()) == (b"k", b'{"x": 1}')
    assert record.headers() == [*headers[:-1], ("text", "ç".encode())]
    assert record.timestamp()[1] == 1_700_000_000_123


def test_s146_topics_make_themselves_with_four_partitions(producer: Producer, topic: str) -> None:
    send(producer, topic, b"{}")
    assert len(producer.list_topics(topic, timeout=5).topics[topic].partitions) == 4


def test_s146_illegal_topic_names_are_taken_so_we_must_check_them(producer: Producer, topic: str) -> None:
    assert send(producer, f"{topic} with blanks!", b"{}").topic() == f"{topic} with blanks!"


def test_s146_a_made_topic_has_the_asked_partitions(broker: EmbeddedBroker, producer: Producer, topic: str) -> None:
    broker.create_topic(topic, 6)
    assert len(producer.list_topics(topic, timeout=5).topics[topic].partitions) == 6
    with pytest.raises(EmbeddedBrokerError):
        broker.create_topic(topic, 6)


def test_s146_s141_the_same_key_lands_where_a_java_client_would_put_it(
    broker: EmbeddedBroker, producer: Producer, topic: str
) -> None:
    broker.create_topic(topic, 6)
    java = {b"": 3, b"a": 4, b"ab": 2, b"abc": 3, b"abcd": 2, b"order-1": 4, b"order-2": 3, "ключ".encode(): 2}
    assert {key: send(producer, topic, b"{}", key=key).partition() for key in java} == java


def test_s146_a_consumer_joins_fast_and_a_left_group_can_be_joined_again(
    producer: Producer, make_consumer: Any, topic: str
) -> None:
    send(producer, topic, b"1")
    first = make_consumer("g-" + topic, topic)
    started = time.monotonic()
    record = receive(first)
    assert time.monotonic() - started < 10
    first.commit(record, asynchronous=False)
    first.close()
    send(producer, topic, b"2")
    assert receive(make_consumer("g-" + topic, topic)).value() == b"2"


def test_s146_a_name_written_as_a_pattern_takes_in_its_topic_made_later(
    producer: Producer, make_consumer: Any, topic: str
) -> None:
    """A bare name does not: its topic must be there when the member joins."""
    consumer = make_consumer("g-" + topic, f"^({topic}-none[.].*)$", f"^{topic}$")
    until(lambda: consumer.poll(0.1) is None and consumer.memberid(), "membership")
    send(producer, topic, b"1")
    assert receive(consumer).topic() == topic


def test_s146_a_pattern_takes_in_a_topic_made_later(producer: Producer, make_consumer: Any, topic: str) -> None:
    consumer = make_consumer("g-" + topic, f"^({topic.replace('.', '[.]')}[.].*)$")
    send(producer, f"{topic}.one", b"1")
    assert receive(consumer).topic() == f"{topic}.one"
    send(producer, f"dlt.{topic}.one", b"dead")
    send(producer, f"{topic}.two", b"2")
    assert receive(consumer).topic() == f"{topic}.two"


def test_s146_two_members_share_the_partitions(producer: Producer, make_consumer: Any, topic: str) -> None:
    send(producer, topic, b"1")
    first = make_consumer("g-" + topic, topic)
    until(lambda: first.poll(0.1) is None and len(first.assignment()) == 4, "all four partitions")
    second = make_consumer("g-" + topic, topic)

    def shared() -> bool:
        first.poll(0.05)
        second.poll(0.05)
        return len(first.assignment()) == len(second.assignment()) == 2

    until(shared, "two partitions each")


def test_s146_s130_a_broker_that_comes_back_gets_the_records_in_order(
    broker: EmbeddedBroker, producer: Producer, make_consumer: Any, topic: str
) -> None:
    send(producer, topic, b"0", key=b"k")
    broker.set_down()
    for number in range(1, 4):
        producer.produce(topic, str(number).encode(), key=b"k")
    assert producer.flush(0.5) == 3
    broker.set_up()
    consumer = make_consumer("g-" + topic, topic)
    assert [receive(consumer).value() for _ in range(4)] == [b"0", b"1", b"2", b"3"]


def test_s146_passing_errors_are_retried_and_lasting_ones_reported(
    broker: EmbeddedBroker, producer: Producer, topic: str
) -> None:
    send(producer, topic, b"0", partition=0)
    broker.fail_next(Request.PRODUCE, Answer.NOT_ENOUGH_REPLICAS, Answer.CUT_THE_CONNECTION)
    assert send(producer, topic, b"1", partition=0).offset() == 1
    broker.fail_next(Request.PRODUCE, Answer.RECORD_TOO_LARGE)
    with pytest.raises(KafkaException) as refusal:
        send(producer, topic, b"2", partition=0)
    assert refusal.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE


def test_s146_another_process_can_join(broker: EmbeddedBroker, make_consumer: Any, topic: str) -> None:
    program = (
        "import sys; from confluent_kafka import Producer; p = Producer({'bootstrap.servers': sys.argv[1]}); "
        "p.produce(sys.argv[2], b'from outside'); sys.exit(p.flush(10))"
    )
    subprocess.run([sys.executable, "-c", program, broker.bootstrap, topic], check=True, timeout=30)
    assert receive(make_consumer("g-" + topic, topic)).value() == b"from outside"


def test_s146_offsets_start_anew_on_a_new_broker(producer: Producer, topic: str) -> None:
    send(producer, topic, b"1", partition=0)
    with EmbeddedBroker() as other:
        newcomer = Producer({"bootstrap.servers": other.bootstrap} | QUIET)
        assert send(newcomer, topic, b"1", partition=0).offset() == 0
        assert other.bootstrap != ""


def test_a_stopped_broker_may_be_stopped_again() -> None:
    broker = EmbeddedBroker({"a.topic": 2})
    broker.stop()
    broker.stop()
