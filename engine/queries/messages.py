"""Kafka records of one instance: what left or waits to leave, what came and was applied, what is kept or came too late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models.functions import Length

from engine import configuration
from engine.core import jsonio, paths
from engine.core.graph import Graph
from engine.core.jsonio import Json
from engine.models import Instance, JournalEntry, OutboxMessage, ReceivedMessage
from engine.queries.masking import Mask

MOST_ROWS = 100
MOST_PRETTY_BYTES = 256 * 1024

SENT_WORDS = {
    "queued": ("Queued", "", "pending"),
    "retrying": ("Retrying", "wait", "refresh"),
    "sent": ("Sent", "ok", "check"),
    "failed": ("Failed", "stop", "error"),
}
RECEIVED_WORDS = {
    "applied": ("Applied", "ok", "check"),
    "early": ("Kept, early", "here", "inbox"),
    "held": ("Held", "wait", "pause"),
    "late": ("Late", "wait", "schedule"),
    "unmatched": ("Unmatched", "wait", "help"),
    "dead": ("Dead", "stop", "error"),
    "discarded": ("Discarded", "", "delete"),
}


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One record in either direction."""

    key: str
    direction: str  # sent, received
    at: datetime
    topic: str
    about: str
    word: str
    tone: str
    icon: str
    attempts: int | None = None
    size_bytes: int = 0
    error: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class MessageDetail:
    """A record with its headers and its payload, sensitive values hidden."""

    row: MessageRow
    headers: Mapping[str, str]
    payload: str
    record_key: str = ""
    partition: int | None = None
    offset: int | None = None
    message_id: UUID | None = None
    cut: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


def messages_of(instance: Instance) -> list[MessageRow]:
    """The newest records of an instance in both directions; three statements, without the records themselves."""
    row_id = instance.id
    out = (
        OutboxMessage.objects.filter(instance_id=row_id).annotate(size_bytes=Length("value")).defer("value", "headers")
    )
    rows = [sent_row(row) for row in out.order_by("-seq")[:MOST_ROWS]]
    applied = JournalEntry.objects.filter(instance_id=row_id, event="Message Receive", message_id__isnull=False)
    applied = applied.annotate(size_bytes=Length("payload")).defer("payload")
    rows += [applied_row(entry) for entry in applied.order_by("-number")[:MOST_ROWS]]
    kept = (
        ReceivedMessage.objects.filter(instance_id=row_id).exclude(state="applied").annotate(size_bytes=Length("value"))
    )
    rows += [kept_row(row) for row in kept.defer("value").order_by("-id")[:MOST_ROWS]]
    return sorted(rows, key=lambda row: row.at, reverse=True)[:MOST_ROWS]


def sent_row(row: OutboxMessage) -> MessageRow:
    word, tone, icon = SENT_WORDS.get(row.state, (row.state, "", "circle"))
    return MessageRow(
        key=f"out-{row.seq}",
        direction="sent",
        at=row.sent_at or row.created_at,
        topic=row.topic,
        about=row.action_name,
        word=word,
        tone=tone,
        icon=icon,
        attempts=row.attempts,
        size_bytes=getattr(row, "size_bytes", None) or 0,
        error=row.last_error,
        failed=row.state == "failed",
    )


def applied_row(entry: JournalEntry) -> MessageRow:
    word, tone, icon = RECEIVED_WORDS["applied"]
    return MessageRow(
        key=f"in-{entry.number}",
        direction="received",
        at=entry.at,
        topic=str(entry.details.get("topic", "")),
        about=f"→ {entry.details.get('key', '')}",
        word=word,
        tone=tone,
        icon=icon,
        size_bytes=getattr(entry, "size_bytes", None) or 0,
    )


def kept_row(row: ReceivedMessage) -> MessageRow:
    word, tone, icon = RECEIVED_WORDS.get(row.state, (row.state, "", "circle"))
    return MessageRow(
        key=f"kept-{row.pk}",
        direction="received",
        at=row.received_at,
        topic=row.topic,
        about=row.reason,
        word=word,
        tone=tone,
        icon=icon,
        size_bytes=getattr(row, "size_bytes", None) or 0,
        error=row.error,
    )


def detail_of(instance: Instance, graph: Graph | None, mask: Mask, key: str) -> MessageDetail | None:
    """One record of this instance by the key of its row; one statement."""
    kind, _, number = key.partition("-")
    if not number.isdecimal() or len(number) > 18:
        return None
    if kind == "out":
        sent = OutboxMessage.objects.filter(instance_id=instance.id, seq=int(number)).first()
        return sent_detail(sent, graph, mask) if sent else None
    if kind == "in":
        entry = JournalEntry.objects.filter(
            instance_id=instance.id, number=int(number), event="Message Receive"
        ).first()
        return applied_detail(entry, mask) if entry else None
    kept = ReceivedMessage.objects.filter(instance_id=instance.id, pk=int(number)).first() if kind == "kept" else None
    return kept_detail(kept, graph, mask) if kept else None


