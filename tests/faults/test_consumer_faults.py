"""What the consumer promises when it dies, and what it does with bad records (engine 6.6, scenarios 6.1)."""

import uuid
from collections.abc import Callable

import pytest

from engine.models import KafkaOffset, OutboxMessage, ReceivedMessage
from tests.builders import TOPIC, Running, kafka_send, process, save_data
from tests.faults.conftest import Kafka, Program, headers_of, until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]
Gateway = Callable[..., Program]


def listener() -> Running:
    """An instance on a user task that takes any number of records."""
    stream = [{"topicName": TOPIC, "keyName": "got"}]
    return process().start().user_task("Form", save_data("go"), dataStreamTopics=stream).end().publish().start()


@pytest.mark.parametrize("moment", ["consumer.before_commit", "consumer.after_commit"])
def test_s138_killed_around_the_commit_a_record_is_neither_lost_nor_doubled(
    environ: dict[str, str], gateway: Gateway, kafka: Kafka, moment: str
) -> None:
    instance = listener()
    victim = gateway("consumer", fault=moment)
    for number in range(3):
        kafka.send(TOPIC, str(number).encode(), key=str(instance.uuid))
    victim.wait_until_it_died()

    gateway("consumer")
    until(lambda: len(instance.journal("Message Receive")) >= 3, "all records received")
    kafka.send(TOPIC, b"3", key=str(instance.uuid))
    until(lambda: instance.params["got"] == 3, "the last record")

    assert [entry.payload for entry in instance.journal("Message Receive")] == ["0", "1", "2", "3"]
    assert KafkaOffset.objects.get(next__gt=0).next == 4


def test_e133_e137_e138_s009_s136_a_mixed_batch_of_replies(
    environ: dict[str, str], gateway: Gateway, kafka: Kafka
) -> None:
    """Not JSON, of two instances at once, too early, twice: each has its own end, and the good ones arrive."""
    made = process().start().user_task("Form", save_data("go")).send("Ask", kafka_send("ask", "requests.v1"))
    early = made.receive("Wait").end().publish().start()
    instance, other = listener(), listener()
    key = str(instance.uuid)
    kafka.send(TOPIC, b"not JSON", key=key, processInstanceId=instance.row.id)
    kafka.send(TOPIC, b"1", key=key, processInstanceId=instance.row.id, processInstanceUuid=other.uuid)
    kafka.send(TOPIC, b'"early"', key=str(early.uuid))
    twice = uuid.uuid4()
    kafka.send(TOPIC, b"2", key=key, Fx_MessageId=twice)
    kafka.send(TOPIC, b"2", key=key, Fx_MessageId=twice)
    kafka.send(TOPIC, b"3", key=key)

    gateway("relay", "consumer")
    until(lambda: instance.params.get("got") == 3, "the last record")

    assert [entry.payload for entry in instance.journal("Message Receive")] == ["2", "3"]
    assert "got" not in other.params
    until(lambda: early.kept(), "the early record kept")
    early.execute("go")
    assert (early.state, early.params["reply"]) == ("FINISHED", "early")
    dead = kafka.read(f"dlt.{TOPIC}", 2)
    assert sorted(headers_of(record)["Fx-DeadReason"] for record in dead) == ["NOT_JSON", "NO_INSTANCE"]
    assert {record.value() for record in dead} == {b"not JSON", b"1"}
    assert ReceivedMessage.objects.filter(state__in=["dead", "unmatched"]).count() == 2
    until(lambda: not OutboxMessage.objects.exclude(state="sent").exists(), "everything sent")


def test_s138_sigterm_ends_the_consumer_and_its_successor_goes_on(
    environ: dict[str, str], gateway: Gateway, kafka: Kafka
) -> None:
    instance = listener()
    first = gateway("consumer")
    kafka.send(TOPIC, b"1", key=str(instance.uuid))
    until(lambda: instance.params.get("got") == 1, "the first record")

    assert first.end() == 0
    kafka.send(TOPIC, b"2", key=str(instance.uuid))
    gateway("consumer")

    until(lambda: instance.params.get("got") == 2, "the second record")
    assert len(instance.journal("Message Receive")) == 2
