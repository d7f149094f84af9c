"""In whose name a request is done (engine 7, 15.1; scenarios 3.9.1): the header `jwt`, or the broker's ACLs."""

from __future__ import annotations

from django.contrib.auth.models import User

from engine.bearer import BadToken
from engine.core.stimuli import Refusal
from engine.kafka import minting
from engine.kafka.correlate import Record
from engine.rights import SERVICE_USER
from flowx_site.config import config

JWT = "jwt"


def is_trusted() -> bool:
    """Whether who may write to the topic may also ask (`FLOWX_PROCESS_START_AUTH`)."""
    return config.process_start_auth == "trusted"


def caller_of(record: Record, scope: str) -> User:
    """The user that the header `jwt` speaks for. Raises `Refusal` 401 without a valid one, 403 when it lacks the scope."""
    text = record.headers.get(JWT, "")
    if not text:
        raise Refusal(401, "The header jwt is missing.")
    try:
        shown = minting.verify(text, record.topic)
    except BadToken as refused:
        raise Refusal(401, str(refused)) from refused
    if scope not in shown.scopes:
        raise Refusal(403, f"The token lacks the scope '{scope}'.")
    return shown.user


def service_user() -> User:
    """Who owns what nobody in particular asked for; made by `setup`."""
    found = User.objects.filter(username=SERVICE_USER).first()
    return found or User.objects.create_user(SERVICE_USER)
