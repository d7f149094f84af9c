"""Which timer texts stand where (engine 5.2, designer 1.11), and the code of each that does not."""

from zoneinfo import ZoneInfo

import pytest

from engine.core.durations import TimerError
from engine.core.timerplaces import ALLOWED, Kind, Place, check_timer

TEXTS = {
    Kind.DURATION: ("PT30S", "P2W", "P1Y2M3DT4H5M6.5S"),
    Kind.DATE: ("2019-10-02T08:09:40+02:00", "2030-05-01T09:00:00Z", "2030-05-01T09:00:00"),
    Kind.CYCLE: ("R5/2023-08-29T15:30:00Z/PT2H", "R/P1D", "R5/PT10M"),
    Kind.CRON: ("0 0 9-17 * * MON-FRI", "0 0 12 ? * FRI"),
    Kind.DYNAMIC: ("${delay}", "PT${n}S"),
}

#                           duration date   cycle  cron   dynamic
TABLE = {
    Place.ACTION:             ("yes", "no",  "no",  "no",  "yes"),
    Place.RESPONSE_TIMEOUT:   ("yes", "no",  "no",  "no",  "yes"),
    Place.TIMER_START:        ("no",  "yes", "yes", "yes", "no"),
    Place.TIMER_INTERMEDIATE: ("yes", "yes", "no",  "no",  "yes"),
    Place.TIMER_BOUNDARY:     ("yes", "yes", "no",  "no",  "yes"),
    Place.EXPIRY:             ("yes", "no",  "no",  "yes", "no"),
}  # fmt: skip

CELLS = [
    (place, kind, text, answer == "yes")
    for place, row in TABLE.items()
    for kind, answer in zip(TEXTS, row, strict=True)
    for text in TEXTS[kind]
]


@pytest.mark.parametrize(("place", "kind", "text", "allowed"), CELLS)
def test_e102_e101_d139_each_place_takes_exactly_its_row_of_the_table(place, kind, text, allowed):
    if allowed:
        assert check_timer(place, text) is kind
        assert check_timer(place, f"  {text} ") is kind
    else:
        with pytest.raises(TimerError):
            check_timer(place, text)


def test_every_place_of_the_table_is_known():
    assert set(TABLE) == set(Place) == set(ALLOWED)


@pytest.mark.parametrize(
    ("place", "text", "code", "values"),
    [
        (Place.ACTION, "2025-01-01T09:00:00Z", "TMR-009", {"allowed": "a duration", "example": "PT30S"}),
        (Place.RESPONSE_TIMEOUT, "2025-01-01T09:00:00Z", "TMR-009", {"allowed": "a duration", "example": "PT30S"}),
        (
            Place.EXPIRY,
            "2025-01-01T09:00:00Z",
            "TMR-009",
            {"allowed": "a duration or a cron expression", "example": "PT30S"},
        ),
        (Place.ACTION, "R5/PT2H", "TMR-012", {}),
        (Place.ACTION, "0 0 9 * * *", "TMR-012", {}),
        (Place.TIMER_INTERMEDIATE, "R5/PT2H", "TMR-012", {}),
        (Place.TIMER_INTERMEDIATE, "0 0 9 * * *", "TMR-012", {}),
        (Place.TIMER_BOUNDARY, "R/P1D", "TMR-012", {}),
        (Place.EXPIRY, "R/P1D", "TMR-012", {}),
        (Place.TIMER_INTERMEDIATE, "2030-13-01T09:00:00Z", "TMR-016", {"v": "2030-13-01T09:00:00Z"}),
        (Place.TIMER_BOUNDARY, "2030-05-01", "TMR-016", {"v": "2030-05-01"}),
        (Place.TIMER_START, "tomorrow", "TMR-016", {"v": "tomorrow"}),
        (Place.TIMER_START, "R5", "TMR-017", {"v": "R5"}),
        (Place.TIMER_START, "R/PT0S", "TMR-017", {"v": "R/PT0S"}),
        (Place.TIMER_START, "R/PT0.0000001S", "TMR-017", {}),
        (Place.TIMER_START, "0 9 * * *", "TMR-018", {"fault": "5 given"}),
        (Place.TIMER_START, "9 * * *", "TMR-018", {"fault": "4 given"}),
        (Place.EXPIRY, "0 9 * * *", "TMR-018", {"fault": "5 given"}),
        (Place.EXPIRY, "0 0 25 * * *", "TMR-018", {}),
        (Place.EXPIRY, "soon", "TMR-001", {}),
        (Place.TIMER_INTERMEDIATE, "soon", "TMR-001", {}),
        (Place.TIMER_BOUNDARY, "-PT5M", "TMR-007", {}),
        (Place.TIMER_START, "${start}", "TMR-019", {}),
        (Place.EXPIRY, "P${n}D", "TMR-019", {}),
        (Place.ACTION, "PT${n", "JSN-005", {}),
    ],
)
def test_d139_what_may_not_stand_somewhere_has_its_code(place, text, code, values):
    with pytest.raises(TimerError) as caught:
        check_timer(place, text)
    assert caught.value.code == code
    assert {key: caught.value.values.get(key) for key in values} == values


def test_a_duration_at_a_timer_start_is_meant_as_a_cycle():
    with pytest.raises(TimerError) as caught:
        check_timer(Place.TIMER_START, "PT10M")
    assert (caught.value.code, caught.value.fix) == ("TMR-017", "R/PT10M")


@pytest.mark.parametrize("place", list(Place))
def test_an_empty_text_is_left_to_who_requires_one(place):
    assert check_timer(place, " ") is None


def test_a_date_without_zone_may_be_one_that_the_clocks_skip():
    assert check_timer(Place.TIMER_START, "2026-03-29T02:30:00", ZoneInfo("Europe/Berlin")) is Kind.DATE
