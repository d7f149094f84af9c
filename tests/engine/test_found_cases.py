"""Cases in which the engine once was wrong, found by the model (`test_model.py`) and by reading; one plain test each."""

from datetime import timedelta

import pytest
from django.utils import timezone

from engine.core.stimuli import (
    ChangeTimer,
    Deliver,
    Execute,
    ExecuteByOperator,
    Hold,
    MessageReceived,
    MoveToken,
    Retry,
    SkipAction,
    TimerDue,
    Unhold,
)
from engine.models import EventSubscription, Incident, Instance, JournalEntry, PendingStimulus, Timer, Token
from tests.builders import TOPIC, USER, Running, action, apply, kafka_send, process, refusal, save_data, websocket_send

pytestmark = pytest.mark.django_db

EVENT = {"messageName": "bikeBack", "correlationKey": "bike", "receiveDataKey": "back"}


def sub(name: str = "sub", **params: str) -> dict:
    """An action that starts the process `child`."""
    fields = {key: params.pop(key) for key in ("parentName", "manual", "repeatable", "optional") if key in params}
    return action(name, "START_SUBPROCESS", {"processName": "child", "startedAsync": "false", **params}, **fields)


def child() -> None:
    process("child").start().user_task("Work", save_data("done", ["result"])).end().publish()


def children(running: Running) -> list[Running]:
    rows = Instance.objects.filter(parent_id=running.row.id).order_by("id")
    return [Running(running.published, row.uuid) for row in rows]


def open_incidents(running: Running) -> list[Incident]:
    return list(Incident.objects.filter(instance_id=running.row.id, closed_at=None).order_by("id"))


def test_a_run_that_waits_for_a_subprocess_is_cancelled_when_an_event_interrupts_its_host():
    child()
    made = process().start().task("Host", sub()).end()
    made.add(
        "TIMER_BOUNDARY", "Late", timerExpression="PT1H", attachedTo=made.node("Host")["key"], connect=False
    ).user_task("Next", save_data("go")).end("Ended")
    running = made.publish().start()
    running.fire()
    assert running.position[0] == "Next"
    assert running.action_state("sub")["state"] == "CANCELLED"


def test_going_back_to_an_interrupted_node_starts_its_subprocess_again():
    child()
    made = process().start().user_task("Host", sub(), save_data("again", allowTokenReset=True)).end()
    made.add("TIMER_BOUNDARY", "Late", timerExpression="PT1H", attachedTo=made.node("Host")["key"], connect=False)
    running = made.user_task("Next", save_data("go")).end("Ended").publish().start()
    running.fire()
    running.execute("again")
    assert [each.state for each in children(running)] == ["ABORTED", "STARTED"]


def test_siblings_of_a_child_that_waits_for_a_subprocess_run_when_it_has_ended():
    child()
    root = save_data("root", autoRunChildren=True, optional=True)
    later = websocket_send("later", parentName="root")
    running = (
        process()
        .start()
        .user_task("Form", root, sub(parentName="root"), later, save_data("go"))
        .end()
        .publish()
        .start()
    )
    running.execute("root")
    assert not running.frames("data")
    children(running)[0].execute("done")
    assert len(running.frames("data")) == 1


def test_a_repeated_run_waits_for_all_the_subprocesses_it_has_started():
    child()
    again = sub(manual=True, repeatable=True, outputKey="out")
    running = process().start().user_task("Form", again).end().publish().start()
    running.execute("sub")
    running.execute("sub")
    first, second = children(running)
    second.execute("done", {"result": 2})
    assert running.state == "STARTED"
    first.execute("done", {"result": 1})
    assert running.state == "FINISHED"


@pytest.mark.parametrize("key", ["list[0]", "list.3"])
def test_an_output_key_that_cannot_be_written_fails_the_action(key):
    child()
    running = process().start().task("Run", sub(outputKey=key)).end().publish().start({"list": []})
    children(running)[0].execute("done")
    assert [incident.source for incident in open_incidents(running)] == ["Action"]
    assert children(running)[0].state == "FINISHED"


def test_e201_output_that_makes_the_data_too_large_fails_the_action():
    child()
    made = process().start().task("Run", sub(outputKey="out", paramsToCopy="x")).end()
    running = made.publish().start({"y": "y" * 600_000})
    children(running)[0].execute("done", {"result": "x" * 600_000})
    assert "the limit is" in open_incidents(running)[0].message


