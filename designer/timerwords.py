"""Timers in words: when a response timeout or the timer of a node fires if it is set now, and for a cycle or cron the next
three times (designer 1.11). Nothing is said of a text that cannot be read: the error beside it does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from engine.core import durations, schedules
from engine.core.durations import TimerError
from engine.core.schedules import Window
from flowx_site.config import config

NEXT = 3
PICKS = (("30 s", "PT30S"), ("5 min", "PT5M"), ("30 min", "PT30M"), ("1 h", "PT1H"), ("1 day", "P1D"))
NODE_PICKS = (("30 s", "PT30S"), ("5 min", "PT5M"), ("1 h", "PT1H"), ("1 day", "P1D"), ("7 days", "P7D"))
START_PICKS = (
    ("Every hour", "0 0 * * * ?"),
    ("Daily at 9:00", "0 0 9 * * ?"),
    ("Weekdays at 9:00", "0 0 9 ? * MON-FRI"),
    ("Every 10 min", "R/PT10M"),
)


def picks_of(type_name: str) -> tuple[tuple[str, str], ...]:
    """The quick picks under the timer of a node of this type, or under its response timeout."""
    return {"TIMER_START": START_PICKS, "TIMER_INTERMEDIATE": NODE_PICKS, "TIMER_BOUNDARY": NODE_PICKS}.get(
        type_name, PICKS
    )


def echo(type_name: str, values: dict[str, Any]) -> str:
    """What the timer of a node means, in one sentence."""
    if "responseTimeout" in values:
        return timeout_words(values["responseTimeout"])
    text = str(values.get("timerExpression", "")).strip()
    if not text:
        return ""
    try:
        if type_name == "TIMER_START":
            return start_words(text, str(values.get("startTime", "")), str(values.get("endTime", "")))
        return node_words(text, "fires" if type_name == "TIMER_BOUNDARY" else "moves on")
    except TimerError:
        return ""


def timeout_words(text: str) -> str:
    """A response timeout in words: '30 minutes after the wait begins (now → 14:33:05); then the token moves on.'"""
    text = text.strip()
    if not text or "${" in text:
        return "The wait has no limit." if not text else "Read when the wait begins; then the token moves on."
    try:
        duration = durations.parse_duration(text)
    except TimerError:
        return ""
    return f"{durations.words(duration)} after the wait begins (now → {_in(duration)}); then the token moves on."


def node_words(text: str, then: str) -> str:
    """'14 days after arrival (now → 8 Dec 2025 14:02); then it moves on.' Raises `TimerError`."""
    then = f"then it {then}"
    if "${" in text:
        return f"Read when the token arrives; {then}."
    if not schedules.looks_like_date(text):
        duration = durations.parse_duration(text)
        return f"{durations.words(duration)} after arrival (now → {_in(duration)}); {then}."
    moment = schedules.parse_date(text, _zone())
    if moment <= timezone.now():
        return f"{written(moment)[0].upper()}{written(moment)[1:]} is over; it {then.removeprefix('then it ')} at once."
    return f"{written(moment)[0].upper()}{written(moment)[1:]}; {then}."


def start_words(text: str, start: str, end: str) -> str:
    """'Activated now, it starts an instance today 14:02, Tue 9 Dec 14:02 and …' Raises `TimerError`."""
    zone = _zone()
    begin, until = (schedules.parse_date(each, zone) if each.strip() else None for each in (start, end))
    moments = list(islice(_moments(text, Window(begin, until), zone), NEXT))
    if not moments:
        return "It starts no instance: no such time is to come."
    times = [written(moment) for moment in moments]
    listed = f"{', '.join(times[:-1])} and {times[-1]}" if len(times) > 1 else times[0]
    more = ", and so on" if len(times) == NEXT else ""
    return f"Activated now, it starts an instance {listed}{more}."


def _moments(text: str, window: Window, zone: ZoneInfo) -> Iterator[datetime]:
    now = timezone.now()
    moment = schedules.next_of(text, now, now, zone, window)
    while moment is not None:
        yield moment
        moment = schedules.next_of(text, moment, now, zone, window)


def written(moment: datetime) -> str:
    """'today 14:02', 'Mon 8 Dec 14:02', with the year when it is not this one."""
    local, today = timezone.localtime(moment), timezone.localdate()
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    if local.date() == today:
        return f"today {clock}"
    year = "" if local.year == today.year else f" {local.year}"
    return f"{local:%a} {local.day} {local:%b}{year} {clock}"


def _in(duration: durations.Duration) -> str:
    due = timezone.localtime(duration.after(timezone.now(), timezone.get_current_timezone()))
    return f"{due:%H:%M:%S}" if due.date() == timezone.localdate() else f"{due.day} {due:%b %Y %H:%M}"


def _zone() -> ZoneInfo:
    return ZoneInfo(config.time_zone)
