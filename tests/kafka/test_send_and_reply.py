"""From an action to the record and from a reply to the data: runtime, relay, broker and intake together (engine 6.5 to 6.7)."""

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import Message
from django.utils import timezone

from engine.core.stimuli import Start
from engine.kafka import intake
from engine.kafka.offsets import Offsets
from engine.kafka.relay import Relay
from engine.models import Timer
from engine.timers import fire_all_due
from tests.builders import TOPIC, USER, Running, kafka_send, process, save_data, websocket_send
from tests.builders import apply as apply_one
from tests.kafka.arriving import record, to
from tests.kafka.conftest import all_sent, headers_of, work

pytestmark = pytest.mark.django_db
Records = Callable[..., list[Message]]
STREAM = [{"topicName": TOPIC, "keyName": "reply"}]


def sent_by(relay: Relay, records: Records, topic: str, **fields: Any) -> tuple[Running, Message]:
    """An instance whose only action sends to the topic, and the record that arrived."""
    action = kafka_send("send", topic, **fields)
    published = process().start().send("Tell", action).end().publish()
    instance = published.start({"n": 17, "list": [1, 2], "word": 'x"y', "deep": {"a": None}, "city": "Kraków"})
    work(relay, all_sent(1), "the message sent")
    return instance, records(topic, 1)[0]


def test_e126_s004_the_key_is_the_instances_uuid_and_the_value_a_json_object(
    relay: Relay, records: Records, topic: str
) -> None:
    instance, arrived = sent_by(relay, records, topic, message='{"n": ${n}, "s": "${word}"}')

    assert arrived.key() == str(instance.uuid).encode()
    assert json.loads(arrived.value() or b"") == {"n": 17, "s": 'x"y'}


def test_e126_s004_a_message_key_takes_its_place_and_a_list_may_be_sent(
    relay: Relay, records: Records, topic: str
) -> None:
    _, arrived = sent_by(relay, records, topic, message="${list}", messageKey="order-${n}")

    assert arrived.key() == b"order-17"
    assert json.loads(arrived.value() or b"") == [1, 2]


@pytest.mark.parametrize("headers", [None, "", '{"destinationId": "Wait"}'], ids=["default", "empty", "others"])
def test_e127_s005_the_instances_number_and_uuid_are_always_sent(
    relay: Relay, records: Records, topic: str, headers: str | None
) -> None:
    more = {} if headers is None else {"headers": headers}
    instance, arrived = sent_by(relay, records, topic, **more)

    found = headers_of(arrived)
    assert found["processInstanceId"] == str(instance.row.id)
    assert found["processInstanceUuid"] == str(instance.uuid)


def test_e128_s006_headers_are_encoded_by_their_kind(relay: Relay, records: Records, topic: str) -> None:
    template = (
        '{"number": ${n}, "flag": true, "text": "${city}", "object": ${deep}, "list": ${list}, "nothing": ${none}}'
    )

    _, arrived = sent_by(relay, records, topic, headers=template)

    found = headers_of(arrived)
    assert (found["number"], found["flag"], found["text"]) == ("17", "true", "Kraków")
    assert (found["object"], found["list"]) == ('{"a":null}', "[1,2]")
    assert "nothing" not in found


def test_e118_s148_two_topics_of_one_run_get_a_record_each_with_an_id_each(
    relay: Relay, records: Records, topic: str
) -> None:
    instance = process().start().send("Tell", kafka_send("send", f"{topic}, {topic}.more")).end().publish().start()

    work(relay, all_sent(2), "both sent")

    ids = [headers_of(records(name, 1)[0])["Fx-MessageId"] for name in (topic, f"{topic}.more")]
    assert ids == [str(row.id) for row in instance.sent()]
    assert len(set(ids)) == 2


def test_s011_a_reply_overwrites_the_key_is_journaled_and_lets_a_task_go_once(offsets: Offsets) -> None:
    published = process().start().task("Check", dataStreamTopics=STREAM).end().publish()
    instance = published.start({"reply": {"old": 1}, "other": 2})
    assert instance.position == ("Check", "WAITING_MESSAGE")

    intake.take_in([to(instance, {"new": 1}, headers={"Fx_MessageId": uuid.uuid4()})], offsets)

    assert instance.params["reply"] == {"new": 1}
    assert instance.params["other"] == 2
    assert instance.state == "FINISHED"
    assert [entry.node_name for entry in instance.journal("Message Receive")] == ["Check"]


