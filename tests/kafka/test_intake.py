"""A batch of records has its effect once, in one transaction (engine 6.6, scenarios 1.4 and 6.3)."""

import itertools
import json
import uuid
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engine import runtime
from engine.core.stimuli import Hold, Terminate, Unhold
from engine.kafka import intake
from engine.kafka.correlate import Record, record_of
from engine.kafka.offsets import Offsets
from engine.models import Incident, KafkaOffset, OutboxMessage, ReceivedMessage
from tests.builders import TOPIC, USER, Running, kafka_send, process, save_data, websocket_send
from tests.kafka.conftest import database_away

pytestmark = pytest.mark.django_db

_offsets = itertools.count()


def record(value: Any = None, *, raw: bytes | None = None, topic: str = TOPIC, **fields: Any) -> Record:
    """A record of partition 0; `headers` names with a `_` for each `-`."""
    headers = {name.replace("_", "-"): str(text) for name, text in fields.pop("headers", {}).items()}
    content = json.dumps({} if value is None else value).encode() if raw is None else raw
    made: dict[str, Any] = {"partition": 0, "offset": next(_offsets), "key": None, "received_at": timezone.now()}
    return Record(topic=topic, value=content, headers=headers, **made | fields)


def to(instance: Running, value: Any = None, **fields: Any) -> Record:
    """A record for an instance."""
    headers = {"processInstanceId": instance.row.id} | fields.pop("headers", {})
    return record(value, headers=headers, **fields)


@pytest.fixture
def offsets() -> Offsets:
    return Offsets("flowx-test", "cluster")


def waiting() -> Running:
    """An instance that waits for a record on TOPIC, kept under `reply`."""
    return process().start().receive("Wait").end().publish().start()


def dead_letters() -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(topic=f"dlt.{TOPIC}").order_by("seq"))


def header(row: OutboxMessage, name: str) -> str:
    return str(json.loads(row.headers)[name])


# --- correlation ---------------------------------------------------------------------------------------------------------


class BrokenHeaders:
    """What confluent-kafka makes of a header whose name is not UTF-8."""

    def __init__(self, read: Record) -> None:
        self.topic, self.partition, self.offset = lambda: read.topic, lambda: read.partition, lambda: read.offset
        self.key, self.value = lambda: read.key, lambda: read.value

    def headers(self) -> Any:
        raise SystemError("returned a result with an exception set")


def test_e133_a_record_whose_headers_cannot_be_read_is_dead_and_its_batch_goes_on(offsets: Offsets) -> None:
    instance = waiting()
    read = record({"who": "broken"}, key=str(instance.row.uuid).encode())
    broken = record_of(BrokenHeaders(read), read.received_at)  # type: ignore[arg-type]
    intake.take_in([broken, to(instance, {"who": "good"})], offsets)
    assert instance.params["reply"] == {"who": "good"}
    dead = dead_letters()
    assert [header(row, "Fx-DeadReason") for row in dead] == ["NOT_JSON"]
    assert "not UTF-8" in header(dead[0], "Fx-DeadError")


def test_e133_a_number_of_thousands_of_digits_names_nobody(offsets: Offsets) -> None:
    intake.take_in([record({}, headers={"processInstanceId": "9" * 5000})], offsets)
    assert [header(row, "Fx-DeadReason") for row in dead_letters()] == ["NO_INSTANCE"]


@pytest.mark.parametrize("name", ["processInstanceUuid", "processInstanceId"])
@pytest.mark.parametrize("what", ["number", "uuid"])
def test_e132_either_header_holds_the_number_or_the_uuid(offsets: Offsets, name: str, what: str) -> None:
    instance = waiting()
    text = str(instance.row.id) if what == "number" else str(instance.uuid)

    intake.take_in([record({"ok": True}, headers={name: text})], offsets)

    assert instance.params["reply"] == {"ok": True}
    assert instance.state == "FINISHED"


