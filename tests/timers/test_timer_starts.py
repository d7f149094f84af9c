"""Timer starts: what is scheduled, when it starts an instance, and what a missed step comes to (engine 5.4)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from engine import clock, publishing, timer_starts, timers
from engine.core.durations import TimerError
from engine.models import AuditEntry, FailedStart, Instance, JournalEntry, TimerStart
from flowx_site.config import config
from flowx_site.demo.private_redis import PrivateRedis
from tests.builders import process

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    with clock.taken_from(lambda: moment):
        yield


def nightly(expression: str = "R/PT1H", *, name: str | None = None, version: int = 1, **fields: str) -> process:
    made = process(name, version=version).add(
        "TIMER_START", "Every hour", timerExpression=expression, connect=False, **fields
    )
    return made.end()


def row(made: process) -> TimerStart:
    return TimerStart.objects.get(process_name=made.name)


def active(expression: str = "R/PT1H", **fields: str) -> process:
    """Published and activated at noon."""
    made = nightly(expression, **fields)
    with at(NOON):
        made.publish()
        assert timer_starts.activate(made.name, user="mira")
    return made


def started(made: process) -> list[datetime]:
    return list(
        Instance.objects.filter(process_name=made.name).order_by("started_at").values_list("started_at", flat=True)
    )


def test_e114_it_is_suspended_by_default_and_starts_nothing() -> None:
    made = nightly()
    with at(NOON):
        made.publish()
    assert (row(made).active, row(made).next_due_at) == (False, None)
    with at(NOON + 5 * HOUR):
        assert timers.fire_all_due() == 0
    assert started(made) == []


def test_e114_an_active_one_starts_an_instance_at_each_step() -> None:
    made = active()
    for hours, number in ((0.9, 0), (1, 1), (1.01, 1), (1.99, 1), (2, 2)):
        with at(NOON + hours * HOUR):
            timers.fire_all_due()
        assert len(started(made)) == number
    instance = Instance.objects.filter(process_name=made.name).latest("started_at")
    assert (instance.owner_name, instance.owner_id, instance.state) == ("flowx-service", None, "FINISHED")
    assert row(made).next_due_at == NOON + 3 * HOUR


def test_e114_a_suspended_one_starts_nothing_and_leaves_running_instances_alone() -> None:
    made = active()
    with at(NOON + HOUR):
        timers.fire_all_due()
        assert timer_starts.suspend(made.name, user="mira")
        assert not timer_starts.suspend(made.name, user="mira")
    with at(NOON + 2 * HOUR):
        assert timers.fire_all_due() == 0
    assert len(started(made)) == 1


def test_switching_is_audited() -> None:
    made = active()
    timer_starts.suspend(made.name, user="otto")
    entries = AuditEntry.objects.filter(subject="Timer start").order_by("id")
    assert [(each.event, each.user, each.identifier) for each in entries] == [
        ("Activate", "mira", made.name),
        ("Suspend", "otto", made.name),
    ]


@pytest.mark.parametrize("on", [True, False])
def test_e114_publishing_a_new_version_arms_its_settings_and_keeps_active_or_suspended(on: bool) -> None:
    made = active("R/PT1H")
    if not on:
        timer_starts.suspend(made.name, user="mira")
    with at(NOON + 1.5 * HOUR):
        renewed = nightly("R/PT2H", name=made.name, version=2).publish()

    armed = row(made)

    assert (armed.active, armed.snapshot_id, armed.expression) == (on, renewed.snapshot_id, "R/PT2H")
    assert armed.next_due_at == (NOON + 3.5 * HOUR if on else None)


def test_e114_only_the_published_version_is_started() -> None:
    made = active()
    publishing.store_test_snapshot(nightly("R/PT1M", name=made.name, version=3).snapshot())
    with at(NOON + 0.5 * HOUR):
        nightly("R/PT1H", name=made.name, version=2).publish()
    with at(NOON + 1.5 * HOUR):
        timers.fire_all_due()
    assert [each.version for each in Instance.objects.filter(process_name=made.name)] == [2]


def test_a_version_without_a_timer_start_is_scheduled_no_more() -> None:
    made = active()
    process(made.name, version=2).start().end().publish()
    assert not TimerStart.objects.exists()
    with at(NOON + 2 * HOUR):
        assert timers.fire_all_due() == 0


def test_a_withdrawn_process_is_scheduled_no_more() -> None:
    made = active()
    publishing.withdraw(made.name)
    assert not TimerStart.objects.exists()


@pytest.mark.parametrize(("expression", "code"), [("PT1H", "TMR-017"), ("${when}", "TMR-019"), ("", "TMR-016")])
def test_a_timer_that_a_timer_start_does_not_take_is_not_published(expression: str, code: str) -> None:
    made = nightly(expression)
    with pytest.raises(TimerError) as caught:
        made.publish()
    assert caught.value.code == code
    assert not TimerStart.objects.exists()


@pytest.mark.parametrize(
    ("expression", "following"),
    [("R/PT1H", NOON + 6 * HOUR), ("0 0 * * * *", NOON + 6 * HOUR), ("R/2026-07-01T12:30:00Z/PT2H", NOON + 6.5 * HOUR)],
)
def test_e114_after_downtime_a_cycle_goes_on_and_missed_steps_are_not_made_up(
    expression: str, following: datetime
) -> None:
    made = active(expression)
    with at(NOON + 5.2 * HOUR):  # nobody looked for five hours
        timers.fire_all_due()
    assert started(made) == []
    assert row(made).next_due_at == following
    with at(following):
        timers.fire_all_due()
    assert started(made) == [following]


def test_a_step_that_is_found_a_little_late_is_not_missed() -> None:
    made = active()
    with at(NOON + HOUR + timedelta(seconds=50)):
        timers.fire_all_due()
    assert len(started(made)) == 1


def test_a_date_starts_one_instance_also_after_downtime_and_never_again() -> None:
    made = active("2026-07-01T14:00:00Z")
    with at(NOON + 20 * HOUR):
        timers.fire_all_due()
        timers.fire_all_due()
        nightly("2026-07-01T14:00:00Z", name=made.name, version=2).publish()
        timers.fire_all_due()
    assert len(started(made)) == 1
    assert row(made).next_due_at is None


def test_a_cycle_ends_after_its_times_and_with_its_window() -> None:
    twice = active("R2/PT1H")
    window = active("0 0 * * * *", startTime="2026-07-01T14:00:00Z", endTime="2026-07-01T15:00:00Z")
    for hours in range(8):
        with at(NOON + hours * HOUR):
            timers.fire_all_due()
    assert started(twice) == [NOON + HOUR, NOON + 2 * HOUR]
    assert started(window) == [NOON + 2 * HOUR, NOON + 3 * HOUR]


@pytest.fixture
def berlin() -> Iterator[ZoneInfo]:
    """The engine's calendar is that of Berlin: 23 hours on 29 March 2026, 25 on 25 October."""
    object.__setattr__(config, "time_zone", "Europe/Berlin")  # frozen for the program, not for its tests
    yield ZoneInfo("Europe/Berlin")
    object.__setattr__(config, "time_zone", "UTC")


