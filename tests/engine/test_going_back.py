"""Back in steps: a token starts again on a node it has passed (engine 9)."""

import pytest

from engine.core.stimuli import Execute
from engine.models import Timer, Token
from tests.builders import USER, Running, apply, process, refusal, save_data, websocket_send

pytestmark = pytest.mark.django_db


def steps(first: dict | None = None, **fields) -> process:
    """Start -> One -> Two -> Three -> End; every node is held by an action; `first` is the one of One."""
    made = process().start()
    made.user_task("One", websocket_send("hello", order=1), first or back_action("first"), save_data("also", order=3))
    made.nodes[-1]["actions"][1]["order"] = 2
    made.user_task("Two", save_data("second", ["b"]), **fields).user_task("Three", save_data("third", ["c"]))
    return made.end()


def back_action(name: str, **fields) -> dict:
    return save_data(name, ["a"], allowTokenReset=True, order=2, **fields)


def at_three(definition: process, params: dict | None = None) -> Running:
    running = definition.publish().start(params or {"x": 0})
    running.execute("first", {"a": 1})
    running.execute("also")
    running.execute("second", {"b": 1})
    assert running.position[0] == "Three"
    return running


def test_e164_e171_executing_a_back_action_of_an_earlier_node_starts_a_new_token_there():
    running = at_three(steps())
    old = running.token
    answer = running.execute("first", {"a": 2}).answer
    fresh = running.token
    assert (answer["tokenUuid"], answer["backAction"], answer["resetToken"]) == (str(fresh.uuid), True, True)
    assert fresh.id != old.id
    assert fresh.current_node_name == "One"
    old.refresh_from_db()
    assert old.state == "ABORTED"
    assert running.row.back_counter == 1
    assert [entry.event for entry in running.journal("Abort")] == ["Abort"]
    assert running.frames("progress")[-1]["progressUpdateDTO"]["tokenUuid"] == str(fresh.uuid)


def test_e165_a_node_between_that_cannot_go_back_blocks_the_reset():
    running = at_three(steps(canGoBack=False))
    refused = refusal(Execute(running.uuid, running.token.uuid, "first", {}, USER))
    assert (refused.status, refused.message) == (400, "Going back is not allowed.")
    assert running.position[0] == "Three"


def test_e167_the_new_token_keeps_visits_and_states_before_the_reset_point():
    running = at_three(steps())
    running.execute("first", {"a": 2})
    assert len(running.frames("data")) == 1, "hello has a lower order and does not run again"
    assert running.position == ("One", "EXECUTED_PARTIAL"), "also has a higher order and is due again"
    running.execute("also")
    assert running.position[0] == "Two"
    running.execute("first", {"a": 3})
    assert running.position[0] == "One"


def test_e168_without_restart_from_snapshot_all_data_is_kept():
    running = at_three(steps())
    running.execute("first", {"a": 2})
    assert running.params == {"x": 0, "a": 2, "b": 1}


def test_e169_restart_from_snapshot_brings_back_the_data_from_before_the_first_run():
    running = at_three(steps(back_action("first", restartFromSnapshot=True)))
    running.execute("first", {"a": 2})
    assert running.params == {"x": 0, "a": 2}


def test_e170_keys_for_restart_are_kept_over_the_snapshot():
    first = back_action("first", restartFromSnapshot=True, keysForRestart=["b", "not.there"])
    running = at_three(steps(first))
    running.execute("first", {})
    assert running.params == {"x": 0, "b": 1}


def test_e172_the_old_token_is_of_no_more_use_and_its_timers_are_cancelled():
    definition = steps()
    definition.node("Three")["actions"].append(save_data("later", optional=True, timerExpression="PT1H", order=9))
    running = at_three(definition)
    running.execute("later")
    old = running.token
    running.execute("first", {})
    refused = refusal(Execute(running.uuid, old.uuid, "third", {}, USER))
    assert (refused.status, refused.message) == (409, "Token is not active.")
    assert [timer.state for timer in Timer.objects.all()] == ["CANCELLED"]


def test_e173_a_child_token_cannot_be_reset_to_before_its_opening_gateway():
    made = process().start().user_task("Before", save_data("first", allowTokenReset=True))
    made.add("PARALLEL_GATEWAY", "Split").user_task("A", save_data("a")).user_task("B", save_data("b"), connect=False)
    made.link("Split", "B").add("PARALLEL_GATEWAY", "Join").link("A", "Join").end()
    running = made.publish().start()
    running.execute("first")
    child = Token.objects.get(current_node_name="A")
    refused = refusal(Execute(running.uuid, child.uuid, "first", {}, USER))
    assert (refused.status, refused.message) == (400, "Action not found on the current node.")


def test_on_its_own_node_a_back_action_is_a_normal_run():
    running = steps().publish().start()
    assert running.execute("first", {"a": 1}).answer["backAction"] is False
    assert running.row.back_counter == 0


def test_a_right_in_the_target_swimlane_is_needed():
    definition = steps()
    definition.node("One")["swimlane"] = "Desk"
    running = at_three(definition)
    call = Execute(running.uuid, running.token.uuid, "first", {}, USER, frozenset({"Default"}))
    assert refusal(call).status == 403
    apply(Execute(running.uuid, running.token.uuid, "first", {}, USER, frozenset({"Desk"})))
    assert running.position[0] == "One"
