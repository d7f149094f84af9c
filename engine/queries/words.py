"""Sentences for people, as data: a tuple of spans that a template can print with marks, links and live times, and a test as text.

Nothing in a span is markup; templates escape every text. Moments are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils import timezone


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a sentence. `style`: "" plain, "b" strong, "mono" a name of the process, "key" a data key, "stop" what is wrong.

    With a `moment` it is a time, printed as `clock` says: "hm" 14:02, "hms" 14:02:07, "in" in 29 min, "ago" 3 min ago; the
    date is added where it is not today.
    """

    text: str = ""
    style: str = ""
    moment: datetime | None = None
    clock: str = ""
    href: str = ""


Words = tuple[Span, ...]


def say(*parts: str | Span) -> Words:
    """The spans of a sentence; plain texts may stand among them."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts)


def bold(text: str) -> Span:
    return Span(text, "b")


def mono(text: str, href: str = "") -> Span:
    return Span(text, "mono", href=href)


def at(moment: datetime, clock: str = "hm", style: str = "") -> Span:
    """A time of day, with its date when that is not today."""
    return Span(style=style, moment=moment, clock=clock)


def join(sentences: Iterable[Words], between: str = " ") -> Words:
    """Sentences one after the other."""
    spans: list[Span] = []
    for sentence in sentences:
        if spans:
            spans.append(Span(between))
        spans.extend(sentence)
    return tuple(spans)


def plain(words: Words, now: datetime | None = None) -> str:
    """The sentence as text, times in the site's zone."""
    return "".join(span.text if span.moment is None else clock_text(span.moment, span.clock, now) for span in words)


def mask_words(words: Words, hide: Callable[[str], str]) -> Words:
    """The sentence with every text passed through `hide`."""
    return tuple(replace(span, text=hide(span.text)) if span.text else span for span in words)


def clock_text(moment: datetime, clock: str, now: datetime | None = None) -> str:
    """A moment as the page first shows it; `static/operate/times.js` shows it again in the reader's own zone."""
    now = now or timezone.now()
    if clock in ("in", "ago"):
        return distance(moment - now)
    local = timezone.localtime(moment)
    time_of_day = f"{local:%H:%M:%S}" if clock in ("hms", "full") else f"{local:%H:%M}"
    if clock != "full" and local.date() == timezone.localtime(now).date():
        return time_of_day
    year = f" {local:%Y}" if local.year != timezone.localtime(now).year else ""
    return f"{local.day} {local:%b}{year} {time_of_day}"


def exact_text(moment: datetime) -> str:
    """The whole moment with its zone, for the tip of a time."""
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b %Y %H:%M:%S %Z}"


def distance(delta: timedelta) -> str:
    """in 29 min, 3 min ago, now."""
    seconds = delta.total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"in {lasting(delta, parts=1)}" if seconds > 0 else f"{lasting(-delta, parts=1)} ago"


UNITS = ((86_400, "day", "days"), (3600, "h", "h"), (60, "min", "min"), (1, "s", "s"))


def lasting(delta: timedelta, parts: int = 2) -> str:
    """A length of time in its largest units: 2 min 50 s, 12 days, 3 h. Less than a second is 0 s."""
    rest = max(0, int(delta.total_seconds()))
    found: list[str] = []
    for size, one, many in UNITS:
        count, rest = divmod(rest, size)
        if count:
            found.append(f"{count} {one if count == 1 else many}")
        if len(found) == parts or (found and not count):
            break
    return " ".join(found) or "0 s"


def counted(count: int, one: str, many: str = "") -> str:
    """1 incident, 3 incidents."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def size_text(size_bytes: int) -> str:
    """A size as people read it: 141 bytes, 1,312 kB."""
    return f"{size_bytes} bytes" if size_bytes < 1000 else f"{round(size_bytes / 1000):,} kB"
