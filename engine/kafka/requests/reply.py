"""Answers of the engine to requests over Kafka: rows of the outbox, written in the transaction of the effect (engine 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4, uuid5
from zlib import crc32

from django.utils import timezone

from engine.core import jsonio, topics
from engine.core.stimuli import Refusal
from engine.kafka.correlate import IN_REPLY_TO, MESSAGE_ID, Record
from engine.kafka.deadletters import SECRET_HEADERS
from engine.kafka.outbox import INTERNAL
from engine.models import OutboxMessage
from engine.models.messages import SHARDS
from flowx_site.config import config

CALLBACK_TOPIC = "callbackTopic"
ERROR_CODE = "Fx-ErrorCode"
REQUEST_ID = "requestID"
NOT_COPIED = SECRET_HEADERS | INTERNAL | {MESSAGE_ID, ERROR_CODE}

INVALID = "INVALID_REQUEST"
INTERNAL_ERROR = "INTERNAL"
CODES = {401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND", 409: "CONFLICT"}


def code_of(refusal: Refusal) -> str:
    """The `Fx-ErrorCode` of a refusal (scenarios 1.5)."""
    return CODES.get(refusal.status, INVALID)


def callback_topic(record: Record) -> str:
    """The topic on which the sender waits; empty when it does not. Raises `Refusal` for one that cannot or may not be used:
    an answer on a topic on which the engine is asked would go round for ever."""
    topic = record.headers.get(CALLBACK_TOPIC, "").strip()
    asked_on = (config.topic_start_in, config.topic_operations_in, config.topic_operations_bulk_in, config.topic_events)
    if topic and (not topics.is_legal(topic) or topic in asked_on):
        raise Refusal(400, f"{CALLBACK_TOPIC}: '{topic[:80]}' is no topic for answers.")
    return topic


def rows(
    record: Record,
    message_id: UUID | None,
    on: Iterable[str],
    body: Mapping[str, Any],
    *,
    key: str | None,
    error_code: str = "",
) -> list[dict[str, Any]]:
    """Outbox rows of the answer, one a topic: all headers of the request but its secrets; its id goes on as `Fx-InReplyTo`.

    They belong to no instance, so that a topic that nobody made holds back none.
    """
    headers: dict[str, Any] = {name: text for name, text in record.headers.items() if name not in NOT_COPIED}
    if message_id is not None:
        headers[IN_REPLY_TO] = str(message_id)
    if error_code:
        headers[ERROR_CODE] = error_code
    now = timezone.now()
    return [
        {
            "id": uuid4() if message_id is None else uuid5(message_id, f"reply {topic}"),
            "topic": topic,
            "key": key,
            "value": jsonio.dumps(dict(body)),
            "headers": jsonio.dumps(headers),
            "shard": crc32((key or topic).encode()) % SHARDS,
            "state": OutboxMessage.State.QUEUED,
            "available_at": now,
            "created_at": now,
        }
        for topic in on
    ]
