"""The consumer on Apache Kafka and PostgreSQL: classic groups, topics made anew, a database that goes away."""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from django.db import OperationalError, connection

from engine.kafka import clients
from engine.kafka.consumer import EngineConsumer
from engine.models import KafkaOffset, ReceivedMessage
from tests.builders import Running, process, save_data
from tests.services.kafka_server import KafkaServer
from tests.services.postgres_server import PostgresServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
LIMIT_S = 60.0
Produce = Callable[..., None]
MakeTopic = Callable[..., str]


class Ear:
    """A family of topics of this test alone, and the consumers that read it."""

    def __init__(self) -> None:
        name = uuid.uuid4().hex
        self.group = f"flowx-{name}"
        self.prefix = f"ai.flowx.dev.engine.receive.{name}."
        self.topic = f"{self.prefix}answers.v1"
        self._open: list[EngineConsumer] = []

    def consumer(self) -> EngineConsumer:
        made = EngineConsumer(
            group=self.group,
            pattern=f"^({re.escape(self.prefix)}.*)$",
            make_consumer=lambda group: clients.make_consumer(group, **{"topic.metadata.refresh.interval.ms": 1000}),
        )
        self._open.append(made)
        return made

    def close(self) -> None:
        for consumer in self._open:
            consumer.close()

    def instance(self) -> Running:
        stream = [{"topicName": self.topic, "keyName": "got"}]
        made = process().start().user_task("Form", save_data("go"), dataStreamTopics=stream)
        return made.end().publish().start()


@pytest.fixture
def ear(make_topic: MakeTopic) -> Iterator[Ear]:
    made = Ear()
    make_topic(made.topic)
    yield made
    made.close()


@pytest.fixture
def produce(kafka_bootstrap: str) -> Produce:
    producer = Producer({"bootstrap.servers": kafka_bootstrap, "partitioner": "murmur2_random"})

    def send(topic: str, value: bytes, *, key: str | None = None, **headers: Any) -> None:
        pairs = [(name.replace("_", "-"), str(text).encode()) for name, text in headers.items()]
        producer.produce(topic, value=value, key=key, headers=pairs)
        assert producer.flush(LIMIT_S) == 0

    return send


def listen(*consumers: EngineConsumer, to: Callable[[], Any], what: str) -> Any:
    """Let consumers read until `to` gives something true."""
    deadline = time.monotonic() + LIMIT_S
    while not (found := to()):
        if time.monotonic() > deadline:
            pytest.fail(f"not seen in {LIMIT_S:.0f} s: {what}")
        for consumer in consumers:
            consumer.turn(0.05)
    return found


def received(instance: Running) -> list[Any]:
    return [json.loads(entry.payload or "null") for entry in instance.journal("Message Receive")]


def test_a_reply_moves_the_instance_and_the_offset_row_carries_cluster_and_topic_id(ear: Ear, produce: Produce) -> None:
    instance = ear.instance()
    produce(ear.topic, b'{"ok": true}', processInstanceId=instance.row.id)

    listen(ear.consumer(), to=lambda: instance.params.get("got"), what="the reply")

    row = KafkaOffset.objects.get(next=1)
    assert row.cluster_id
    assert len(row.topic_id) > 20


def test_s002_e131_a_topic_made_later_is_read_within_seconds(ear: Ear, produce: Produce, make_topic: MakeTopic) -> None:
    consumer = ear.consumer()
    produce(ear.topic, b"{}")
    listen(consumer, to=lambda: consumer.taken_in == 1, what="the first record")

    produce(make_topic(f"{ear.prefix}later.v1"), b"{}")
    produce(make_topic(f"dlt.{ear.topic}"), b"{}")

    listen(consumer, to=lambda: consumer.taken_in == 2, what="the record of the later topic")
    assert {topic for topic, _ in consumer.assigned} == {ear.topic, f"{ear.prefix}later.v1"}


def test_s135_a_topic_deleted_and_made_anew_is_read_from_its_start(
    ear: Ear, produce: Produce, make_topic: MakeTopic, kafka_bootstrap: str
) -> None:
    instance = ear.instance()
    consumer = ear.consumer()
    for number in range(3):
        produce(ear.topic, str(number).encode(), key=str(instance.uuid))
    listen(consumer, to=lambda: len(received(instance)) == 3, what="three records")

    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    admin.delete_topics([ear.topic])[ear.topic].result(30)
    listen(consumer, to=lambda: not consumer.assigned, what="the topic's end")
    make_topic(ear.topic)
    produce(ear.topic, b"3", key=str(instance.uuid))

    listen(consumer, to=lambda: len(received(instance)) == 4, what="the record of the new topic")
    assert received(instance) == [0, 1, 2, 3]


def test_s140_two_members_share_the_partitions_and_replies_stay_in_order(ear: Ear, produce: Produce) -> None:
    instances = [ear.instance() for _ in range(6)]
    first, second = ear.consumer(), ear.consumer()
    listen(first, second, to=lambda: len(first.assigned) == len(second.assigned) == 3, what="three partitions each")

    for number in range(10):
        for instance in instances:
            produce(ear.topic, str(number).encode(), key=str(instance.uuid))
    listen(first, second, to=lambda: first.taken_in + second.taken_in == 60, what="all records")

    assert [received(instance) for instance in instances] == [list(range(10))] * 6


def test_s138_s134_the_broker_killed_in_between_nothing_is_lost_or_doubled(
    ear: Ear, produce: Produce, kafka: KafkaServer
) -> None:
    instance = ear.instance()
    consumer = ear.consumer()
    produce(ear.topic, b"0", key=str(instance.uuid))
    listen(consumer, to=lambda: received(instance) == [0], what="the first record")

    kafka.kill()
    consumer.turn(0.1)
    kafka.start()
    produce(ear.topic, b"1", key=str(instance.uuid))

    listen(consumer, to=lambda: len(received(instance)) == 2, what="the second record")
    assert received(instance) == [0, 1]


def test_s160_e246_with_postgresql_stopped_the_consumer_pauses_and_goes_on_without_loss(
    ear: Ear, produce: Produce, postgres: PostgresServer
) -> None:
    instance = ear.instance()
    consumer = ear.consumer()
    produce(ear.topic, b"0", key=str(instance.uuid))
    listen(consumer, to=lambda: received(instance) == [0], what="the first record")
    members = consumer.assigned

    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")  # this server does not sync at each commit
    postgres.stop()
    produce(ear.topic, b"1", key=str(instance.uuid))
    listen(consumer, to=lambda: consumer.paused, what="the pause")
    produce(ear.topic, b"2", key=str(instance.uuid))
    for _ in range(20):
        consumer.turn(0.05)
    assert consumer.assigned == members
    postgres.start()
    reconnect()

    listen(consumer, to=lambda: consumer.taken_in == 3, what="the records of the meantime")
    assert received(instance) == [0, 1, 2]


def reconnect() -> None:
    """Leave the connections to the server that was stopped behind."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            connection.close()
            ReceivedMessage.objects.exists()
            return
        except OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
