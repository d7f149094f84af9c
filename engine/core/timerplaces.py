"""Which kinds of timer text stand where (engine 5.2, designer 1.11): one table, asked on save and before publishing.

`check_timer` holds a text against its place and raises `TimerError` with the code of designer 1.13. What a kind means is in
`engine.core.durations` and `engine.core.schedules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from zoneinfo import ZoneInfo

from engine.core import durations, schedules
from engine.core.durations import TimerError, parse_duration
from engine.core.placeholders import shorten
from engine.core.template import TemplateError, compile_plain


class Kind(StrEnum):
    """The kinds of engine 5.1."""

    DURATION = "duration"
    DATE = "date"
    CYCLE = "cycle"
    CRON = "cron"
    DYNAMIC = "dynamic"  # with placeholders: resolved, and checked, when the timer is armed


class Place(StrEnum):
    """The places of engine 5.2."""

    ACTION = "action timerExpression"
    RESPONSE_TIMEOUT = "node responseTimeout"
    TIMER_START = "TIMER_START"
    TIMER_INTERMEDIATE = "TIMER_INTERMEDIATE"
    TIMER_BOUNDARY = "TIMER_BOUNDARY"
    EXPIRY = "definition expiryTime"


ALLOWED: Mapping[Place, frozenset[Kind]] = {
    Place.ACTION: frozenset({Kind.DURATION, Kind.DYNAMIC}),
    Place.RESPONSE_TIMEOUT: frozenset({Kind.DURATION, Kind.DYNAMIC}),
    Place.TIMER_START: frozenset({Kind.DATE, Kind.CYCLE, Kind.CRON}),
    Place.TIMER_INTERMEDIATE: frozenset({Kind.DURATION, Kind.DATE, Kind.DYNAMIC}),
    Place.TIMER_BOUNDARY: frozenset({Kind.DURATION, Kind.DATE, Kind.DYNAMIC}),
    Place.EXPIRY: frozenset({Kind.DURATION, Kind.CRON}),
}

MEANT_AS_CRON = 3
"""So many words are a cron expression that lacks some, where one may stand."""

_UTC = ZoneInfo("UTC")


def check_timer(place: Place, text: str, zone: ZoneInfo = _UTC) -> Kind | None:
    """Hold a timer's text against its place; gives its kind, None for an empty text.

    `zone` is that of dates without one. Raises `TimerError`: TMR-009, 012 and 019 for a kind that may not stand here, the code
    of the grammar (TMR-001 to 011, 016 to 018) for one that may, the JSN code of a placeholder that is broken.
    """
    stripped = text.strip()
    if not stripped:
        return None
    if _is_dynamic(stripped):
        if Kind.DYNAMIC not in ALLOWED[place]:
            raise TimerError("TMR-019", {"v": shorten(stripped)})
        return Kind.DYNAMIC
    kind = _meant(stripped, place)
    if kind not in ALLOWED[place]:
        raise _refused(kind, stripped, place)
    _parse(kind, stripped, zone)
    return kind


def _is_dynamic(text: str) -> bool:
    try:
        return not compile_plain(text).is_static
    except TemplateError as error:
        fault = error.faults[0]
        raise TimerError(fault.code, fault.values) from error


def _meant(text: str, place: Place) -> Kind:
    """The kind that a text is meant as; what looks like none is taken for the plainest kind of its place."""
    found = durations.meant_as(text)
    if found is not None:
        return Kind(found)
    if schedules.looks_like_date(text):
        return Kind.DATE
    if Kind.CRON in ALLOWED[place] and len(text.split()) >= MEANT_AS_CRON:
        return Kind.CRON
    if Kind.DURATION in ALLOWED[place] or text[:1] in "Pp":
        return Kind.DURATION
    return Kind.DATE


def _refused(kind: Kind, text: str, place: Place) -> TimerError:
    if kind is Kind.DATE:
        allowed = "a duration or a cron expression" if Kind.CRON in ALLOWED[place] else "a duration"
        return TimerError("TMR-009", {"v": shorten(text), "allowed": allowed, "example": "PT30S"})
    if kind is Kind.DURATION:  # only a timer start takes none: there it is meant as a cycle
        return TimerError("TMR-017", {"v": shorten(text)}, _as_cycle(text))
    return TimerError("TMR-012", {"v": shorten(text)})


def _as_cycle(text: str) -> str | None:
    try:
        schedules.parse_cycle(f"R/{text}", _UTC)
    except TimerError:
        return None
    return f"R/{text}"


def _parse(kind: Kind, text: str, zone: ZoneInfo) -> None:
    match kind:
        case Kind.DATE:
            schedules.parse_date(text, zone)
        case Kind.CYCLE:
            schedules.parse_cycle(text, zone)
        case Kind.CRON:
            schedules.parse_cron(text)
        case _:
            parse_duration(text)