def test_e205_a_parent_and_a_child_that_call_each_other_without_a_wait_are_stopped():
    process("child").start().end().publish()
    made = process().start().task("Again", sub()).gateway("Gate", (None, "Again"))
    running = made.link("Gate", "Again").publish().start()
    assert "without a wait" in open_incidents(running)[0].message


def test_a_process_that_starts_itself_without_a_wait_is_stopped():
    made = process("child").start().task("Again", sub(startedAsync="true")).end()
    made.publish().start()
    assert Incident.objects.get().message.startswith("More than 1,000 subprocesses")


def test_e205_a_circle_of_nodes_of_another_flow_is_stopped_with_an_incident():
    made = process().start().user_task("Form", save_data("go")).task("A", flowNames=["x"]).task("B", flowNames=["x"])
    running = made.link("B", "A").publish().start()
    running.execute("go")
    assert "without a wait" in open_incidents(running)[0].message


def test_records_held_while_the_start_was_stuck_are_applied_when_it_goes_on():
    made = process().start().gateway("Gate", ("input.ok == true", "Wait"), flowNames=["other"]).receive("Wait").end()
    running = made.publish().start()
    assert running.state == "CREATED"
    assert running.reply({"a": 1}).answer == {"record": "held"}
    Instance.objects.filter(uuid=running.uuid).update(params='{"ok": true}')
    apply(Retry(running.uuid, running.token.uuid, USER, "set"))
    assert running.state == "FINISHED"
    assert running.params["reply"] == {"a": 1}


def test_retry_at_a_join_goes_on_from_there():
    made = process().start().add("PARALLEL_GATEWAY", "Split")
    made.user_task("A", save_data("a"), connect=False).link("Split", "A")
    made.user_task("B", save_data("b"), connect=False).link("Split", "B")
    made.add("PARALLEL_GATEWAY", "Join", connect=False).link("A", "Join").link("B", "Join")
    running = made.publish().start()
    for name in "ab":
        token = Token.objects.get(instance_id=running.row.id, current_node_name=name.upper(), state="ACTIVE")
        apply(Execute(running.uuid, token.uuid, name, {}, USER))
    parent = Token.objects.get(instance_id=running.row.id, state="ACTIVE")
    apply(Retry(running.uuid, parent.uuid, USER, "again"))
    assert "has no outgoing sequence" in open_incidents(running)[0].message


def test_retry_arms_every_boundary_event_that_could_not_be_armed():
    made = process().start().user_task("Form", save_data("go")).end()
    for name in ("One", "Two"):
        event = {"timerExpression": "${delay}", "attachedTo": made.node("Form")["key"], "interrupting": False}
        made.add("TIMER_BOUNDARY", name, connect=False, **event).end(f"After {name}")
    attached = {**EVENT, "attachedTo": made.node("Form")["key"]}
    made.add("MESSAGE_CATCH_BOUNDARY", "Event", connect=False, **attached).end("After event")
    running = made.publish().start()
    assert len(open_incidents(running)) == 3
    Instance.objects.filter(uuid=running.uuid).update(params='{"delay": "PT1H", "bike": 7}')
    apply(Retry(running.uuid, running.token.uuid, USER, "set"))
    assert not open_incidents(running)
    assert [timer.node_name for timer in running.timers()] == ["One", "Two"]
    assert EventSubscription.objects.filter(instance_id=running.row.id).count() == 1


def test_a_retry_behind_a_throw_does_not_throw_again():
    event = {"messageName": "bikeBack", "correlationKey": "bike"}
    running = process().start().add("MESSAGE_THROW", "Throw", **event).publish().start({"bike": 7})
    apply(Retry(running.uuid, running.token.uuid, USER, "again"))
    assert len(running.journal("Message Send")) == 1
    assert not PendingStimulus.objects.exists()


def test_a_refused_delivery_leaves_no_trace():
    running = process().start().receive("Wait", key="list[3]").end().publish().start({"list": []})
    before = running.row.journal_seq
    message = MessageReceived(running.uuid, TOPIC, {"a": 1}, b'{"a":1}', timezone.now(), manual=True)
    assert refusal(Deliver(running.uuid, running.token.uuid, message, USER, "by hand")).status == 400
    assert JournalEntry.objects.filter(instance_id=running.row.id).count() == running.row.journal_seq == before