def test_e132_s009_the_key_names_the_instance_where_no_header_does(offsets: Offsets) -> None:
    instance = waiting()

    intake.take_in([record({"ok": True}, key=str(instance.uuid).encode())], offsets)

    assert instance.params["reply"] == {"ok": True}


def test_e132_a_header_wins_over_the_key(offsets: Offsets) -> None:
    instance, other = waiting(), waiting()

    intake.take_in([to(instance, 1, key=str(other.uuid).encode())], offsets)

    assert instance.params["reply"] == 1
    assert other.state == "STARTED"


NOBODY = {
    "nothing": {},
    "an unknown number": {"processInstanceId": "9000000000000000000"},
    "a number beyond any": {"processInstanceId": "9" * 40},
    "an unknown uuid": {"processInstanceUuid": str(uuid.uuid4())},
    "a word": {"processInstanceId": "somebody"},
}


@pytest.mark.parametrize("headers", NOBODY.values(), ids=NOBODY)
def test_e133_s009_a_record_that_names_nobody_is_dead_lettered_and_the_next_is_applied(
    offsets: Offsets, headers: dict[str, str]
) -> None:
    instance = waiting()

    intake.take_in([record({"lost": True}, headers=headers), to(instance, {"ok": True})], offsets)

    row = ReceivedMessage.objects.get()
    assert (row.state, row.reason, bytes(row.value)) == ("unmatched", "NO_INSTANCE", b'{"lost": true}')
    [copy] = dead_letters()
    assert header(copy, "Fx-DeadReason") == "NO_INSTANCE"
    assert instance.params["reply"] == {"ok": True}


def test_e133_s009_headers_that_name_two_instances_reach_neither(offsets: Offsets) -> None:
    one, other = waiting(), waiting()

    intake.take_in([to(one, headers={"processInstanceUuid": str(other.uuid)})], offsets)

    assert (one.state, other.state) == ("STARTED", "STARTED")
    assert ReceivedMessage.objects.get().reason == "NO_INSTANCE"
    assert "do not name the same" in ReceivedMessage.objects.get().error


# --- what is no JSON -----------------------------------------------------------------------------------------------------

POISON = {
    "text": b"good morning",
    "nothing": b"",
    "NUL": b'{"a": "\\u0000"}',
    "a lone surrogate": b'{"a": "\\ud800"}',
    "NaN": b'{"a": NaN}',
    "too deep": b"[" * 101 + b"]" * 101,
    "not UTF-8": b'{"a": "\xff"}',
}


@pytest.mark.parametrize("raw", POISON.values(), ids=POISON)
def test_s156_what_is_not_json_is_dead_and_its_copy_says_why(offsets: Offsets, raw: bytes) -> None:
    instance = waiting()
    poison = to(instance, raw=raw, key=b"k")

    intake.take_in([poison, to(instance, {"ok": True})], offsets)

    row = ReceivedMessage.objects.get()
    assert (row.state, row.reason, bytes(row.value)) == ("dead", "NOT_JSON", raw)
    [copy] = dead_letters()
    assert (copy.key, copy.instance_id) == ("k", None)
    assert header(copy, "Fx-DeadReason") == "NOT_JSON"
    assert (header(copy, "Fx-DeadTopic"), header(copy, "Fx-DeadPartition")) == (TOPIC, "0")
    assert header(copy, "Fx-DeadOffset") == str(poison.offset)
    assert header(copy, "Fx-DeadError") == row.error
    assert header(copy, "processInstanceId") == str(instance.row.id)
    assert instance.params["reply"] == {"ok": True}


def test_s156_long_numbers_pass_unchanged(offsets: Offsets) -> None:
    instance = waiting()

    intake.take_in(
        [to(instance, raw=b'{"n": 123456789012345678901234567890, "d": 0.1234567890123456789012345}')], offsets
    )

    assert '"n":123456789012345678901234567890' in instance.row.params
    assert '"d":0.1234567890123456789012345' in instance.row.params


