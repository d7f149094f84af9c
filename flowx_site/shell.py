"""Template tags of the shell around every staff page: icons of the one sprite, and the sidebar. Built in for all templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from flowx_site.config import config
from flowx_site.navigation import sidebar

register = template.Library()
SPRITE = "design/icons.svg"


@register.simple_tag
def icon(name: str, classes: str = "", title: str = "") -> SafeString:
    """A Material Symbol by its name (frontend/icons.txt). Hidden from screen readers unless it has a title.

    `classes`: `s` = 16 px, `xs` = 14 px, and any colour class of components.css.
    """
    href = f"{static(SPRITE)}#{name}"
    if title:
        return format_html(
            '<svg class="i {}" viewBox="0 0 24 24" role="img" aria-label="{}"><use href="{}"/></svg>',
            classes,
            title,
            href,
        )
    return format_html('<svg class="i {}" viewBox="0 0 24 24" aria-hidden="true"><use href="{}"/></svg>', classes, href)


@register.simple_tag
def icon_sprite() -> str:
    """The address of the sprite, for page scripts."""
    return static(SPRITE)


@register.simple_tag
def environment_name() -> str:
    """The environment of this installation (FLOWX_ENVIRONMENT), so that nobody takes staging for production."""
    return config.environment


@register.simple_tag(takes_context=True)
def shell_navigation(context: template.Context) -> list[dict[str, Any]]:
    """The sidebar's groups for the user of this request."""
    return sidebar(context["request"])


@register.filter
def initials(user: Any) -> str:
    """The two letters in the round mark of a person."""
    words = (user.get_full_name() or user.get_username()).split()
    return "".join(word[0] for word in words[:2]).upper()
