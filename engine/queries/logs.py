"""Lists over all instances: pending timers, failed starts, Kafka records. Each page is a range of an index, read by keyset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Min
from django.db.models.functions import Length

from engine.models import FailedStart, Heartbeat, Incident, Instance, OutboxMessage, ReceivedMessage, Timer
from engine.queries.messages import MessageRow, kept_row, sent_row
from engine.queries.timers import TimerRow, timer_row

PAGE = 50
SILENT_AFTER = timedelta(seconds=60)
WORKING = ("worker", "beat", "gateway")


@dataclass(frozen=True, slots=True)
class Of:
    """The instance that a row of a list belongs to."""

    uuid: UUID
    process_name: str
    version: int
    state: str


@dataclass(frozen=True, slots=True)
class ListPage:
    """Rows with their instances, and the cursor of the next page; empty at the end."""

    rows: list[tuple[Any, Of | None]]
    next: str = ""


def instances_by_id(ids: Iterable[int | None]) -> dict[int, Of]:
    """What lists show of instances; one statement."""
    rows = Instance.objects.filter(id__in={one for one in ids if one is not None})
    return {row[0]: Of(*row[1:]) for row in rows.values_list("id", "uuid", "process_name", "version", "state")}


def scheduled(*, now: datetime, after: str = "", kind: str = "", late: bool = False) -> ListPage:
    """Pending timers, the next due first; two statements. The index `timers_due` serves it."""
    rows = Timer.objects.filter(state="PENDING")
    if kind:
        rows = rows.filter(kind=kind)
    if late:
        rows = rows.filter(due_at__lt=now - timedelta(minutes=1))
    edge = timer_cursor(after)
    if edge is not None:
        due_at, row_id = edge
        rows = rows.filter(due_at__gte=due_at).exclude(due_at=due_at, id__lte=row_id)
    found = list(rows.order_by("due_at", "id")[: PAGE + 1])
    more, found = len(found) > PAGE, found[:PAGE]
    known = instances_by_id(timer.instance_id for timer in found)
    shown: list[tuple[TimerRow, Of | None]] = [(timer_row(timer, now), known.get(timer.instance_id)) for timer in found]
    return ListPage(list(shown), f"{found[-1].due_at.isoformat()}~{found[-1].id}" if more else "")


def timer_cursor(text: str) -> tuple[datetime, int] | None:
    moment, _, row_id = text.partition("~")
    try:
        due_at = datetime.fromisoformat(moment.replace(" ", "+"))
    except ValueError:
        return None
    return (due_at, int(row_id)) if due_at.tzinfo and row_id.isdecimal() and len(row_id) < 19 else None


def failed_starts(*, process: str = "", before: int = 0) -> tuple[list[FailedStart], int]:
    """Starts that never ran, the newest first, and the id to go on before; one statement."""
    rows = FailedStart.objects.defer("body")
    if process:
        rows = rows.filter(process_name__icontains=process)
    if before:
        rows = rows.filter(id__lt=before)
    found = list(rows.order_by("-id")[: PAGE + 1])
    return found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else 0


def sent_log(*, state: str = "", topic: str = "", before: int = 0) -> ListPage:
    """Records that left or wait to leave, the newest first; two statements, without the records themselves."""
    rows = OutboxMessage.objects.annotate(size_bytes=Length("value")).defer("value", "headers")
    if state:
        rows = rows.filter(state=state)
    if topic:
        rows = rows.filter(topic__icontains=topic)
    if before:
        rows = rows.filter(seq__lt=before)
    found = list(rows.order_by("-seq")[: PAGE + 1])
    more, found = len(found) > PAGE, found[:PAGE]
    known = instances_by_id(row.instance_id for row in found)
    shown = [((sent_row(row), row), known.get(row.instance_id or 0)) for row in found]
    return ListPage(list(shown), str(found[-1].seq) if more else "")


def received_log(*, state: str = "", topic: str = "", before: int = 0) -> ListPage:
    """Records that were not applied at once, the newest first; two statements."""
    rows = ReceivedMessage.objects.annotate(size_bytes=Length("value")).defer("value")
    if state:
        rows = rows.filter(state=state)
    if topic:
        rows = rows.filter(topic__icontains=topic)
    if before:
        rows = rows.filter(id__lt=before)
    found = list(rows.order_by("-id")[: PAGE + 1])
    more, found = len(found) > PAGE, found[:PAGE]
    known = instances_by_id(row.instance_id for row in found)
    shown: list[tuple[tuple[MessageRow, ReceivedMessage], Of | None]] = [
        ((kept_row(row), row), known.get(row.instance_id or 0)) for row in found
    ]
    return ListPage(list(shown), str(found[-1].pk) if more else "")


def outbox_counts() -> dict[str, int]:
    """How many records wait, and how many were refused for good and not queued again; both by partial indexes."""
    waiting = OutboxMessage.objects.filter(state__in=["queued", "retrying"]).count()
    return {"waiting": waiting, "failed": Incident.objects.filter(type="Delivery", closed_at=None).count()}


def oldest_waiting() -> datetime | None:
    """Since when the oldest unsent record waits."""
    found = OutboxMessage.objects.filter(state__in=["queued", "retrying"]).aggregate(oldest=Min("created_at"))
    moment: datetime | None = found["oldest"]
    return moment


def silent_workers(now: datetime) -> list[str]:
    """Kinds of process that have shown no sign of life for a minute, of those that ever did; one statement."""
    beats: dict[str, datetime] = {}
    for kind, moment in Heartbeat.objects.filter(kind__in=WORKING).values_list("kind", "at"):
        beats[kind] = max(moment, beats.get(kind, moment))
    return sorted(kind for kind, moment in beats.items() if now - moment > SILENT_AFTER)
