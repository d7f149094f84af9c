"""Running actions: order, trigger, children, failures, repeats (engine 4.4 to 4.7)."""

import uuid

import pytest

from engine.core.graph import Action, ActionType
from engine.core.stimuli import Execute
from engine.models import Incident
from tests.builders import USER, action, kafka_send, process, refusal, save_data, websocket_send

pytestmark = pytest.mark.django_db


def ran(running):
    """Names of the actions that ran, in order."""
    return [entry.action_name for entry in running.journal("Execute action", "Run scheduled action")]


def on_user_task(*actions, **fields):
    return process(**fields).start().user_task("Form", *actions).end().publish().start({"name": "Ada"})


def failing(name, **fields):
    """A send whose topic placeholder has no value: it fails until `topic` is set."""
    return kafka_send(name, topic="${topic}", **fields)


def test_e071_defaults_of_an_action():
    made = Action(id=1, name="a", order=1, type=ActionType.SAVE_DATA)
    assert (made.manual, made.optional, made.repeatable, made.auto_run_children) == (False, False, False, False)
    assert (made.timer_expression, made.parent_name, made.keys, made.keys_for_restart) == ("", None, (), ())


def test_e079_automatic_actions_run_by_ascending_order_and_equal_orders_by_id():
    actions = [kafka_send("c", order=3), kafka_send("a", order=1), kafka_send("b2", order=2), kafka_send("b3", order=2)]
    running = process().start().task("Send", *actions).end().publish().start()
    assert ran(running) == ["a", "b2", "b3", "c"]


def test_e081_a_failing_action_stops_the_later_ones_and_the_token_stays():
    running = process().start().task("Send", failing("bad"), kafka_send("later")).end().publish().start()
    assert ran(running) == ["bad"]
    assert running.action_state("bad")["state"] == "FAILED"
    assert running.action_state("later") is None
    assert running.position == ("Send", "EXECUTED_PARTIAL")
    incident = Incident.objects.get(instance_id=running.row.id)
    assert (incident.type, incident.source, incident.action_name) == ("Engine", "Action", "bad")


def test_e082_manual_actions_do_not_run_on_arrival():
    running = on_user_task(save_data("go"), websocket_send("push"))
    assert ran(running) == ["push"]


def test_e083_executing_a_manual_action_gives_the_documented_answer():
    running = on_user_task(save_data("go", repeatable=True, optional=True), save_data("finish"))
    answer = running.execute("go").answer
    assert set(answer) == {"tokenUuid", "currentNodeId", "templatesSequence", "backAction", "resetToken"}
    assert answer["tokenUuid"] == str(running.token.uuid)
    assert (answer["templatesSequence"], answer["backAction"], answer["resetToken"]) == (None, False, False)
    assert answer["currentNodeId"] == running.token.current_node_id


def test_e059_e084_the_last_mandatory_manual_action_lets_the_token_go():
    running = on_user_task(save_data("first"), save_data("second"))
    assert running.position == ("Form", "EXECUTED_PARTIAL")
    running.execute("first")
    assert running.position == ("Form", "EXECUTED_PARTIAL")
    running.execute("second")
    assert running.state == "FINISHED"


def test_e060_optional_actions_never_hold_the_token():
    running = on_user_task(save_data("go"), save_data("maybe", optional=True))
    running.execute("go")
    assert running.state == "FINISHED"
    assert running.action_state("maybe") is None


def test_e061_a_user_task_without_a_mandatory_manual_action_is_passed_at_once():
    assert on_user_task(save_data("maybe", optional=True)).state == "FINISHED"


def test_e085_an_action_that_is_not_repeatable_runs_once_but_again_after_a_failure():
    running = on_user_task(save_data("once"), save_data("hold"))
    running.execute("once")
    again = refusal(Execute(running.uuid, running.token.uuid, "once", {}, USER))
    assert (again.status, again.message) == (409, "Action was already executed.")

    push = websocket_send("push", manual=True, keys=["body"], message="${body}", targetProcess="PARENT")
    failed = on_user_task(push, save_data("hold"))
    for _ in range(2):
        assert failed.execute("push", {"body": {}}).incident_id is not None
    assert failed.action_state("push") | {"lastExecutedDate": None} == {
        "name": "push", "state": "FAILED", "runs": 2, "completed": 0, "lastExecutedDate": None,
    }  # fmt: skip


