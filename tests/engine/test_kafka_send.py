"""Kafka Send: topics, message, headers, key, and the outbox row (engine 6)."""

import uuid

import pytest
from django.db import transaction

from engine import publishing, runtime
from engine.core import jsonio
from engine.core.stimuli import Start
from engine.models import Incident, OutboxMessage
from tests.builders import USER, action, kafka_send, process, save_data

pytestmark = pytest.mark.django_db


def send(*sends, params=None, **fields):
    return process(**fields).start().send("Send", *sends).end().publish().start(params or {})


def headers(row):
    return jsonio.loads(row.headers)


def why(running):
    return Incident.objects.get(instance_id=running.row.id).message


def test_e116_e130_e121_e122_the_record_is_queued_with_the_transition():
    running = send(
        kafka_send(
            "ask",
            topic="ask.v1",
            message='{"id": "LR-${processInstanceId}", "bike": ${bike}, "again": "${bike}", "none": ${x}, "no": "${x}"}',
        ),
        params={"bike": {"model": "TRAIL"}},
    )
    [row] = running.sent()
    assert running.state == "FINISHED"
    assert (row.topic, row.state, row.key) == ("ask.v1", "queued", str(running.uuid))
    assert jsonio.loads(row.value) == {
        "id": f"LR-{running.row.id}", "bike": {"model": "TRAIL"}, "again": '{"model":"TRAIL"}', "none": None, "no": "",
    }  # fmt: skip


@pytest.mark.parametrize("missing", ["topicName", "message"])
def test_e116_topic_and_message_are_required(missing):
    params = {"topicName": "a.v1", "message": "{}"}
    params.pop(missing)
    running = send(action("ask", "KAFKA_SEND", params))
    assert running.action_state("ask")["state"] == "FAILED"
    assert not running.sent()


def test_e118_several_topics_each_get_the_message_with_ids_of_their_own_that_a_repeat_makes_again():
    running = send(kafka_send("ask", topic="one.v1, two.v1,one.v1"))
    rows = running.sent()
    assert [row.topic for row in rows] == ["one.v1", "two.v1", "one.v1"]
    assert len({row.id for row in rows}) == 3
    assert len({row.value for row in rows}) == 1
    repeated = [
        uuid.uuid5(running.uuid, f"{row.visit_number}:{row.action_id}:{row.run}:{n}") for n, row in enumerate(rows)
    ]
    assert repeated == [row.id for row in rows]


def test_e119_a_topic_resolves_from_params_and_generic_parameters():
    publishing.store_generic_parameter("prefix", "warehouse")
    running = send(kafka_send("ask", topic="${prefix}.${region}.v1"), params={"region": "north"})
    assert [row.topic for row in running.sent()] == ["warehouse.north.v1"]


@pytest.mark.parametrize(
    ("topic", "value", "text"),
    [
        ("ask.${region}", None, "No value for topic placeholder region"),
        ("ask.${region}", "a b", "not a legal topic name"),
        ("${region}", "..", "not a legal topic name"),
        ("ask,${region}", "x" * 250, "not a legal topic name"),
    ],
)
def test_e120_an_unresolved_or_illegal_topic_sends_nothing_and_fails_the_action(topic, value, text):
    running = send(kafka_send("ask", topic=topic), params={"region": value})
    assert text in why(running)
    assert not OutboxMessage.objects.exists()
    assert running.position == ("Send", "EXECUTED_PARTIAL")


def test_e213_a_null_value_falls_through_to_the_generic_parameter_and_two_dollars_write_one():
    publishing.store_generic_parameter("region", "south")
    running = send(kafka_send("ask", message='{"r": "${region}", "raw": "$${region}"}'), params={"region": None})
    assert jsonio.loads(running.sent()[0].value) == {"r": "south", "raw": "${region}"}


def test_e213_an_exact_environment_wins_over_the_empty_one():
    publishing.store_generic_parameter("region", "all")
    publishing.store_generic_parameter("region", "here", environment="dev")
    publishing.store_generic_parameter("region", "elsewhere", environment="prod")
    running = send(kafka_send("ask", message='{"r": "${region}"}'))
    assert jsonio.loads(running.sent()[0].value) == {"r": "here"}


