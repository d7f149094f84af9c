"""The consumer on a broker: what it reads, where it begins, and what it does without a database (engine 6.6, scenarios 6.3)."""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from django.db import connection

from engine.kafka import clients
from engine.kafka.consumer import EngineConsumer
from engine.models import JournalEntry, KafkaOffset, ReceivedMessage
from flowx_site.config import config
from tests.builders import Running, process, save_data
from tests.kafka.conftest import database_away, until

pytestmark = pytest.mark.django_db
Produce = Callable[..., None]


class Ear:
    """A family of topics of this test alone, and the consumers that read it."""

    def __init__(self) -> None:
        name = uuid.uuid4().hex
        self.group = f"flowx-{name}"
        self.prefix = f"ai.flowx.dev.engine.receive.{name}."
        self.pattern = f"^({re.escape(self.prefix)}.*)$"
        self.topic = f"{self.prefix}answers.v1"
        self._open: list[EngineConsumer] = []

    def consumer(self, **options: Any) -> EngineConsumer:
        made = EngineConsumer(group=self.group, pattern=self.pattern, **options)
        self._open.append(made)
        return made

    def close(self) -> None:
        for consumer in self._open:
            consumer.close()

    def instance(self, node: str = "receive") -> Running:
        """One that takes one record on the topic, or as a user task any number."""
        made = process().start()
        if node == "receive":
            made.receive("Wait", topic=self.topic)
        else:
            stream = [{"topicName": self.topic, "keyName": "reply"}]
            made.user_task("Form", save_data("go"), dataStreamTopics=stream)
        return made.end().publish().start()


@pytest.fixture
def ear() -> Iterator[Ear]:
    made = Ear()
    yield made
    made.close()


def listen(*consumers: EngineConsumer, to: Callable[[], Any], what: str) -> Any:
    """Let consumers read until `to` gives something true."""
    return until(to, what, work=lambda: [consumer.turn(0.05) for consumer in consumers])


def committed(ear: Ear) -> int:
    """How far the broker believes the group is, over all partitions."""
    asking = Consumer(clients.common("test") | {"group.id": ear.group, "log_level": 0})
    positions = asking.committed([TopicPartition(ear.topic, number) for number in range(4)], timeout=5)
    asking.close()
    return sum(max(position.offset, 0) for position in positions)


def test_a_reply_on_the_broker_moves_the_instance_and_the_broker_learns_how_far_we_are(
    ear: Ear, produce: Produce
) -> None:
    instance = ear.instance()
    produce(ear.topic, b'{"ok": true}', key=str(instance.uuid), processInstanceId=instance.row.id)

    listen(ear.consumer(), to=lambda: instance.state == "FINISHED", what="the instance finished")

    assert instance.params["reply"] == {"ok": True}
    assert KafkaOffset.objects.get(topic=ear.topic).next == 1
    until(lambda: committed(ear) == 1, "the offset at the broker", work=lambda: time.sleep(0.05))


def test_e131_s002_a_topic_that_appears_later_is_read_and_no_other(ear: Ear, produce: Produce) -> None:
    consumer = ear.consumer()
    produce(ear.topic, b"{}")
    listen(consumer, to=lambda: consumer.taken_in == 1, what="the first record")

    produce(f"other.{ear.topic}", b"{}")
    produce(f"dlt.{ear.topic}", b"{}")
    produce(f"{ear.prefix}later.v1", b"{}")

    listen(consumer, to=lambda: consumer.taken_in == 2, what="the record of the later topic")
    assert {topic for topic, _ in consumer.assigned} == {ear.topic, f"{ear.prefix}later.v1"}
    assert set(ReceivedMessage.objects.values_list("topic", flat=True)) == {ear.topic, f"{ear.prefix}later.v1"}


def test_e131_the_subscription_means_the_whole_name() -> None:
    assert config.subscription.startswith("^(")
    assert config.subscription.endswith(")$")
    assert config.receives("ai.flowx.dev.engine.receive.anything.v1")
    assert not config.receives("dlt.ai.flowx.dev.engine.receive.anything.v1")
    assert not config.receives("ai.flowx.dev.core.confirm.start.process.v1")


def test_s134_a_successor_begins_where_the_rows_say(ear: Ear, produce: Produce) -> None:
    for number in range(5):
        produce(ear.topic, json.dumps(number).encode(), key=f"key {number}")
    first = ear.consumer()
    listen(first, to=lambda: first.taken_in == 5, what="five records")
    first.close()
    produce(ear.topic, b"5")

    second = ear.consumer()
    listen(second, to=lambda: second.taken_in, what="the sixth record")

    assert second.taken_in == 1
    assert ReceivedMessage.objects.count() == 6