@pytest.mark.parametrize(
    ("day", "hours"), [(datetime(2026, 3, 27, 12, tzinfo=UTC), 23), (datetime(2026, 10, 23, 12, tzinfo=UTC), 25)]
)
def test_a_cron_follows_the_time_zone_over_days_of_23_and_25_hours(berlin: ZoneInfo, day: datetime, hours: int) -> None:
    made = nightly("0 0 9 * * *")
    with at(day):
        made.publish()
        timer_starts.activate(made.name, user="mira")
    for _ in range(3):
        due = row(made).next_due_at
        assert due is not None
        assert due.astimezone(berlin).hour == 9
        with at(due):
            timers.fire_all_due()
    first, second, third = started(made)
    assert {second - first, third - second} == {timedelta(hours=hours), timedelta(hours=24)}


def test_a_start_that_is_refused_is_kept_for_staff_and_the_schedule_goes_on() -> None:
    made = nightly()
    made.fields["mandatoryParams"] = ["bike"]
    with at(NOON):
        made.publish()
        timer_starts.activate(made.name, user="mira")
    with at(NOON + HOUR):
        timers.fire_all_due()
        timers.fire_all_due()
    failed = FailedStart.objects.get()
    assert (failed.process_name, failed.source, failed.caller) == (made.name, "timer", "flowx-service")
    assert "mandatory" in failed.message
    assert row(made).next_due_at == NOON + 2 * HOUR


def test_a_start_that_breaks_is_kept_for_staff_and_the_others_start() -> None:
    broken, sound = active(), active()
    TimerStart.objects.filter(process_name=broken.name).update(node_id=0)
    with at(NOON + HOUR):
        timers.fire_all_due()
        assert timers.fire_all_due() == 0
    assert FailedStart.objects.get().process_name == broken.name
    assert (len(started(broken)), len(started(sound))) == (0, 1)


def test_the_instance_runs_from_the_timer_start_and_others_start_it_by_hand_too() -> None:
    made = process().start("By hand").end()
    made.add("TIMER_START", "By clock", timerExpression="R/PT1H", connect=False).link("By clock", "End")
    with at(NOON):
        published = made.publish()
        timer_starts.activate(made.name, user="mira")
    published.start()
    with at(NOON + HOUR):
        timers.fire_all_due()
    rows = JournalEntry.objects.filter(event="Start").order_by("instance_id")
    assert [each.node_name for each in rows] == ["By hand", "By clock"]


@pytest.mark.django_db(transaction=True)
def test_two_who_look_at_the_same_moment_start_one_instance() -> None:
    processes = [active() for _ in range(10)]
    gate = threading.Barrier(2)

    def look() -> None:
        with at(NOON + HOUR):
            gate.wait()
            timers.fire_all_due()
        connection.close()

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()

    assert [len(started(made)) for made in processes] == [1] * 10


def test_due_starts_of_the_next_minutes_have_wake_ups(redis_server: PrivateRedis) -> None:
    made = active()
    TimerStart.objects.filter(process_name=made.name).update(next_due_at=datetime.now(UTC) + timedelta(seconds=30))
    assert timers.arm_next() == 1
