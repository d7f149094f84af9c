"""Durations: the grammar of delays (engine 5.1, designer 1.11), their arithmetic (5.3) and their words.

``P[nY][nM][nD][T[nH][nM][nS]]`` or ``PnW``, a fraction only on the last part and never on years or months, at most 100
years. What people type instead (``30S``, ``pt30s``, ``P2H``) is recognised and answered with the TMR code of designer
1.13 and, where one can be guessed, the text they meant. Dates, cycles and cron expressions are not read here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

import isodate

from engine.core.placeholders import shorten
from engine.core.template import TemplateError, compile_plain

_Parts: TypeAlias = list[tuple[str, str]]

_MAX_LENGTH: Final = 100
_TOKEN = re.compile(r"(?P<amount>[0-9]+(?:[.,][0-9]+)?)(?P<unit>[YMWDHS])|T")
_WITHOUT_SIGN: Final = dict.fromkeys(map(ord, "-\u2212\u2013"))
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}(?:-[0-9]{1,2}(?:[Tt ].*)?)?|[0-9]{8}[Tt][0-9].*", re.DOTALL)
_CYCLE = re.compile(r"R[0-9]*(?:/.*)?|@[a-z]+", re.DOTALL | re.IGNORECASE)
_CRON_FIELD = re.compile(r"[0-9*?,/#LW-]+|[A-Z]{3}(?:[-,/][A-Z0-9]{1,3})*", re.IGNORECASE)
_PARTS: Final = ("years", "months", "weeks", "days", "hours", "minutes", "seconds")
_TIME_FROM: Final = _PARTS.index("hours")
_LETTERS: Final = dict(zip(_PARTS, "YMWDHMS", strict=True))
_NAMES: Final = {letter: name for name, letter in _LETTERS.items() if letter != "M"}
_YEAR_DAYS: Final = Decimal("365.25")
_LIMIT_DAYS: Final = 100 * _YEAR_DAYS


class TimerError(ValueError):
    """A text that is no duration. ``code`` is a TMR code (or the JSN code of a broken placeholder), ``values`` fill the
    gaps of its text by name, and ``fix`` is the text that was probably meant, itself always valid."""

    def __init__(self, code: str, values: Mapping[str, str] | None = None, fix: str | None = None) -> None:
        self.code = code
        self.values = dict(values or {})
        self.fix = fix
        super().__init__(" ".join([code, *self.values.values()]))


@dataclass(frozen=True, slots=True)
class TimerWarning:
    """A duration that is valid and probably not meant: TMR-014 (no delay), TMR-015 (months for minutes)."""

    code: str
    fix: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Duration:
    """The parts of a duration as written; years and months are calendar steps, the rest is exact time."""

    years: int = 0
    months: int = 0
    weeks: Decimal = Decimal(0)
    days: Decimal = Decimal(0)
    hours: Decimal = Decimal(0)
    minutes: Decimal = Decimal(0)
    seconds: Decimal = Decimal(0)

    @property
    def exact_seconds(self) -> Decimal:
        """The part that is exact time, in seconds; years and months are not in it (a day is 24 hours)."""
        hours = (self.weeks * 7 + self.days) * 24 + self.hours
        return (hours * 60 + self.minutes) * 60 + self.seconds

    @property
    def is_zero(self) -> bool:
        """Whether there is no delay at all."""
        return not (self.years or self.months or self.exact_seconds)

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The UTC moment this long after ``moment``, an aware time (engine 5.3).

        Years and months are steps in the calendar of ``zone``, where the end of a month clamps (31 January and a month
        is 28 February); the rest is added as exact seconds, to the microsecond. Raises ``TimerError`` TMR-011 past the
        year 9999.
        """
        try:
            stepped: datetime = (
                moment.astimezone(zone) + isodate.Duration(years=self.years, months=self.months)
            ).astimezone(UTC)
            micros = (self.exact_seconds * 1_000_000).to_integral_value(ROUND_HALF_UP)
            return stepped + timedelta(microseconds=int(micros))
        except (OverflowError, ValueError) as error:
            raise TimerError("TMR-011") from error


def parse_duration(text: str) -> Duration:
    """The duration a text stands for; blanks around it are trimmed. Raises ``TimerError`` and nothing else."""
    text = text.strip()
    _refuse_other_kinds(text)
    unsigned = text.translate(_WITHOUT_SIGN)
    if len(text) > _MAX_LENGTH or not unsigned.isascii():
        raise _unknown(text)
    if unsigned != text:
        raise TimerError("TMR-007", {"v": text}) if _tokens(unsigned.upper()) else _unknown(text)
    duration = _parse_capitals(text.upper(), text)
    if text != text.upper():
        raise TimerError("TMR-006", {"v": text}, text.upper())
    return duration


def _unknown(text: str) -> TimerError:
    return TimerError("TMR-001", {"v": shorten(text)})


def meant_as(text: str) -> Literal["date", "cycle", "cron"] | None:
    """What a text that is no duration is meant as, well formed or not; ``None`` for a duration and for anything else."""
    text = text.strip()
    if _DATE.fullmatch(text):
        return "date"
    if _CYCLE.fullmatch(text):
        return "cycle"
    words = text.split()
    return "cron" if 5 <= len(words) <= 7 and all(_CRON_FIELD.fullmatch(word) for word in words) else None


def _refuse_other_kinds(text: str) -> None:
    kind = meant_as(text)
    if kind == "date":
        raise TimerError("TMR-009", {"v": shorten(text), "allowed": "a duration", "example": "PT30S"})
    if kind is not None:
        raise TimerError("TMR-012", {"v": shorten(text)})


