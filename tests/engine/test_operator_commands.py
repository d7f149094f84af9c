"""Operator commands of engine chapter 13: move, edit, execute, skip, timers, deliver."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from engine.core.stimuli import (
    Actor,
    ChangeTimer,
    Deliver,
    EditVariables,
    ExecuteByOperator,
    Hold,
    MessageReceived,
    MoveToken,
    Retry,
    RunTimer,
    SkipAction,
    Terminate,
)
from engine.models import Incident, Instance, Token
from tests.builders import TOPIC, Running, action, apply, kafka_send, process, refusal, save_data, websocket_send

pytestmark = pytest.mark.django_db

OPERATOR = Actor("operator")
WHY = "The rider called"


def two_forms(**fields) -> process:
    return process(**fields).start().user_task("One", save_data("one")).user_task("Two", save_data("two")).end()


def move(running: Running, target: str, token: Token | None = None, **fields) -> MoveToken:
    node = running.published.definition.node(target)
    return MoveToken(running.uuid, (token or running.token).uuid, node["id"], OPERATOR, WHY, **fields)


def entry_of(running: Running, command: str):
    return next(entry for entry in running.journal() if entry.details.get("command") == command)


def test_e229_a_moved_token_is_aborted_and_a_new_one_arrives_at_the_target():
    process("child").start().user_task("Work", save_data("done")).end().publish()
    spawn = [action("a", "START_SUBPROCESS", {"processName": "child", "startedAsync": "true"}),
             action("s", "START_SUBPROCESS", {"processName": "child", "startedAsync": "false"})]  # fmt: skip
    made = process().start().task("Spawn", *spawn).user_task("Two", save_data("two")).end()
    running = made.publish().start()
    old = running.token
    answer = apply(move(running, "Two", variables={"x": 1})).answer
    old.refresh_from_db()
    assert (old.state, running.token.state, running.position[0]) == ("ABORTED", "ACTIVE", "Two")
    assert answer["tokenUuid"] == str(running.token.uuid)
    assert running.params == {"x": 1}
    children = Instance.objects.filter(parent_id=running.row.id).order_by("id")
    assert [child.state for child in children] == ["STARTED", "ABORTED"], "asynchronous ones go on"


def test_e228_a_command_is_journaled_with_user_reason_before_and_after_and_refuses_a_stale_version():
    running = two_forms().publish().start()
    seen = running.token.version
    refused = refusal(move(running, "Two", version=seen - 1))
    assert (refused.status, refused.code) == (409, "OPS-009")
    apply(move(running, "Two", version=seen))
    entry = entry_of(running, "move-token")
    assert (entry.user, entry.details["reason"]) == ("operator", WHY)
    assert (entry.details["before"], entry.details["after"]["node"]) == ({"node": "One"}, "Two")


@pytest.mark.parametrize("target", ["Start", "End", "Split", "Join", "A"])
def test_e230_gateways_ends_starts_and_other_sections_are_refused(target):
    running = sections().publish().start()
    refused = refusal(move(running, target))
    assert (refused.status, refused.code) == (400, "OPS-003")
    assert running.position[0] == "Before"


def sections() -> process:
    made = process().start().user_task("Before", save_data("go")).add("PARALLEL_GATEWAY", "Split")
    made.user_task("A", save_data("a")).user_task("A2", save_data("a2"))
    made.user_task("B", save_data("b"), connect=False).link("Split", "B")
    return made.add("PARALLEL_GATEWAY", "Join").link("A2", "Join").end()


def test_e230_the_join_still_completes_after_a_move_inside_a_branch():
    running = sections().publish().start()
    running.execute("go")
    tokens = {token.current_node_name: token for token in Token.objects.filter(state="ACTIVE")}
    apply(move(running, "A2", tokens["A"]))
    for name in ("a2", "b"):
        token = Token.objects.get(state="ACTIVE", current_node_name={"a2": "A2", "b": "B"}[name])
        apply(ExecuteByOperator(running.uuid, token.uuid, name, OPERATOR, WHY))
    assert running.state == "FINISHED"


def test_e231_edit_variables_runs_and_pushes_nothing():
    running = two_forms(sensitiveKeys=["secret"]).publish().start({"a": 1, "b": {"c": 2}, "secret": "s"})
    frames = len(running.frames())
    apply(EditVariables(running.uuid, OPERATOR, WHY, {"b.d": 3, "secret": "t"}, ("a",), running.row.revision))
    assert running.params == {"b": {"c": 2, "d": 3}, "secret": "t"}
    assert len(running.frames()) == frames
    assert running.position[0] == "One"
    details = entry_of(running, "edit-variables").details
    assert details["before"] == {"a": "1", "b.d": None, "secret": "***"}
    assert details["after"] == {"a": None, "b.d": "3", "secret": "***"}


def test_e231_edit_variables_works_on_hold_but_not_after_the_end_or_on_an_old_view():
    running = two_forms().publish().start({"a": 1})
    apply(Hold(running.uuid, OPERATOR, WHY))
    apply(EditVariables(running.uuid, OPERATOR, WHY, {"a": 2}))
    assert running.params == {"a": 2}
    stale = refusal(EditVariables(running.uuid, OPERATOR, WHY, {"a": 3}, (), running.row.revision - 1))
    assert stale.code == "OPS-009"
    assert refusal(EditVariables(running.uuid, OPERATOR, WHY, {"a": "x" * 1024 * 1024})).status == 400
    apply(Terminate(running.uuid, OPERATOR, WHY))
    assert refusal(EditVariables(running.uuid, OPERATOR, WHY, {"a": 3})).status == 409


def test_e233_an_operator_runs_an_automatic_or_delayed_action_at_once_but_not_twice():
    made = process().start().user_task("Form", kafka_send("later", timerExpression="P1D"), save_data("hold")).end()
    running = made.publish().start()
    [timer] = running.timers()
    call = ExecuteByOperator(running.uuid, running.token.uuid, "later", OPERATOR, WHY)
    apply(call)
    assert len(running.sent()) == 1
    timer.refresh_from_db()
    assert timer.state == "CANCELLED"
    refused = refusal(call)
    assert (refused.status, refused.code) == (409, "OPS-005")
    other = refusal(ExecuteByOperator(running.uuid, running.token.uuid, "none", OPERATOR, WHY))
    assert (other.status, other.code) == (400, "OPS-004")


def test_e233_values_outside_the_keys_are_dropped_and_named():
    running = process().start().user_task("Form", save_data("go", ["a"]), save_data("hold")).end().publish().start()
    done = apply(ExecuteByOperator(running.uuid, running.token.uuid, "go", OPERATOR, WHY, {"a": 1, "b": 2}))
    assert done.answer["dropped"] == ["b"]
    assert running.params == {"a": 1}


def test_e234_a_skipped_action_counts_as_done_and_the_later_ones_follow():
    running = (
        process().start().send("Send", kafka_send("bad", topic="${x}"), kafka_send("next")).end().publish().start()
    )
    apply(SkipAction(running.uuid, running.token.uuid, "bad", OPERATOR, WHY))
    assert running.action_state("bad")["state"] == "SKIPPED"
    assert [row.action_name for row in running.sent()] == ["next"]
    assert running.state == "FINISHED"
    assert Incident.objects.get(instance_id=running.row.id).closed_how == "skipped"


def test_e234_optional_done_or_waiting_actions_need_no_skip():
    process("child").start().user_task("Work", save_data("done")).end().publish()
    running = (
        process().start()
        .user_task("Form", websocket_send("push"), save_data("maybe", optional=True), save_data("hold"),
                   action("sub", "START_SUBPROCESS", {"processName": "child", "startedAsync": "false"}))
        .end().publish().start()
    )  # fmt: skip
    for name in ("push", "maybe", "sub"):
        refused = refusal(SkipAction(running.uuid, running.token.uuid, name, OPERATOR, WHY))
        assert (refused.status, refused.code) == (409, "OPS-012"), name


def test_e235_a_cancelled_mandatory_timer_leaves_an_incident_and_retry_arms_it_again():
    running = process().start().task("Wait", websocket_send("later", timerExpression="P1D")).end().publish().start()
    [timer] = running.timers()
    apply(ChangeTimer(running.uuid, timer.id, OPERATOR, WHY))
    incident = Incident.objects.get(instance_id=running.row.id)
    assert "cancelled by operator" in incident.message
    assert running.action_state("later")["state"] == "CANCELLED"
    apply(Retry(running.uuid, running.token.uuid, OPERATOR, WHY))
    assert len(running.timers()) == 1
    assert running.row.open_incidents == 0


def test_e235_skip_goes_on_without_a_cancelled_timer_node():
    running = process().start().add("TIMER_INTERMEDIATE", "Cool off", timerExpression="P14D").end().publish().start()
    early = refusal(SkipAction(running.uuid, running.token.uuid, "", OPERATOR, WHY))
    assert early.code == "OPS-012"
    apply(ChangeTimer(running.uuid, running.timers()[0].id, OPERATOR, WHY))
    assert running.position[0] == "Cool off"
    apply(SkipAction(running.uuid, running.token.uuid, "", OPERATOR, WHY))
    assert running.state == "FINISHED"


def test_e235_run_and_change_act_and_a_fired_timer_is_refused():
    running = process().start().task("Wait", websocket_send("later", timerExpression="P1D")).end().publish().start()
    [timer] = running.timers()
    tomorrow = timezone.now() + timedelta(days=3)
    apply(ChangeTimer(running.uuid, timer.id, OPERATOR, WHY, tomorrow))
    timer.refresh_from_db()
    assert (timer.due_at, timer.state) == (tomorrow, "PENDING")
    apply(ChangeTimer(running.uuid, timer.id, OPERATOR, WHY, timezone.now() - timedelta(seconds=1)))
    assert running.state == "FINISHED"
    for command in (
        ChangeTimer(running.uuid, timer.id, OPERATOR, WHY),
        RunTimer(running.uuid, timer.id, OPERATOR, WHY),
    ):
        refused = refusal(command)
        assert (refused.status, refused.code) == (409, "OPS-011")


def test_e235_a_cancelled_response_timeout_leaves_the_wait_without_limit():
    running = process().start().receive("Wait", responseTimeout="PT1M").end().publish().start()
    apply(ChangeTimer(running.uuid, running.timers()[0].id, OPERATOR, WHY))
    assert running.position == ("Wait", "WAITING_MESSAGE")
    assert not Incident.objects.exists()


def test_e232_a_message_delivered_by_hand_acts_like_a_record():
    running = process().start().receive("Wait").end().publish().start()
    message = MessageReceived(running.uuid, TOPIC, {"a": 1}, b'{"a": 1}', timezone.now(), manual=True)
    wrong = MessageReceived(running.uuid, "other.v1", 1, b"1", timezone.now(), manual=True)
    assert refusal(Deliver(running.uuid, running.token.uuid, wrong, OPERATOR, WHY)).status == 409
    apply(Deliver(running.uuid, running.token.uuid, message, OPERATOR, WHY))
    assert running.params == {"reply": {"a": 1}}
    assert running.state == "FINISHED"
    assert entry_of(running, "deliver").user == "operator"


def test_an_unknown_token_is_not_found():
    running = two_forms().publish().start()
    assert refusal(SkipAction(running.uuid, uuid.uuid4(), "one", OPERATOR, WHY)).status == 404
