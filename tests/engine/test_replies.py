"""Records that come back: applied, early, held, late, unmatched; response timeouts (engine 6.6, 6.7)."""

import uuid

import pytest

from engine.core import jsonio
from engine.core.stimuli import Hold, Request, Unhold
from engine.models import Incident, Instance, ReceivedMessage
from tests.builders import TOPIC, USER, apply, kafka_send, process, save_data, websocket_send

pytestmark = pytest.mark.django_db

LOOP = ("input.reply.again ?? false", "Ask")


def ask_and_wait(**fields):
    return process().start().send("Ask", kafka_send("ask")).receive("Answered", **fields).end()


def with_form(**fields):
    """Start -> Form (held by `go`) -> Answered -> End."""
    return process().start().user_task("Form", save_data("go")).receive("Answered", **fields).end()


def button(*children, **fields):
    """A user task whose button sends to Kafka and takes the reply (scenarios 1.6, P2)."""
    actions = [
        save_data("request", autoRunChildren=True, repeatable=True, optional=True),
        save_data("confirm"),
        kafka_send("send", parentName="request", repeatable=True),
        *children,
    ]
    streams = [{"topicName": TOPIC, "keyName": "reply"}]
    return process().start().user_task("Form", *actions, dataStreamTopics=streams, **fields).end()


def callback(name, **fields):
    return websocket_send(name, message='{"r": ${reply}}', parentName="send", repeatable=True, **fields)


CALLBACK = {"callbacksForAction": "send", "destinationId": "Form"}


def test_e135_e134_the_receive_node_waits_takes_the_reply_whole_and_moves_on():
    running = ask_and_wait().publish().start({"reply": {"old": 1}})
    assert running.position == ("Answered", "WAITING_MESSAGE")
    done = running.reply({"price": 12})
    assert done.answer == {"record": "applied"}
    assert running.params == {"reply": {"price": 12}}
    assert running.state == "FINISHED"
    [entry] = running.journal("Message Receive")
    assert (entry.details["topic"], entry.details["key"]) == (TOPIC, "reply")
    assert jsonio.loads(entry.payload) == {"price": 12}


def test_e136_a_task_with_stream_topics_waits_and_a_user_task_does_not():
    streams = [{"topicName": TOPIC, "keyName": "reply"}]
    task = process().start().task("Ask", kafka_send("ask"), dataStreamTopics=streams).end().publish().start()
    assert task.position == ("Ask", "WAITING_MESSAGE")
    task.reply(1)
    assert task.state == "FINISHED"
    form = button().publish().start()
    assert form.position == ("Form", "EXECUTED_PARTIAL")
    form.execute("confirm")
    assert form.state == "FINISHED"


def test_e137_a_reply_before_its_token_is_kept_and_used_on_arrival_oldest_first():
    running = with_form().receive("Again", key="second").publish().start()
    for value in ("first", "next"):
        assert running.reply(value).answer == {"record": "early"}
    assert [row.state for row in running.kept()] == ["early", "early"]
    running.execute("go")
    assert running.params["reply"] == "first"
    assert running.kept()[0].state == "applied"


def test_e137_several_early_replies_serve_several_nodes_on_the_topic():
    definition = (
        process().start().user_task("Form", save_data("go")).receive("One", key="one").receive("Two", key="two")
    )
    running = definition.end().publish().start()
    for value in ("first", "next"):
        running.reply(value)
    running.execute("go")
    assert running.params == {"one": "first", "two": "next"}
    assert running.state == "FINISHED"


def test_e139_after_the_response_timeout_the_token_moves_on_without_the_key():
    running = ask_and_wait(responseTimeout="PT2M").publish().start()
    [timer] = running.timers()
    assert timer.kind == "RESPONSE"
    running.fire()
    assert running.state == "FINISHED"
    assert running.params == {}
    assert not Incident.objects.exists()
    [warning] = running.journal("Warning")
    assert "PT2M" in warning.details["message"]


def test_e139_a_reply_in_time_cancels_the_timeout():
    running = ask_and_wait(responseTimeout="PT2M").publish().start()
    running.reply(1)
    assert not running.timers()
    assert [timer.state for timer in running.timers("CANCELLED")] == ["CANCELLED"]


def test_e139_a_user_task_only_shows_the_timeout_and_each_send_starts_the_clock_anew():
    running = button(responseTimeout="PT2M").publish().start()
    assert not running.timers()
    running.execute("request")
    [first] = running.timers()
    running.execute("request")
    [second] = running.timers()
    assert second.id != first.id
    running.fire(second)
    assert running.position == ("Form", "MESSAGE_RESPONSE_TIMED_OUT")
    assert running.state == "STARTED"


def test_e140_a_reply_after_the_timeout_the_node_or_the_end_is_late_and_changes_nothing():
    timed_out = ask_and_wait(responseTimeout="PT2M").user_task("Form", save_data("go"), connect=False)
    timed_out.sequences.pop()
    running = timed_out.link("Answered", "Form").publish().start()
    request = running.answer_to(running.sent()[0])
    running.fire()
    assert running.position[0] == "Form"
    assert running.reply("late", request=request).answer == {"record": "late"}
    assert running.reply("unknown request").answer == {"record": "late"}
    assert running.params == {}

    ended = ask_and_wait().publish().start()
    ended.reply("in time")
    assert ended.reply("again").answer == {"record": "late"}
    assert ended.params == {"reply": "in time"}
    assert [row.state for row in ended.kept()] == ["late"]


