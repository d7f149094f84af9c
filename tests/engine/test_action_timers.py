"""Delays of actions (engine 4.4, 5.3, 5.4)."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from engine.core.stimuli import RunTimer, TimerDue
from engine.models import Incident, Timer
from tests.builders import USER, apply, kafka_send, process, refusal, save_data, websocket_send

pytestmark = pytest.mark.django_db


def delayed(expression="PT5S", **fields):
    return websocket_send("later", message='{"v": ${v}}', timerExpression=expression, **fields)


def in_task(*actions, params=None):
    return process().start().task("Wait", *actions).end().publish().start(params or {"v": 1})


def test_e106_e107_a_delayed_mandatory_action_is_scheduled_from_its_turn_and_holds_the_token():
    before = timezone.now()
    running = in_task(delayed("PT30S"))
    [timer] = running.timers()
    assert before + timedelta(seconds=30) <= timer.due_at <= timezone.now() + timedelta(seconds=30)
    assert running.action_state("later")["state"] == "SCHEDULED"
    assert running.position == ("Wait", "EXECUTED_PARTIAL")
    running.fire()
    assert running.action_state("later")["state"] == "COMPLETED"
    assert running.state == "FINISHED"
    assert [entry.action_name for entry in running.journal("Run scheduled action")] == ["later"]


def test_e080_a_delayed_action_holds_back_the_automatic_actions_after_it():
    running = in_task(kafka_send("first", order=1), delayed(order=2), kafka_send("last", order=3))
    assert [row.action_name for row in running.sent()] == ["first"]
    running.fire()
    assert [row.action_name for row in running.sent()] == ["first", "last"]
    assert running.state == "FINISHED"


def test_e106_the_delay_of_a_manual_action_counts_from_the_call():
    form = process().start().user_task("Form", save_data("go", ["v"], timerExpression="PT1H")).end()
    running = form.publish().start()
    assert not running.timers()
    called = timezone.now()
    running.execute("go", {"v": 5})
    assert running.params == {"v": 5}
    assert running.timers()[0].due_at >= called + timedelta(hours=1)
    running.fire()
    assert running.state == "FINISHED"


@pytest.mark.parametrize("expression", ["PT0S", "P0D"])
def test_e104_a_zero_delay_runs_at_once(expression):
    running = in_task(delayed(expression))
    assert running.state == "FINISHED"
    assert not Timer.objects.exists()


def test_e103_a_dynamic_timer_resolves_when_it_is_armed():
    running = in_task(delayed("PT${n}M"), params={"n": 3, "v": 1})
    [timer] = running.timers()
    assert timer.due_at - running.row.started_at == timedelta(minutes=3)


@pytest.mark.parametrize("value", [None, "soon", "-PT5M", "", "PT5M PT5M", 17])
def test_e103_a_bad_dynamic_timer_fails_the_action_and_keeps_the_token(value):
    running = in_task(delayed("${delay}"), params={"delay": value})
    assert running.action_state("later")["state"] == "FAILED"
    assert running.position == ("Wait", "EXECUTED_PARTIAL")
    incident = Incident.objects.get(instance_id=running.row.id)
    assert incident.type == "Engine"
    assert incident.message.startswith("Timer expression is not valid")


def test_e105_months_are_calendar_steps_in_the_time_zone():
    running = in_task(delayed("P1M"))
    [timer] = running.timers()
    start = running.row.started_at.astimezone(UTC)
    month = start.month % 12 + 1
    assert timer.due_at.astimezone(UTC).month == month
    assert timer.due_at.time() == start.time()
    assert isinstance(timer.due_at, datetime)


def test_e109_a_scheduled_action_is_cancelled_when_the_token_leaves():
    form = (
        process().start().user_task("Form", save_data("go"), save_data("maybe", optional=True, timerExpression="PT5S"))
    )
    running = form.end().publish().start()
    running.execute("maybe")
    running.execute("go")
    assert running.state == "FINISHED"
    assert running.action_state("maybe")["state"] == "CANCELLED"
    assert [timer.state for timer in Timer.objects.all()] == ["CANCELLED"]


def test_e110_a_late_or_repeated_firing_has_no_effect():
    running = in_task(delayed())
    [timer] = running.timers()
    assert running.fire(timer).answer == {"fired": True}
    assert running.fire(timer).answer == {"fired": False}
    assert len(running.frames("data")) == 1
    assert len(running.journal("Run scheduled action")) == 1


def test_each_run_of_a_repeatable_action_has_a_timer_of_its_own():
    again = save_data("again", repeatable=True, optional=True, timerExpression="PT5S")
    running = process().start().user_task("Form", again, save_data("go")).end().publish().start()
    for _ in range(2):
        running.execute("again")
    first, second = running.timers()
    running.fire(first)
    running.fire(second)
    assert running.action_state("again")["completed"] == 2


def test_a_delayed_child_keeps_its_later_siblings_waiting():
    running = (
        process().start()
        .user_task(
            "Form", save_data("top", autoRunChildren=True), save_data("hold"),
            kafka_send("slow", order=1, parentName="top", timerExpression="PT5S"),
            kafka_send("after", order=2, parentName="top"),
        ).end().publish().start()
    )  # fmt: skip
    running.execute("top")
    assert not running.sent()
    running.fire()
    assert [row.action_name for row in running.sent()] == ["slow", "after"]


def test_running_a_timer_now_fires_it_and_a_fired_one_is_refused():
    running = in_task(delayed("P14D"))
    [timer] = running.timers()
    apply(RunTimer(running.uuid, timer.id, USER, "The rider is in a hurry"))
    assert running.state == "FINISHED"
    entry = running.journal("Run scheduled action")[0]
    assert (entry.user, entry.details["reason"]) == ("mira", "The rider is in a hurry")
    refused = refusal(RunTimer(running.uuid, timer.id, USER, "again"))
    assert (refused.status, refused.code) == (409, "OPS-011")


def test_a_timer_of_an_unknown_instance_is_refused():
    assert refusal(TimerDue(uuid.uuid4(), 1)).status == 404
