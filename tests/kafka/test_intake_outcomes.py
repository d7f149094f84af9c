"""What becomes of a batch of records: early, held, late, dead; offsets and statements (engine 6.6, scenarios 1.4 and 6.3)."""

import uuid
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from engine import runtime
from engine.core.stimuli import Hold, Terminate, Unhold
from engine.kafka import intake
from engine.kafka.correlate import Record
from engine.kafka.offsets import Offsets
from engine.models import Incident, KafkaOffset, OutboxMessage, ReceivedMessage
from tests.builders import TOPIC, USER, kafka_send, process, save_data, websocket_send
from tests.kafka.arriving import dead_letters, header, record, to, waiting
from tests.kafka.conftest import database_away

pytestmark = pytest.mark.django_db


# --- early, held, late -----------------------------------------------------------------------------------------------------


def test_e137_s013_a_reply_before_its_token_is_kept_and_used_on_arrival_oldest_first(offsets: Offsets) -> None:
    made = (
        process().start().user_task("Form", save_data("go")).receive("Wait").receive("Wait again", key="second").end()
    )
    instance = made.publish().start()
    intake.take_in([to(instance, "first"), to(instance, "second")], offsets)
    assert [kept.state for kept in instance.kept()] == ["early", "early"]

    instance.execute("go")

    assert (instance.params["reply"], instance.params["second"]) == ("first", "second")
    assert [kept.state for kept in instance.kept()] == ["applied", "applied"]


def test_e218_s015_on_hold_a_record_is_held_and_applied_after(offsets: Offsets) -> None:
    instance = waiting()
    runtime.apply([Hold(instance.uuid, USER)])
    intake.take_in([to(instance, 1)], offsets)
    assert [kept.state for kept in instance.kept()] == ["held"]

    runtime.apply([Unhold(instance.uuid, USER)])

    assert instance.params["reply"] == 1


def test_e140_e218_s015_after_the_end_a_record_is_late_and_changes_nothing(offsets: Offsets) -> None:
    instance = waiting()
    runtime.apply([Terminate(instance.uuid, USER)])

    intake.take_in([to(instance, 1)], offsets)

    assert "reply" not in instance.params
    assert [kept.state for kept in instance.kept()] == ["late"]
    assert not dead_letters()


def test_e218_no_subscription_comes_before_the_instances_state(offsets: Offsets) -> None:
    elsewhere = "ai.flowx.dev.engine.receive.elsewhere.v1"
    instance = waiting()
    runtime.apply([Terminate(instance.uuid, USER)])

    intake.take_in([to(instance, 1, topic=elsewhere)], offsets)

    assert [(kept.state, kept.reason) for kept in instance.kept()] == [("unmatched", "NO_SUBSCRIPTION")]
    copy = OutboxMessage.objects.get(topic=f"dlt.{elsewhere}")
    assert header(copy, "Fx-DeadReason") == "NO_SUBSCRIPTION"


def test_s010_destination_id_picks_the_node(offsets: Offsets) -> None:
    made = process().start().receive("First", key="first").receive("Second", key="second").end()
    instance = made.publish().start()

    intake.take_in([to(instance, "for the second", headers={"destinationId": "Second"})], offsets)
    intake.take_in([to(instance, "for the first", headers={"destinationId": "First"})], offsets)

    assert (instance.params["first"], instance.params["second"]) == ("for the first", "for the second")


def test_s014_e219_a_kept_reply_to_an_earlier_run_is_not_given_to_the_next(offsets: Offsets) -> None:
    made = process().start().send("Ask", kafka_send("ask", topic="requests.v1")).receive("Wait")
    made.gateway("Again?", ("input.reply.again == true", "Ask"), (None, "End")).link("Again?", "Ask").end()
    instance = made.publish().start()
    first = instance.sent()[0].id
    intake.take_in([to(instance, {"again": True}, headers={"Fx_InReplyTo": first})], offsets)
    assert len(instance.sent()) == 2

    intake.take_in([to(instance, {"again": False}, headers={"Fx_InReplyTo": first})], offsets)

    assert instance.position == ("Wait", "WAITING_MESSAGE")
    assert [kept.state for kept in instance.kept()] == ["late"]


@pytest.mark.timeout(120)
def test_e218_s157_the_1001st_kept_record_overflows(offsets: Offsets) -> None:
    instance = process().start().user_task("Form", save_data("go")).receive("Wait").end().publish().start()

    for _ in range(10):
        intake.take_in([to(instance, 1) for _ in range(100)], offsets)
    intake.take_in([to(instance, 1)], offsets)

    assert ReceivedMessage.objects.filter(state="early").count() == 1000
    last = ReceivedMessage.objects.latest("id")
    assert (last.state, last.reason) == ("dead", "OVERFLOW")
    assert [header(copy, "Fx-DeadReason") for copy in dead_letters()] == ["OVERFLOW"]


# --- failing records -------------------------------------------------------------------------------------------------------


