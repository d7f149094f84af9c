"""The relay on Apache Kafka and PostgreSQL: what the embedded broker does not check (engine 6.5, scenarios 6.3)."""

import json
import os
import time
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType
from django.core.management import CommandError, call_command

from engine import runtime
from engine.kafka import clients, topics
from engine.kafka.relay import Relay
from engine.models import Incident, OutboxMessage
from tests.builders import kafka_send, process
from tests.services.kafka_server import KafkaServer

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(180)]
LIMIT_S = 60.0


@pytest.fixture
def relay(db: None) -> Iterator[Relay]:
    made = Relay()
    yield made
    made.finish()


def work(relay: Relay, look: Callable[[], Any], what: str) -> Any:
    """Let the relay work until `look` gives something true."""
    deadline = time.monotonic() + LIMIT_S
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"not seen in {LIMIT_S:.0f} s: {what}")
        if not relay.turn():
            time.sleep(0.01)
    return found


def read(topic: str, count: int, partitions: int = 6) -> list[Message]:
    """The topic's records, once there are so many."""
    consumer = Consumer(clients.common("test") | {"group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(partitions)])
    found: list[Message] = []
    deadline = time.monotonic() + LIMIT_S
    while len(found) < count and time.monotonic() < deadline:
        record = consumer.poll(0.2)
        if record is not None and record.error() is None:
            found.append(record)
    consumer.close()
    assert len(found) == count
    return sorted(found, key=lambda record: record.timestamp()[1])


def with_state(state: str) -> Callable[[], Any]:
    return lambda: OutboxMessage.objects.filter(state=state).exists()


def test_s004_s005_s148_records_of_one_instance_leave_in_order_with_key_headers_and_ids(
    relay: Relay, make_topic: Callable[..., str]
) -> None:
    one, other = make_topic(), make_topic()
    sends = [kafka_send(f"send {n}", f"{one},{other}", f'{{"n": {n}}}') for n in range(5)]
    instance = process().start().send("Tell", *sends).end().publish().start()

    work(relay, lambda: OutboxMessage.objects.filter(state="sent").count() == 10, "all sent")

    for topic in (one, other):
        records = read(topic, 5)
        assert [json.loads(record.value() or b"") for record in records] == [{"n": n} for n in range(5)]
        assert {record.key() for record in records} == {str(instance.uuid).encode()}
    ids = {dict(record.headers() or [])["Fx-MessageId"] for record in [*read(one, 5), *read(other, 5)]}
    assert len(ids) == 10
    headers = dict(read(one, 5)[0].headers() or [])
    assert headers["processInstanceId"] == str(instance.row.id).encode()
    assert headers["processInstanceUuid"] == str(instance.uuid).encode()


def test_e216_s152_an_unknown_topic_is_tried_again_others_go_on_and_it_is_sent_once_the_topic_is_made(
    relay: Relay, make_topic: Callable[..., str]
) -> None:
    missing, there = f"missing.{os.urandom(8).hex()}", make_topic()
    stuck = process().start().send("Tell", kafka_send("tell", missing)).end().publish().start()
    work(relay, with_state("retrying"), "the first attempt")
    assert "UNKNOWN_TOPIC" in stuck.sent()[0].last_error

    process().start().send("Tell", kafka_send("tell", there)).end().publish().start()
    work(relay, with_state("sent"), "the other message sent")
    assert stuck.sent()[0].state == "retrying"
    make_topic(missing)

    work(relay, lambda: stuck.sent()[0].state == "sent", "the message sent")
    assert len(read(missing, 1)) == 1
    assert not Incident.objects.exists()


def test_s133_e216_e217_too_large_for_the_broker_fails_with_an_incident_others_go_on_and_retry_sends_it(
    relay: Relay, kafka_bootstrap: str, make_topic: Callable[..., str]
) -> None:
    small = f"small.{os.urandom(8).hex()}"
    admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
    admin.create_topics([NewTopic(small, 6, 1, config={"max.message.bytes": "2000"})])[small].result(30)
    made = process().start().send("Tell", kafka_send("large", small, '{"x": "${text}"}'), kafka_send("after", small))
    instance = made.end().publish().start({"text": os.urandom(5000).hex()})

    work(relay, with_state("failed"), "the row refused")
    work(relay, with_state("sent"), "the next row of the same instance")

    large, after = instance.sent()
    assert (large.state, after.state, instance.state) == ("failed", "sent", "FINISHED")
    assert "MSG_SIZE_TOO_LARGE" in large.last_error
    incident = Incident.objects.get()
    assert (incident.type, incident.outbox_id, incident.action_name) == ("Delivery", large.id, "large")

    limit = ConfigEntry("max.message.bytes", "1000000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, small, incremental_configs=[limit])
    admin.incremental_alter_configs([resource])[resource].result(30)
    assert runtime.requeue(large.id, user="olga")
    work(relay, lambda: instance.sent()[0].state == "sent", "the row sent after all")

    assert len(read(small, 2)) == 2
    assert Incident.objects.get().closed_at is not None
    assert instance.state == "FINISHED"


def test_an_illegal_topic_name_fails_for_good(relay: Relay) -> None:
    instance = process().start().send("Tell", kafka_send("tell", "fine.v1")).end().publish().start()
    OutboxMessage.objects.filter(instance_id=instance.row.id).update(topic="not a topic")

    work(relay, with_state("failed"), "the row refused")

    assert "TOPIC_EXCEPTION" in instance.sent()[0].last_error
    assert Incident.objects.get().type == "Delivery"


def test_s130_e129_with_the_broker_killed_rows_wait_and_leave_in_order_when_it_returns(
    relay: Relay, kafka: KafkaServer, make_topic: Callable[..., str]
) -> None:
    topic = make_topic()
    sends = [kafka_send(f"send {n}", topic, f'{{"n": {n}}}') for n in range(4)]
    published = process().start().send("Tell", *sends).end().publish()
    published.start()
    work(relay, lambda: OutboxMessage.objects.filter(state="sent").count() == 4, "the first four")

    kafka.kill()
    instance = published.start()
    for _ in range(20):
        relay.turn()
    assert {row.state for row in instance.sent()} == {"queued"}
    kafka.start()

    work(relay, lambda: OutboxMessage.objects.filter(state="sent").count() == 8, "all of them")
    records = [record for record in read(topic, 8) if record.key() == str(instance.uuid).encode()]
    assert [json.loads(record.value() or b"")["n"] for record in records] == [0, 1, 2, 3]


def test_s164_topics_are_checked_and_made(make_topic: Callable[..., str]) -> None:
    stem = os.urandom(8).hex()
    listens, sends = f"ai.flowx.dev.engine.receive.{stem}.v1", f"ai.flowx.dev.out.{stem}.v1"
    made = process().start().send("Ask", kafka_send("ask", f"{sends}, dynamic.${{x}}")).receive("Wait", topic=listens)
    made.end().publish()

    said = StringIO()
    with pytest.raises(CommandError, match="topics are missing"):
        call_command("topics", "--check", stdout=said)
    for name in (listens, sends, f"dlt.{listens}"):
        assert f"missing: {name} " in said.getvalue()
    assert "dynamic" not in said.getvalue()

    call_command("topics", "--create", stdout=StringIO())
    said = StringIO()
    call_command("topics", "--check", stdout=said)

    assert "All topics in use are there." in said.getvalue()
    assert topics.at_broker(clients.make_admin())[listens].partitions == 6
