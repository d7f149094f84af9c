"""How often: starts per user, failed logins per user and address (engine 15.1). Counted in the database, so that every web
process counts the same; refused with 429 and Retry-After."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from engine.api.problems import Problem
from engine.models import RateHit
from flowx_site.config import config

LOGIN_FAILURES = 5
LOGIN_WINDOW = timedelta(minutes=5)
START_WINDOW = timedelta(minutes=1)


def wait_s(bucket: str, limit: int, window: timedelta) -> int:
    """Seconds until the bucket takes one more; 0 when it does now. One statement."""
    now = timezone.now()
    hits = list(
        RateHit.objects.filter(bucket=bucket, at__gt=now - window).order_by("-at")[:limit].values_list("at", flat=True)
    )
    return max(1, math.ceil((hits[-1] + window - now).total_seconds())) if len(hits) >= limit else 0


def count(bucket: str, window: timedelta) -> None:
    """Count one more, and forget what lies before the window."""
    now = timezone.now()
    RateHit.objects.filter(bucket=bucket, at__lt=now - window).delete()
    RateHit.objects.create(bucket=bucket, at=now)


def count_start(user_id: int) -> None:
    """Count a start of the user; raises `Problem` 429 when there were too many in the last minute."""
    bucket = f"start:{user_id}"
    if wait := wait_s(bucket, config.start_rate, START_WINDOW):
        message = f"At most {config.start_rate} starts a minute; try again in {wait} s."
        raise Problem(429, message, headers={"Retry-After": str(wait)})
    count(bucket, START_WINDOW)


class LoginLimitMiddleware:
    """After 5 failed logins of a user from an address within 5 minutes the login page answers 429."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if getattr(request, "is_login", False) and response.status_code == 200:  # shown again: the login failed
            count(_login_bucket(request), LOGIN_WINDOW)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        if request.method != "POST" or not _is_login(request, view):
            return None
        request.is_login = True  # type: ignore[attr-defined]
        wait = wait_s(_login_bucket(request), LOGIN_FAILURES, LOGIN_WINDOW)
        if not wait:
            return None
        text = f"Too many failed logins. Try again in {counted_minutes(wait)}."
        return HttpResponse(text, status=429, content_type="text/plain", headers={"Retry-After": str(wait)})


def counted_minutes(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def _login_bucket(request: HttpRequest) -> str:
    name = request.POST.get("username", "").lower()[:100]
    return f"login:{name}:{request.META.get('REMOTE_ADDR', '')}"[:200]


def _is_login(request: HttpRequest, view: Callable[..., HttpResponse]) -> bool:
    match = request.resolver_match
    named_login = match is not None and match.view_name == "admin:login"
    return named_login or issubclass(getattr(view, "view_class", object), LoginView)
