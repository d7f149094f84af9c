"""Lists over all instances: Scheduled, Failed process start, Kafka log (designer 4.4 to 4.6), in their first, simple form."""

from __future__ import annotations

from datetime import timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from engine import rights, snapshots
from engine.admin.access import staff
from engine.admin.status import number_of
from engine.models import FailedStart, OutboxMessage, PublishedProcess, ReceivedMessage
from engine.queries import logs
from engine.queries.masking import Mask
from engine.queries.messages import pretty, read
from engine.queries.timer_starts import timer_starts
from engine.queries.timers import KIND_WORDS

READ = rights.INSTANCES_READ
STALLED_AFTER = timedelta(seconds=30)


@staff(READ, "see scheduled timers")
def scheduled(request: HttpRequest) -> HttpResponse:
    """Pending timers, the next due first, each with Run now."""
    now = timezone.now()
    kind = request.GET.get("kind", "")
    kind = kind if kind in KIND_WORDS else ""
    late = request.GET.get("late") == "1"
    context = {
        "page": logs.scheduled(now=now, after=request.GET.get("after", ""), kind=kind, late=late),
        "kind": kind,
        "kinds": KIND_WORDS,
        "late": late,
        "now": now,
        "silent": logs.silent_workers(now),
        "may_operate": rights.may_operate(request.user),
        "filtered": bool(kind or late),
        "starts": [] if kind or late or request.GET.get("after") else timer_starts(),
    }
    return render(request, "engine/scheduled.html", context)


@staff(READ, "see failed process starts")
def failed_starts(request: HttpRequest) -> HttpResponse:
    """Starts that never ran, the newest first."""
    process = request.GET.get("process", "").strip()
    rows, before = logs.failed_starts(process=process, before=number_of(request.GET.get("before", "")))
    return render(request, "engine/failed_starts.html", {"rows": rows, "before": before, "process": process})


@staff(READ, "see failed process starts")
def failed_start(request: HttpRequest, pk: int) -> HttpResponse:
    """One of them, with what was asked."""
    row = get_object_or_404(FailedStart, pk=pk)
    body, cut = pretty(mask_of(row.process_name).hide(read(row.body)))
    return render(
        request,
        "engine/failed_start.html",
        {"row": row, "body": body, "cut": cut},
    )


@staff(READ, "see the Kafka log")
def kafka(request: HttpRequest) -> HttpResponse:
    """Records in both directions: sent with their delivery, received ones that were not applied at once."""
    direction = request.GET.get("direction", "sent")
    states = {"sent": OutboxMessage.State, "received": ReceivedMessage.State}.get(direction)
    if states is None:
        raise Http404("There is no such direction.")
    state = request.GET.get("state", "")
    state = state if state in states.values else ""
    topic = request.GET.get("topic", "").strip()
    read_page = logs.sent_log if direction == "sent" else logs.received_log
    context = {
        "page": read_page(state=state, topic=topic, before=number_of(request.GET.get("before", ""))),
        "direction": direction,
        "state": state,
        "states": states.choices,
        "topic": topic,
        "counts": logs.outbox_counts(),
        "stalled": oldest if (oldest := logs.oldest_waiting()) and timezone.now() - oldest > STALLED_AFTER else None,
        "filtered": bool(state or topic),
        "may_operate": rights.may_operate(request.user),
    }
    return render(request, "engine/kafka.html", context)


def mask_of(process_name: str) -> Mask:
    """The sensitive keys of the published version of a process."""
    published = PublishedProcess.objects.filter(name_key=process_name.lower()).first()
    return Mask.of(snapshots.graph(published.snapshot_id) if published else None)
