"""Records as they come in, and what became of those that could not be applied."""

import itertools
import json
from typing import Any

from django.utils import timezone

from engine.kafka.correlate import Record
from engine.models import OutboxMessage
from tests.builders import TOPIC, Running, process

_offsets = itertools.count()


def record(value: Any = None, *, raw: bytes | None = None, topic: str = TOPIC, **fields: Any) -> Record:
    """A record of partition 0; `headers` names with a `_` for each `-`."""
    headers = {name.replace("_", "-"): str(text) for name, text in fields.pop("headers", {}).items()}
    content = json.dumps({} if value is None else value).encode() if raw is None else raw
    made: dict[str, Any] = {"partition": 0, "offset": next(_offsets), "key": None, "received_at": timezone.now()}
    return Record(topic=topic, value=content, headers=headers, **made | fields)


def to(instance: Running, value: Any = None, **fields: Any) -> Record:
    """A record for an instance."""
    headers = {"processInstanceId": instance.row.id} | fields.pop("headers", {})
    return record(value, headers=headers, **fields)


def waiting() -> Running:
    """An instance that waits for a record on TOPIC, kept under `reply`."""
    return process().start().receive("Wait").end().publish().start()


def dead_letters() -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(topic=f"dlt.{TOPIC}").order_by("seq"))


def header(row: OutboxMessage, name: str) -> str:
    return str(json.loads(row.headers)[name])
