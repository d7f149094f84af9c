"""A record finds its instance and counts once, in one transaction (engine 6.6, scenarios 1.4 and 6.3)."""

import uuid
from typing import Any

import pytest

from engine.kafka import intake
from engine.kafka.correlate import Record, record_of
from engine.kafka.offsets import Offsets
from engine.models import KafkaOffset, ReceivedMessage
from tests.builders import TOPIC, Running, kafka_send, process, save_data
from tests.kafka.arriving import dead_letters, header, record, to, waiting

pytestmark = pytest.mark.django_db


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
