"""Who may open a staff page of the designer, and the page that says which right is missing (designer 0.4). Code asks for
permissions only; the groups that bundle them are made by setup."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

RIGHTS = {
    "designer.view_process": "PROCESS read",
    "designer.import_process": "PROCESS import",
    "designer.add_process": "PROCESS edit",
    "designer.change_process": "PROCESS edit",
    "designer.publish_process": "PROCESS admin",
    "designer.delete_process": "PROCESS admin",
}
"""The right of 0.4 that each permission belongs to, as staff know it."""

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponseBase]


def staff(permission: str, operation: str) -> Callable[[View[Arguments]], View[Arguments]]:
    """A view for staff with this permission. Others log in first, or read which right they need to do `operation`."""

    def wrap(view: View[Arguments]) -> View[Arguments]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponseBase:
            if not admin.site.has_permission(request):
                return redirect_to_login(request.get_full_path(), reverse("admin:login"))
            if not request.user.has_perm(permission):
                return refused(request, permission, operation)
            return view(request, *args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return cast(View[Arguments], guarded)

    return wrap


def refused(request: HttpRequest, permission: str, operation: str) -> HttpResponse:
    """403, naming the right: "You need the right '{right}' to {operation}." """
    context: dict[str, Any] = {"right": RIGHTS.get(permission, permission), "operation": operation}
    template = "shell/403.html"
    if request.headers.get("HX-Request"):
        template = (
            "shell/403_dialog.html" if request.headers.get("HX-Target") == "dialog" else "shell/403_fragment.html"
        )
    return render(request, template, context, status=403)
