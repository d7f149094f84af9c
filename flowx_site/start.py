"""The first page after login: the list that this person works with. The admin's own index stands at `all-pages`."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse

from flowx_site.navigation import NAVIGATION, item_of


def start(request: HttpRequest) -> HttpResponse:
    """The first sidebar entry inside the admin that the user may read: a designer's processes, an operator's instances."""
    if not admin.site.has_permission(request):
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    inside = reverse("admin:index")
    for _, entries in NAVIGATION:
        for entry in entries:
            item = item_of(entry, request)
            if item is not None and entry.permission is not None and item["link"].startswith(inside):
                return redirect(item["link"])
    return redirect("all-pages")


def icon(request: HttpRequest) -> HttpResponse:
    """What browsers ask for by themselves on pages that link to no icon: the API document, errors, JSON."""
    return redirect(static("shell/favicon.svg"))
