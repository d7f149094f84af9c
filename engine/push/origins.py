"""The Origin check before the websocket handshake (engine 8.7, 15.2): a foreign page is refused with 403.

Browsers send no preflight for websockets and do send cookies, so this check is what CSRF protection is for calls. Without an
Origin header the client is no browser page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def header(scope: Scope, name: bytes) -> str:
    """A request header's text; empty where it is absent."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def is_own_origin(scope: Scope) -> bool:
    """No browser page, or a page of this very host. The scheme is not compared: a proxy in front may end the encryption."""
    origin = header(scope, b"origin")
    if not origin:
        return True
    host = header(scope, b"host")
    domain, _ = split_domain_port(host)
    known = validate_host(domain, settings.ALLOWED_HOSTS)
    return known and urlsplit(origin).netloc.lower() == host.lower()


def is_allowed(scope: Scope) -> bool:
    """The own host, or one of FLOWX_FRONTEND_ORIGINS, exactly."""
    return is_own_origin(scope) or header(scope, b"origin") in settings.CORS_ALLOWED_ORIGINS


def refuse_foreign_origins(application: Application) -> Application:
    """Closes a foreign page's handshake before it is accepted, which the server answers with 403."""

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if is_allowed(scope):
            await application(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 4403})

    return checked
