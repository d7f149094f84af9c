"""Pages of an instance's journal: the timeline, the audit log of one instance, and the download.

Newest first, by the entry's own number, which has no gaps: a page is a range of the unique index on (instance, number).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Length

from engine.core.graph import Graph
from engine.core.turn import FRAME_MEMBERS, timestamp
from engine.models import AuditEntry, Instance, JournalEntry, OutboxMessage
from engine.queries.events import AUDIT_EVENTS_NOT, KINDS, Delivery, Event, event_of
from engine.queries.masking import Mask
from engine.queries.messages import hide_under, read

PAGE = 50
READ_AT_ONCE = 500
DOWNLOADED = 20_000


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of events, newest first; `older` is the number to go on before, 0 at the end."""

    events: list[Event]
    older: int
    total: int
    newest: int = 0

    @property
    def shown(self) -> str:
        return f"{len(self.events)} of {self.total}"


def entries_of(instance_id: int, *, kind: str = "", failed: bool = False) -> QuerySet[JournalEntry]:
    """The entries that the filters of the timeline let through."""
    rows = JournalEntry.objects.filter(instance_id=instance_id)
    if kind in KINDS:
        rows = rows.filter(event__in=KINDS[kind])
    return rows.filter(status="failure") if failed else rows


def timeline(
    instance: Instance,
    graph: Graph | None = None,
    *,
    kind: str = "",
    failed: bool = False,
    before: int = 0,
    size: int = PAGE,
) -> Timeline:
    """A page of the timeline in two statements; `before` is the number of the last row of the page above."""
    rows = entries_of(instance.id, kind=kind, failed=failed)
    if before:
        rows = rows.filter(number__lt=before)
    found = list(rows.order_by("-number")[: size + 1])
    more, found = len(found) > size, found[:size]
    deliveries = deliveries_of(found)
    automatic = automatic_actions(graph)
    events = [
        event_of(
            entry,
            deliveries.get(str(entry.outbox_id)),
            automatic=(entry.node_id, entry.action_name) in automatic,
        )
        for entry in found
    ]
    return Timeline(
        events,
        older=found[-1].number if more else 0,
        total=instance.journal_seq,
        newest=found[0].number if found else 0,
    )


def automatic_actions(graph: Graph | None) -> set[tuple[int | None, str]]:
    """(node, action name) of the actions that nobody runs by hand."""
    nodes = graph.nodes.values() if graph else ()
    return {(node.id, action.name) for node in nodes for action in node.actions if not action.manual}


def deliveries_of(entries: Iterable[JournalEntry]) -> dict[str, Delivery]:
    """Outbox id -> what became of it; one statement, without the records themselves."""
    ids = [entry.outbox_id for entry in entries if entry.outbox_id]
    rows = OutboxMessage.objects.filter(id__in=ids).annotate(size_bytes=Length("value")).defer("value", "headers")
    return {
        str(row.id): Delivery(
            state=row.state,
            topic=row.topic,
            size_bytes=row.size_bytes,
            attempts=row.attempts,
            partition=row.partition,
            offset=row.offset,
            last_error=row.last_error,
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row of the audit log (engine 2.9)."""

    key: str
    at: datetime
    user: str
    subject: str
    event: str
    identifier: str
    version: int | None
    status: str
    details: dict[str, Any]


def audit_rows(instance: Instance, *, before: int = 0, size: int = PAGE) -> tuple[list[AuditRow], int]:
    """The audit log of one instance, newest first, and the number to go on before; two statements."""
    rows = JournalEntry.objects.filter(instance_id=instance.id).exclude(event__in=AUDIT_EVENTS_NOT)
    if before:
        rows = rows.filter(number__lt=before)
    found = list(rows.defer("payload").order_by("-number")[: size + 1])
    more, found = len(found) > size, found[:size]
    rows_shown = [
        AuditRow(
            str(entry.number),
            entry.at,
            entry.user or "flowx-service",
            entry.subject,
            entry.event,
            str(entry.token_id) if entry.subject == "Token" and entry.token_id else str(instance.uuid),
            instance.version,
            entry.status,
            {**entry.details, **({"action": entry.action_name} if entry.action_name else {})},
        )
        for entry in found
    ]
    oldest = found[-1].at if more else None
    beside = AuditEntry.objects.filter(identifier=str(instance.uuid)).order_by("-at")
    if before and found:
        beside = beside.filter(at__lte=found[0].at)
    if oldest:
        beside = beside.filter(at__gt=oldest)
    rows_shown += [
        AuditRow(
            f"a{entry.pk}",
            entry.at,
            entry.user,
            entry.subject,
            entry.event,
            entry.identifier,
            entry.version,
            entry.status,
            entry.details,
        )
        for entry in beside[:size]
    ]
    rows_shown.sort(key=lambda row: row.at, reverse=True)
    return rows_shown, found[-1].number if more else 0


def entry_documents(instance: Instance) -> Iterator[dict[str, Any]]:
    """The newest 20,000 entries as JSON, oldest first, read in pieces: the download of the timeline."""
    first = instance.journal_seq - DOWNLOADED
    rows = JournalEntry.objects.filter(instance_id=instance.id, number__gt=first).order_by("number")
    for entry in rows.iterator(chunk_size=READ_AT_ONCE):
        yield {
            "number": entry.number,
            "timestamp": timestamp(entry.at),
            "event": entry.event,
            "subject": entry.subject,
            "status": entry.status,
            "user": entry.user or None,
            "nodeId": entry.node_id,
            "nodeName": entry.node_name or None,
            "actionName": entry.action_name or None,
            "details": entry.details,
            "payload": entry.payload,
            "frameSeq": entry.frame_seq,
            "frameType": entry.frame_type or None,
            "messageId": str(entry.message_id) if entry.message_id else None,
        }


def hide_entry(document: dict[str, Any], mask: Mask, graph: Graph | None) -> dict[str, Any]:
    """The entry with its details and its payload hidden where they carry sensitive values; the payload becomes JSON."""
    payload = document["payload"]
    shown = dict(document, details=mask.hide_values(document["details"]))
    if payload is None:
        return shown
    value = read(payload)
    frame_type = document["frameType"]
    if frame_type in FRAME_MEMBERS and isinstance(value, dict):
        member = FRAME_MEMBERS[frame_type][1]
        source = message_source(graph, document["nodeName"] or document["details"].get("node"), document["actionName"])
        value = mask.hide_values({**value, member: mask.hide_in_message(value.get(member), source, root="object")})
    elif document["event"] == "Message Receive":
        value = hide_under(value, str(document["details"].get("key", "")), mask)
    return dict(shown, payload=mask.hide_values(value))


def message_source(graph: Graph | None, node_name: str | None, action_name: str | None) -> str:
    """The template that made a frame; empty where it is not known."""
    node = graph.node_named(node_name or "") if graph else None
    action = node.action_named(action_name or "") if node else None
    return action.text("message") if action else ""
