"""Wake-ups after a commit: hints on Redis for the relay, the timers and the sockets, and Celery messages for due seconds.

A hint says only that a look is worth while; every reader also looks by itself each second, so a lost hint costs a second and
never a message (architecture 4.5 and 5). Therefore nothing here raises into its caller or makes it wait: one daemon thread a
process sends what `notify` leaves in a queue, and while Redis is away hints are dropped. The runtime calls `notify` after each
commit; the loops of the gateway listen with `Listener`; `engine.timers` calls `arm`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import queue
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import redis
from asgiref.sync import async_to_sync
from celery import current_app
from channels.layers import InMemoryChannelLayer, get_channel_layer
from redis.backoff import NoBackoff
from redis.retry import Retry

from flowx_site.config import config

log = logging.getLogger("flowx.wakeups")

OUTBOX = "flowx:outbox"
TIMERS = "flowx:timers"
FIRE_DUE = "engine.timers.fire_due"
ARM_AHEAD = timedelta(minutes=5)
ARMED_KEY = "flowx:armed:%d"
QUEUE_LENGTH = 1_000
PAUSE_S = 3.0  # after a failure Redis is left alone for so long
TIMEOUT_S = 1.0

Frame = tuple[UUID, int, str]  # instance, seq, text


@dataclass(frozen=True, slots=True)
class Hint:
    """What one commit has to tell."""

    outbox: bool
    timers: tuple[datetime, ...]
    frames: tuple[Frame, ...]


def notify(*, outbox: bool = False, timers: Sequence[datetime] = (), frames: Sequence[Frame] = ()) -> None:
    """Tell the others what a commit has stored. Returns at once, never raises.

    `outbox`: rows wait for the relay. `timers`: due moments of new timers. `frames`: stored frames of instances, in order; each
    goes to the Channels group `instance.<uuid>` as `{"type": "frame.stored", "uuid", "seq", "text"}`.
    """
    if not (outbox or timers or frames):
        return
    try:
        layer = get_channel_layer() if frames else None
        if isinstance(layer, InMemoryChannelLayer):  # lives in this process only, on the caller's event loop
            for frame in frames:
                async_to_sync(layer.group_send)(*group_message(frame))
            frames = ()
        if outbox or timers or frames:
            _sender.put(Hint(outbox, tuple(timers), tuple(frames)))
    except Exception:
        log.warning("A wake-up was not sent; readers look by themselves within a second.", exc_info=True)


def flush(timeout_s: float = TIMEOUT_S) -> bool:
    """Wait until what was notified so far has been sent or dropped; false when the time is up first."""
    return _sender.flush(timeout_s)


def group_message(frame: Frame) -> tuple[str, dict[str, Any]]:
    """The Channels group of a frame's instance and the message for it."""
    uuid, seq, text = frame
    return f"instance.{uuid}", {"type": "frame.stored", "uuid": str(uuid), "seq": seq, "text": text}


def connect() -> redis.Redis:
    """A client that gives up quickly, since a hint is not worth waiting for."""
    return redis.Redis.from_url(
        config.redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
    )


def arm(client: redis.Redis, dues: Iterable[datetime]) -> int:
    """Have a Celery worker look for due timers at each of these moments that lies within the next 5 minutes.

    One message a second, however many timers and callers: a short-lived key in Redis remembers which seconds are armed. Returns
    how many messages were sent; raises what Redis raises.
    """
    now = datetime.now(UTC)
    seconds = sorted({ceil_second(max(due, now)) for due in dues if due <= now + ARM_AHEAD})
    pipeline = client.pipeline(transaction=False)
    for second in seconds:
        pipeline.set(ARMED_KEY % second, 1, nx=True, ex=int(ARM_AHEAD.total_seconds()) + 60)
    new = [second for second, is_new in zip(seconds, pipeline.execute(), strict=True) if is_new] if seconds else []
    for second in new:
        eta = datetime.fromtimestamp(second, UTC)
        current_app.send_task(FIRE_DUE, eta=eta, expires=eta + timedelta(seconds=30), retry=False)
    return len(new)


