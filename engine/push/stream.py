"""What one socket has been given and what comes next: replay, live frames, rights (engine 8.6, 8.7).

A stream is worked by one task at a time, so nothing here needs a lock. Frames are counted per instance: a live one that is the
next goes out without a question to the database; any other is a hint to read what is stored. So a hint that is lost, doubled or
late can neither lose nor double a frame.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from engine import rights
from engine.core import jsonio
from engine.push import frames, login
from engine.push.frames import Frame, Member
from engine.push.login import Login

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")
SendText = Callable[[str], Awaitable[None]]
Follow = Callable[[Iterable[UUID]], Awaitable[None]]
STATE_MARK = '"type":"state"'


class Closing(Exception):
    """The socket has to close with this code (engine 8.7)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"close {code}")
        self.code = code


async def in_thread(function: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
    """A database question of a socket; threads of a pool, so that one slow question does not hold up the others."""
    answer: Answer = await database_sync_to_async(function, thread_sensitive=False)(*args, **kwargs)
    return answer


class Stream:
    """The frames of one instance and those of its descendants that the user may view, for one socket."""

    def __init__(self, top: Member, who: Login, *, send: SendText, follow: Follow, unfollow: Follow) -> None:
        self.top = top
        self.live = False
        self._login = who
        self._user: User = who.user
        self._send = send
        self._follow = follow
        self._unfollow = unfollow
        self._sent: dict[int, int] = {}
        self._members: dict[int, Member] = {}
        self._ids: dict[UUID, int] = {}
        self._hidden: set[int] = set()

    async def ready(self, last_seq: Mapping[str, int]) -> None:
        """Subscribe, then send what is stored and was missed, then the server's `ready` (engine 8.6)."""
        self.live = False
        await self._take_in(await self._branch())
        members = await self._branch()  # read again: what was made before the subscription stands in here
        members = [one for one in members if one.id in self._members]
        default = 0 if str(self.top.uuid) in last_seq else None
        wanted = {one.id: last_seq.get(str(one.uuid), default) for one in members}
        newest = {one.id: one.frame_seq for one in members}
        if only_present := [one for one in members if wanted[one.id] is None]:
            for frame in await in_thread(frames.present, only_present):
                await self._push(frame)
        # A number above the newest is none of ours: the client is told the true one.
        self._sent = {
            key: newest[key] if number is None else min(number, newest[key]) for key, number in wanted.items()
        }
        await self._catch_up(self._sent)
        await self._tell("ready")
        self.live = True

    async def hear(self, instance: UUID, seq: int, text: str) -> None:
        """A live frame. State frames are read from the database, which knows the swimlanes they are about."""
        key = self._ids.get(instance)
        if not self.live or key is None or seq <= self._sent[key]:
            return
        if seq == self._sent[key] + 1 and STATE_MARK not in text[:80]:
            self._sent[key] = seq
            await self._send(text)
        else:
            await self._catch_up([key])

    def is_behind(self, tree: Sequence[Member]) -> bool:
        """Whether the tree, as just read, holds frames or instances that this socket does not know of."""
        return self.live and any(
            one.frame_seq > self._sent.get(one.id, one.frame_seq if one.id in self._hidden else -1)
            for one in frames.branch(tree, self.top.id)
        )

    async def see(self, tree: Sequence[Member]) -> None:
        """The tree as just read: takes in new descendants and sends what no hint told of."""
        if not self.live:
            return
        members = frames.branch(tree, self.top.id)
        await self._take_in(members)
        behind = [one.id for one in members if one.frame_seq > self._sent.get(one.id, one.frame_seq)]
        await self._catch_up(behind)

    async def ping(self) -> None:
        """Tells the newest number of each instance, after sending whatever is stored above it."""
        if self.live:
            await self._catch_up(self._sent)
            await self._tell("ping")

    async def recheck(self) -> None:
        """Read login and rights again. Raises `Closing` with 4401 or 4403."""
        user = await in_thread(login.current_user, self._login)
        if user is None:
            raise Closing(4401)
        self._user = user
        known = [*self._members.values()] or [self.top]
        kept = {one.id for one in await in_thread(rights.may_view, user, known)}
        if self.top.id not in kept:
            raise Closing(4403)
        self._hidden.clear()
        lost = [one for one in known if one.id not in kept]
        for one in lost:
            del self._members[one.id], self._ids[one.uuid]
            self._sent.pop(one.id, None)
        if lost:
            await self._unfollow([one.uuid for one in lost])

    async def _branch(self) -> list[Member]:
        tree = (await in_thread(frames.trees, [self.top.root_id]))[self.top.root_id]
        return frames.branch(tree, self.top.id)

    async def _take_in(self, members: Sequence[Member]) -> None:
        """Follow those members that are new and viewable; their frames count from the first one."""
        new = [one for one in members if one.id not in self._members and one.id not in self._hidden]
        if not new:
            return
        seen = await in_thread(rights.may_view, self._user, new)
        self._hidden.update({one.id for one in new} - {one.id for one in seen})
        for one in seen:
            self._members[one.id] = one
            self._ids[one.uuid] = one.id
            self._sent[one.id] = 0
        await self._follow([one.uuid for one in seen])

    async def _catch_up(self, ids: Iterable[int]) -> None:
        """Send every stored frame above what was sent, for these instances."""
        behind = {key: self._sent[key] for key in ids if key in self._sent}
        while behind:
            found: list[Frame] = await in_thread(frames.after, behind)
            for frame in found:
                if frame.seq > self._sent.get(frame.instance_id, frame.seq):
                    behind[frame.instance_id] = self._sent[frame.instance_id] = frame.seq
                    await self._push(frame)
            if len(found) < frames.CHUNK:
                return

    async def _push(self, frame: Frame) -> None:
        if frame.type != "state":
            await self._send(frame.text)
            return
        if self.live:
            await self.recheck()  # the token may have changed its swimlane (engine 8.7)
        member = self._members.get(frame.instance_id)
        if member is None:
            return  # a descendant that may no longer be viewed
        name = member.process_name
        allowed = await in_thread(rights.lanes_with, self._user, "execute", [name])
        can_act = allowed is None or not frame.lanes or any((name, lane) in allowed for lane in frame.lanes)
        body: Any = jsonio.loads(frame.text)
        body["state"]["readOnly"] = not can_act
        await self._send(jsonio.dumps(body))

    async def _tell(self, kind: str) -> None:
        newest = {str(one.uuid): self._sent[key] for key, one in self._members.items()}
        await self._send(json.dumps({"type": kind, "lastSeq": newest}, separators=(",", ":")))
