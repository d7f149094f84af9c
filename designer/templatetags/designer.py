"""How the designer's pages write days, times and numbers."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from designer import wording
from designer.lint import Problem
from designer.models import Node
from designer.nodetypes import node_kind

register = template.Library()


@register.filter
def thousands(number: int) -> str:
    """1296 as 1,296."""
    return f"{number:,}"


@register.filter
def short_day(moment: datetime | None) -> str:
    """Today as a clock time, then Yesterday, then a day; with the year when it is not this one."""
    if moment is None:
        return "–"
    local, today = timezone.localtime(moment), timezone.localdate()
    if local.date() == today:
        return local.strftime("%H:%M")
    if local.date() == today - timedelta(days=1):
        return "Yesterday"
    return f"{local.day} {local:%b}" if local.year == today.year else f"{local.day} {local:%b %Y}"


@register.filter
def at(grouped: dict[str, Any], name: str) -> Any:
    """The value of a dictionary under a name that a variable holds; empty when there is none."""
    return grouped.get(name, ())


@register.filter
def echo_of(form: dict[str, Any], name: str) -> str:
    """The field's value in words, as the live check shows it."""
    spoilt = any(problem.blocks_saving for problem in form["notes"].get(name, ()))
    return str(form["echo"]) if name in ("responseTimeout", "timerExpression") and not spoilt else ""


@register.filter
def hint_of(form: dict[str, Any], name: str) -> str:
    """What the field does, in one sentence; some hints follow the value."""
    if name == "canGoBack" and not form["values"].get("canGoBack"):
        names = form["behind"]
        listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
        return f"Off: once the token is past this node, {listed or 'earlier steps'} can no longer be reached by going back."
    if name == "interrupting":
        host = next((each.name for each in form["hosts"] if each.key == form["values"].get("attachedTo")), "the node")
        if form["values"].get("interrupting"):
            return f"On: when it fires, {host} ends and the token goes on from here."
        return f"Off: {host} goes on; a side token of its own goes on from here."
    if name == "correlationKey" and form["kind"] == "MESSAGE_CATCH_START":
        return "Optional: with one, no second instance is started for the same value."
    return {
        "correlationKey": "The event is caught where this value is equal on both sides.",
        "messageName": "The same name throws and catches, in every process.",
        "receiveDataKey": "Overwrites what is there; empty = the data is not kept.",
        "data": "A JSON object with placeholders; empty = no data.",
        "startTime": "Empty = from the activation on.",
        "endTime": "Empty = without an end.",
        "startCondition": "A start names it to begin here.",
        "inputKeys": "What the screen's data call returns, one key per row; empty = all but sensitive ones.",
    }.get(name, "")


@register.filter
def same(one: Any, other: Any) -> bool:
    """Whether two values are equal; false for a missing one."""
    return one is not None and one != "" and one == other


@register.filter
def kind_label(node: Node) -> str:
    """'send message task'."""
    return node_kind(node.type).label


@register.filter
def placeholders(text: str) -> SafeString:
    """A line of a template with its `${…}` marked as data keys; everything else is escaped."""
    parts = re.split(r"(\$\{[^}]*\})", text)
    marked = (format_html('<span class="plc">{}</span>', part) if part.startswith("${") else part for part in parts)
    return format_html_join("", "{}", ((part,) for part in marked))


@register.filter
def fix_label(problem: Problem) -> SafeString:
    """'Use PT48H (after 2 days)', with the value in the mono face."""
    if problem.fix is None:
        return format_html("")
    verb, _, value = problem.fix.label.partition(" to " if problem.fix.label.startswith("Rename to ") else " ")
    if problem.fix.kind not in ("set", "replace_key") or not value or " " in value:
        return format_html("{}", problem.fix.label)
    timing = wording.delay(value) if problem.field in ("timerExpression", "responseTimeout") else None
    note = f" ({timing.words})" if timing and not timing.unreadable else ""
    verb = "Rename to" if verb == "Rename" else verb
    return format_html('{} <span class="mono">{}</span>{}', verb, value, note)
