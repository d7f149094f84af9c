"""Who is behind a socket, and whether that still holds (engine 8.7).

Carriers: `Authorization: Bearer` for what is not a browser; `?ticket=`; else the session cookie, on the own origin only. A token
in the address is not a carrier. All functions here ask the database and run in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.http import HttpRequest, parse_cookie
from django.utils import timezone

from engine import bearer
from engine.models import ApiToken
from engine.push import tickets
from engine.push.origins import header, is_own_origin

Scope = dict[str, Any]
SCOPE_OF_SOCKETS = "read"


@dataclass(frozen=True, slots=True)
class Login:
    """A user and what showed it: a session, an API token, or a ticket that a session asked for."""

    user: User
    opened_at: datetime
    session_key: str | None = None
    token_id: int | None = None


def login_of(scope: Scope) -> Login | None:
    """The login that the handshake carries; None when it carries none that holds."""
    now = timezone.now()
    authorization = header(scope, b"authorization")
    if authorization:
        kind, _, text = authorization.partition(" ")
        return _by_token(text.strip(), now) if kind.lower() == "bearer" else None
    ticket = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("ticket")
    if ticket:
        return _by_ticket(ticket[0], now)
    if not is_own_origin(scope):
        return None
    session_key = parse_cookie(header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME)
    user = _session_user(session_key)
    return Login(user, now, session_key=session_key) if user else None


def current_user(login: Login) -> User | None:
    """The user as of now, permissions read anew; None when the login has ended."""
    if login.session_key is not None:
        return _session_user(login.session_key)
    user = User.objects.filter(pk=login.user.pk, is_active=True).first()
    if user is None or login.token_id is None:
        return user
    token = ApiToken.objects.filter(pk=login.token_id).first()
    now = timezone.now()
    if token is not None and bearer.is_alive(token, now):
        return user
    # An expired token that was renewed does not cut (8.7); a revoked one does, at once.
    expired = token is not None and token.revoked_at is None
    return user if expired and bearer.has_renewed(user, since=login.opened_at) else None


def _by_token(text: str, now: datetime) -> Login | None:
    try:
        shown = bearer.verify(text)
    except bearer.BadToken:
        return None
    if SCOPE_OF_SOCKETS not in shown.scopes:
        return None
    return Login(shown.user, now, token_id=shown.token.pk if shown.token else None)


def _by_ticket(text: str, now: datetime) -> Login | None:
    ticket = tickets.redeem(text)
    if ticket is None or not ticket.user.is_active:
        return None
    if ticket.token is not None and not bearer.is_alive(ticket.token, now):
        return None
    return Login(ticket.user, now, token_id=ticket.token_id)


def _session_user(session_key: str | None) -> User | None:
    if not session_key:
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None