def test_e214_a_parameter_reads_only_variables_that_begin_with_the_prefix(monkeypatch):
    monkeypatch.setenv("FLOWX_PARAM_REGION", "coast")
    monkeypatch.setenv("HIDDEN", "secret")
    publishing.store_generic_parameter("region", "FLOWX_PARAM_REGION", kind="VARIABLE")
    publishing.store_generic_parameter("stolen", "HIDDEN", kind="VARIABLE")
    running = send(kafka_send("ask", message='{"r": "${region}", "s": "${stolen}"}'))
    assert jsonio.loads(running.sent()[0].value) == {"r": "coast", "s": ""}


def test_e126_the_key_is_the_instance_uuid_unless_one_is_set():
    running = send(kafka_send("a"), kafka_send("b", messageKey="bike-${bike}"), params={"bike": 7})
    assert [row.key for row in running.sent()] == [str(running.uuid), "bike-7"]


@pytest.mark.parametrize(("message", "value"), [("[1, ${a}]", "[1, 2]"), ("${o}", '{"k":1}'), ("${l}", "[1]")])
def test_e126_the_value_is_an_object_or_a_list(message, value):
    running = send(kafka_send("ask", message=message), params={"a": 2, "o": {"k": 1}, "l": [1]})
    assert jsonio.loads(running.sent()[0].value) == jsonio.loads(value)


@pytest.mark.parametrize("scalar", [7, "text", None, True])
def test_e126_a_lone_placeholder_that_gives_neither_fails_the_action(scalar):
    running = send(kafka_send("ask", message="${o}"), params={"o": scalar})
    assert "must give an object or a list" in why(running)
    assert not running.sent()


@pytest.mark.parametrize("configured", [None, "{}", '{"flow": "x"}', '{"processInstanceId": ${processInstanceId}}'])
def test_e127_the_instance_is_always_named_in_the_headers(configured):
    running = send(kafka_send("ask", **({"headers": configured} if configured else {})))
    sent = headers(running.sent()[0])
    assert sent["processInstanceId"] == str(running.row.id)
    assert sent["processInstanceUuid"] == str(running.uuid)


def test_e127_a_reply_addressed_to_another_instance_does_not_carry_our_uuid():
    running = send(kafka_send("ask", headers='{"processInstanceId": "4711"}'))
    assert headers(running.sent()[0]) == {"processInstanceId": "4711"}


def test_e128_header_values_are_text():
    configured = '{"n": ${n}, "d": 1.50, "b": true, "o": ${o}, "l": [1], "t": "Grüße", "z": null}'
    running = send(kafka_send("ask", headers=configured), params={"n": 30, "o": {"k": 1}})
    sent = headers(running.sent()[0])
    assert {key: sent[key] for key in "ndbolt"} == {
        "n": "30", "d": "1.50", "b": "true", "o": '{"k":1}', "l": "[1]", "t": "Grüße",
    }  # fmt: skip
    assert "z" not in sent


@pytest.mark.django_db(transaction=True)
def test_e129_nothing_is_queued_when_the_transaction_rolls_back():
    published = process().start().send("Send", kafka_send("ask")).end().publish()

    def fail(outcomes):
        raise RuntimeError("the caller's part failed")

    with pytest.raises(RuntimeError, match="caller's part"):
        runtime.apply([Start(uuid.uuid4(), published.snapshot_id, {}, USER)], after=fail)
    assert not OutboxMessage.objects.exists()
    assert not transaction.get_connection().in_atomic_block


def test_e215_a_record_over_the_limit_fails_before_the_commit():
    big = {"big": "x" * 700_000}
    running = send(kafka_send("ask", message='{"a": "${big}", "b": "${big}"}'), params=big)
    assert "at most 1,024 kB" in why(running)
    assert not running.sent()


def test_e125_whatever_the_value_the_message_stays_json_of_its_shape():
    nasty = 'quote " brace } ${x} back\\slash \u2028 \U0001f6b2'
    running = send(kafka_send("ask", message='{"in": "a ${v} b", "out": ${v}}'), params={"v": nasty})
    assert jsonio.loads(running.sent()[0].value) == {"in": f"a {nasty} b", "out": nasty}


def test_e108_a_delayed_message_is_filled_in_when_it_is_sent():
    delayed = kafka_send("ask", message='{"v": ${v}}', timerExpression="PT5S")
    form = process().start().user_task("Form", delayed, save_data("change", ["v"], repeatable=True, optional=True))
    running = form.end().publish().start({"v": 1})
    running.execute("change", {"v": 2})
    assert not running.sent()
    running.fire()
    assert jsonio.loads(running.sent()[0].value) == {"v": 2}
