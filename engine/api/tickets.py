"""Tickets for websocket handshakes of pages that log in by token (engine 8.7)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from engine.api import schemas
from engine.api.bodies import answer
from engine.api.callers import caller_of
from engine.push import tickets
from engine.push.timing import DEFAULT

router = Router(tags=["Sockets"])


@router.post("/socket-ticket", summary="A ticket for one websocket", **schemas.documented(schemas.TicketAnswer))
def socket_ticket(request: HttpRequest) -> HttpResponse:
    """Put it into the address: `/ws/updates/process/{uuid}/?ticket=...`. It works once, within 60 seconds."""
    caller = caller_of(request)
    user = caller.needs("read")
    return answer({"ticket": tickets.issue(user, caller.token), "expiresIn": DEFAULT.ticket_s})