def test_e086_a_repeatable_action_runs_any_number_of_times():
    running = on_user_task(save_data("again", repeatable=True, optional=True), save_data("hold"))
    for _ in range(3):
        running.execute("again")
    assert running.action_state("again")["completed"] == 3


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("push", 400, "Only manual actions can be executed."),
        ("nothing", 400, "Action not found on the current node."),
        ("child", 409, "Parent action was not executed yet."),
    ],
)
def test_e087_e088_wrong_calls_are_refused_with_the_documented_texts(name, status, text):
    running = on_user_task(
        websocket_send("push"), save_data("parent"), save_data("child", parentName="parent", optional=True)
    )
    refused = refusal(Execute(running.uuid, running.token.uuid, name, {}, USER))
    assert (refused.status, refused.message) == (status, text)


def test_e088_an_unknown_instance_or_token_is_not_found():
    running = on_user_task(save_data("go"))
    unknown = refusal(Execute(uuid.uuid4(), running.token.uuid, "go", {}, USER))
    assert (unknown.status, unknown.message) == (404, "Process instance not found.")
    token = refusal(Execute(running.uuid, uuid.uuid4(), "go", {}, USER))
    assert (token.status, token.message) == (404, "Token not found.")


def test_e089_an_instance_that_does_not_run_refuses_actions():
    running = on_user_task(save_data("go"))
    token = running.token.uuid
    running.execute("go")
    refused = refusal(Execute(running.uuid, token, "go", {}, USER))
    assert (refused.status, refused.message) == (409, "Process instance is not running.")


def test_a_manual_child_may_run_once_its_parent_has():
    running = on_user_task(save_data("parent"), save_data("hold"), save_data("child", parentName="parent"))
    running.execute("parent")
    running.execute("child")
    assert ran(running) == ["parent", "child"]


def test_e091_e184_e185_e186_e187_save_data_stores_the_covered_values_and_nothing_else():
    running = on_user_task(
        save_data("some", ["client.name"], repeatable=True, optional=True),
        save_data("none", [], repeatable=True, optional=True),
        save_data("hold"),
    )
    body = {"client": {"name": "Ada", "age": 3}, "clientName": "x", "other": 1}
    running.execute("some", body)
    assert running.params == {"name": "Ada", "client": {"name": "Ada"}}
    running.execute("none", {"client": {"name": "Eve"}})
    assert running.params["client"] == {"name": "Ada"}
    assert not running.sent()


def test_e187_accepted_values_are_there_when_the_action_runs():
    push = websocket_send("push", manual=True, keys=["name"])
    running = on_user_task(push, save_data("hold"))
    running.execute("push", {"name": "Grace"})
    assert running.frames("data")[-1]["data"] == {"name": "Grace"}


FAMILY = {"parentName": "top"}


def test_e092_autorun_runs_mandatory_automatic_children_by_order_each_with_its_own():
    running = on_user_task(
        save_data("top", autoRunChildren=True),
        save_data("hold"),
        kafka_send("second", order=2, **FAMILY),
        kafka_send("first", order=1, autoRunChildren=True, **FAMILY),
        kafka_send("grandchild", parentName="first"),
    )
    running.execute("top")
    assert ran(running) == ["top", "first", "grandchild", "second"]


def test_e093_without_autorun_no_child_runs_and_manual_or_optional_ones_never_do():
    children = [
        kafka_send("auto", **FAMILY),
        save_data("by_hand", **FAMILY),
        save_data("maybe", optional=True, **FAMILY),
    ]
    off = on_user_task(save_data("top"), save_data("hold"), *children)
    off.execute("top")
    assert ran(off) == ["top"]
    children = [
        kafka_send("auto", **FAMILY),
        save_data("by_hand", **FAMILY),
        save_data("maybe", optional=True, **FAMILY),
    ]
    on = on_user_task(save_data("top", autoRunChildren=True), save_data("hold"), *children)
    on.execute("top")
    assert ran(on) == ["top", "auto"]


