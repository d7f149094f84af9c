"""Tickets for one websocket handshake (engine 8.7): single use, 60 s, kept as a hash.

Browsers cannot send headers with a handshake, and a bearer token must never travel in an address; so a page asks for a ticket
with its token and puts that into the address. Redeeming deletes the row, and who deleted it may come in.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from engine.bearer import hash_of
from engine.models import ApiToken, SocketTicket
from engine.push.timing import DEFAULT


def issue(user: User, token: ApiToken | None = None) -> str:
    """A ticket for the caller's user; `token` is what the caller showed, so that its end also ends the socket."""
    text = secrets.token_urlsafe(32)
    now = timezone.now()
    SocketTicket.objects.filter(expires_at__lt=now).delete()
    SocketTicket.objects.create(
        ticket_hash=hash_of(text), user=user, token=token, expires_at=now + timedelta(seconds=DEFAULT.ticket_s)
    )
    return text


def redeem(text: str) -> SocketTicket | None:
    """The ticket, once; None for an unknown, used or expired one."""
    ticket = SocketTicket.objects.select_related("user", "token").filter(ticket_hash=hash_of(text)).first()
    if ticket is None:
        return None
    deleted, _ = SocketTicket.objects.filter(ticket_hash=ticket.ticket_hash).delete()
    return ticket if deleted and ticket.expires_at > timezone.now() else None
