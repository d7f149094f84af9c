"""The relay: what is in the outbox leaves, once acknowledged it is marked, in order per instance (scenarios 6.3)."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import Message
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engine.kafka import outbox
from engine.kafka.embedded import Answer, EmbeddedBroker, Request
from engine.kafka.relay import Relay
from engine.models import OutboxMessage, OutboxShard
from tests.kafka.conftest import Enqueue, all_sent, free_all_leases, headers_of, take_lease_from, work

pytestmark = pytest.mark.django_db
Records = Callable[..., list[Message]]


def values(records: list[Message]) -> list[Any]:
    return [json.loads(record.value() or b"null") for record in records]


def test_s004_a_waiting_row_becomes_a_record_with_key_value_headers_and_its_id(
    relay: Relay, enqueue: Enqueue, topic: str, records: Records
) -> None:
    row = enqueue(topic, {"größe": 17}, key="7d3f", headers=json.dumps({"processInstanceId": "5081", "stadt": "Köln"}))

    work(relay, all_sent(1), "the row sent")

    [record] = records(topic, 1)
    assert record.key() == b"7d3f"
    assert values([record]) == [{"größe": 17}]
    assert headers_of(record) == {"processInstanceId": "5081", "stadt": "Köln", "Fx-MessageId": str(row.id)}


def test_an_acknowledged_row_carries_partition_offset_and_time(relay: Relay, enqueue: Enqueue, topic: str) -> None:
    row = enqueue(topic)

    work(relay, all_sent(1), "the row sent")

    row.refresh_from_db()
    assert (row.state, row.attempts, row.offset, row.last_error) == ("sent", 1, 0, "")
    assert row.partition in range(4)
    assert row.sent_at is not None


def test_a_row_without_a_key_leaves_without_one(relay: Relay, enqueue: Enqueue, topic: str, records: Records) -> None:
    enqueue(topic, key=None)

    work(relay, all_sent(1), "the row sent")

    assert records(topic, 1)[0].key() is None


def test_e217_s148_rows_of_one_instance_leave_in_order_whatever_their_keys(
    relay: Relay, enqueue: Enqueue, topic: str, records: Records
) -> None:
    for number in range(40):
        enqueue(topic, number, key=f"key {number}")

    work(relay, all_sent(40), "all rows sent")

    assert values(records(topic, 40)) == list(range(40))


def test_e217_a_refused_row_holds_nothing_back(
    relay: Relay, enqueue: Enqueue, topic: str, records: Records, broker: EmbeddedBroker
) -> None:
    bad = enqueue(topic, "refused", headers="[]")
    enqueue(topic, "good")

    work(relay, all_sent(1), "the good row sent")

    bad.refresh_from_db()
    assert bad.state == "failed"
    assert "no JSON object" in bad.last_error
    assert values(records(topic, 1)) == ["good"]


@pytest.mark.parametrize("answer", [Answer.RECORD_TOO_LARGE, Answer.INVALID_TOPIC])
def test_e216_what_the_broker_refuses_for_good_is_failed_and_reported(
    make_relay: Callable[..., Relay], enqueue: Enqueue, topic: str, broker: EmbeddedBroker, answer: Answer
) -> None:
    told: list[tuple[uuid.UUID, str]] = []
    relay = make_relay(delivery_failed=lambda row_id, error: told.append((row_id, error)))
    row = enqueue(topic)
    broker.fail_next(Request.PRODUCE, answer)

    work(relay, lambda: OutboxMessage.objects.filter(state="failed").exists(), "the row failed")

    row.refresh_from_db()
    assert [row_id for row_id, _ in told] == [row.id]
    assert row.last_error == told[0][1]
    assert row.attempts == 1


def test_a_failed_incident_does_not_bring_the_row_back(
    make_relay: Callable[..., Relay], enqueue: Enqueue, topic: str, broker: EmbeddedBroker
) -> None:
    def stumble(row_id: uuid.UUID, error: str) -> None:
        raise LookupError("no such instance")

    row = enqueue(topic)
    broker.fail_next(Request.PRODUCE, Answer.RECORD_TOO_LARGE)

    work(make_relay(delivery_failed=stumble), lambda: OutboxMessage.objects.filter(state="failed"), "the row failed")

    row.refresh_from_db()
    assert row.last_error


def test_s152_what_is_not_authorised_waits_and_leaves_once_put_right_and_others_go_on(
    relay: Relay, enqueue: Enqueue, topic: str, broker: EmbeddedBroker, records: Records
) -> None:
    refused = enqueue(topic, "first")
    broker.fail_next(Request.PRODUCE, Answer.TOPIC_NOT_AUTHORISED)
    work(relay, lambda: OutboxMessage.objects.filter(state="retrying"), "the first attempt failed")
    refused.refresh_from_db()
    assert "TOPIC_AUTHORIZATION_FAILED" in refused.last_error
    assert timedelta(0) < refused.available_at - timezone.now() <= timedelta(seconds=1)

    enqueue(topic, "second")
    other = enqueue(f"{topic}.other", instance_id=2)
    work(relay, lambda: OutboxMessage.objects.filter(id=other.id, state="sent"), "the other instance's row sent")

    work(relay, all_sent(3), "all rows sent")
    assert values(records(topic, 2)) == ["first", "second"]


def test_back_off_doubles_from_one_second_to_sixty() -> None:
    assert [outbox.back_off(attempts).total_seconds() for attempts in (1, 2, 3, 6, 7, 40)] == [1, 2, 4, 32, 60, 60]


def test_rows_in_back_off_do_not_fill_the_batches_of_others(relay: Relay, enqueue: Enqueue, topic: str) -> None:
    later = timezone.now() + timedelta(seconds=50)
    for _ in range(5):
        enqueue(topic, instance_id=7, available_at=later, state="retrying")
        enqueue(topic, instance_id=7)
    other = enqueue(topic, instance_id=8)

    work(relay, all_sent(1), "the other row sent")

    assert OutboxMessage.objects.get(state="sent").id == other.id
    assert set(OutboxMessage.objects.filter(instance_id=7).values_list("available_at", flat=True)) == {later}


def test_s132_one_relay_a_shard_and_the_second_takes_over_when_the_first_gives_back(
    make_relay: Callable[..., Relay], enqueue: Enqueue, topic: str
) -> None:
    first, second = make_relay(), make_relay()
    first.turn()
    second.turn()
    assert len(first.leases.epochs) == 8
    assert second.leases.epochs == {}

    first.finish()
    enqueue(topic)
    second.leases.hold()

    assert set(second.leases.epochs.values()) == {2}
    work(second, all_sent(1), "the row sent by the second")


def test_s132_a_relay_that_lost_its_lease_marks_nothing(
    relay: Relay, enqueue: Enqueue, topic: str, records: Records, broker: EmbeddedBroker
) -> None:
    row = enqueue(topic)
    broker.slow_down(500)
    relay.turn()
    take_lease_from(shard=0)

    records(topic, 1)
    work(relay, lambda: not relay.busy, "the report noted")

    row.refresh_from_db()
    assert row.state == "queued"
    assert row.sent_at is None


def test_s132_a_lost_shard_is_left_alone(relay: Relay, enqueue: Enqueue, topic: str) -> None:
    relay.turn()
    take_lease_from(shard=0)
    assert relay.leases.hold() == {0}
    enqueue(topic)
    other = enqueue(topic, shard=1, instance_id=2)

    work(relay, all_sent(1), "the row of the shard that is still held")

    assert OutboxMessage.objects.get(state="sent").id == other.id


def test_two_relays_share_the_shards(make_relay: Callable[..., Relay]) -> None:
    first, second = make_relay(share=lambda: 4), make_relay(share=lambda: 4)
    first.leases.hold()  # alone, it took them all
    first.turn()
    second.turn()

    assert len(first.leases.epochs) == len(second.leases.epochs) == 4
    assert not set(first.leases.epochs) & set(second.leases.epochs)


def test_s158_leases_are_given_back_at_the_end_and_what_was_under_way_is_marked(
    relay: Relay, enqueue: Enqueue, topic: str
) -> None:
    enqueue(topic)
    relay.turn()

    relay.finish()

    assert OutboxMessage.objects.get().state == "sent"
    assert not OutboxShard.objects.filter(until__gt=timezone.now()).exists()


def test_a_fatal_error_gets_a_new_producer_and_loses_nothing(
    relay: Relay, enqueue: Enqueue, topic: str, broker: EmbeddedBroker, records: Records
) -> None:
    for number in range(3):
        enqueue(topic, number)
    out_of_order_sequence_number = 45
    broker.fail_next(Request.PRODUCE, out_of_order_sequence_number)

    work(relay, all_sent(3), "all rows sent")

    seen = values(records(topic, 3))
    assert [number for at, number in enumerate(seen) if number not in seen[:at]] == [0, 1, 2]


def test_a_hundred_rows_of_as_many_instances_take_few_statements(relay: Relay, enqueue: Enqueue, topic: str) -> None:
    relay.turn()
    for number in range(100):
        enqueue(topic, instance_id=number + 1, shard=number % 8)

    with CaptureQueriesContext(connection) as queries:
        work(relay, lambda: relay.sent >= 100, "all rows sent")

    marks = [query["sql"] for query in queries if query["sql"].startswith("UPDATE")]
    assert len(marks) <= 3
    assert all_sent(100)()


def test_value_and_key_that_are_no_text_leave_as_they_came(
    relay: Relay, enqueue: Enqueue, topic: str, records: Records
) -> None:
    row = enqueue(topic, key="/w==", headers=json.dumps({outbox.AS_BYTES: "key value"}))
    OutboxMessage.objects.filter(id=row.id).update(value="AP8=")

    work(relay, all_sent(1), "the row sent")

    [record] = records(topic, 1)
    assert (record.key(), record.value()) == (b"\xff", b"\x00\xff")
    assert outbox.AS_BYTES not in headers_of(record)


def test_free_leases_are_taken_again_after_they_ran_out(make_relay: Callable[..., Relay]) -> None:
    first, second = make_relay(), make_relay()
    first.turn()
    free_all_leases()  # as time does to a relay that was killed

    second.turn()

    assert len(second.leases.epochs) == 8
