"""Durations: what is accepted, what each wrong text is told, calendar arithmetic, words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core import durations
from engine.core.durations import Duration, TimerError, check_action_timer, parse_duration, warnings, words

UTC_ZONE = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")

VALID = [
    ("PT30S", Duration(seconds=Decimal(30))),
    ("PT15S", Duration(seconds=Decimal(15))),
    ("PT1H30M", Duration(hours=Decimal(1), minutes=Decimal(30))),
    ("P14D", Duration(days=Decimal(14))),
    ("P2W", Duration(weeks=Decimal(2))),
    (
        "P3Y6M4DT12H30M5S",
        Duration(3, 6, days=Decimal(4), hours=Decimal(12), minutes=Decimal(30), seconds=Decimal(5)),
    ),
    ("PT0.5S", Duration(seconds=Decimal("0.5"))),
    ("PT1,5H", Duration(hours=Decimal("1.5"))),
    ("PT1H0.25M", Duration(hours=Decimal(1), minutes=Decimal("0.25"))),
    ("P1.5D", Duration(days=Decimal("1.5"))),
    ("P0.5W", Duration(weeks=Decimal("0.5"))),
    ("P1Y", Duration(years=1)),
    ("P6M", Duration(months=6)),
    ("PT6M", Duration(minutes=Decimal(6))),
    ("P1M1DT1M", Duration(months=1, days=Decimal(1), minutes=Decimal(1))),
    ("PT0S", Duration()),
    ("P0D", Duration()),
    ("PT007S", Duration(seconds=Decimal(7))),
    (" PT30S \n", Duration(seconds=Decimal(30))),
    ("P100Y", Duration(years=100)),
    ("P1200M", Duration(months=1200)),
    ("P36525D", Duration(days=Decimal(36525))),
]


@pytest.mark.parametrize(("text", "duration"), VALID, ids=[row[0] for row in VALID])
def test_e100_d033_valid_durations(text: str, duration: Duration) -> None:
    assert parse_duration(text) == duration
    assert check_action_timer(text) == duration


@pytest.mark.parametrize("text", ["${delay}", "PT${n}M", "P${ a.b }D", "", "  "])
def test_d033_e100_a_text_with_placeholders_is_checked_when_it_is_armed(text: str) -> None:
    assert check_action_timer(text) is None


INVALID: list[tuple[str, str, str | None]] = [
    ("TMR-001", "soon", None),
    ("TMR-001", "10 min", None),
    ("TMR-001", "10", None),
    ("TMR-001", "P T5M", None),
    ("TMR-001", "PT5", None),
    ("TMR-001", "PTM", None),
    ("TMR-001", "PT5M3M", None),
    ("TMR-001", "PT5MT3S", None),
    ("TMR-001", "PT1.H", None),
    ("TMR-001", "PT.5H", None),
    ("TMR-001", "P5X", None),
    ("TMR-001", "+PT5M", None),
    ("TMR-001", "PT３０S", None),
    ("TMR-001", "PT٣S", None),
    ("TMR-001", "-5", None),
    ("TMR-001", "PT" + "1" * 200 + "S", None),
    ("TMR-002", "30S", "PT30S"),
    ("TMR-002", "T5M", "PT5M"),
    ("TMR-002", "5M", "PT5M"),
    ("TMR-002", "30s", "PT30S"),
    ("TMR-002", "2D", "P2D"),
    ("TMR-002", "1D12H", "P1DT12H"),
    ("TMR-002", "1H30M", "PT1H30M"),
    ("TMR-002", "2W", "P2W"),
    ("TMR-002", "1Y6M", "P1Y6M"),
    ("TMR-002", "1.5H30M", None),
    ("TMR-003", "P30S", "PT30S"),
    ("TMR-003", "P2H", "PT2H"),
    ("TMR-003", "P1D12H", "P1DT12H"),
    ("TMR-003", "P1H30M", "PT1H30M"),
    ("TMR-003", "P1D30M", "P1DT30M"),
    ("TMR-003", "p30s", "PT30S"),
    ("TMR-004", "P", None),
    ("TMR-004", "PT", None),
    ("TMR-004", "P1DT", None),
    ("TMR-005", "PT5S3M", "PT3M5S"),
    ("TMR-005", "P1D2Y", "P2Y1D"),
    ("TMR-005", "PT2D", "P2D"),
    ("TMR-005", "PT12H1D", "P1DT12H"),
    ("TMR-005", "PT2W", "P2W"),
    ("TMR-006", "pt30s", "PT30S"),
    ("TMR-006", "Pt30S", "PT30S"),
    ("TMR-006", "p2w", "P2W"),
    ("TMR-007", "-PT5M", None),
    ("TMR-007", "PT-5M", None),
    ("TMR-007", "P-1D", None),
    ("TMR-007", "−PT5M", None),
    ("TMR-007", "-pt5m", None),
    ("TMR-008", "P1W2D", "P9D"),
    ("TMR-008", "P1WT2H", "P7DT2H"),
    ("TMR-008", "P1Y2W", "P1Y14D"),
    ("TMR-008", "P0.5W2D", "P5.5D"),
    ("TMR-009", "2025-01-01T09:00:00Z", None),
    ("TMR-009", "2019-10-02T08:09:40+02:00", None),
    ("TMR-009", "2025-01-01", None),
    ("TMR-009", "2025-01-01 09:00", None),
    ("TMR-009", "20250101T090000Z", None),
    ("TMR-010", "PT1.5H30M", None),
    ("TMR-010", "P0.5Y", None),
    ("TMR-010", "P1,5M", None),
    ("TMR-010", "P1.5DT1S", None),
    ("TMR-011", "P900Y", None),
    ("TMR-011", "P100YT1S", None),
    ("TMR-011", "P1201M", None),
    ("TMR-011", "P36526D", None),
    ("TMR-011", "PT99999999999999999999S", None),
    ("TMR-012", "R5/PT2H", None),
    ("TMR-012", "R/P1D", None),
    ("TMR-012", "R5/2023-08-29T15:30:00Z/PT2H", None),
    ("TMR-012", "R", None),
    ("TMR-012", "0 0 9 * * *", None),
    ("TMR-012", "0 0 9-17 * * MON-FRI", None),
    ("TMR-012", "0 0 12 ? * FRI", None),
    ("TMR-012", "*/5 * * * *", None),
    ("TMR-012", "@daily", None),
]


@pytest.mark.parametrize(("code", "text", "fix"), INVALID, ids=[f"{row[0]} {row[1][:30]}" for row in INVALID])
def test_d034_e100_each_wrong_text_gives_its_code_and_fix(code: str, text: str, fix: str | None) -> None:
    for check in (parse_duration, check_action_timer):
        with pytest.raises(TimerError) as caught:
            check(text)
        assert (caught.value.code, caught.value.fix) == (code, fix)
    assert warnings(text) == []


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("soon", {"v": "soon"}),
        ("T5M", {"v": "T5M", "guess": "PT5M"}),
        ("1.5H30M", {"v": "1.5H30M", "guess": "PT30S"}),
        ("P1DT", {"v": "P1DT", "tail": "T"}),
        ("P", {"v": "P", "tail": "P"}),
        ("PT5S3M", {"v": "PT5S3M", "sorted": "PT3M5S"}),
        ("P1W2D", {"v": "P1W2D", "days": "P9D"}),
        ("2025-01-01", {"v": "2025-01-01", "allowed": "a duration", "example": "PT30S"}),
        ("x" * 200, {"v": "x" * 59 + "…"}),
        ("a\0b", {"v": "aU+0000b"}),
    ],
)
def test_d034_the_values_fill_the_texts_of_the_codes(text: str, values: dict[str, str]) -> None:
    with pytest.raises(TimerError) as caught:
        parse_duration(text)
    assert caught.value.values == values


@pytest.mark.parametrize("text", ["2030-05-01T09:00:00Z", "R5/PT2H", "R/P1D", "0 0 9 * * *"])
def test_e101_dates_cycles_and_crons_are_refused_as_action_timers(text: str) -> None:
    with pytest.raises(TimerError, match=r"TMR-009|TMR-012"):
        check_action_timer(text)


@pytest.mark.parametrize("text", ["-PT5M", "PT-5M", "P-1Y", "−PT5M"])
def test_e104_negative_durations_are_refused(text: str) -> None:
    with pytest.raises(TimerError, match="TMR-007"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["PT0S", "P0D", "P0Y", "P0W", "PT0,0S"])
def test_e104_a_zero_delay_is_due_at_once(text: str) -> None:
    moment = datetime(2030, 1, 31, 12, tzinfo=UTC)
    assert parse_duration(text).after(moment, BERLIN) == moment
    assert parse_duration(text).is_zero


def test_a_broken_placeholder_gives_its_own_code() -> None:
    for text, code in (("PT${n", "JSN-005"), ("${a b}", "JSN-007"), ("${}", "JSN-006"), ("PT${a${b}}S", "JSN-013")):
        with pytest.raises(TimerError) as caught:
            check_action_timer(text)
        assert caught.value.code == code


def test_the_sign_itself_is_no_placeholder() -> None:
    with pytest.raises(TimerError) as caught:
        check_action_timer("$${delay}")
    assert (caught.value.code, caught.value.values) == ("TMR-001", {"v": "${delay}"})


@pytest.mark.parametrize(
    ("text", "code", "fix"),
    [
        ("PT0S", "TMR-014", ""),
        ("P0D", "TMR-014", ""),
        ("P30M", "TMR-015", "PT30M"),
        (" P5M ", "TMR-015", "PT5M"),
    ],
)
def test_d034_what_is_probably_not_meant_is_a_warning(text: str, code: str, fix: str) -> None:
    (warning,) = warnings(text)
    assert (warning.code, warning.fix) == (code, fix)
    assert check_action_timer(text) is not None


def test_d034_the_values_of_a_warning_fill_its_text() -> None:
    assert warnings("P30M")[0].values == {"v": "P30M", "months": "30", "guess": "PT30M"}


@pytest.mark.parametrize("text", ["PT30S", "P1Y6M", "P1M1D", "PT30M", "P2W", "", "${delay}", "P${n}M", "soon"])
def test_what_is_meant_is_no_warning(text: str) -> None:
    assert warnings(text) == []


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


CALENDAR = [
    ("a month", "P1M", "2030-03-15T10:00+01:00", "2030-04-15T10:00+02:00"),
    ("the end of a month clamps", "P1M", "2030-01-31T10:00+01:00", "2030-02-28T10:00+01:00"),
    ("29 February in a leap year", "P1M", "2032-01-31T10:00+01:00", "2032-02-29T10:00+01:00"),
    ("years and months are one step", "P1Y1M", "2030-01-31T10:00+01:00", "2031-02-28T10:00+01:00"),
    ("a year from 29 February", "P1Y", "2032-02-29T10:00+01:00", "2033-02-28T10:00+01:00"),
    ("13 months", "P13M", "2030-12-31T10:00+01:00", "2032-01-31T10:00+01:00"),
    ("into summer time", "P1M", "2030-03-01T09:00+01:00", "2030-04-01T09:00+02:00"),
    ("the month first, then the rest", "P1MT24H", "2030-01-31T10:00+01:00", "2030-03-01T10:00+01:00"),
    ("the local month counts", "P1M", "2030-01-31T23:30+01:00", "2030-02-28T23:30+01:00"),
    ("a day is 24 hours over the day of 23", "P1D", "2030-03-30T12:00+01:00", "2030-03-31T13:00+02:00"),
    ("and over the day of 25", "P1D", "2030-10-26T12:00+02:00", "2030-10-27T11:00+01:00"),
    ("a week is 168 hours", "P1W", "2030-03-28T12:00+01:00", "2030-04-04T13:00+02:00"),
    ("part of a second", "PT0.000001S", "2030-01-01T00:00+00:00", "2030-01-01T00:00:00.000001+00:00"),
    ("half a day", "P0.5D", "2030-01-01T00:00+00:00", "2030-01-01T12:00+00:00"),
]


@pytest.mark.parametrize(("text", "start", "end"), [row[1:] for row in CALENDAR], ids=[row[0] for row in CALENDAR])
def test_e105_months_and_years_are_calendar_steps_and_a_day_is_24_hours(text: str, start: str, end: str) -> None:
    due = parse_duration(text).after(moment(start), BERLIN)
    assert due == moment(end)
    assert due.tzinfo is UTC


def test_e105_a_step_into_the_hour_that_does_not_exist_goes_on_behind_it() -> None:
    # On 31 March 2030 the clocks go from 02:00 to 03:00.
    due = parse_duration("P2M").after(moment("2030-01-31T02:30+01:00"), BERLIN)
    assert due == moment("2030-03-31T03:30+02:00")


def test_e105_a_step_into_the_hour_that_comes_twice_takes_the_first() -> None:
    # On 27 October 2030 the clocks go from 03:00 back to 02:00.
    due = parse_duration("P1M").after(moment("2030-09-27T02:30+02:00"), BERLIN)
    assert due == moment("2030-10-27T02:30+02:00")


def test_e105_the_zone_decides_which_month_it_is() -> None:
    start = moment("2030-02-01T00:30+01:00")
    assert parse_duration("P1M").after(start, BERLIN) == moment("2030-03-01T00:30+01:00")
    assert parse_duration("P1M").after(start, UTC_ZONE) == moment("2030-02-28T23:30+00:00")


@pytest.mark.parametrize("text", ["P100Y", "P1200M", "P36500D", "PT876000H"])
def test_past_the_year_9999_there_is_a_code(text: str) -> None:
    with pytest.raises(TimerError, match="TMR-011"):
        parse_duration(text).after(datetime(9999, 6, 1, tzinfo=UTC), BERLIN)


@pytest.mark.parametrize(
    ("text", "in_words"),
    [
        ("PT30S", "30 seconds"),
        ("PT1S", "1 second"),
        ("P2D", "2 days"),
        ("P1W", "1 week"),
        ("PT1H30M", "1 hour 30 minutes"),
        ("PT0.5S", "0.5 seconds"),
        ("PT1,50H", "1.5 hours"),
        ("PT1.0S", "1 second"),
        ("P3Y6M4DT12H30M5S", "3 years 6 months 4 days 12 hours 30 minutes 5 seconds"),
        ("P30M", "30 months"),
        ("PT0S", "0 seconds"),
        ("PT0H5M", "5 minutes"),
    ],
)
def test_a_duration_in_words(text: str, in_words: str) -> None:
    assert words(parse_duration(text)) == in_words


def outcome(check: Callable[[str], Duration | None], text: str) -> Duration | TimerError | None:
    try:
        return check(text)
    except TimerError as error:
        return error


@given(st.text("PTYMWDHS0123456789.,-R/ ptms", max_size=16) | st.text())
@example("P" + "9" * 5000 + "Y")
@example("P1W" + "9" * 90 + "D")
@example("PT0." + "9" * 90 + "S")
def test_whatever_the_text_parsing_ends_with_a_duration_or_a_code(text: str) -> None:
    duration = outcome(parse_duration, text)
    if isinstance(duration, TimerError):
        assert "TMR-001" <= duration.code <= "TMR-012"
        assert duration.fix is None or isinstance(parse_duration(duration.fix), Duration)
        return
    assert duration is not None
    start = datetime(2030, 1, 31, 12, 30, tzinfo=UTC)
    assert duration.after(start, BERLIN) >= start
    assert duration.after(start, BERLIN) <= start + timedelta(days=36_526)
    assert words(duration)


@given(st.text("PT1S${}.a", max_size=12) | st.text())
def test_whatever_the_text_the_check_ends_with_a_duration_or_a_code(text: str) -> None:
    duration = outcome(check_action_timer, text)
    if isinstance(duration, TimerError):
        assert duration.code.startswith(("TMR-", "JSN-"))
    else:
        assert duration is None or duration == parse_duration(text)


parts = st.tuples(*(st.integers(0, 20) for _ in range(2)), *(st.decimals(0, 50, places=0) for _ in range(4)))


@given(parts, st.integers(10**9, 4 * 10**9), st.sampled_from([UTC_ZONE, BERLIN]))
def test_e105_the_rest_is_exact_time_behind_the_calendar_steps(
    numbers: tuple[int, int, Decimal, Decimal, Decimal, Decimal], start: int, zone: ZoneInfo
) -> None:
    years, months, *exact = numbers
    days, hours, minutes, seconds = exact
    whole = Duration(years, months, days=days, hours=hours, minutes=minutes, seconds=seconds)
    began = datetime.fromtimestamp(start, UTC)
    stepped = Duration(years, months).after(began, zone)
    rest = timedelta(days=int(days), hours=int(hours), minutes=int(minutes), seconds=int(seconds))
    assert whole.after(began, zone) == stepped + rest
    text = f"P{years}Y{months}M{days}DT{hours}H{minutes}M{seconds}S"
    assert parse_duration(text) == whole
    assert durations.Duration(years, months).exact_seconds == 0