def ceil_second(moment: datetime) -> int:
    """The first whole second, counted from 1970, that is not before the moment."""
    return -int(-moment.timestamp() // 1)


class Sender:
    """The queue of hints and the thread that sends them; started with the first hint, anew after a fork."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Hint] = queue.Queue(QUEUE_LENGTH)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._client: redis.Redis | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._away_until = 0.0
        self._away = False

    def put(self, hint: Hint) -> None:
        """Queue a hint; drops it when the queue is full."""
        if self._thread is None or not self._thread.is_alive():
            with self._starting:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name="flowx-wakeups", daemon=True)
                    self._thread.start()
        try:
            self._queue.put_nowait(hint)
        except queue.Full:
            log.debug("The queue of wake-ups is full; one was dropped.")

    def flush(self, timeout_s: float) -> bool:
        """See `flush` of the module."""
        deadline = time.monotonic() + timeout_s
        while self._queue.unfinished_tasks:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    def _run(self) -> None:
        while True:
            hints = [self._queue.get()]
            while len(hints) < QUEUE_LENGTH and not self._queue.empty():
                hints.append(self._queue.get())
            try:
                self._send(hints)
            finally:
                for _ in hints:
                    self._queue.task_done()

    def _send(self, hints: list[Hint]) -> None:
        """Send hints that came together as one; frames first, since a person looks at them."""
        if time.monotonic() < self._away_until:
            return
        try:
            self._send_frames([frame for hint in hints for frame in hint.frames])
            if self._client is None:
                self._client = connect()
            if any(hint.outbox for hint in hints):
                self._client.publish(OUTBOX, "1")
            if dues := [due for hint in hints for due in hint.timers]:
                self._client.publish(TIMERS, json.dumps(sorted({due.timestamp() for due in dues})[:500]))
                arm(self._client, dues)
            self._note(away=False)
        except Exception as error:
            self._client = None
            self._away_until = time.monotonic() + PAUSE_S
            self._note(away=True, error=error)

    def _send_frames(self, frames: list[Frame]) -> None:
        if not frames:
            return
        layer = get_channel_layer()
        if self._loop is None:
            self._loop = asyncio.new_event_loop()

        async def send() -> None:
            for frame in frames:
                await asyncio.wait_for(layer.group_send(*group_message(frame)), TIMEOUT_S)

        self._loop.run_until_complete(send())

    def _note(self, *, away: bool, error: Exception | None = None) -> None:
        """Say once that Redis is away, and once that it is back."""
        if away and not self._away:
            log.warning("Redis takes no wake-ups (%s); readers look by themselves each second.", error)
        elif self._away and not away:
            log.info("Redis takes wake-ups again.")
        self._away = away


class Listener:
    """Hears the hints of one channel, for a loop that would look each second anyway; a context manager.

    Without Redis `wait` simply takes its time.
    """

    def __init__(self, channel: str, stop: threading.Event) -> None:
        self._channel = channel
        self._stop = stop
        self._pubsub: Any = None
        self._away_until = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def wait(self, timeout_s: float) -> list[str]:
        """The hints that came, at once when there are some, else after so many seconds none."""
        deadline = time.monotonic() + timeout_s
        if time.monotonic() >= self._away_until:
            try:
                return self._receive(timeout_s)
            except (redis.RedisError, OSError) as error:
                log.debug("No wake-ups from %s: %s", self._channel, error)
                self._close()
                self._away_until = time.monotonic() + PAUSE_S
        self._stop.wait(max(0.0, deadline - time.monotonic()))
        return []

    def _receive(self, timeout_s: float) -> list[str]:
        if self._pubsub is None:
            client: Any = connect()
            self._pubsub = client.pubsub(ignore_subscribe_messages=True)
            self._pubsub.subscribe(self._channel)
        hints: list[str] = []
        deadline = time.monotonic() + timeout_s
        while not self._stop.is_set():
            rest_s = 0.0 if hints else max(0.0, deadline - time.monotonic())
            message = self._pubsub.get_message(timeout=min(rest_s, 0.25))
            if message is not None:
                hints.append(message["data"].decode())
            elif hints or time.monotonic() >= deadline:
                break
        return hints

    def _close(self) -> None:
        if self._pubsub is not None:
            pubsub, self._pubsub = self._pubsub, None
            pubsub.close()


_sender = Sender()


def forget() -> None:
    """Begin anew, without what is queued and without the memory of trouble: after a fork, and in tests."""
    global _sender
    _sender = Sender()


os.register_at_fork(after_in_child=forget)
