"""The entries of the sidebar, once for the theme's own admin pages and for `templates/shell/base.html`.

An entry whose address is not mounted, or which the user may not read, is absent (designer 0.3). The first entry that begins
the address of the request is the current one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the sidebar: its words, its icon, where it leads and the permission that opens it (None = any staff)."""

    title: str
    icon: str
    url_name: str
    permission: str | None


NAVIGATION: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "Processes",
        (
            Entry("Definitions", "account_tree", "designer:processes", "designer.view_process"),
            Entry("Process instances", "play_circle", "operate:instances", "engine.view_instance"),
            Entry("Failed process start", "error", "operate:failed-starts", "engine.view_instance"),
            Entry("Scheduled", "schedule", "operate:scheduled", "engine.view_instance"),
        ),
    ),
    (
        "Messages",
        (Entry("Kafka log", "mail", "operate:kafka", "engine.view_instance"),),
    ),
    (
        "Operate",
        (Entry("Audit log", "receipt_long", "admin:engine_auditentry_changelist", "engine.view_auditentry"),),
    ),
    (
        "General settings",
        (
            Entry(
                "Generic parameters",
                "tune",
                "admin:designer_genericparameter_changelist",
                "designer.view_genericparameter",
            ),
            Entry("Users", "person", "admin:auth_user_changelist", "auth.view_user"),
            Entry("Groups", "group", "admin:auth_group_changelist", "auth.view_group"),
            Entry("API tokens", "key", "admin:engine_apitoken_changelist", "engine.view_apitoken"),
        ),
    ),
    ("For developers", (Entry("API documents", "description", "api:openapi-view", None),)),
)


def address(url_name: str) -> str | None:
    """The address of a named page, or None while no such page is mounted."""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return None


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of the sidebar for this user, in the shape that the admin theme reads. Empty groups are left out."""
    groups = []
    for title, entries in NAVIGATION:
        items = [item for entry in entries if (item := item_of(entry, request))]
        if items:
            groups.append({"title": title, "separator": False, "items": items})
    return groups


def item_of(entry: Entry, request: HttpRequest) -> dict[str, Any] | None:
    """One entry as the theme reads it, or None when it must be absent."""
    user = getattr(request, "user", None)
    link = address(entry.url_name)
    if link is None or user is None or not user.is_active:
        return None
    if entry.permission is not None and not user.has_perm(entry.permission):
        return None
    return {"title": entry.title, "icon": entry.icon, "link": link, "active": request.path.startswith(link)}
