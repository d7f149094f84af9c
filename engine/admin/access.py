"""Who may open an operator screen, and the page that says which right is missing (designer 0.4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from engine import rights

RIGHTS = {
    rights.INSTANCES_READ: "INSTANCE read",
    rights.INSTANCES_ADMIN: "INSTANCE admin",
    rights.REVEAL_SENSITIVE: "reveal_sensitive",
}
"""The right of designer 0.4 that each permission belongs to, as staff know it."""

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponseBase]


def holds(request: HttpRequest, permission: str) -> bool:
    """Whether the user has the right; a wider right includes the narrower one."""
    if permission == rights.INSTANCES_READ:
        return rights.may_see_all(request.user)
    return request.user.has_perm(permission)


def staff(permission: str, operation: str) -> Callable[[View[Arguments]], View[Arguments]]:
    """A view for staff with this permission. Others log in first, or read which right they need to do `operation`."""

    def wrap(view: View[Arguments]) -> View[Arguments]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponseBase:
            if not admin.site.has_permission(request):
                return redirect_to_login(request.get_full_path(), reverse("admin:login"))
            if not holds(request, permission):
                return refused(request, permission, operation)
            return view(request, *args, **kwargs)

        return cast(View[Arguments], guarded)

    return wrap


def refused(request: HttpRequest, permission: str, operation: str) -> HttpResponse:
    """403, naming the right: "You need the right '{right}' to {operation}."."""
    context = {"right": RIGHTS.get(permission, permission), "operation": operation}
    template = "shell/403_fragment.html" if request.headers.get("HX-Request") else "shell/403.html"
    return render(request, template, context, status=403)