def test_e094_a_failed_or_scheduled_parent_does_not_run_its_children_yet():
    failed = on_user_task(failing("top", autoRunChildren=True), save_data("hold"), kafka_send("child", **FAMILY))
    assert ran(failed) == ["top"]
    delayed = on_user_task(
        save_data("top", autoRunChildren=True, timerExpression="PT5S"), save_data("hold"), kafka_send("child", **FAMILY)
    )
    delayed.execute("top")
    assert ran(delayed) == []
    delayed.fire()
    assert ran(delayed) == ["top", "child"]


def test_e097_replace_values_off_sends_the_text_as_it_is():
    literal = action("raw", "KAFKA_SEND", {"topicName": "out.v1", "message": '{"a": "${name}"}'}, literal=("message",))
    running = process().start().task("Send", literal).end().publish().start({"name": "Ada"})
    assert running.sent()[0].value == '{"a": "${name}"}'


def test_e207_autorun_runs_an_action_that_is_not_repeatable_once_a_visit():
    running = on_user_task(
        save_data("top", autoRunChildren=True, repeatable=True, optional=True),
        save_data("hold"),
        kafka_send("once", order=1, **FAMILY),
        kafka_send("each", order=2, repeatable=True, **FAMILY),
    )
    for _ in range(3):
        running.execute("top")
    assert [row.action_name for row in running.sent()] == ["once", "each", "each", "each"]


def test_e209_a_failing_autorun_child_holds_the_token_while_the_call_answers():
    running = on_user_task(
        save_data("top", autoRunChildren=True),
        failing("child", order=1, **FAMILY),
        kafka_send("next", order=2, **FAMILY),
    )
    done = running.execute("top")
    assert done.incident_id is None
    assert set(done.answer) >= {"tokenUuid", "currentNodeId"}
    assert ran(running) == ["top", "child"]
    assert running.action_state("top")["state"] == "COMPLETED"
    assert running.position == ("Form", "EXECUTED_PARTIAL")


def test_e197_a_failing_manual_action_gives_its_incident_and_the_merge_is_kept():
    push = websocket_send("push", manual=True, keys=["name"], targetProcess="PARENT")
    running = on_user_task(push, save_data("hold"))
    done = running.execute("push", {"name": "Grace"})
    assert Incident.objects.get(id=done.incident_id).message == "Parent process not found."
    assert running.params["name"] == "Grace"


def test_e201_a_step_that_makes_the_data_too_large_fails_with_an_incident_and_merges_nothing():
    running = on_user_task(save_data("go", ["big"], repeatable=True))
    done = running.execute("go", {"big": "x" * 1024 * 1024})
    assert "1,024 kB" in Incident.objects.get(id=done.incident_id).message
    assert running.params == {"name": "Ada"}
    running.execute("go", {"big": "small"})
    assert running.state == "FINISHED"


def test_e205_a_loop_without_a_wait_stops_after_1000_entries_with_an_incident():
    definition = process().start().task("Round").task("And round")
    running = definition.link("And round", "Round").publish().start()
    incident = Incident.objects.get(instance_id=running.row.id)
    assert incident.type == "Engine"
    assert "1,000" in incident.message
    assert running.state == "STARTED"
    assert len(running.journal("Advance")) == 999


def test_e068_end_makes_the_token_inactive_and_the_instance_finished():
    running = process().start().end().publish().start()
    assert (running.token.state, running.token.status) == ("INACTIVE", "EXECUTED_COMPLETE")
    assert running.state == "FINISHED"
    assert running.row.finished_at is not None
    assert running.journal()[-1].event in ("Finish", "Frame")
    assert running.journal("Finish")


def test_a_value_with_quotes_placeholders_emoji_and_great_length_travels_whole():
    for text in ['say "hi" ${name} \\ \n', "\U0001f6b2 Ünïcödé", "x" * 100_000]:
        push = websocket_send("push", message='{"text": "${text}", "bare": ${text}}', manual=True, keys=["text"])
        running = on_user_task(push, save_data("hold"))
        running.execute("push", {"text": text})
        assert running.frames("data")[-1]["data"] == {"text": text, "bare": text}
