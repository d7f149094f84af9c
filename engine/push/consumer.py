"""The websocket of a process instance: `/ws/updates/process/<uuid>/` (engine 8.5-8.7). One object per connection.

The handshake is accepted first, so that browsers see why a socket is refused; nothing is sent before the client's `ready`. Three
things happen at once and meet in one inbox: client texts, hints of the hub, and the clock. One task works the inbox off, so
frames leave in order. A socket that is slow loses hints, not frames.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from engine import rights
from engine.core import jsonio
from engine.push import frames, login
from engine.push.frames import Member
from engine.push.hub import hub_of_this_loop
from engine.push.login import Login, Scope
from engine.push.origins import Application, Receive, Send
from engine.push.stream import Closing, Stream, in_thread
from engine.push.timing import DEFAULT, Timing

log = logging.getLogger("flowx.push")
INBOX_LIMIT = 200
Work = Callable[[], Awaitable[None]]


class UpdatesConsumer:
    """One connection, from accepting it to its end."""

    @classmethod
    def as_asgi(cls, timing: Timing = DEFAULT) -> Application:
        """The ASGI application; `timing` is for tests."""

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            await cls(scope, receive, send, timing).run()

        return application

    def __init__(self, scope: Scope, receive: Receive, send: Send, timing: Timing) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._timing = timing
        self._inbox: asyncio.Queue[Work] = asyncio.Queue()
        self._arrivals: deque[float] = deque(maxlen=timing.flood_texts + 1)
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.root_id = 0

    async def run(self) -> None:
        """Serve the connection until either side ends it."""
        await self._receive()  # websocket.connect
        await self._send({"type": "websocket.accept"})
        opened = await in_thread(self._open)
        if isinstance(opened, int):
            await self._close(opened)
            return
        who, top = opened
        self.root_id = top.root_id
        hub = hub_of_this_loop(self._timing.poll_s)
        self._stream = Stream(
            top, who, send=self._send_text, follow=partial(hub.follow, self), unfollow=partial(hub.unfollow, self)
        )
        self._start_clock()
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._work())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for timer in self._timers.values():
                timer.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await hub.leave(self)

    def _open(self) -> tuple[Login, Member] | int:
        """Login and instance, or the code to close with."""
        who = login.login_of(self._scope)
        if who is None:
            return 4401
        found = frames.member(self._scope["url_route"]["kwargs"]["uuid"])
        if found is None or not rights.may_view(who.user, [found]):
            return 4404
        return who, found

    # -- what the hub calls ---------------------------------------------------------------------------------------

    def hear(self, instance: UUID, seq: int, text: str) -> None:
        self._hint(partial(self._stream.hear, instance, seq, text))

    def see(self, tree: Sequence[Member]) -> None:
        if self._stream.is_behind(tree):
            self._hint(partial(self._stream.see, tree))

    def _hint(self, work: Work) -> None:
        if self._inbox.qsize() < INBOX_LIMIT:
            self._inbox.put_nowait(work)

    # -- the clock ------------------------------------------------------------------------------------------------

    def _start_clock(self) -> None:
        loop = asyncio.get_running_loop()
        self._timers["ready"] = loop.call_later(self._timing.ready_s, self._inbox.put_nowait, partial(self._end, 4408))
        self._repeat("ping", self._timing.ping_s, self._stream.ping)
        self._repeat("recheck", self._timing.recheck_s, self._stream.recheck)

    def _repeat(self, name: str, seconds: float, work: Work) -> None:
        def due() -> None:
            self._hint(work)
            self._repeat(name, seconds, work)

        self._timers[name] = asyncio.get_running_loop().call_later(seconds, due)

    # -- what the client says -------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while (message := await self._receive())["type"] == "websocket.receive":
            self._inbox.put_nowait(self._answer(message))

    def _answer(self, message: dict[str, Any]) -> Work:
        now = asyncio.get_running_loop().time()
        self._arrivals.append(now)
        flooded = len(self._arrivals) > self._timing.flood_texts and now - self._arrivals[0] < self._timing.flood_s
        text = message.get("text")
        size = len(message.get("bytes") or b"") if text is None else len(text.encode())
        if flooded or size > self._timing.max_text_bytes:
            return partial(self._end, 4429)
        last_seq = None if text is None else _last_seq(text)
        if last_seq is None:
            return partial(self._send_text, json.dumps({"type": "error", "message": "Unsupported message."}))
        self._timers["ready"].cancel()
        return partial(self._stream.ready, last_seq)

    # -- what goes out --------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        try:
            while True:
                await (await self._inbox.get())()
        except Closing as closing:
            await self._close(closing.code)
        except OSError:
            pass  # the client is gone
        except Exception:
            log.exception("A socket is closed; its client comes again and goes on from its last frame")
            await self._close(1011)

    async def _end(self, code: int) -> None:
        raise Closing(code)

    async def _send_text(self, text: str) -> None:
        await self._send({"type": "websocket.send", "text": text})

    async def _close(self, code: int) -> None:
        await self._send({"type": "websocket.close", "code": code})


def _last_seq(text: str) -> dict[str, int] | None:
    """The numbers of a `ready` text; None for any other text."""
    try:
        message = jsonio.loads(text)
    except jsonio.JsonError:
        return None
    if not isinstance(message, dict) or message.get("type") != "ready":
        return None
    numbers = message.get("lastSeq", {})
    if not isinstance(numbers, dict):
        return None
    good = {uuid: value for uuid, value in numbers.items() if type(value) is int and value >= 0}
    return good if len(good) == len(numbers) else None
