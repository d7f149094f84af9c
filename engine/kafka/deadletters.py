"""Dead letters: a copy of a record that could not be applied, for topic `dlt.<topic>` by way of the outbox (scenarios 6.3).

The runtime and the consumer write the copy with the `ReceivedMessage` row, in one transaction. A prefix, since a suffix would
match the engine's own pattern. The copy belongs to no instance in the outbox: a dead-letter topic that nobody made must not hold
back the messages of an instance.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4
from zlib import crc32

from engine.core import jsonio
from engine.core.stimuli import MessageReceived
from engine.kafka.outbox import AS_BYTES, ERROR_LENGTH, INTERNAL, MESSAGE_ID
from engine.models import OutboxMessage
from engine.models.messages import SHARDS

PREFIX = "dlt."
TOPIC_LENGTH = 249
SECRET_HEADERS = frozenset({"jwt"})


def outbox_row(
    *,
    topic: str,
    partition: int | None,
    offset: int | None,
    key: str | bytes | None,
    raw: bytes,
    headers: Mapping[str, str],
    reason: str,
    error: str = "",
    now: datetime,
) -> dict[str, Any]:
    """The outbox row of the copy, as field names and values: same key, value and headers, and why it is dead.

    Headers that are secrets stay out of it. The original's own id goes on as `Fx-DeadMessageId`, since the copy has another.
    """
    dropped = SECRET_HEADERS | INTERNAL | {MESSAGE_ID}
    sent = {name: text for name, text in headers.items() if name not in dropped}
    if MESSAGE_ID in headers:
        sent["Fx-DeadMessageId"] = headers[MESSAGE_ID]
    sent |= {
        "Fx-DeadReason": reason,
        "Fx-DeadTopic": topic,
        "Fx-DeadPartition": "" if partition is None else str(partition),
        "Fx-DeadOffset": "" if offset is None else str(offset),
        "Fx-DeadError": error[:ERROR_LENGTH],
    }
    as_bytes: list[str] = []
    value_text = _text(raw, "value", as_bytes)
    key_text = key if key is None else _text(key if isinstance(key, bytes) else key.encode(), "key", as_bytes)
    if as_bytes:
        sent[AS_BYTES] = " ".join(as_bytes)
    return {
        "id": uuid4(),
        "topic": (PREFIX + topic)[:TOPIC_LENGTH],
        "key": key_text,
        "value": value_text,
        "headers": jsonio.dumps({name: _printable(text) for name, text in sent.items()}),
        "shard": crc32((key_text or topic).encode()) % SHARDS,
        "state": str(OutboxMessage.State.QUEUED),
        "instance_id": None,
        "visit_id": None,
        "visit_number": None,
        "action_id": None,
        "action_name": "",
        "node_name": "",
        "run": 1,
        "attempts": 0,
        "available_at": now,
        "created_at": now,
        "last_error": "",
    }


def of_message(message: MessageReceived, *, reason: str, error: str = "", now: datetime) -> dict[str, Any]:
    """The copy of a record that reached its instance and could not be applied there."""
    return outbox_row(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        raw=message.raw,
        headers=message.headers,
        reason=reason,
        error=error,
        now=now,
    )


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as they may be stored: a token is nobody's to keep (engine 7)."""
    return {name: text for name, text in headers.items() if name not in SECRET_HEADERS}


def _text(content: bytes, part: str, as_bytes: list[str]) -> str:
    """The content as text that a database keeps: what is none goes in as base64, and the relay takes it out again."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return text
    as_bytes.append(part)
    return base64.b64encode(content).decode()


def _printable(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
