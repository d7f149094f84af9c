"""Addresses of websockets, with the Origin check in front of them."""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from engine.push.consumer import UpdatesConsumer
from engine.push.origins import Application, Receive, Send, refuse_foreign_origins
from engine.push.timing import DEFAULT, Timing


async def _no_such_instance(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Accepted first, so that a browser sees the code and does not take a mistyped uuid for a lost network (engine 8.7)."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 4404})


async def _no_such_socket(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close", "code": 4404})


def websocket_application(timing: Timing = DEFAULT) -> Application:
    """The sockets of the site; `timing` is for tests."""
    routes = [
        path("ws/updates/process/<uuid:uuid>/", UpdatesConsumer.as_asgi(timing)),  # type: ignore[arg-type]
        re_path(r"^ws/updates/process/", _no_such_instance),  # type: ignore[arg-type]
        re_path(r"", _no_such_socket),  # type: ignore[arg-type]
    ]
    return refuse_foreign_origins(URLRouter(routes))
