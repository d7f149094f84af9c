"""A client of the consumer inside the test's event loop, over asgiref's communicator."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User

from engine import bearer
from engine.models import Instance
from engine.push.routing import websocket_application
from engine.push.stream import in_thread
from engine.push.timing import DEFAULT, Timing

FAST = replace(DEFAULT, poll_s=0.05)
WAIT_S = 10.0


class Client:
    """One socket. `numbers` collects the `seq` of the frames received, by instance uuid."""

    def __init__(self, instance: Instance | str, token: str = "", *, timing: Timing = FAST, query: str = "") -> None:
        uuid = instance if isinstance(instance, str) else instance.uuid
        headers = [(b"host", b"localhost")]
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        path = f"/ws/updates/process/{uuid}/"
        scope = {"type": "websocket", "path": path, "query_string": query.encode(), "headers": headers}
        self._socket = ApplicationCommunicator(websocket_application(timing), scope)

    async def __aenter__(self) -> Client:
        await self._socket.send_input({"type": "websocket.connect"})
        assert (await self._socket.receive_output(timeout=WAIT_S))["type"] == "websocket.accept"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._socket.wait(timeout=WAIT_S)

    async def say(self, text: str | dict[str, Any]) -> None:
        text = text if isinstance(text, str) else json.dumps(text)
        await self._socket.send_input({"type": "websocket.receive", "text": text})

    async def ready(self, last_seq: dict[str, int] | None = None) -> None:
        await self.say({"type": "ready", "lastSeq": last_seq or {}})

    async def hear(self) -> dict[str, Any]:
        """The next text."""
        message = await self._socket.receive_output(timeout=WAIT_S)
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def frames_until(self, kind: str) -> list[dict[str, Any]]:
        """Texts up to the first `ready` or `ping`, that one last."""
        heard = [await self.hear()]
        while heard[-1].get("type") != kind or "event" in heard[-1]:
            heard.append(await self.hear())
        return heard

    async def close_code(self) -> int:
        """The code of the close that comes next, past any texts."""
        while (message := await self._socket.receive_output(timeout=WAIT_S))["type"] != "websocket.close":
            pass
        return message["code"]

    async def is_silent(self) -> bool:
        return await self._socket.receive_nothing(timeout=0.2)


async def token_of(user: User) -> str:
    """A living bearer token of the user."""
    _, text = await in_thread(bearer.issue, user, "test")
    return str(text)
