"""The first page after login: the list that this person works with. The admin's own index stands at `all-pages`."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse

from engine import rights
from flowx_site.navigation import NAVIGATION, item_of


def start(request: HttpRequest) -> HttpResponse:
    """A designer's processes, an operator's instances; for others the first sidebar entry that they may read."""
    if not admin.site.has_permission(request):
        return redirect_to_login(request.get_full_path(), reverse("admin:login"))
    if request.user.has_perm(rights.INSTANCES_ADMIN) and not request.user.has_perm("designer.change_process"):
        return redirect("operate:instances")
    entries = [entry for _, group in NAVIGATION for entry in group if entry.permission is not None]
    links = [item["link"] for entry in entries if (item := item_of(entry, request)) is not None]
    return redirect(links[0] if links else "all-pages")


def icon(request: HttpRequest) -> HttpResponse:
    """What browsers ask for by themselves on pages that link to no icon: the API document, errors, JSON."""
    return redirect(static("shell/favicon.svg"))