def test_e219_a_waiting_node_takes_no_reply_to_an_older_run_but_a_user_task_does():
    definition = (
        process().start().send("Ask", kafka_send("ask")).receive("Answered").gateway("More", LOOP, (None, "End"))
    )
    running = definition.end().link("More", "Ask").publish().start()
    old = running.answer_to(running.sent()[0])
    running.reply({"again": True}, request=old)
    assert running.position == ("Answered", "WAITING_MESSAGE")
    assert running.reply({"stale": 1}, request=old).answer == {"record": "late"}
    assert running.params["reply"] == {"again": True}
    new = running.answer_to(running.sent()[1])
    assert running.reply({"fresh": 1}, request=new).answer == {"record": "applied"}
    assert running.state == "FINISHED"

    form = button().publish().start()
    form.execute("request")
    form.execute("request")
    first = form.answer_to(form.sent()[0])
    assert form.reply("to the first", request=first).answer == {"record": "applied"}


def test_a_kept_reply_to_an_earlier_run_is_not_given_to_the_next_run():
    definition = (
        process().start().send("Ask", kafka_send("ask")).user_task("Form", save_data("go"))
        .gateway("Round", ("input.once ?? false", "Answered"), (None, "Mark"))
        .receive("Answered").end().task("Mark", connect=False).link("Round", "Mark").link("Mark", "Ask")
    )  # fmt: skip
    running = definition.publish().start()
    old = running.answer_to(running.sent()[0])
    assert running.reply("old", request=old).answer == {"record": "early"}
    running.execute("go")
    assert len(running.sent()) == 2
    Instance.objects.filter(uuid=running.uuid).update(params='{"once": true}')
    running.execute("go")
    assert running.position == ("Answered", "WAITING_MESSAGE")
    assert [row.state for row in running.kept()] == ["late"]


def test_e095_e012_a_callback_is_saved_first_then_the_children_run_and_nothing_is_sent_again():
    running = button(callback("show")).publish().start()
    running.execute("request")
    assert not running.frames("data")
    for value in (1, 2):
        running.reply(value, headers=CALLBACK)
    assert [frame["data"] for frame in running.frames("data")] == [{"r": 1}, {"r": 2}]
    assert len(running.sent()) == 1
    assert running.position[0] == "Form"


def test_e208_save_data_kafka_send_callbacks_a_reply_sends_nothing_again():
    running = button(callback("show")).publish().start()
    running.execute("request")
    running.execute("request")
    assert len(running.sent()) == 2
    running.reply("r", headers={"callbacksForAction": "send"})
    assert len(running.sent()) == 2
    assert len(running.frames("data")) == 1


def test_e096_a_callback_after_the_token_has_left_runs_no_child():
    definition = button(callback("show")).user_task("Next", save_data("hold"), connect=False)
    definition.sequences.pop()
    running = definition.link("Form", "Next").publish().start()
    running.execute("request")
    request = running.answer_to(running.sent()[0])
    running.execute("confirm")
    assert running.reply("late", headers=CALLBACK, request=request).answer == {"record": "late"}
    assert not running.frames("data")
    assert running.params == {}


def test_destination_id_picks_the_node_among_two_on_one_topic():
    running = with_form().publish().start()
    assert running.reply(1, headers={"destinationId": "Answered"}).answer == {"record": "early"}
    assert running.reply(1, headers={"destinationId": "Nowhere"}).answer == {"record": "unmatched"}


def test_e218_no_subscription_whatever_the_state_held_on_hold_late_after_the_end():
    running = ask_and_wait().publish().start()
    assert running.reply(1, topic="other.v1").answer == {"record": "unmatched"}
    apply(Hold(running.uuid, USER, "stock check"))
    assert running.reply(1, topic="other.v1").answer == {"record": "unmatched"}
    assert running.reply("held").answer == {"record": "held"}
    assert running.position == ("Answered", "WAITING_MESSAGE")
    apply(Unhold(running.uuid, USER, "done"))
    assert running.params == {"reply": "held"}
    assert running.state == "FINISHED"
    assert running.reply(1, topic="other.v1").answer == {"record": "unmatched"}
    assert running.reply(1).answer == {"record": "late"}
    reasons = {row.reason for row in running.kept() if row.state == "unmatched"}
    assert reasons == {"NO_SUBSCRIPTION"}


def test_e218_the_1001st_kept_record_of_an_instance_is_dead():
    running = with_form().publish().start()
    row = {"topic": TOPIC, "value": b"1", "instance_id": running.row.id, "received_at": running.row.started_at}
    ReceivedMessage.objects.bulk_create([ReceivedMessage(state="early", **row) for _ in range(1000)])
    assert running.reply(1).answer == {"record": "dead"}
    assert ReceivedMessage.objects.get(state="dead").reason == "OVERFLOW"


def test_a_reply_that_makes_the_data_too_large_is_dead_with_an_incident():
    running = ask_and_wait().publish().start()
    assert running.reply("x" * 1024 * 1024).answer["record"] == "dead"
    assert running.position == ("Answered", "WAITING_MESSAGE")
    assert running.kept()[0].reason == "FAILED"
    assert Incident.objects.get(instance_id=running.row.id).type == "Engine"


def test_a_message_id_is_applied_once():
    running = button().publish().start()
    same = uuid.uuid4()
    running.reply(1, message_id=same)
    assert running.journal("Message Receive")[0].message_id == same


def test_e195_the_reply_is_stored_at_a_nested_key_whose_levels_are_made():
    running = ask_and_wait(key="offer.bike.reply").publish().start({"offer": "text"})
    running.reply([1])
    assert running.params == {"offer": {"bike": {"reply": [1]}}}


def test_unknown_request_with_the_token_there_is_applied():
    running = ask_and_wait().publish().start()
    assert running.reply(1, request=Request(1, 99, 1)).answer == {"record": "applied"}