def test_s134_records_read_again_from_the_start_have_no_second_effect(ear: Ear, produce: Produce) -> None:
    instance = ear.instance("user task")
    for number in range(3):
        produce(
            ear.topic,
            json.dumps(number).encode(),
            key="k",
            processInstanceId=instance.row.id,
            Fx_MessageId=uuid.uuid4(),
        )
    first = ear.consumer()
    listen(first, to=lambda: first.taken_in == 3, what="three records")
    first.close()
    KafkaOffset.objects.all().delete()  # the operator resets the offsets: everything comes again

    second = EngineConsumer(group=f"{ear.group}-again", pattern=ear.pattern)
    listen(second, to=lambda: second.taken_in == 3, what="three records again")
    second.close()

    assert len(instance.journal("Message Receive")) == 3


def test_s140_two_members_share_the_partitions_and_an_instances_replies_stay_in_order(
    ear: Ear, produce: Produce
) -> None:
    instances = [ear.instance("user task") for _ in range(6)]
    first, second = ear.consumer(), ear.consumer()
    produce(ear.topic, b"null")

    def shared() -> bool:
        return len(first.assigned) == len(second.assigned) == 2

    listen(first, second, to=shared, what="two partitions each")
    for number in range(10):
        for instance in instances:
            produce(ear.topic, json.dumps(number).encode(), key=str(instance.uuid))
    listen(first, second, to=lambda: first.taken_in + second.taken_in == 61, what="all records")

    assert first.taken_in > 0
    assert second.taken_in > 0
    for instance in instances:
        assert [json.loads(entry.payload or "") for entry in instance.journal("Message Receive")] == list(range(10))


@pytest.mark.django_db(transaction=True)
def test_s160_e246_without_a_database_the_consumer_pauses_keeps_its_membership_and_goes_on(
    ear: Ear, produce: Produce
) -> None:
    instance = ear.instance("user task")
    consumer = ear.consumer()
    produce(ear.topic, b"0", key=str(instance.uuid))
    listen(consumer, to=lambda: consumer.taken_in == 1, what="the first record")
    members = consumer.assigned

    with connection.execute_wrapper(database_away):
        produce(ear.topic, b"1", key=str(instance.uuid))
        listen(consumer, to=lambda: consumer.paused, what="the pause")
        produce(ear.topic, b"2", key=str(instance.uuid))
        for _ in range(20):
            consumer.turn(0.05)
        assert consumer.assigned == members

    listen(consumer, to=lambda: consumer.taken_in == 3, what="the records of the meantime")
    assert not consumer.paused
    assert [entry.payload for entry in instance.journal("Message Receive")] == ["0", "1", "2"]


@pytest.mark.django_db(transaction=True)
def test_s161_a_database_that_comes_back_older_has_the_records_since_then_applied_again(
    ear: Ear, produce: Produce
) -> None:
    instance = ear.instance("user task")
    consumer = ear.consumer()
    for number in range(3):
        produce(ear.topic, str(number).encode(), key=str(instance.uuid), Fx_MessageId=uuid.uuid4())
    listen(consumer, to=lambda: consumer.taken_in == 3, what="three records")
    with connection.execute_wrapper(database_away):
        produce(ear.topic, b"3", key=str(instance.uuid))
        listen(consumer, to=lambda: consumer.paused, what="the pause")
    KafkaOffset.objects.filter(next=3).update(
        next=1
    )  # a backup from after the first record, beside the journal's newest
    JournalEntry.objects.filter(payload="2").delete()

    listen(consumer, to=lambda: len(instance.journal("Message Receive")) == 4, what="all records")

    assert [entry.payload for entry in instance.journal("Message Receive")] == ["0", "1", "2", "3"]


@pytest.mark.django_db(transaction=True)
def test_s160_a_member_that_joins_without_a_database_begins_once_it_is_back(ear: Ear, produce: Produce) -> None:
    produce(ear.topic, b"0")
    first = ear.consumer()
    listen(first, to=lambda: first.taken_in == 1, what="the first record")
    first.close()
    produce(ear.topic, b"1")
    second = ear.consumer()

    with connection.execute_wrapper(database_away):
        listen(second, to=lambda: second.paused, what="the pause")

    listen(second, to=lambda: second.taken_in, what="the second record")
    assert ReceivedMessage.objects.count() == 2


def test_offsets_of_the_embedded_broker_carry_its_address(ear: Ear, produce: Produce) -> None:
    produce(ear.topic, b"0")
    consumer = ear.consumer()
    listen(consumer, to=lambda: consumer.taken_in == 1, what="the record")

    assert KafkaOffset.objects.filter(cluster_id__endswith=config.kafka_bootstrap).exists()