def test_s012_callbacks_run_on_each_reply_nothing_is_sent_again_and_the_token_stays(offsets: Offsets) -> None:
    request = save_data("requestCode", ["phone"], optional=True, repeatable=True, autoRunChildren=True)
    headers = '{"destinationId": "Code", "callbacksForAction": "sendCode"}'
    send = kafka_send("sendCode", "codes.v1", headers=headers, repeatable=True, parentName="requestCode")
    show = websocket_send("showCode", '{"shown": "${reply.state}"}', repeatable=True, parentName="sendCode")
    confirm = save_data("confirm")
    made = process().start().user_task("Code", request, send, show, confirm, dataStreamTopics=STREAM).end()
    instance = made.publish().start()

    instance.execute("requestCode", {"phone": "1"})
    [question] = instance.sent()
    assert instance.frames("data") == []

    for state in ("sent", "read"):
        answer = json.loads(question.headers) | {"Fx_InReplyTo": question.id, "Fx_MessageId": uuid.uuid4()}
        intake.take_in([to(instance, {"state": state}, headers=answer)], offsets)

    assert [frame["data"]["shown"] for frame in instance.frames("data")] == ["sent", "read"]
    assert len(instance.sent()) == 1
    assert instance.position[0] == "Code"
    instance.execute("confirm")
    assert instance.state == "FINISHED"


def waiting_for_an_answer() -> Running:
    """One that has asked and waits for at most two minutes."""
    made = process().start().send("Ask", kafka_send("ask", "requests.v1"))
    made.receive("Wait", responseTimeout="PT2M").user_task("Then", save_data("go")).end()
    return made.publish().start()


def let_timers_come_due() -> None:
    Timer.objects.filter(state="PENDING").update(due_at=timezone.now() - timedelta(seconds=1))
    fire_all_due()


def test_e139_e140_s151_after_the_response_timeout_the_token_goes_on_and_the_reply_is_late(
    offsets: Offsets,
) -> None:
    instance = waiting_for_an_answer()

    let_timers_come_due()

    assert instance.position[0] == "Then"
    assert "reply" not in instance.params
    assert instance.row.open_incidents == 0
    assert instance.journal("Warning")

    intake.take_in([to(instance, 1, headers={"Fx_InReplyTo": instance.sent()[0].id})], offsets)
    assert "reply" not in instance.params
    assert [kept.state for kept in instance.kept()] == ["late"]


def test_e139_a_reply_in_time_cancels_the_timeout(offsets: Offsets) -> None:
    instance = waiting_for_an_answer()

    intake.take_in([to(instance, 1)], offsets)
    let_timers_come_due()

    assert instance.params["reply"] == 1
    assert [timer.state for timer in Timer.objects.all()] == ["CANCELLED"]


def test_s151_on_a_user_task_the_timeout_only_shows(offsets: Offsets) -> None:
    ask = kafka_send("ask", "requests.v1")
    made = process().start().user_task("Form", ask, save_data("go"), dataStreamTopics=STREAM, responseTimeout="PT2M")
    instance = made.end().publish().start()

    let_timers_come_due()

    assert instance.position == ("Form", "MESSAGE_RESPONSE_TIMED_OUT")
    intake.take_in([to(instance, 1)], offsets)
    assert instance.params["reply"] == 1


def test_e140_a_reply_after_its_node_was_left_is_late(offsets: Offsets) -> None:
    made = (
        process()
        .start()
        .send("Ask", kafka_send("ask", "requests.v1"))
        .receive("Wait")
        .user_task("Then", save_data("go"))
    )
    instance = made.end().publish().start()
    intake.take_in([to(instance, "first")], offsets)

    intake.take_in(
        [to(instance, "second"), to(instance, "third", headers={"Fx_InReplyTo": instance.sent()[0].id})], offsets
    )

    assert instance.params["reply"] == "first"
    assert [kept.state for kept in instance.kept()] == ["late", "late"]


def test_e138_the_id_of_a_start_counts_as_known(offsets: Offsets) -> None:
    published = process().start().user_task("Form", save_data("go"), dataStreamTopics=STREAM).end().publish()
    name, started = uuid.uuid4(), uuid.uuid4()
    apply_one(Start(started, published.snapshot_id, {}, USER, message_id=name))

    intake.take_in([record(1, headers={"processInstanceUuid": started, "Fx_MessageId": name})], offsets)

    assert "reply" not in Running(published, started).params
