"""What the templates of the action form read by name: texts and switches of parameters, pieces of a preview."""

from __future__ import annotations

import re
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from designer.catalog import ActionValues

register = template.Library()


@register.filter
def text_of(values: ActionValues, key: str) -> str:
    """The text of a parameter."""
    return values.text(key)


@register.filter
def replaces(values: ActionValues, key: str) -> bool:
    """Whether placeholders of a parameter are filled in."""
    return values.replaces(key)


@register.filter
def under(grouped: dict[str, Any], name: str) -> Any:
    """The value of a dictionary under a name that a variable holds."""
    return grouped.get(name)


@register.filter
def size(number: int) -> str:
    """'141 bytes', '4.2 kB'."""
    return f"{number} bytes" if number < 1000 else f"{number / 1000:.1f} kB"


@register.filter
def with_placeholders(text: str) -> SafeString:
    """A topic with its `${…}` marked as data keys; everything else is escaped."""
    parts = re.split(r"(\$\{[^}]*\})", text)
    return format_html_join(
        "",
        "{}",
        ((format_html('<span class="plc">{}</span>', part) if part.startswith("${") else part,) for part in parts),
    )


@register.filter
def tone_class(tone: str) -> str:
    """The colour of a section's mark."""
    return {"ok": "s c-ok", "w": "s c-wait"}.get(tone, "s c-stop")
