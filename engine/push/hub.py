"""The one listener of a web process for all its sockets: a channel-layer subscription, and a poll that mends lost hints.

Each followed instance is subscribed once, however many sockets follow it. Every second one statement per 500 process trees
reads their newest frame numbers, so that frames arrive when Redis was emptied, restarted or away, and new subprocesses are
found. A hub lives as long as it has followers, one for each event loop. It never waits for a socket.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from engine.push import frames
from engine.push.frames import Member
from engine.push.stream import in_thread

log = logging.getLogger("flowx.push")
LAYER_TIMEOUT_S = 2.0
POLL_SHARE = 4  # a poll that took t seconds is followed by a pause of at least this many times t


def group_of(instance: UUID) -> str:
    """The channel-layer group of an instance's frames, as `engine.wakeups` names it."""
    return f"instance.{instance}"


class Follower(Protocol):
    """A socket, as the hub sees it. Neither call may block."""

    @property
    def root_id(self) -> int: ...
    def hear(self, instance: UUID, seq: int, text: str) -> None: ...
    def see(self, tree: Sequence[Member]) -> None: ...


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub_of_this_loop(poll_s: float) -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    _hubs[loop].poll_s = min(poll_s, _hubs[loop].poll_s)
    return _hubs[loop]


class Hub:
    """Routes hints of the channel layer, and what the poll found, to the sockets concerned."""

    def __init__(self) -> None:
        self.poll_s = 1.0
        self._followers: dict[UUID, set[Follower]] = {}
        self._followed: dict[Follower, set[UUID]] = {}
        self._roots: dict[int, set[Follower]] = {}
        self._subscribed: set[UUID] = set()
        self._channel: str | None = None
        self._starting = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    async def follow(self, follower: Follower, instances: Iterable[UUID]) -> None:
        """Route the frames of these instances to the follower. The subscription stands when this returns, Redis willing."""
        self._roots.setdefault(follower.root_id, set()).add(follower)
        mine = self._followed.setdefault(follower, set())
        for instance in instances:
            mine.add(instance)
            self._followers.setdefault(instance, set()).add(follower)
        async with self._starting:
            if not self._tasks:
                self._channel = await self._new_channel()
                self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._poll_forever())]
        await self._subscribe()

    async def unfollow(self, follower: Follower, instances: Iterable[UUID]) -> None:
        """Stop routing these instances to the follower."""
        layer = get_channel_layer()
        for instance in instances:
            self._followed.get(follower, set()).discard(instance)
            followers = self._followers.get(instance, set())
            followers.discard(follower)
            if followers:
                continue
            self._followers.pop(instance, None)
            if instance in self._subscribed and self._channel is not None:
                self._subscribed.discard(instance)
                await self._quietly(layer.group_discard(group_of(instance), self._channel))

    async def leave(self, follower: Follower) -> None:
        """The follower is gone; the last one to go stops the hub."""
        await self.unfollow(follower, tuple(self._followed.get(follower, ())))
        self._followed.pop(follower, None)
        sharers = self._roots.get(follower.root_id, set())
        sharers.discard(follower)
        if not sharers:
            self._roots.pop(follower.root_id, None)
        if not self._roots:
            tasks, self._tasks, self._channel, self.poll_s = self._tasks, [], None, 1.0
            self._subscribed.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _quietly(self, call: Awaitable[None]) -> bool:
        """Await a call of the channel layer; its failures are logged and cost a poll, never a frame."""
        try:
            await asyncio.wait_for(call, LAYER_TIMEOUT_S)
        except Exception as error:
            log.warning("The channel layer does not answer: %r", error)
            return False
        return True

    async def _new_channel(self) -> str | None:
        try:
            return str(await asyncio.wait_for(get_channel_layer().new_channel(), LAYER_TIMEOUT_S))
        except Exception as error:
            log.warning("The channel layer gives no channel: %r", error)
            return None

    async def _subscribe(self) -> None:
        """Subscribe what is followed and not yet subscribed."""
        layer = get_channel_layer()
        for instance in [uuid for uuid in self._followers if uuid not in self._subscribed]:
            if self._channel is None:
                return
            if await self._quietly(layer.group_add(group_of(instance), self._channel)):
                self._subscribed.add(instance)

    async def _listen(self) -> None:
        layer = get_channel_layer()
        while True:
            try:
                if self._channel is None:
                    self._channel = await self._new_channel()
                    await self._subscribe()
                if self._channel is None:
                    await asyncio.sleep(self.poll_s)
                    continue
                self._route(await layer.receive(self._channel))
            except Exception as error:
                log.warning("A hint of the channel layer was lost, the poll mends it: %r", error)
                await asyncio.sleep(self.poll_s)

    def _route(self, message: dict[str, Any]) -> None:
        instance = UUID(message["uuid"])
        for follower in tuple(self._followers.get(instance, ())):
            follower.hear(instance, message["seq"], message["text"])

    async def _poll_forever(self) -> None:
        while True:
            began = time.monotonic()
            try:
                await self._subscribe()
                for root, tree in (await in_thread(frames.trees, tuple(self._roots))).items():
                    for follower in tuple(self._roots.get(root, ())):
                        follower.see(tree)
            except Exception as error:
                log.warning("The newest frames could not be read, trying again: %r", error)
            await asyncio.sleep(max(self.poll_s, POLL_SHARE * (time.monotonic() - began)))
