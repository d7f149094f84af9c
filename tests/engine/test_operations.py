"""Operator commands of the slice: retry, terminate, hold, unhold, dismiss (engine 2.7, 3.9)."""

import pytest

from engine import publishing
from engine.core.stimuli import Dismiss, Execute, Hold, Retry, Terminate, Unhold
from engine.models import Incident
from tests.builders import USER, apply, kafka_send, process, refusal, save_data, websocket_send

pytestmark = pytest.mark.django_db


def stuck(*after):
    """A send whose topic parameter is not set yet, then `after`."""
    return process().start().send("Send", kafka_send("bad", topic="${later_topic}"), *after).end().publish().start()


def retry(running):
    return apply(Retry(running.uuid, running.token.uuid, USER, "Topic is set now"))


def test_e070_e204_retry_goes_on_from_the_failed_action_and_closes_the_incident():
    running = stuck(kafka_send("next"))
    publishing.store_generic_parameter("later_topic", "out.v1")
    retry(running)
    assert [row.action_name for row in running.sent()] == ["bad", "next"]
    assert running.state == "FINISHED"
    incident = Incident.objects.get(instance_id=running.row.id)
    assert incident.closed_at is not None
    assert incident.closed_by == "mira"
    [entry] = running.journal("Retry")
    assert (entry.user, entry.details["reason"]) == ("mira", "Topic is set now")
    assert running.row.open_incidents == 0


def test_e070_a_retry_that_fails_again_leaves_one_open_incident():
    running = stuck()
    retry(running)
    assert Incident.objects.filter(instance_id=running.row.id, closed_at=None).count() == 1
    assert running.position == ("Send", "EXECUTED_PARTIAL")


def test_e070_a_sound_token_has_nothing_to_retry():
    running = process().start().user_task("Form", save_data("go")).end().publish().start()
    refused = refusal(Retry(running.uuid, running.token.uuid, USER, "why not"))
    assert (refused.status, refused.code, refused.message) == (409, "OPS-001", "Nothing to retry on this token.")


def test_e070_a_gateway_is_tried_again():
    running = (
        process().start().gateway("Choose", ("input.amount > config.limit", "End"), (None, "End")).end().publish()
        .start({"amount": 5})
    )  # fmt: skip
    assert running.position[0] == "Choose"
    publishing.store_generic_parameter("limit", "3")
    retry(running)
    assert running.position[0] == "Choose", "a text and a number cannot be ordered"
    assert Incident.objects.filter(instance_id=running.row.id, closed_at=None).count() == 1


def test_e070_a_failed_child_is_repeated_and_its_later_siblings_follow():
    running = (
        process().start()
        .user_task(
            "Form", save_data("top", autoRunChildren=True),
            kafka_send("child", order=1, parentName="top", topic="${later_topic}"),
            kafka_send("sibling", order=2, parentName="top"),
        ).end().publish().start()
    )  # fmt: skip
    running.execute("top")
    assert running.position[0] == "Form"
    publishing.store_generic_parameter("later_topic", "out.v1")
    retry(running)
    assert [row.action_name for row in running.sent()] == ["child", "sibling"]
    assert running.state == "FINISHED"


def test_e038_retry_makes_a_created_instance_started():
    running = process().start(responseTimeout="").publish().start()
    assert running.state == "CREATED"
    retry(running)
    assert running.state == "CREATED"


def test_e047_e050_e109_terminate_ends_tokens_and_timers_and_stays():
    delayed = websocket_send("later", timerExpression="PT5S")
    running = process().start().task("Wait", delayed).end().publish().start()
    [timer] = running.timers()
    apply(Terminate(running.uuid, USER, "Wrong customer"))
    assert (running.state, running.token.state) == ("TERMINATED", "TERMINATED")
    assert running.row.finished_at is not None
    assert not running.timers()
    assert running.action_state("later")["state"] == "CANCELLED"
    assert running.fire(timer).answer == {"fired": False}
    entry = running.journal("Update state")[0]
    assert entry.details == {"reason": "Wrong customer", "before": "STARTED", "after": "TERMINATED"}
    refused = refusal(Terminate(running.uuid, USER, "again"))
    assert (refused.status, refused.code, refused.message) == (409, "OPS-002", "Already TERMINATED.")
    assert refusal(Hold(running.uuid, USER, "x")).status == 409
    assert running.state == "TERMINATED"


def test_e045_hold_blocks_actions_and_timers_and_unhold_runs_what_came_due_in_order():
    streams = [{"topicName": "ai.flowx.dev.engine.receive.answers.v1", "keyName": "reply"}]
    later = websocket_send("later", message='{"r": ${reply}}', manual=True, optional=True, timerExpression="PT5S")
    form = process().start().user_task("Form", save_data("go"), later, dataStreamTopics=streams)
    running = form.end().publish().start()
    running.execute("later")
    [timer] = running.timers()
    apply(Hold(running.uuid, USER, "Stock check"))
    refused = refusal(Execute(running.uuid, running.token.uuid, "go", {}, USER))
    assert (refused.status, refused.message) == (409, "Process instance is not running.")
    running.fire(timer)
    running.reply("while on hold", received_at=timer.due_at)
    assert [held.state for held in running.timers("HELD")] == ["HELD"]
    assert not running.frames("data")
    assert running.token.state == "ACTIVE"
    apply(Unhold(running.uuid, USER, "Done"))
    assert running.params == {"reply": "while on hold"}
    assert len(running.frames("data")) == 1
    assert [row.state for row in running.kept()] == ["applied"]
    running.execute("go")
    assert running.state == "FINISHED"


def test_e046_only_subprocesses_can_be_dismissed():
    running = process().start().user_task("Form", save_data("go")).end().publish().start()
    refused = refusal(Dismiss(running.uuid, USER, "x"))
    assert (refused.status, refused.message) == (409, "Only subprocesses can be dismissed.")


def test_e041_expiry_by_duration_ends_the_instance_its_tokens_and_timers():
    delayed = websocket_send("later", timerExpression="P10D")
    running = process(expiryTime="P7D").start().task("Wait", delayed).end().publish().start()
    expiry = next(timer for timer in running.timers() if timer.kind == "EXPIRY")
    assert (expiry.due_at - running.row.started_at).days == 7
    running.fire(expiry)
    assert (running.state, running.token.state) == ("EXPIRED", "EXPIRED")
    assert not running.timers()


def test_finishing_cancels_the_expiry():
    running = process(expiryTime="P7D").start().end().publish().start()
    assert not running.timers()


def test_e204_an_incident_closes_when_its_visit_ends():
    push = websocket_send("push", manual=True, optional=True, targetProcess="PARENT")
    running = process().start().user_task("Form", save_data("go"), push).end().publish().start()
    running.execute("push")
    assert running.row.open_incidents == 1
    running.execute("go")
    assert running.state == "FINISHED"
    assert Incident.objects.get(instance_id=running.row.id).closed_how == "left"


def test_e053_the_journal_names_what_happened():
    running = process().start().user_task("Form", save_data("go")).send("Send", kafka_send("ask")).receive("Wait").end()
    running = running.publish().start()
    running.execute("go")
    running.reply(1)
    events = {entry.event for entry in running.journal()}
    assert events >= {"Start", "Advance", "Execute action", "Message Send", "Message Receive", "Finish"}
