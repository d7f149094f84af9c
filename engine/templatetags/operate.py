"""Tags that print what `engine.queries` built: sentences, times, states. Every text is escaped here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from engine.queries.filters import STATE_WORDS
from engine.queries.instances import short_uuid
from engine.queries.words import Span, Words, clock_text, distance, exact_text, lasting
from flowx_site.shell import icon

register = template.Library()

STATES: Mapping[str, tuple[str, str]] = {
    "CREATED": ("", "circle"),
    "STARTED": ("here", "play_arrow"),
    "ON_HOLD": ("wait", "pause"),
    "FINISHED": ("ok", "check"),
    "FAILED": ("stop", "cancel"),
    "EXPIRED": ("", "hourglass_top"),
    "DISMISSED": ("", "close"),
    "TERMINATED": ("", "stop_circle"),
    "ABORTED": ("", "block"),
}
"""State -> tone and symbol of its badge; the word stands beside them (design, Components)."""

WHERE: Mapping[str, tuple[str, str]] = {
    "stuck": ("stop", "error"),
    "message": ("wait", "hourglass_top"),
    "person": ("wait", "person"),
    "timer": ("wait", "schedule"),
    "run": ("here", "radio_button_checked"),
    "ended": ("", "check"),
}

STYLES: Mapping[str, str] = {"mono": "mono", "key": "mono c-key", "stop": "c-stop m"}


@register.simple_tag
def moment(value: datetime | None, clock: str = "hm", classes: str = "") -> SafeString | str:
    """A time, shown in the site's zone and by the page's script in the reader's; the whole of it is in the tip."""
    if value is None:
        return ""
    iso = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return format_html(
        '<time datetime="{}" data-clock="{}" title="{}" class="num {}">{}</time>',
        iso,
        clock,
        exact_text(value),
        classes,
        clock_text(value, clock),
    )


@register.simple_tag
def words(sentence: Words) -> SafeString:
    """The spans of a sentence."""
    return format_html_join("", "{}", ((span_html(span),) for span in sentence))


def span_html(span: Span) -> SafeString | str:
    if span.moment is not None:
        shown = moment(span.moment, span.clock)
        return format_html("<b>{}</b>", shown) if span.style == "b" else shown
    inner: SafeString | str = span.text
    if span.href:
        inner = format_html('<a href="{}">{}</a>', span.href, span.text)
    if span.style == "b":
        return format_html("<b>{}</b>", inner)
    return format_html('<span class="{}">{}</span>', STYLES[span.style], inner) if span.style in STYLES else inner


@register.simple_tag
def state_badge(state: str, testid: str = "") -> SafeString:
    """Symbol, word and colour of an instance's state."""
    tone, name = STATES.get(state, ("", "circle"))
    mark = format_html(' data-testid="{}"', testid) if testid else ""
    return format_html(
        '<span class="badge {}"{}>{}{}</span>', tone, mark, icon(name), STATE_WORDS.get(state, state.capitalize())
    )


@register.filter
def state_icon(state: str) -> str:
    return STATES.get(state, ("", "circle"))[1]


@register.filter
def state_word(state: str) -> str:
    return STATE_WORDS.get(state, state.capitalize())


@register.filter
def where_tone(kind: str) -> str:
    return WHERE.get(kind, ("", ""))[0]


@register.filter
def where_icon(kind: str) -> str:
    return WHERE.get(kind, ("", "circle"))[1]


@register.filter
def short(uuid: Any) -> str:
    """7f3a91d4…c210."""
    return short_uuid(str(uuid)) if uuid else ""


@register.filter
def lasted(start: datetime, end: datetime) -> str:
    """How long it took from one moment to another."""
    return lasting(end - start)


@register.filter
def from_now(value: datetime, now: datetime) -> str:
    return distance(value - now)


@register.filter
def is_late(value: datetime, now: datetime) -> bool:
    """More than a minute past due (designer 4.5)."""
    return now - value > timedelta(minutes=1)