def test_a_dead_letter_carries_no_jwt(offsets: Offsets) -> None:
    intake.take_in([record(headers={"jwt": "secret", "other": "x"})], offsets)

    [copy] = dead_letters()
    assert "secret" not in copy.headers
    assert header(copy, "other") == "x"


# --- once ----------------------------------------------------------------------------------------------------------------


def test_e138_s134_a_record_delivered_twice_has_one_effect(offsets: Offsets) -> None:
    instance = process().start().receive("Wait").receive("Wait again", key="second").end().publish().start()
    again = to(instance, {"n": 1})
    intake.take_in([again], offsets)

    intake.take_in([again], offsets)

    assert instance.position == ("Wait again", "WAITING_MESSAGE")
    assert not ReceivedMessage.objects.exists()


def test_e138_s149_one_message_id_at_two_offsets_has_one_effect(offsets: Offsets) -> None:
    instance = process().start().receive("Wait").receive("Wait again", key="second").end().publish().start()
    name = {"Fx_MessageId": uuid.uuid4()}

    intake.take_in([to(instance, 1, headers=name), to(instance, 1, headers=name)], offsets)
    intake.take_in([to(instance, 1, headers=name)], offsets)

    assert instance.position == ("Wait again", "WAITING_MESSAGE")
    assert len(instance.journal("Message Receive")) == 1


def test_e138_a_kept_record_counts_as_known_too(offsets: Offsets) -> None:
    name = {"Fx_MessageId": uuid.uuid4()}

    intake.take_in([record(headers=name)], offsets)
    intake.take_in([record(headers=name)], offsets)

    assert ReceivedMessage.objects.count() == 1
    assert len(dead_letters()) == 1


def asking() -> Running:
    """An instance on a user task that has sent a request and takes any number of answers."""
    stream = [{"topicName": TOPIC, "keyName": "reply"}]
    ask = kafka_send("ask", topic="requests.v1")
    made = process().start().user_task("Form", ask, save_data("go"), dataStreamTopics=stream).end()
    return made.publish().start()


def test_e138_s142_an_echoed_id_names_the_request_and_two_replies_both_count(offsets: Offsets) -> None:
    instance = asking()
    echo = {"Fx_MessageId": instance.sent()[0].id}

    intake.take_in([to(instance, "first", headers=echo), to(instance, "second", headers=echo)], offsets)
    assert instance.params["reply"] == "second"
    intake.take_in([to(instance, "third", headers=echo)], offsets)

    assert instance.params["reply"] == "third"
    assert [entry.message_id for entry in instance.journal("Message Receive")] == [None, None, None]


def test_our_own_message_on_the_topic_it_was_sent_to_is_itself(offsets: Offsets) -> None:
    instance = process().start().send("Tell", kafka_send("tell", topic=TOPIC)).receive("Wait").end().publish().start()
    own = {"Fx_MessageId": instance.sent()[0].id}

    intake.take_in([to(instance, 1, headers=own)], offsets)

    assert instance.journal("Message Receive")[0].message_id == instance.sent()[0].id


def test_a_request_of_another_instance_is_not_taken_for_ours(offsets: Offsets) -> None:
    sender = asking()
    receiver = waiting()

    intake.take_in([to(receiver, 1, headers={"Fx_InReplyTo": sender.sent()[0].id})], offsets)

    assert receiver.params["reply"] == 1


def test_s161_after_a_restored_backup_each_replayed_record_has_one_effect(offsets: Offsets) -> None:
    instance = process().start().receive("Wait").receive("Wait again", key="second").end().publish().start()
    records = [to(instance, 1, headers={"Fx_MessageId": uuid.uuid4()})]
    intake.take_in(records, offsets)
    KafkaOffset.objects.update(next=0)  # the rows of an older backup beside a journal that has the record

    intake.take_in(records, offsets)

    assert instance.position == ("Wait again", "WAITING_MESSAGE")


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
