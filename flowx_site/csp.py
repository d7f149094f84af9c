"""Content-Security-Policy of every answer: staff pages allow 'unsafe-eval' for the admin theme's Alpine, all others only 'self'.

The rule is designer 0.3. A view may set its own header; the middleware never overwrites one.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

STRICT = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'self'"
)
STAFF = STRICT.replace("script-src 'self'", "script-src 'self' 'unsafe-eval'")
STAFF_PREFIX = "/admin/"


class ContentSecurityPolicyMiddleware:
    """Adds the policy that fits the address of the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault(
            "Content-Security-Policy", STAFF if request.path.startswith(STAFF_PREFIX) else STRICT
        )
        return response
