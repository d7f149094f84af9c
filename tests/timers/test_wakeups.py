"""Wake-ups are hints: they arrive, and their absence disturbs nobody (architecture 4.5)."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from engine import wakeups
from flowx_site.demo.private_redis import PrivateRedis

pytestmark = pytest.mark.usefixtures("redis_server")
WAIT_S = 5.0


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


def subscribed(channel: str, stop: threading.Event) -> wakeups.Listener:
    """A listener that is heard by Redis."""
    listener = wakeups.Listener(channel, stop)
    deadline = time.monotonic() + WAIT_S
    while dict(wakeups.connect().pubsub_numsub(channel))[channel.encode()] == 0:
        assert time.monotonic() < deadline
        listener.wait(0.05)
    return listener


@pytest.fixture(autouse=True)
def _a_sender_that_does_not_remember_former_trouble() -> None:
    wakeups.forget()


def test_a_hint_for_the_relay_arrives_at_once(stop: threading.Event) -> None:
    with subscribed(wakeups.OUTBOX, stop) as listener:
        started = time.monotonic()
        wakeups.notify(outbox=True)

        assert listener.wait(WAIT_S) == ["1"]
        assert time.monotonic() - started < 1.0


def test_due_moments_arrive_as_seconds(stop: threading.Event) -> None:
    due = datetime.now(UTC) + timedelta(minutes=10)
    with subscribed(wakeups.TIMERS, stop) as listener:
        wakeups.notify(timers=[due])

        assert [json.loads(hint) for hint in listener.wait(WAIT_S)] == [[due.timestamp()]]


def test_frames_reach_the_group_of_their_instance_in_order() -> None:
    instance = uuid4()

    async def receive() -> list[dict[str, object]]:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(f"instance.{instance}", channel)
        wakeups.notify(frames=[(instance, seq, f"frame {seq}") for seq in (1, 2, 3)])
        return [await layer.receive(channel) for _ in range(3)]

    assert async_to_sync(receive)() == [
        {"type": "frame.stored", "uuid": str(instance), "seq": seq, "text": f"frame {seq}"} for seq in (1, 2, 3)
    ]


def test_s153_without_redis_nothing_raises_and_nobody_waits(redis_server: PrivateRedis, stop: threading.Event) -> None:
    redis_server.stop()

    started = time.monotonic()
    for _ in range(100):
        wakeups.notify(outbox=True, timers=[datetime.now(UTC)], frames=[(uuid4(), 1, "{}")])
    assert time.monotonic() - started < 0.5

    listener = wakeups.Listener(wakeups.OUTBOX, stop)
    started = time.monotonic()
    assert listener.wait(0.2) == []
    assert 0.2 <= time.monotonic() - started < 3.0


def test_a_listener_ends_early_when_it_is_told_to_stop(stop: threading.Event) -> None:
    with subscribed(wakeups.OUTBOX, stop) as listener:
        threading.Timer(0.1, stop.set).start()
        started = time.monotonic()
        listener.wait(WAIT_S)
        assert time.monotonic() - started < 2.0


def test_nothing_to_tell_is_not_told(stop: threading.Event) -> None:
    with subscribed(wakeups.OUTBOX, stop) as listener:
        wakeups.notify()
        assert listener.wait(0.2) == []
