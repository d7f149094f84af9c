"""Timer nodes and the expiry of instances (engine 2.7, 5)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.core.schedules import expiry_of
from engine.core.stimuli import Retry
from engine.models import Incident, Token
from tests.builders import USER, Running, apply, process, save_data, websocket_send

pytestmark = pytest.mark.django_db


def waiting(expression: str, params: dict | None = None) -> Running:
    made = process().start().add("TIMER_INTERMEDIATE", "Cool off", timerExpression=expression).end()
    return made.publish().start(params or {})


def hosted(expression: str, **fields) -> Running:
    made = process().start().user_task("Form", save_data("go"), websocket_send("later", timerExpression="PT1H")).end()
    made.add(
        "TIMER_BOUNDARY",
        "Remind",
        timerExpression=expression,
        attachedTo=made.node("Form")["key"],
        connect=False,
        **fields,
    )
    return made.task("Send reminder").end("Reminded").publish().start()


def test_e113_an_intermediate_timer_shows_that_it_waits_and_then_lets_the_token_go():
    running = waiting("P14D")
    assert running.position == ("Cool off", "WAITING_TIMER_EVENT")
    [timer] = running.timers()
    assert (timer.kind, (timer.due_at - running.row.started_at).days) == ("NODE", 14)
    running.fire()
    assert running.state == "FINISHED"


def test_an_intermediate_timer_takes_a_date_of_the_data():
    running = waiting("${pickup}", {"pickup": "2090-10-02T08:09:40+02:00"})
    assert running.timers()[0].due_at == datetime(2090, 10, 2, 6, 9, 40, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2019-10-02T08:09:40+02:00", "PT0S"])
def test_e104_a_past_date_and_a_zero_duration_are_passed_at_once(text):
    assert waiting(text).state == "FINISHED"


def test_a_bad_dynamic_timer_is_an_incident_and_retry_arms_it_again():
    running = waiting("${wait}", {"wait": "soon"})
    assert Incident.objects.get(instance_id=running.row.id).type == "Engine"
    assert running.position == ("Cool off", "ARRIVED")
    apply(Retry(running.uuid, running.token.uuid, USER, "again"))
    assert running.position == ("Cool off", "ARRIVED")


def test_e112_e069_an_interrupting_boundary_timer_moves_the_token_and_cancels_the_hosts_timers():
    running = hosted("P2D")
    boundary = next(timer for timer in running.timers() if timer.kind == "NODE")
    running.fire(boundary)
    assert running.state == "FINISHED"
    assert [entry.node_name for entry in running.journal("Advance")] == ["Form", "Remind", "Send reminder", "Reminded"]
    assert running.action_state("later")["state"] == "CANCELLED"
    assert not running.timers()
    assert Token.objects.count() == 1


def test_e112_a_non_interrupting_one_makes_a_side_token_and_leaves_the_host_alone():
    running = hosted("P2D", interrupting=False)
    boundary = next(timer for timer in running.timers() if timer.kind == "NODE")
    running.fire(boundary)
    host, side = Token.objects.order_by("id")
    assert (host.state, host.current_node_name) == ("ACTIVE", "Form")
    assert (side.state, side.current_node_name, side.parent_token_id) == ("INACTIVE", "Reminded", None)
    assert running.state == "STARTED"
    assert [timer.kind for timer in running.timers()] == ["ACTION"]


def test_e112_a_boundary_timer_is_cancelled_when_the_token_leaves_first():
    running = hosted("P2D")
    running.fire(next(timer for timer in running.timers() if timer.kind == "ACTION"))
    running.execute("go")
    assert running.state == "FINISHED"
    assert not running.timers()


@pytest.mark.parametrize(("zone", "expected"), [("UTC", (9, 0)), ("Europe/Berlin", None)])
def test_e042_expiry_by_cron_is_the_next_matching_moment_in_the_time_zone(zone, expected):
    start = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    due = expiry_of("0 0 9 * * *", start, ZoneInfo(zone))
    assert due.astimezone(ZoneInfo(zone)).hour == 9
    assert due > start
    assert expected is None or (due.hour, due.minute) == expected


def test_e042_an_instance_expires_by_cron():
    running = process(expiryTime="0 0 9 * * *").start().user_task("Form", save_data("go")).end().publish().start()
    [timer] = running.timers()
    assert (timer.kind, timer.due_at.hour, timer.due_at.minute, timer.due_at.second) == ("EXPIRY", 9, 0, 0)
    assert timer.due_at - running.row.started_at <= timedelta(days=1)
    assert running.row.expires_at == timer.due_at