def sent_detail(row: OutboxMessage, graph: Graph | None, mask: Mask) -> MessageDetail:
    action = find_action(graph, row.action_id)
    value = read(row.value)
    if mask and isinstance(value, dict | list):
        value = mask.hide_in_message(value, action.text("message") if action else "")
    headers: Json = jsonio.loads(row.headers or "{}")
    headers = (
        mask.hide_in_message(headers, action.text("headers") if action else "", root="object") if mask else headers
    )
    payload, cut = pretty(value if isinstance(value, dict | list) else mask.hide_in_text(row.value))
    return MessageDetail(
        row=sent_row(row),
        headers=texts(headers),
        payload=payload,
        cut=cut,
        record_key=mask.hide_in_text(row.key or ""),
        partition=row.partition,
        offset=row.offset,
        message_id=row.id,
        facts={"Node": row.node_name, "Action": row.action_name, "Run": row.run},
    )


def find_action(graph: Graph | None, action_id: int | None) -> Any:
    nodes = graph.nodes.values() if graph else ()
    return next((action for node in nodes for action in node.actions if action.id == action_id), None)


def applied_detail(entry: JournalEntry, mask: Mask) -> MessageDetail:
    payload, cut = pretty(hide_under(read(entry.payload or ""), str(entry.details.get("key", "")), mask))
    return MessageDetail(
        row=applied_row(entry),
        headers={},
        payload=payload,
        cut=cut,
        message_id=entry.message_id,
        facts={"Node": entry.node_name, "Stored under": entry.details.get("key", "")},
    )


def kept_detail(row: ReceivedMessage, graph: Graph | None, mask: Mask) -> MessageDetail:
    text = bytes(row.value).decode(errors="replace")
    keys = [
        stream.key_name
        for node in (graph.nodes.values() if graph else ())
        for stream in node.streams
        if stream.topic(configuration.scenarios()) == row.topic
    ]
    payload, cut = pretty(hide_under(read(text), keys[0] if keys else "", mask))
    return MessageDetail(
        row=kept_row(row),
        headers=texts(mask.hide_values(jsonio.loads(row.headers or "{}"))),
        payload=payload,
        cut=cut,
        record_key=mask.hide_in_text(row.key or ""),
        partition=row.partition,
        offset=row.offset,
        message_id=row.message_id,
        facts={"Reason": row.reason, "Error": row.error},
    )


def hide_under(value: Json, key: str, mask: Mask) -> Json:
    """A reply hidden by the path it is stored under, and by value."""
    if not mask:
        return value
    try:
        return mask.hide_values(mask.hide(value, paths.parse(key))) if key else mask.hide_values(value)
    except paths.PathError:
        return mask.hide_values(value)


def read(text: str) -> Json:
    """The value of a JSON text, or the text itself."""
    try:
        return jsonio.loads(text)
    except jsonio.JsonError:
        return text


def pretty(value: Json) -> tuple[str, bool]:
    """Indented JSON, cut where it is too long to show; whether it was cut."""
    text = value if isinstance(value, str) else "\n".join(pretty_lines(value))
    return (text[:MOST_PRETTY_BYTES], True) if len(text) > MOST_PRETTY_BYTES else (text, False)


def pretty_lines(value: Json, indent: str = "", lead: str = "", tail: str = "") -> list[str]:
    """JSON on lines, numbers as they are (`json.dumps` would round decimals)."""
    if isinstance(value, dict) and value:
        lines = [f"{indent}{lead}{{"]
        last = len(value) - 1
        for position, (name, member) in enumerate(value.items()):
            comma = "," if position < last else ""
            lines += pretty_lines(member, f"{indent}  ", f"{jsonio.dumps(name)}: ", comma)
        return [*lines, f"{indent}}}{tail}"]
    if isinstance(value, list) and value:
        lines = [f"{indent}{lead}["]
        last = len(value) - 1
        for position, element in enumerate(value):
            lines += pretty_lines(element, f"{indent}  ", "", "," if position < last else "")
        return [*lines, f"{indent}]{tail}"]
    return [f"{indent}{lead}{jsonio.dumps(value)}{tail}"]


def texts(headers: Json) -> dict[str, str]:
    if not isinstance(headers, dict):
        return {}
    return {name: value if isinstance(value, str) else jsonio.dumps(value) for name, value in headers.items()}
