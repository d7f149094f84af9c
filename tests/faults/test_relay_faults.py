"""What the outbox promises when the relay or the broker dies (scenarios 6.1, 6.3)."""

import uuid
from collections.abc import Callable

import pytest

from engine import runtime
from engine.core.stimuli import Start
from engine.kafka.embedded import EmbeddedBroker
from engine.models import OutboxMessage, OutboxShard
from flowx_site.demo.private_redis import PrivateRedis
from tests.builders import TOPIC, USER, Published, kafka_send, process, save_data
from tests.faults.conftest import Kafka, Program, headers_of, until, value_of

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]
Gateway = Callable[..., Program]
OUT = "out.v1"


def three_sends() -> Published:
    """A process that sends three messages, with different keys."""
    sends = [
        kafka_send(f"send {n}", OUT, f'{{"n": {n}, "of": ${{processInstanceId}}}}', messageKey=f"k{n}")
        for n in range(3)
    ]
    return process().start().send("Tell", *sends).end().publish()


def sent(count: int) -> Callable[[], bool]:
    return lambda: OutboxMessage.objects.filter(state="sent").count() == count


def test_e129_e130_s130_with_the_broker_down_instances_go_on_and_their_messages_leave_in_order_when_it_returns(
    environ: dict[str, str], gateway: Gateway, own_broker: EmbeddedBroker, kafka: Kafka
) -> None:
    own_broker.set_down()
    program = gateway("relay")
    published = three_sends()
    instances = [published.start() for _ in range(5)]

    assert [instance.state for instance in instances] == ["FINISHED"] * 5
    assert all(instance.action_state("send 2")["state"] == "COMPLETED" for instance in instances)
    until(lambda: OutboxShard.objects.filter(epoch=1).count() >= 8, "the relay at work")
    assert not OutboxMessage.objects.exclude(state="queued").exists()

    own_broker.set_up()
    until(sent(15), "all messages sent")

    records = [value_of(record) for record in kafka.read(OUT, 15)]
    for instance in instances:
        assert [each["n"] for each in records if each["of"] == instance.row.id] == [0, 1, 2]
    assert program.end() == 0


def test_e129_s130_what_rolls_back_is_never_sent(environ: dict[str, str], gateway: Gateway, kafka: Kafka) -> None:
    published = three_sends()
    stimulus = Start(uuid.uuid4(), published.snapshot_id, {}, USER)

    def refuse(outcomes: object) -> None:
        raise runtime.ExpectedByCaller

    with pytest.raises(runtime.ExpectedByCaller):
        runtime.apply([stimulus], after=refuse)
    gateway("relay")
    good = published.start()
    until(sent(3), "the messages of the good instance")

    assert {value_of(record)["of"] for record in kafka.read(OUT, 3, settle_s=1.0)} == {good.row.id}


def test_killed_between_commit_and_produce_the_message_leaves_after_the_restart(
    environ: dict[str, str], gateway: Gateway, kafka: Kafka
) -> None:
    victim = gateway("relay", fault="relay.before_produce")
    instance = three_sends().start()
    victim.wait_until_it_died()
    assert [row.state for row in instance.sent()] == ["queued"] * 3

    gateway("relay")
    until(sent(3), "the messages sent")

    records = kafka.read(OUT, 3, settle_s=1.0)
    assert [value_of(record)["n"] for record in records] == [0, 1, 2]


def test_s131_e138_killed_between_ack_and_mark_the_message_comes_twice_with_one_id_and_has_one_effect(
    environ: dict[str, str], gateway: Gateway, kafka: Kafka
) -> None:
    stream = [{"topicName": TOPIC, "keyName": "got"}]
    receiver = process().start().user_task("Form", save_data("go"), dataStreamTopics=stream).end().publish().start()
    victim = gateway("relay", fault="relay.after_ack")
    tell = kafka_send("tell", TOPIC, '{"n": 1}', headers=f'{{"processInstanceId": {receiver.row.id}}}')
    sender = process().start().send("Tell", tell).end().publish().start()
    victim.wait_until_it_died()

    gateway()
    until(sent(1), "the message marked as sent")

    records = kafka.read(TOPIC, 2)
    assert [headers_of(record)["Fx-MessageId"] for record in records] == [str(sender.sent()[0].id)] * 2
    until(lambda: receiver.journal("Message Receive"), "the record received")
    kafka.send(TOPIC, b'{"n": 2}', key=str(receiver.uuid))
    until(lambda: receiver.params["got"] == {"n": 2}, "a later record")
    assert len(receiver.journal("Message Receive")) == 2


def test_s153_without_redis_messages_leave_within_the_poll(
    environ: dict[str, str], gateway: Gateway, kafka: Kafka, redis_server: PrivateRedis
) -> None:
    redis_server.stop()
    program = gateway("relay")
    three_sends().start()

    until(sent(3), "the messages sent", limit_s=10.0)

    assert len(kafka.read(OUT, 3)) == 3
    assert program.end() == 0


def test_a_broken_row_does_not_bring_the_gateway_down(environ: dict[str, str], gateway: Gateway, kafka: Kafka) -> None:
    broken = three_sends().start()
    OutboxMessage.objects.filter(instance_id=broken.row.id, action_name="send 0").update(headers="no JSON")

    program = gateway("relay")
    three_sends().start()
    until(sent(5), "all others sent")

    assert OutboxMessage.objects.get(state="failed").action_name == "send 0"
    assert broken.row.open_incidents == 1
    assert program.end() == 0


def test_s158_one_loop_runs_alone_and_sigterm_gives_its_leases_back(
    environ: dict[str, str], gateway: Gateway, kafka: Kafka
) -> None:
    program = gateway("relay")
    three_sends().start()
    until(sent(3), "the messages sent")

    assert program.end() == 0

    assert set(OutboxShard.objects.values_list("shard", flat=True)) == set(range(8))
    assert not OutboxShard.objects.exclude(owner="").exists()
    assert "consumer" not in program.said
