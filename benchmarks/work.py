"""What the engine is given to do while it is measured: three processes, and the doors by which they are driven.

- `straight`: START, a task with a Kafka Send and a Websocket Send, END; journal, frames and outbox are written.
- `messages`: START, three receive tasks, END; each step is answered by a record of its own and committed before the next.
- `timers`: START, three timer events of a millisecond, END; each step is fired by a row that is due and committed before the
  next. (A timer of no time at all would fire in the very transaction in which the token arrives.)

Importing this module sets Django up, on SQLite in a temporary folder unless DATABASE_URL names a server.
"""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowx_site.settings")
os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")  # nobody listens: hints are dropped, as with Redis away
os.environ.setdefault("DATABASE_URL", f"sqlite:///{tempfile.mkdtemp()}/bench.sqlite3")

import django  # noqa: E402

django.setup()

from django.utils import timezone  # noqa: E402

from engine import publishing, runtime, timers  # noqa: E402
from engine.core.graph import FORMAT  # noqa: E402
from engine.core.stimuli import Actor, MessageReceived, Start  # noqa: E402
from engine.kafka.correlate import MESSAGE_ID, Record  # noqa: E402
from engine.kafka.offsets import Offsets  # noqa: E402
from engine.kafka.requests import take_in  # noqa: E402
from engine.models import Instance, PublishedProcess, Timer  # noqa: E402

TOPIC = "ai.flowx.dev.engine.receive.bench.v1"
ACTOR = Actor("bench")
PARAMS = {"application": {"client": {"firstName": "Tamsin", "heightCm": 174}}, "bike": "TRAIL-300"}
STEPS = 3
BODY = b'{"ok":true}'
AT_ONCE = 100  # instances started in one batch where their start is not measured


def node(number: int, kind: str, **fields: object) -> dict[str, Any]:
    return {"id": number, "key": f"n{number}", "name": f"Node {number}", "type": kind, **fields}


def snapshot(name: str, nodes: list[dict[str, Any]]) -> dict[str, Any]:
    flows = [{"id": n, "sourceNode": n, "targetNode": n + 1} for n in range(1, len(nodes))]
    return {"format": FORMAT, "definitionId": 1, "name": name, "version": 1, "nodes": nodes, "sequences": flows}


def _straight() -> list[dict[str, Any]]:
    sends = [
        {"id": 1, "name": "ask", "order": 1, "type": "KAFKA_SEND", "actionParams": [
            {"key": "topicName", "value": "bench.v1"},
            {"key": "message", "value": '{"name": "${application.client.firstName}", "bike": "${bike}"}'}]},
        {"id": 2, "name": "tell", "order": 2, "type": "WEBSOCKET_SEND", "actionParams": [
            {"key": "message", "value": '{"name": "${application.client.firstName}"}'}]},
    ]  # fmt: skip
    return [node(1, "START"), node(2, "TASK", actions=sends), node(3, "END")]


def _steps(kind: str, **fields: object) -> list[dict[str, Any]]:
    return [node(1, "START"), *(node(number, kind, **fields) for number in (2, 3, 4)), node(5, "END")]


def publish() -> None:
    """Store the processes; `snapshot_of` finds them by name."""
    streams = [{"topicName": TOPIC, "keyName": "reply"}]
    for name, nodes in {
        "straight": _straight(),
        "messages": _steps("MESSAGE_EVENT_RECEIVE", dataStreamTopics=streams),
        "timers": _steps("TIMER_INTERMEDIATE", timerExpression="PT0.001S"),
    }.items():
        publishing.publish_snapshot(snapshot(name, nodes), published_by="bench")


def snapshot_of(name: str) -> int:
    return PublishedProcess.objects.get(name_key=name).snapshot_id


def starts(snapshot_id: int, count: int) -> list[Start]:
    return [Start(uuid.uuid4(), snapshot_id, PARAMS, ACTOR) for _ in range(count)]


def start_all(name: str, count: int) -> list[uuid.UUID]:
    """So many instances, started in batches; gives who they are."""
    made = starts(snapshot_of(name), count)
    for first in range(0, count, AT_ONCE):
        runtime.apply(made[first : first + AT_ONCE])
    return [start.uuid for start in made]


def straight(snapshot_id: int, size: int) -> Callable[[], int]:
    """One batch of straight-through instances; gives how many."""

    def run() -> int:
        runtime.apply(starts(snapshot_id, size))
        return size

    return run


def durable(snapshot_id: int, size: int) -> Callable[[], int]:
    """One batch of instances from start to end: four transactions, each stimulus handed to the runtime as it is."""

    def run() -> int:
        made = starts(snapshot_id, size)
        runtime.apply(made)
        for _ in range(STEPS):
            now = timezone.now()
            runtime.apply([MessageReceived(start.uuid, TOPIC, {"ok": True}, BODY, now) for start in made])
        return size

    return run


class Partitions:
    """Records as one member of the consumer group reads them: from partitions of its own, under offsets that go up.

    They go in by the gateway's own door: offset rows, known ids, correlation and effect in one transaction.
    """

    def __init__(self, member: int, count: int = 4) -> None:
        self._numbers = range(member * count, (member + 1) * count)
        self._next: dict[int, int] = defaultdict(int)
        self._offsets = Offsets(f"bench-{uuid.uuid4().hex[:8]}", "bench")

    def answer(self, instances: Sequence[uuid.UUID], at_once: int) -> None:
        """One record for each instance; `at_once` are read by one poll and so make one transaction."""
        for first in range(0, len(instances), at_once):
            take_in([self._record(each) for each in instances[first : first + at_once]], self._offsets)

    def _record(self, instance: uuid.UUID) -> Record:
        partition = self._numbers[instance.int % len(self._numbers)]
        offset = self._next[partition]
        self._next[partition] = offset + 1
        headers = {MESSAGE_ID: str(uuid.uuid4())}
        return Record(TOPIC, partition, offset, str(instance).encode(), BODY, headers, timezone.now())


def answer_all(instances: Sequence[uuid.UUID], partitions: Partitions, at_once: int) -> None:
    """All steps of instances that wait for messages, one step of all after the other."""
    for _ in range(STEPS):
        partitions.answer(instances, at_once)


def fire_all() -> None:
    """Whatever is due, and what comes due by that: the worker's own door, until nothing is left."""
    while timers.fire_all_due() or Timer.objects.filter(state="PENDING").exists():
        pass


def unfinished(instances: Sequence[uuid.UUID]) -> int:
    """How many of them have not ended as they should."""
    return len(instances) - Instance.objects.filter(uuid__in=instances, state="FINISHED").count()
