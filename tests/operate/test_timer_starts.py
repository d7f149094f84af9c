"""Timer starts on the Scheduled page: their next run, Activate and Suspend (designer 4.5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engine import timer_starts
from engine.models import AuditEntry, TimerStart
from tests.builders import process
from tests.operate.conftest import browser_of

PAGE = "/admin/runtime/scheduled/"


def scheduled(expression: str = "R/PT1H", name: str | None = None) -> TimerStart:
    made = process(name).add("TIMER_START", "Every hour", timerExpression=expression, connect=False).end()
    made.publish()
    return TimerStart.objects.get(process_name=made.name)


def address(row: TimerStart, what: str) -> str:
    return f"{PAGE}{row.pk}/{what}/"


def page(client: Client, query: str = "") -> str:
    return client.get(PAGE + query).content.decode()


def test_a_timer_start_is_listed_suspended_until_it_is_activated(operator: Client) -> None:
    row = scheduled("0 0 9 * * *")
    shown = page(operator)
    for text in (row.process_name, "Every hour", "Cron", "0 0 9 * * *", "Suspended", ">None<"):
        assert text in shown

    answer = operator.post(address(row, "activate"), follow=True)

    row.refresh_from_db()
    assert row.active
    assert row.next_due_at is not None
    shown = answer.content.decode()
    assert f"Activated the timer start of {row.process_name}." in shown
    assert row.next_due_at.isoformat().replace("+00:00", "Z") in shown
    assert AuditEntry.objects.get(subject="Timer start").user == "otto"

    operator.post(address(row, "suspend"))

    row.refresh_from_db()
    assert (row.active, row.next_due_at) == (False, None)


def test_doing_it_twice_changes_nothing(operator: Client) -> None:
    row = scheduled()
    operator.post(address(row, "activate"))
    due = TimerStart.objects.get().next_due_at
    operator.post(address(row, "activate"))
    assert TimerStart.objects.get().next_due_at == due
    assert AuditEntry.objects.filter(subject="Timer start").count() == 1


def test_one_whose_date_is_over_says_so(operator: Client) -> None:
    row = scheduled("2020-01-01T00:00:00Z")
    timer_starts.activate(row.process_name, user="mira")
    assert "Over" in page(operator)


@pytest.mark.parametrize("what", ["activate", "suspend"])
def test_a_reader_sees_them_and_may_not_switch_them(reader: Client, what: str) -> None:
    row = scheduled()
    shown = page(reader)
    assert row.process_name in shown
    assert "scheduled.starts.activate" not in shown
    answer = reader.post(address(row, what))
    assert answer.status_code == 403
    assert "INSTANCE admin" in answer.content.decode()
    assert not TimerStart.objects.get().active


def test_they_are_switched_by_post_of_the_page_only(operator: Client, person: Callable[..., User]) -> None:
    row = scheduled()
    assert operator.get(address(row, "activate")).status_code == 405
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(person("fred", "INSTANCE_ADMIN"))
    assert forged.post(address(row, "activate")).status_code == 403
    assert browser_of(person("gina", "INSTANCE_ADMIN")).post(f"{PAGE}4711/activate/").status_code == 404
    assert not TimerStart.objects.get().active


def test_filters_of_timers_leave_them_out(reader: Client) -> None:
    scheduled()
    for query in ("?late=1", "?kind=ACTION"):
        assert "scheduled.starts" not in page(reader, query)


def test_the_page_takes_as_many_statements_whatever_is_scheduled(reader: Client) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as queries:
            page(reader)
        return len(queries)

    scheduled()
    few = statements()
    for _ in range(5):
        scheduled()
    assert statements() == few
