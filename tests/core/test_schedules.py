"""Dates, cycles and cron expressions (engine 5.1 to 5.3)."""

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.durations import TimerError
from engine.core.schedules import next_moments, next_of, parse_cron, parse_cycle, parse_date

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
