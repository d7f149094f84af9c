"""Dates, cycles and cron expressions of timers (engine 5.1), and the moments they give; durations have a module of their own.

Where each kind may stand is engine 5.2. Texts that are none of them raise `TimerError` with the code of designer 1.13.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from engine.core.durations import Duration, TimerError, parse_duration

_CYCLE = re.compile(r"R(?P<times>\d{0,9})/(?:(?P<start>[^/]+)/)?(?P<every>[^/]*)")
_TICK = timedelta(microseconds=1)
_LONGEST_YEAR_DAYS, _LONGEST_MONTH_DAYS = 366, 31


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
        try:
            first = self.start if self.start is not None else self.every.after(armed_at, zone)
            step = self._steps_before(moment, first)
            while (due := self._step(first, step, zone)) <= moment:
                step += 1
        except TimerError:  # beyond the calendar
            return None
        return None if self.times is not None and step >= self.times else due

    def _steps_before(self, moment: datetime, first: datetime) -> int:
        """A number of steps that surely lie before `moment`: exact for what is exact time, a few too low for months."""
        days = self.every.years * _LONGEST_YEAR_DAYS + self.every.months * _LONGEST_MONTH_DAYS
        longest = timedelta(days=days) + timedelta(microseconds=int(self.every.exact_seconds * 1_000_000) + 1)
        if days:
            longest += timedelta(days=1)  # a calendar step crosses a change of the clocks
        return max(0, (moment - first) // longest)

    def _step(self, first: datetime, step: int, zone: ZoneInfo) -> datetime:
        """Steps are counted from the first one, so that a month's end that clamps does not stay clamped."""
        return Duration(
            self.every.years * step, self.every.months * step, seconds=self.every.exact_seconds * step
        ).after(first, zone)


@dataclass(frozen=True, slots=True)
class Cron:
    """Six fields, seconds first, in the calendar of a time zone (engine 5.3)."""

    text: str

    def next_after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The next matching moment in UTC; None when no day ever matches.

        A time that the clocks skip is due as they go on. One that comes twice, as they are put back, counts once, unless
        the hour field goes by every hour (`*`).
        """
        every_hour = "*" in self.text.split()[2]
        while True:
            try:
                found = croniter(self.text, moment.astimezone(zone), second_at_beginning=True).get_next(datetime)
            except (CroniterError, OverflowError):
                return None
            moment = found.astimezone(UTC)
            if every_hour or not moment.astimezone(zone).fold:
                return moment


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
    if not (every.years or every.months or every.exact_seconds * 1_000_000 >= 1):
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


@dataclass(frozen=True, slots=True)
class Window:
    """The optional start and end time of a timer start's cycle or cron (engine 5.4), both inclusive.

    The start is where a cycle counts from that names no start of its own.
    """

    start: datetime | None = None
    end: datetime | None = None


def next_of(text: str, now: datetime, armed_at: datetime, zone: ZoneInfo, window: Window = Window()) -> datetime | None:
    """The next moment of a timer start later than `now`: date, cycle or cron. Raises `TimerError`.

    None when there is none: a date or a cycle that is over, a step behind the window's end.
    """
    stripped = text.strip()
    if looks_like_date(stripped):
        due = parse_date(stripped, zone)
        return due if due > now else None
    after = now if window.start is None else max(now, window.start - _TICK)
    if stripped.startswith("R"):
        cycle = parse_cycle(stripped, zone)
        next_due = replace(cycle, start=cycle.start or window.start).next_after(after, armed_at, zone)
    else:
        next_due = parse_cron(stripped).next_after(after, zone)
    return None if next_due is None or (window.end is not None and next_due > window.end) else next_due


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
