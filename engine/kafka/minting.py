"""`${user.jwt}`: tokens of the engine itself, made as a record leaves and stored nowhere (engine 7).

The relay asks for one per header that is marked so in the outbox row: for the owner of the instance, good for one topic and ten
minutes. `verify` is for the engine's own request topics; `engine.bearer` keeps the tokens that people and programs hold.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import jwt
from django.conf import settings
from django.contrib.auth.models import User

from engine.bearer import BadToken, Bearer
from engine.bearer import verify as verify_bearer
from engine.models import ApiToken, Instance
from engine.rights import SERVICE_USER

ISSUER = "flowx-actions"
ALGORITHM = "HS256"
GOOD_FOR = timedelta(minutes=10)
LEEWAY = timedelta(seconds=5)


def token_for(instance_id: int | None, topic: str, *, now: datetime | None = None) -> str:
    """A token of the instance's owner for `topic`. Raises ValueError when the instance or its owner is gone."""
    rows = Instance.objects.none() if instance_id is None else Instance.objects.filter(id=instance_id)
    row = rows.values_list("owner_id", "owner_name").first()
    if row is None:
        raise ValueError("The instance of the message is gone, so nobody can be named in its token.")
    owner_id, owner_name = row
    owners = User.objects.filter(is_active=True)
    owner = owners.filter(pk=owner_id).first() if owner_id else owners.filter(username=SERVICE_USER).first()
    if owner is None:
        raise ValueError(f"The owner '{owner_name}' of the instance has no active user, so no token can be made.")
    return mint(owner, topic, now=now)


def mint(user: User, topic: str, *, now: datetime | None = None) -> str:
    """A token of `user` for `topic`, good for ten minutes."""
    made = now or datetime.now(UTC)
    claims = {"iss": ISSUER, "sub": str(user.pk), "aud": topic, "iat": made, "exp": made + GOOD_FOR}
    return jwt.encode(claims, _key(), algorithm=ALGORITHM)


def verify(text: str, topic: str) -> Bearer:
    """Who the header `jwt` of a record of `topic` speaks for: a token of ours, else any bearer token. Raises `BadToken`."""
    text = text.removeprefix("Bearer ").strip()
    if not _is_ours(text):
        return verify_bearer(text)
    try:
        claims = jwt.decode(
            text,
            _key(),
            algorithms=[ALGORITHM],
            audience=topic,
            issuer=ISSUER,
            leeway=LEEWAY,
            options={"require": ["exp", "aud", "iss", "sub"]},
        )
    except jwt.InvalidTokenError as error:
        raise BadToken(f"The token is not valid here: {error}.") from error
    user = User.objects.filter(pk=claims["sub"], is_active=True).first()
    if user is None:
        raise BadToken("The user of the token may not log in.")
    return Bearer(user, frozenset(ApiToken.SCOPES))


def _key() -> bytes:
    """A key for this use alone."""
    return hashlib.sha256(f"kafka token {settings.SECRET_KEY}".encode()).digest()


def _is_ours(text: str) -> bool:
    """Whether the token says that we made it; whether that is true is checked afterwards."""
    try:
        claims = jwt.decode(text, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return False
    return bool(claims.get("iss") == ISSUER)