def delayed_sibling() -> Running:
    root = save_data("root", autoRunChildren=True, optional=True)
    slow = websocket_send("slow", '{"it": "slow"}', parentName="root", timerExpression="PT1H")
    later = websocket_send("later", '{"it": "later"}', parentName="root")
    running = process().start().user_task("Form", root, slow, later, save_data("go")).end().publish().start()
    running.execute("root")
    assert not running.frames("data")
    return running


@pytest.mark.parametrize(("command", "expected"), [(SkipAction, ["later"]), (ExecuteByOperator, ["slow", "later"])])
def test_e233_e234_later_siblings_follow_a_delayed_child_that_an_operator_skips_or_runs(command, expected):
    running = delayed_sibling()
    apply(command(running.uuid, running.token.uuid, "slow", USER, "now"))
    assert [frame["data"]["it"] for frame in running.frames("data")] == expected


def test_e169_a_back_action_never_run_before_remembers_the_data_of_its_first_run():
    back = save_data("back", ["x"], allowTokenReset=True, restartFromSnapshot=True, optional=True)
    made = process().start().user_task("One", back, save_data("on")).user_task("Two", save_data("done", ["x"])).end()
    running = made.publish().start({"x": 0})
    running.execute("on")
    running.execute("back", {"x": 1})
    running.execute("on")
    running.execute("back", {})
    assert running.params == {"x": 0}


def test_a_changed_expiry_shows_in_the_instance():
    running = process(expiryTime="PT1H").start().user_task("Form", save_data("go")).end().publish().start()
    due = timezone.now() + timedelta(days=3)
    apply(ChangeTimer(running.uuid, running.timers()[0].id, USER, "later", due))
    assert running.row.expires_at == due


def test_an_event_whose_data_cannot_be_stored_is_an_incident_and_the_token_waits_on():
    made = process().start().add("MESSAGE_CATCH_INTERMEDIATE", "Catch", **{**EVENT, "receiveDataKey": "list[3]"}).end()
    running = made.publish().start({"bike": 7, "list": []})
    process().start().add(
        "MESSAGE_THROW", "Throw", messageName="bikeBack", correlationKey="bike"
    ).end().publish().start({"bike": 7})
    assert running.position == ("Catch", "WAITING_MESSAGE_EVENT")
    assert len(open_incidents(running)) == 1
    apply(Retry(running.uuid, running.token.uuid, USER, "again"))
    assert EventSubscription.objects.filter(instance_id=running.row.id).count() == 1


def test_a_subscription_that_held_an_event_is_gone_when_it_was_caught():
    running = process().start().add("MESSAGE_CATCH_INTERMEDIATE", "Catch", **EVENT).end().publish().start({"bike": 7})
    apply(Hold(running.uuid, USER, "wait"))
    process().start().add(
        "MESSAGE_THROW", "Throw", messageName="bikeBack", correlationKey="bike"
    ).end().publish().start({"bike": 7})
    apply(Unhold(running.uuid, USER, "go"))
    assert running.state == "FINISHED"
    assert not EventSubscription.objects.exists()


def test_e230_the_way_out_of_an_interrupting_event_lies_in_its_hosts_section():
    made = process().start().add("PARALLEL_GATEWAY", "Split")
    made.user_task("A", save_data("a"), connect=False).link("Split", "A")
    made.user_task("B", save_data("b"), connect=False).link("Split", "B")
    made.add("PARALLEL_GATEWAY", "Join", connect=False).link("A", "Join").link("B", "Join").user_task(
        "Top", save_data("t")
    )
    made.end()
    made.add("TIMER_BOUNDARY", "Late", timerExpression="PT1H", attachedTo=made.node("A")["key"], connect=False)
    made.user_task("Aside", save_data("aside")).link("Aside", "Join")
    running = made.publish().start()
    running.fire()
    aside = Token.objects.get(instance_id=running.row.id, current_node_name="Aside", state="ACTIVE")
    target = made.node("Top")["id"]
    assert refusal(MoveToken(running.uuid, aside.uuid, target, USER, "there")).code == "OPS-003"
    apply(MoveToken(running.uuid, aside.uuid, made.node("A")["id"], USER, "back"))


def test_a_timer_that_was_put_off_meanwhile_does_not_fire():
    running = process().start().add("TIMER_INTERMEDIATE", "Wait", timerExpression="PT1H").end().publish().start()
    [timer] = running.timers()
    apply(ChangeTimer(running.uuid, timer.id, USER, "later", timer.due_at + timedelta(hours=1)))
    assert apply(TimerDue(running.uuid, timer.id, timer.due_at)).answer == {"fired": False}
    assert apply(TimerDue(running.uuid, timer.id, timer.due_at + timedelta(hours=1))).answer == {"fired": True}


