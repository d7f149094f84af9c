"""Finding what a path names, in the order of engine 4.7: instance, token, right. What one may not view is not found."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import User

from engine import rights
from engine.api.problems import Problem, instance_not_found
from engine.models import Instance, Token


def instance_for(user: User, text: str) -> Instance:
    """The instance of this uuid, if the user may view it; raises `Problem` 404."""
    uuid = _uuid(text)
    rows = Instance.objects.defer("params", "start_params")  # up to 2 MiB that few calls look at
    instance = rows.filter(uuid=uuid).first() if uuid else None
    if instance is None or not rights.may_view(user, [instance]):
        raise instance_not_found()
    return instance


def token_of(instance: Instance, text: str) -> Token:
    """The token of this uuid in the instance; raises `Problem` 404."""
    uuid = _uuid(text)
    token = Token.objects.filter(uuid=uuid, instance_id=instance.id).first() if uuid else None
    if token is None:
        raise Problem(404, "Token not found.", entity="token")
    return token


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
