"""Bearer tokens of an OpenID Connect issuer, on when `FLOWX_OIDC_ISSUER` is set (engine 15.1).

Signature by the issuer's published keys, with asymmetric algorithms only, then issuer, audience and expiry. The user is made on
first sight and its groups follow the token's claim; an account of this site (one with a password, or staff) is never taken over
by a token that bears its name.
"""

from __future__ import annotations

import json
import urllib.request
from functools import lru_cache
from typing import Any

import jwt
from django.contrib.auth.models import Group, User
from django.db import transaction

from flowx_site.config import config

ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
DISCOVERY = "/.well-known/openid-configuration"
TIMEOUT_S = 5
MAX_NAME = 150


class NotAccepted(Exception):
    """The token is not one of the configured issuer, or its user is none that tokens may speak for."""


def user_of(text: str) -> User:
    """The user that the token speaks for, in the groups that it names. Raises `NotAccepted`."""
    claims = _claims(text)
    name = claims.get(config.oidc_user_claim)
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME:
        raise NotAccepted(f"The token has no usable claim '{config.oidc_user_claim}'.")
    groups = claims.get(config.oidc_groups_claim) or []
    if not isinstance(groups, list):
        raise NotAccepted(f"The claim '{config.oidc_groups_claim}' is not a list.")
    return _user(name.strip(), {str(group) for group in groups})


def _claims(text: str) -> dict[str, Any]:
    try:
        key = _keys(config.oidc_issuer).get_signing_key_from_jwt(text)
        return jwt.decode(
            text,
            key,
            algorithms=list(ALGORITHMS),
            audience=config.oidc_audience,
            issuer=config.oidc_issuer,
            options={"require": ["exp", "iss", "aud"]},
        )
    except (jwt.PyJWTError, OSError, ValueError) as error:
        raise NotAccepted("The bearer token is not valid.") from error


@lru_cache(maxsize=4)
def _keys(issuer: str) -> jwt.PyJWKClient:
    """The issuer's keys, found by its discovery document; kept, and read again for a key id that is not known yet."""
    with urllib.request.urlopen(issuer.rstrip("/") + DISCOVERY, timeout=TIMEOUT_S) as answer:
        found = json.load(answer)
    return jwt.PyJWKClient(found["jwks_uri"], timeout=TIMEOUT_S)


def _user(name: str, groups: set[str]) -> User:
    with transaction.atomic():
        user, made = User.objects.get_or_create(username=name)
        if made:
            user.set_unusable_password()
            user.save(update_fields=["password"])
        elif user.has_usable_password() or user.is_staff or user.is_superuser or not user.is_active:
            raise NotAccepted("This name belongs to an account of this site.")
        wanted = set(Group.objects.filter(name__in=groups).values_list("id", flat=True))
        if wanted != set(user.groups.values_list("id", flat=True)):
            user.groups.set(wanted)
    return user