def test_an_action_that_is_scheduled_again_leaves_nothing_to_retry():
    late = action("late", "APPEND_PARAMS_TO_PARENT", {"params": "{}"}, manual=True, timerExpression="PT1H", keys=["x"])
    running = process().start().user_task("Form", late).end().publish().start()
    running.execute("late")
    running.fire()
    assert len(open_incidents(running)) == 1
    running.execute("late")
    assert not open_incidents(running)
    assert Timer.objects.filter(instance_id=running.row.id, state="PENDING").count() == 1
    assert refusal(Retry(running.uuid, running.token.uuid, USER, "again")).code == "OPS-001"


def test_values_from_a_child_that_make_the_data_too_large_are_not_appended():
    tell = action("tell", "APPEND_PARAMS_TO_PARENT", {"params": '{"more": ${big}}'})
    process("child").start().task("Tell", tell).end().publish()
    made = process().start().task("Run", sub(startedAsync="true")).user_task("Next", save_data("go")).end()
    running = made.publish().start({"big": "x" * 600_000})
    assert list(running.params) == ["big"]
    [incident] = Incident.objects.filter(instance_id=children(running)[0].row.id)
    assert "the limit is" in incident.message


def test_a_retry_runs_each_failed_action_once():
    root = save_data("root", autoRunChildren=True, optional=True)
    first = kafka_send("first", topic="out.${x}", parentName="root")
    second = kafka_send("second", topic="out.${x}", parentName="root")
    running = process().start().user_task("Form", root, first, second, save_data("go")).end().publish().start()
    running.execute("root")
    apply(ExecuteByOperator(running.uuid, running.token.uuid, "second", USER, "now"))
    assert len(open_incidents(running)) == 2
    Instance.objects.filter(uuid=running.uuid).update(params='{"x": "y"}')
    apply(Retry(running.uuid, running.token.uuid, USER, "set"))
    assert [row.action_name for row in running.sent()] == ["first", "second"]


def test_later_siblings_of_a_child_that_was_cancelled_on_hold_run_when_the_hold_ends():
    running = delayed_sibling()
    [timer] = running.timers()
    apply(Hold(running.uuid, USER, "wait"))
    apply(ChangeTimer(running.uuid, timer.id, USER, "not needed"))
    assert not running.frames("data")
    apply(Unhold(running.uuid, USER, "go"))
    assert [frame["data"]["it"] for frame in running.frames("data")] == ["later"]


def test_e170_an_entry_of_a_list_that_the_snapshot_lacks_is_not_copied_back():
    fields = {"allowTokenReset": True, "restartFromSnapshot": True, "keysForRestart": ["l[0]", "x"]}
    made = process().start().user_task("One", save_data("back", ["l", "x"], **fields)).user_task("Two", save_data("on"))
    running = made.end().publish().start({"l": []})
    running.execute("back", {"l": [1], "x": 2})
    running.execute("back", {})
    assert running.params == {"l": [], "x": 2}
    assert running.position[0] == "Two"


def test_e092_siblings_wait_for_a_delayed_child_also_when_the_parent_runs_again():
    root = save_data("root", autoRunChildren=True, optional=True, repeatable=True)
    slow = websocket_send("slow", '{"it": "slow"}', parentName="root", timerExpression="PT1H")
    later = websocket_send("later", '{"it": "later"}', parentName="root")
    running = process().start().user_task("Form", root, slow, later, save_data("go")).end().publish().start()
    running.execute("root")
    running.execute("root")
    assert not running.frames("data")
    running.fire()
    assert [frame["data"]["it"] for frame in running.frames("data")] == ["slow", "later"]


def test_e092_siblings_wait_for_a_subprocess_also_when_the_parent_runs_again():
    child()
    root = save_data("root", autoRunChildren=True, optional=True, repeatable=True)
    later = websocket_send("later", parentName="root")
    made = process().start().user_task("Form", root, sub(parentName="root"), later, save_data("go")).end()
    running = made.publish().start()
    running.execute("root")
    running.execute("root")
    assert not running.frames("data")
    [only] = children(running)
    only.execute("done")
    assert len(running.frames("data")) == 1
