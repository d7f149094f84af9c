"""What every operator command checks first (engine 13.1): the token, that it may be touched, and that nobody was faster."""

from __future__ import annotations

from uuid import UUID

from engine.core.state import InstanceStatus, Token, TokenState, Visit
from engine.core.stimuli import TOKEN_NOT_FOUND, Refusal
from engine.core.turn import Turn


def running_token(turn: Turn, token_uuid: UUID, version: int | None) -> tuple[Token, Visit]:
    """The ACTIVE token of a STARTED instance, unchanged since `version`. Raises `Refusal` 404 or 409."""
    token = turn.state.token_with_uuid(token_uuid)
    if token is None:
        raise Refusal(404, TOKEN_NOT_FOUND, entity="token")
    if turn.state.state is not InstanceStatus.STARTED:
        raise Refusal(409, "Process instance is not running.")
    if token.state is not TokenState.ACTIVE or token.visit is None:
        raise Refusal(409, "Token is not active.", entity="token")
    check_version(version, token.version)
    return token, token.visit


def check_version(seen: int | None, now: int) -> None:
    """Refuse a command given on an older view of the thing (OPS-009)."""
    if seen is not None and seen < now:
        raise Refusal(409, "This was changed meanwhile. Look again, then repeat the command.", code="OPS-009")
