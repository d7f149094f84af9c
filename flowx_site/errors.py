"""Pages for what is refused or not there. Staff read them inside the shell, with the right that is missing (designer 0.4)."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults

PAGES = {"changelist": "view", "change": "view", "history": "view", "add": "add", "delete": "delete"}
"""The last word of a stock admin page's address name, and the right that opens it."""


def refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403 of a stock admin page: "You need the right '{right}' to {operation}."."""
    match = request.resolver_match
    if match is None or match.namespace != "admin" or not admin.site.has_permission(request):
        return defaults.permission_denied(request, exception or Exception())
    app, _, rest = (match.url_name or "").partition("_")
    model, _, page = rest.rpartition("_")
    found = next((each for each in admin.site._registry if each._meta.label_lower == f"{app}.{model}"), None)
    if found is None or page not in PAGES:
        return defaults.permission_denied(request, exception or Exception())
    verb = PAGES[page]
    operation = f"{'see' if verb == 'view' else verb} {found._meta.verbose_name_plural}"
    context = {"right": f"{app}.{verb}_{model}", "operation": operation}
    return render(request, "shell/403.html", context, status=403)


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: for staff with the way back to their list."""
    if not request.path.startswith("/admin/") or not hasattr(request, "user") or not admin.site.has_permission(request):
        return defaults.page_not_found(request, exception)
    return render(request, "shell/404.html", status=404)
