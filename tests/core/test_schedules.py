"""Dates, cycles and cron expressions (engine 5.1 to 5.3)."""

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.durations import TimerError
from engine.core.schedules import Window, next_moments, next_of, parse_cron, parse_cycle, parse_date

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-05-01T09:00:00Z", datetime(2030, 5, 1, 9, tzinfo=UTC)),
        ("2030-05-01T09:00:00+02:00", datetime(2030, 5, 1, 7, tzinfo=UTC)),
        ("2030-05-01T09:00:00", datetime(2030, 5, 1, 7, tzinfo=UTC)),
    ],
)
def test_a_date_without_zone_is_in_the_time_zone(text, expected):
    assert parse_date(text, BERLIN) == expected


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("R/P1D", NOW + timedelta(days=1)),
        ("R5/2023-08-29T15:30:00Z/PT2H", None),
        ("R/2023-08-29T15:30:00Z/PT2H", datetime(2026, 7, 1, 13, 30, tzinfo=UTC)),
        ("0 0 12 ? * FRI", datetime(2026, 7, 3, 12, tzinfo=UTC)),
        ("0 0 9-17 * * MON-FRI", datetime(2026, 7, 1, 13, tzinfo=UTC)),
        ("2019-10-02T08:09:40+02:00", None),
    ],
)
def test_after_downtime_the_first_step_later_than_now_is_next(text, first):
    assert next_of(text, NOW, NOW, ZoneInfo("UTC")) == first


def test_a_cycle_ends_after_its_times():
    assert len(next_moments("R3/2026-07-01T13:00:00Z/PT1H", NOW, ZoneInfo("UTC"), count=10)) == 3


@pytest.mark.parametrize(
    ("parse", "text", "code"),
    [
        (lambda text: parse_date(text, BERLIN), "tomorrow", "TMR-016"),
        (lambda text: parse_date(text, BERLIN), "2030-13-01T00:00:00Z", "TMR-016"),
        (lambda text: parse_cycle(text, BERLIN), "R5", "TMR-017"),
        (lambda text: parse_cycle(text, BERLIN), "R/PT0S", "TMR-017"),
        (parse_cron, "0 9 * * *", "TMR-018"),
        (parse_cron, "0 0 25 * * *", "TMR-018"),
        (parse_cron, "a b c d e f", "TMR-018"),
    ],
)
def test_each_fault_has_its_code(parse, text, code):
    with pytest.raises(TimerError) as caught:
        parse(text)
    assert caught.value.code == code


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_cron_follows_the_zone_on_days_of_23_and_25_hours(day, hours):
    midnight = parse_date(f"{day}T00:00:00", BERLIN)
    following = parse_cron("0 0 0 * * *").next_after(midnight, BERLIN)
    assert following - midnight == timedelta(hours=hours)


@given(st.text(max_size=40))
def test_whatever_the_text_parsing_ends_with_a_result_or_a_code(text):
    for parse in (lambda: parse_date(text, BERLIN), lambda: parse_cycle(text, BERLIN), lambda: parse_cron(text)):
        with contextlib.suppress(TimerError):
            parse()


def test_a_cycle_that_began_long_ago_is_found_at_once():
    assert next_of("R/1990-01-01T00:00:00Z/PT1S", NOW, NOW, ZoneInfo("UTC")) == NOW + timedelta(seconds=1)
    assert next_of("R/1990-01-01T00:00:00Z/P1M", NOW, NOW, ZoneInfo("UTC")) == datetime(2026, 8, 1, tzinfo=UTC)


def test_months_are_counted_from_the_first_step_and_clamp_at_their_end():
    found = next_moments("R/2026-08-31T10:00:00Z/P1M", NOW, ZoneInfo("UTC"), count=4)
    assert [moment.day for moment in found] == [31, 30, 31, 30]


def test_a_cycle_without_a_start_counts_from_when_it_was_armed():
    armed = NOW - timedelta(minutes=50)
    assert next_of("R/PT20M", NOW, armed, ZoneInfo("UTC")) == NOW + timedelta(minutes=10)
    assert next_of("R2/PT20M", NOW, armed, ZoneInfo("UTC")) is None


@pytest.mark.parametrize(("before", "hour"), [("2026-03-28T10:00:00", 11), ("2026-10-24T10:00:00", 9)])
def test_a_cycle_of_a_day_is_24_hours_also_on_days_of_23_and_25_hours(before, hour):
    armed = parse_date(before, BERLIN)
    due = next_of("R/P1D", armed, armed, BERLIN)
    assert due - armed == timedelta(hours=24)
    assert due.astimezone(BERLIN).hour == hour


def fired(text: str, day: str) -> list[str]:
    """The local times at which an expression is due within a day of the calendar in Berlin."""
    moment = parse_date(f"{day}T00:00:00", BERLIN) - timedelta(microseconds=1)
    found = []
    for due in next_moments(text, moment, BERLIN, count=80):
        local = due.astimezone(BERLIN)
        if f"{local:%Y-%m-%d}" == day:
            found.append(f"{local:%H:%M}{'+' if local.fold else ''}")
    return found


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        ("0 30 2 * * *", ["03:00"], ["02:30"]),
        ("0 0 2,3 * * *", ["03:00"], ["02:00", "03:00"]),
        ("0 0 1-4 * * *", ["01:00", "03:00", "04:00"], ["01:00", "02:00", "03:00", "04:00"]),
    ],
)
def test_a_cron_of_fixed_hours_is_due_once_when_the_clocks_change(text, short, long):
    assert fired(text, "2026-03-29") == short
    assert fired(text, "2026-10-25") == long


def test_a_cron_of_every_hour_is_due_23_and_25_times_when_the_clocks_change():
    short, long = fired("0 0 * * * *", "2026-03-29"), fired("0 0 * * * *", "2026-10-25")
    assert (len(short), len(long)) == (23, 25)
    assert "02:00" not in short
    assert "02:00+" in long


@pytest.mark.parametrize("text", ["R/PT1H", "0 0 * * * *"])
def test_the_window_of_a_cycle_and_a_cron_is_inclusive(text):
    window = Window(NOW + timedelta(hours=3), NOW + timedelta(hours=5))
    found, moment = [], NOW
    while (due := next_of(text, moment, NOW, ZoneInfo("UTC"), window)) is not None:
        found.append((due - NOW) // timedelta(hours=1))
        moment = due
    assert found == [3, 4, 5]


def test_the_window_begins_a_cycle_that_names_no_start_of_its_own():
    window = Window(start=datetime(2026, 7, 2, 8, 15, tzinfo=UTC))
    assert next_of("R/P1D", NOW, NOW, ZoneInfo("UTC"), window) == window.start
    assert next_of("R/2026-07-01T00:00:00Z/PT1H", NOW, NOW, ZoneInfo("UTC"), window) == datetime(
        2026, 7, 2, 9, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("text", "hours"),
    [("R/PT2H", [14, 16, 18]), ("0 0 9-13 * * *", [13, 9, 10]), ("2026-07-01T17:00:00Z", [17])],
)
def test_d139_the_next_three_dates_of_a_cycle_and_a_cron_and_the_one_of_a_date(text, hours):
    assert [moment.hour for moment in next_moments(text, NOW, ZoneInfo("UTC"))] == hours