def test_s136_a_record_that_cannot_be_applied_is_dead_with_an_incident_and_the_others_are_applied(
    offsets: Offsets,
) -> None:
    before, poisoned, after = waiting(), waiting(), waiting()
    too_much = {"text": "x" * 1_100_000}

    intake.take_in([to(before, 1), to(poisoned, too_much), to(after, 2)], offsets)

    assert (before.params["reply"], after.params["reply"]) == (1, 2)
    assert poisoned.position == ("Wait", "WAITING_MESSAGE")
    assert [(kept.state, kept.reason) for kept in poisoned.kept()] == [("dead", "FAILED")]
    assert Incident.objects.get().instance_uuid == poisoned.uuid
    assert [header(copy, "Fx-DeadReason") for copy in dead_letters()] == ["FAILED"]


def test_a_record_that_breaks_the_database_is_dead_and_the_others_are_applied(
    offsets: Offsets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The core stumbles over one record of a batch: it is found by halving."""
    from engine.core import records as core_records

    usual = core_records.apply

    def stumble(turn: Any, token: Any, node: Any, message: Any) -> bool:
        if message.value == "stumble":
            raise ZeroDivisionError("planted")
        return usual(turn, token, node, message)

    monkeypatch.setattr(core_records, "apply", stumble)
    instances = [waiting() for _ in range(5)]
    batch: list[Record] = []
    for number, instance in enumerate(instances):
        batch += [record({"lost": number}), to(instance, "stumble" if number == 2 else number)]
    batch.append(record({"lost": "behind them all"}))

    intake.take_in(batch, offsets)

    assert [instance.state for instance in instances] == ["FINISHED", "FINISHED", "STARTED", "FINISHED", "FINISHED"]
    assert ReceivedMessage.objects.filter(reason="NO_INSTANCE").count() == 6
    assert ReceivedMessage.objects.filter(reason="FAILED").count() == 1
    assert KafkaOffset.objects.get().next == batch[-1].offset + 1


def test_e246_a_lost_database_is_reported_and_the_batch_can_be_given_again(offsets: Offsets) -> None:
    instance = waiting()
    batch = [to(instance, 1)]
    with connection.execute_wrapper(database_away), pytest.raises(OperationalError):
        intake.take_in(batch, offsets)
    assert instance.state == "STARTED"

    intake.take_in(batch, offsets)

    assert instance.state == "FINISHED"


# --- offsets and statements --------------------------------------------------------------------------------------------------


def test_offsets_move_per_partition_and_never_back(offsets: Offsets) -> None:
    intake.take_in(
        [record(partition=0, offset=7), record(partition=3, offset=2), record(partition=0, offset=9)], offsets
    )
    intake.take_in([record(partition=0, offset=8)], offsets)

    rows = KafkaOffset.objects.order_by("partition").values_list("group", "cluster_id", "topic", "partition", "next")
    assert list(rows) == [("flowx-test", "cluster", TOPIC, 0, 10), ("flowx-test", "cluster", TOPIC, 3, 3)]
    assert ReceivedMessage.objects.count() == 3


def test_another_cluster_begins_anew(offsets: Offsets) -> None:
    intake.take_in([record(offset=7)], offsets)

    assert Offsets("flowx-test", "another").where_to_start([(TOPIC, 0)], {}) == {}
    assert offsets.where_to_start([(TOPIC, 0)], {}) == {(TOPIC, 0): 8}


def test_s135_a_topic_made_anew_is_read_from_its_start(offsets: Offsets) -> None:
    offsets.where_to_start([(TOPIC, 0)], {TOPIC: "id of the first"})
    intake.take_in([record(offset=7)], offsets)
    assert offsets.where_to_start([(TOPIC, 0)], {TOPIC: "id of the first"}) == {(TOPIC, 0): 8}

    assert offsets.where_to_start([(TOPIC, 0)], {TOPIC: "id of the second"}) == {}
    intake.take_in([record(offset=0)], offsets)

    assert ReceivedMessage.objects.count() == 2
    assert KafkaOffset.objects.get().next == 1


def test_a_hundred_records_take_at_most_thirty_statements(offsets: Offsets) -> None:
    made = process().start().send("Ask", kafka_send("ask", topic="requests.v1")).receive("Wait")
    published = made.task("Tell", websocket_send("tell", '{"n": ${reply.n}}')).end().publish()
    instances = [published.start() for _ in range(97)]
    intake.take_in([to(published.start(), 1)], offsets)  # caches
    batch = [record(raw=b"poison"), record({"lost": 1}), record({"lost": 2}, headers={"processInstanceId": "7000"})]
    for each in instances:
        names = {"Fx_InReplyTo": each.sent()[0].id, "Fx_MessageId": uuid.uuid4()}
        batch.append(to(each, {"n": 1}, headers=names))

    with CaptureQueriesContext(connection) as queries:
        intake.take_in(batch, offsets)

    assert len(queries) <= 30, [query["sql"][:90] for query in queries]
    assert [instance.state for instance in instances] == ["FINISHED"] * 97
