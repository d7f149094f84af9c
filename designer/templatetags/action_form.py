"""What the templates of the action form read by name: texts and switches of parameters, pieces of a preview."""

from __future__ import annotations

from typing import Any

from django import template

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
