"""One operation on several chosen instances: a preview that adds up, a reason, for Terminate the typed number, a result each.

The instances are those ticked on a page of the list or of the admin's changelist; a filter's whole result comes with bulk jobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from engine import rights
from engine.admin.access import refused, staff
from engine.admin.once import Result, apply_once, call_of, known, new_token
from engine.admin.operation_views import OUTDATED, actor_of, is_swapped, reason_of, say
from engine.admin.operations import (
    BULK,
    RETRY,
    TERMINATE,
    Operation,
    Target,
    obstacle,
    open_token_incidents,
    stimuli_of,
)
from engine.models import Instance
from engine.queries.words import counted

SEE = (rights.INSTANCES_READ, "see process instances")
MOST = 200


@dataclass(frozen=True, slots=True)
class Preview:
    """What an operation would do to the chosen instances: those it changes, those it skips and why."""

    change: list[Target]
    skip: list[tuple[Target, str]]

    @property
    def total(self) -> int:
        return len(self.change) + len(self.skip)


def preview_of(chosen: Operation, uuids: Sequence[UUID]) -> Preview:
    """Two statements, whatever the number."""
    instances = list(
        Instance.objects.filter(uuid__in=uuids).defer("params", "start_params").order_by("-started_at", "-id")
    )
    incidents = open_token_incidents(one.id for one in instances) if chosen is RETRY else {}
    change, skip = [], []
    for instance in instances:
        target = Target(instance, incidents.get(instance.id, []))
        why = obstacle(chosen, target)
        if why:
            skip.append((target, why))
        else:
            change.append(target)
    return Preview(change, skip)


def uuids_of(values: QueryDict) -> list[UUID]:
    """The chosen instances; what is no uuid is left out."""
    found: dict[UUID, None] = {}
    for text in values.getlist("id"):
        try:
            found[UUID(text)] = None
        except ValueError:
            continue
    return list(found)


@staff(*SEE)
def bulk(request: HttpRequest, key: str) -> HttpResponse:
    """GET shows what would happen, POST does it."""
    chosen = BULK.get(key)
    if chosen is None:
        raise Http404("There is no such operation.")
    if not rights.may_operate(request.user):
        return refused(request, rights.INSTANCES_ADMIN, f"{chosen.word.lower()} process instances")
    values = request.POST if request.method == "POST" else request.GET
    uuids = uuids_of(values)[:MOST]
    preview = preview_of(chosen, uuids)
    if request.method != "POST":
        return ask(request, chosen, preview)
    call = call_of(request)
    if (before := known(call)) is not None:
        return report(request, chosen, preview, before)
    reason, reason_error = reason_of(request)
    number_error = wrong_number(request, chosen, preview)
    if reason_error or call is None:
        error = "" if reason_error else OUTDATED
        return ask(request, chosen, preview, reason=reason, reason_error=reason_error, error=error, status=422)
    stimuli = [s for target in preview.change for s in stimuli_of(chosen, target, actor_of(request), reason)]
    if number_error:
        return ask(request, chosen, preview, reason=reason, number_error=number_error, status=422)
    return report(request, chosen, preview, apply_once(call, stimuli))


def wrong_number(request: HttpRequest, chosen: Operation, preview: Preview) -> str:
    """Terminate of more than one asks for the number, typed (designer 4.3)."""
    count = len(preview.change)
    if chosen is not TERMINATE or count < 2 or request.POST.get("number", "").strip() == str(count):
        return ""
    return f"Type {count} to confirm."


def ask(
    request: HttpRequest,
    chosen: Operation,
    preview: Preview,
    *,
    reason: str = "",
    reason_error: str = "",
    number_error: str = "",
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "operation": chosen,
        "preview": preview,
        "count": len(preview.change),
        "what": counted(len(preview.change), "instance"),
        "skipped": reasons_of(preview),
        "ask_number": chosen is TERMINATE and len(preview.change) > 1,
        "reason": reason,
        "reason_error": reason_error,
        "number_error": number_error,
        "error": error,
        "once": request.POST.get("once") if status == 422 and not error else new_token(),
        "action": reverse("operate:bulk", args=[chosen.key]),
        "dialog_back": reverse("operate:instances"),
    }
    template = "engine/bulk_dialog.html" if is_swapped(request) else "engine/bulk_page.html"
    return render(request, template, context, status=status)


def reasons_of(preview: Preview) -> Mapping[str, int]:
    """Why some are skipped, and how many for each reason."""
    found: dict[str, int] = {}
    for _, why in preview.skip:
        found[why] = found.get(why, 0) + 1
    return found


def report(request: HttpRequest, chosen: Operation, preview: Preview, result: Result) -> HttpResponse:
    """Counts that add up: done, refused meanwhile, skipped."""
    refused_now = {uuid for uuid, _, _ in result.refused}
    done = result.done if result.repeated else sum(str(one.instance.uuid) not in refused_now for one in preview.change)
    parts = [f"{chosen.done.rstrip(':')} {counted(done, 'instance')}"]
    if refused_now:
        first = result.refused[0]
        parts.append(f"{counted(len(refused_now), 'was', 'were')} refused ({first[1] or first[2]})")
    if preview.skip and not result.repeated:
        parts.append(f"{len(preview.skip)} skipped")
    return say(request, f"{', '.join(parts)}.", back=reverse("operate:instances"))
