"""Who calls (engine 15.1, 15.2): a bearer token, else the session. Cookie calls that change something need CSRF; bearer calls
do not. A refused bearer never falls back to a cookie."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.utils import check_csrf

from engine import bearer
from engine.api.problems import Problem
from engine.models import ApiToken

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """The user of a call. `scopes` is what his token allows; a session allows all that he may do."""

    user: User
    scopes: frozenset[str] = frozenset(ApiToken.SCOPES)
    token: ApiToken | None = None

    def needs(self, scope: str) -> User:
        """The user, if the token has the scope; raises `Problem` 403."""
        if scope not in self.scopes:
            raise Problem(403, f"This token lacks the scope '{scope}'.", params=scope)
        return self.user


class Authentication:
    """What the API asks for every operation; `csrf` makes its document page send the CSRF token."""

    csrf = True

    def __call__(self, request: HttpRequest) -> Caller:
        return authenticate(request)


def authenticate(request: HttpRequest) -> Caller:
    """The caller; raises `Problem` 401, or 403 for a cookie call without its CSRF token."""
    authorization = request.headers.get("Authorization", "")
    if authorization:
        return _by_token(authorization)
    if not isinstance(request.user, User) or not request.user.is_active:
        raise _unauthorized("Log in, or send a bearer token.")
    if request.method not in SAFE_METHODS and check_csrf(request) is not None:
        raise Problem(403, "The CSRF token is missing or wrong.")
    return Caller(request.user)


def caller_of(request: HttpRequest) -> Caller:
    """The caller that `authenticate` found for this request."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return caller


def _by_token(authorization: str) -> Caller:
    kind, _, text = authorization.partition(" ")
    if kind.lower() != "bearer":
        raise _unauthorized("Send the token as 'Authorization: Bearer <token>'.")
    try:
        shown = bearer.verify(text.strip())
    except bearer.BadToken as refused:
        raise _unauthorized(str(refused)) from refused
    return Caller(shown.user, shown.scopes, shown.token)


def _unauthorized(message: str) -> Problem:
    return Problem(401, message, headers={"WWW-Authenticate": "Bearer"})
