"""Dates, cycles and cron expressions of timers (engine 5.1), and the moments they give; durations have a module of their own.

Where each kind may stand is engine 5.2. Texts that are none of them raise `TimerError` with the code of designer 1.13.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from engine.core.durations import Duration, TimerError, parse_duration

_CYCLE = re.compile(r"R(?P<times>\d{0,9})/(?:(?P<start>[^/]+)/)?(?P<every>[^/]*)")
MAX_STEPS_AHEAD = 1_000_000


@dataclass(frozen=True, slots=True)
class Cycle:
    """`R[n]/[start/]duration`: `times` None means without end."""

    times: int | None
    start: datetime | None
    every: Duration

    def next_after(self, moment: datetime, armed_at: datetime, zone: ZoneInfo) -> datetime | None:
        """The first step later than `moment`; steps count from the start, or from `armed_at` without one.

        None when the cycle has no step left: missed ones are not made up (engine 5.4).
        """
        first = self.start if self.start is not None else self.every.after(armed_at, zone)
        due, step = first, 0
        while due <= moment:
            step += 1
            due = self.every.after(due, zone)
            if step > MAX_STEPS_AHEAD:
                return None
        return None if self.times is not None and step >= self.times else due


@dataclass(frozen=True, slots=True)
class Cron:
    """Six fields, seconds first, in the calendar of a time zone (engine 5.3)."""

    text: str

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The next matching moment in UTC; None when no day ever matches."""
        try:
            found = croniter(self.text, moment.astimezone(zone), second_at_beginning=True).get_next(datetime)
        except CroniterError:
            return None
        return found.astimezone(UTC) if isinstance(found, datetime) else None


def parse_date(text: str, zone: ZoneInfo) -> datetime:
    """A date-time in UTC; without an offset it is in `zone`. Raises `TimerError` TMR-016."""
    stripped = text.strip()
    try:
        if "T" not in stripped:
            raise ValueError(stripped)
        moment = datetime.fromisoformat(stripped)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        return aware.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise TimerError("TMR-016", {"v": stripped[:80]}) from error


def parse_cycle(text: str, zone: ZoneInfo) -> Cycle:
    """Raises `TimerError` TMR-017, or the code of its duration or date."""
    match = _CYCLE.fullmatch(text.strip())
    if match is None:
        raise TimerError("TMR-017", {"v": text.strip()[:80]})
    every = parse_duration(match["every"])
    if every.is_zero:
        raise TimerError("TMR-017", {"v": text.strip()[:80]})
    start = None if match["start"] is None else parse_date(match["start"], zone)
    return Cycle(int(match["times"]) if match["times"] else None, start, every)


def parse_cron(text: str) -> Cron:
    """A six-field cron expression. Raises `TimerError` TMR-018 that names the fault."""
    fields = text.split()
    if len(fields) != 6:
        raise TimerError("TMR-018", {"fault": f"{len(fields)} given"})
    plain = " ".join("*" if field == "?" else field for field in fields)
    try:
        croniter(plain, datetime(2024, 1, 1, tzinfo=UTC), second_at_beginning=True)
    except (CroniterError, ValueError, KeyError, AttributeError, TypeError, OverflowError) as error:
        raise TimerError("TMR-018", {"fault": str(error)[:80]}) from error
    return Cron(plain)


def looks_like_date(text: str) -> bool:
    """Whether the text is meant as a date rather than a duration."""
    return re.match(r"\s*\d{4}-", text) is not None


def due_of(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The moment a timer node's text gives: a date, or a duration from now (engine 5.2). Raises `TimerError`."""
    return parse_date(text, zone) if looks_like_date(text) else parse_duration(text).after(now, zone)


def next_of(text: str, now: datetime, armed_at: datetime, zone: ZoneInfo) -> datetime | None:
    """The next moment of a timer start later than `now`: date, cycle or cron. Raises `TimerError`."""
    stripped = text.strip()
    if stripped.startswith("R"):
        return parse_cycle(stripped, zone).next_after(now, armed_at, zone)
    if looks_like_date(stripped):
        due = parse_date(stripped, zone)
        return due if due > now else None
    return parse_cron(stripped).next_after(now, zone)


def expiry_of(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The expiry of an instance started now: a duration from the start, or the next matching moment of a cron (engine 2.7)."""
    if len(text.split()) > 1:
        due = parse_cron(text).next_after(now, zone)
        if due is None:
            raise TimerError("TMR-018", {"fault": "no moment matches"})
        return due
    return parse_duration(text).after(now, zone)


def next_moments(text: str, now: datetime, zone: ZoneInfo, count: int = 3) -> list[datetime]:
    """The next few moments of a cycle or cron, for the live echo (designer 1.11). Raises `TimerError`."""
    return list(islice(_moments(text, now, zone), count))


def _moments(text: str, now: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    moment: datetime | None = now
    while moment is not None:
        moment = next_of(text, moment, now, zone)
        if moment is not None:
            yield moment