def _tokens(text: str) -> list[tuple[str, str]]:
    """The (amount, letter) pairs after the P, the T with an empty amount; empty if anything else is in the text."""
    body = text.removeprefix("P")
    tokens = [(match["amount"] or "", match["unit"] or "T") for match in _TOKEN.finditer(body)]
    return tokens if "".join(amount + unit for amount, unit in tokens) == body else []


def _parse_capitals(text: str, typed: str) -> Duration:
    """The duration of a text in capitals; ``typed`` is what the error texts show."""
    tokens = _tokens(text)
    parts = _meant(tokens, has_p=text.startswith("P"))
    names = [name for name, _ in parts]
    letters = "".join(letter for _, letter in tokens)
    before_t, _, after_t = letters.partition("T")
    if text not in ("P", "PT") and (not parts or letters.count("T") > 1 or len(set(names)) < len(names)):
        raise _unknown(typed)
    if not text.startswith("P"):
        fix = _written(parts)
        raise TimerError("TMR-002", {"v": typed, "guess": fix or "PT30S"}, fix)
    if set(before_t) & set("HS") or ("T" not in letters and "minutes" in names):
        raise TimerError("TMR-003", {"v": typed}, _written(parts))
    if "weeks" in names and len(names) > 1:
        fix = _written(_weeks_as_days(parts))
        raise TimerError("TMR-008", {"v": typed, "days": fix or ""}, fix)
    if set(after_t) & set("YWD") or names != sorted(names, key=_PARTS.index):
        fix = _written(parts)
        raise TimerError("TMR-005", {"v": typed, "sorted": fix or ""}, fix)
    if any(not amount.isdigit() and name in ("years", "months", *names[:-1]) for name, amount in parts):
        raise TimerError("TMR-010", {"v": typed})
    if text.endswith(("P", "T")):
        raise TimerError("TMR-004", {"v": typed, "tail": text[-1]})
    return _built(parts)


def _meant(tokens: list[tuple[str, str]], *, has_p: bool) -> _Parts:
    """The (part, amount) pairs. M is months before a T and minutes after it; without a T its neighbours decide."""
    letters = "".join(letter for _, letter in tokens)
    parts: _Parts = []
    for index, (amount, letter) in enumerate(tokens):
        before, after = letters[:index], letters[index + 1 :]
        if letter == "M" and ("T" in before or (set(before) & set("WDHS") and "T" not in after)):
            parts.append(("minutes", amount))
        elif letter == "M":
            is_month = set(before) & {"Y"} or set(after) & set("WDT") or (has_p and not set(after) & set("HS"))
            parts.append(("months" if is_month else "minutes", amount))
        elif letter != "T":
            parts.append((_NAMES[letter], amount))
    return parts


def _weeks_as_days(parts: _Parts) -> _Parts:
    amounts = {name: Decimal(amount.replace(",", ".")) for name, amount in parts}
    days = amounts.pop("weeks") * 7 + amounts.pop("days", Decimal(0))
    others = [(name, amount) for name, amount in parts if name in amounts]
    return [*others, ("days", _plain(days))]


def _plain(amount: Decimal | int) -> str:
    """A number without an exponent and without zeros behind its fraction."""
    text = f"{Decimal(amount):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _written(parts: _Parts) -> str | None:
    """The duration of these parts in their right order, if that is one."""
    ordered = sorted(parts, key=lambda part: _PARTS.index(part[0]))
    date = "".join(amount + _LETTERS[name] for name, amount in ordered if _PARTS.index(name) < _TIME_FROM)
    time = "".join(amount + _LETTERS[name] for name, amount in ordered if _PARTS.index(name) >= _TIME_FROM)
    text = f"P{date}T{time}" if time else f"P{date}"
    try:
        _parse_capitals(text, text)
    except TimerError as error:
        return error.fix
    return text


def _built(parts: _Parts) -> Duration:
    amounts = {name: Decimal(amount.replace(",", ".")) for name, amount in parts}
    years, months = int(amounts.pop("years", 0)), int(amounts.pop("months", 0))
    duration = Duration(years, months, **amounts)
    if years * _YEAR_DAYS + months * _YEAR_DAYS / 12 + duration.exact_seconds / 86_400 > _LIMIT_DAYS:
        raise TimerError("TMR-011")
    return duration


def check_action_timer(text: str) -> Duration | None:
    """Check an action's timer expression or a response timeout on save (engine 5.2, 5.3).

    Gives the duration, or ``None`` for an empty text and for one with placeholders, which is checked when it is armed.
    Raises ``TimerError``, with the JSN code where a placeholder is broken.
    """
    if not text.strip():
        return None
    try:
        template = compile_plain(text)
    except TemplateError as error:
        fault = error.faults[0]
        raise TimerError(fault.code, fault.values) from error
    return parse_duration(template.literals[0]) if template.is_static else None


def warnings(text: str) -> list[TimerWarning]:
    """What is probably not meant in a valid timer expression. Empty for an invalid, empty or dynamic one. Never raises.

    TMR-014: no delay at all. TMR-015: months alone, where minutes were meant.
    """
    try:
        duration = check_action_timer(text)
    except TimerError:
        return []
    if duration is None:
        return []
    if duration.is_zero:
        return [TimerWarning("TMR-014", "", {"v": text.strip()})]
    if duration == Duration(months=duration.months):
        guess = f"PT{duration.months}M"
        return [TimerWarning("TMR-015", guess, {"v": text.strip(), "months": str(duration.months), "guess": guess})]
    return []


def words(duration: Duration) -> str:
    """The duration in words: ``2 days``, ``1 hour 30 minutes``, ``0.5 seconds``; ``0 seconds`` when there is none."""
    amounts = [(name, _plain(getattr(duration, name))) for name in _PARTS if getattr(duration, name)]
    return " ".join(f"{amount} {name if amount != '1' else name[:-1]}" for name, amount in amounts) or "0 seconds"
