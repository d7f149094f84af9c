"""Bearer tokens: the one verifier for REST, socket tickets and the Kafka header `jwt` (engine 15.1).

An `ApiToken` belongs to a user, never grants more than that user has, and is kept as a hash: its text is shown once, when it is
made. Its secret part has 256 random bits, so a plain SHA-256 is enough to keep it. Revoked means dead at the next question.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from engine import oidc
from engine.models import ApiToken
from flowx_site.config import config

MARK = "fxa_"
PREFIX_LENGTH = 12
NOTED_EVERY = timedelta(seconds=60)


class BadToken(Exception):
    """The bearer token is unknown, expired or revoked, or its user may not log in."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who a token speaks for, and what for."""

    user: User
    scopes: frozenset[str]
    token: ApiToken | None = None


def hash_of(text: str) -> str:
    """The form in which tokens and tickets are stored."""
    return hashlib.sha256(text.encode()).hexdigest()


def issue(
    user: User, name: str, *, scopes: Iterable[str] = ApiToken.SCOPES, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """A new token of `user` and its text, which is stored nowhere."""
    text = MARK + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        user=user,
        name=name,
        prefix=text[:PREFIX_LENGTH],
        token_hash=hash_of(text),
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    return row, text


def is_alive(token: ApiToken, now: datetime) -> bool:
    """Neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > now)


def verify(text: str) -> Bearer:
    """Who the token speaks for; raises `BadToken`. Notes when it was used, at most once a minute."""
    if config.oidc_issuer and not text.startswith(MARK):
        try:
            return Bearer(user=oidc.user_of(text), scopes=frozenset(ApiToken.SCOPES))
        except oidc.NotAccepted as refused:
            raise BadToken(str(refused)) from refused
    token = ApiToken.objects.select_related("user").filter(token_hash=hash_of(text)).first()
    now = timezone.now()
    if token is None or not is_alive(token, now) or not token.user.is_active:
        raise BadToken("The bearer token is not valid.")
    if token.last_used_at is None or token.last_used_at < now - NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return Bearer(user=token.user, scopes=frozenset(token.scopes), token=token)


def has_renewed(user: User, *, since: datetime) -> bool:
    """Whether the user has shown another living token since then: an expired one was renewed (engine 8.7)."""
    alive = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=timezone.now()))
    return ApiToken.objects.filter(alive, user=user, last_used_at__gte=since - NOTED_EVERY).exists()
