"""The status page of one instance (designer 4.2, screens 06 and 06b) and what hangs on it: drawing, downloads, reveal.

The page is whole without JavaScript. A page that is open asks for its live parts again (header `X-Fragment: live`) whenever a
frame of the instance arrives on its socket and every few seconds besides; 304 tells it that nothing has changed.
"""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_POST

from engine import rights
from engine.admin.access import refused, staff
from engine.core import jsonio
from engine.models import AuditEntry, Incident, Instance, Snapshot
from engine.queries import journal, status
from engine.queries.actions import current_actions
from engine.queries.diagram import paint
from engine.queries.events import KIND_WORDS
from engine.queries.masking import Mask
from engine.queries.messages import detail_of, messages_of, pretty_lines
from engine.queries.sentence import sentence_of
from engine.queries.timers import timer_events, timer_rows
from engine.queries.tokens import token_documents
from engine.queries.variables import tree_of
from engine.queries.whereabouts import WAITING
from engine.queries.words import Words, counted, mask_words
from flowx_site.config import config
from flowx_site.navigation import address

SEE = (rights.INSTANCES_READ, "see process instances")
TABS = ("variables", "tokens", "actions", "timers", "messages", "subprocesses", "exceptions", "audit")


def find(uuid: UUID) -> Instance:
    """The instance of an address; staff who come here may see any."""
    instance = Instance.objects.filter(uuid=uuid).first()
    if instance is None:
        raise Http404("Process instance not found.")
    return instance


@staff(*SEE)
def instance_status(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The page, or its live parts."""
    instance = find(uuid)
    live = request.headers.get("X-Fragment") == "live"
    tag = f'"{hashlib.sha256((status.fingerprint(instance) + request.get_full_path()).encode()).hexdigest()[:24]}"'
    if live and request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304, headers={"ETag": tag})
    context = page_context(request, instance)
    template = "engine/status_live.html" if live else "engine/status.html"
    response = render(request, template, context)
    response["ETag"], response["Vary"], response["Cache-Control"] = tag, "X-Fragment", "no-store"
    return response


def page_context(request: HttpRequest, instance: Instance, *, revealed: frozenset[str] = frozenset()) -> dict[str, Any]:
    """All that the page shows; one fixed set of statements, and those of the tab that is open."""
    now = timezone.now()
    shown = status.load(instance, now=now)
    mask = Mask.of(shown.graph, shown.params)
    sentence = sentence_of(shown)
    process_url = process_address(request, instance)
    tabs = tabs_of(shown, current := current_actions(shown))
    tab = request.GET.get("tab", "")
    tab = tab if any(one["key"] == tab for one in tabs) else "variables"
    return {
        "status": shown,
        "instance": instance,
        "now": now,
        "sentence": sentence,
        "sentence_words": mask_words(sentence.words, mask.hide_in_text),
        "painting": paint(shown),
        "incidents": [incident_card(incident, mask, shown, process_url) for incident in shown.open_incidents[:10]],
        "tabs": tabs,
        "tab": tab,
        "may_operate": rights.may_operate(request.user),
        "may_reveal": rights.may_reveal(request.user),
        "process_url": process_url,
        "token_words": token_counts(shown),
        "timers": timer_rows(shown),
        "socket_path": config.websocket_path,
        "query": request.GET,
        **timeline_context(request, shown, mask),
        **tab_context(request, shown, mask, tab, current, revealed, process_url),
    }


def tabs_of(shown: status.InstanceStatus, current: list[Any]) -> list[dict[str, Any]]:
    """The tabs with their counts; subprocesses and exceptions only where there are some (E-055)."""
    found: list[dict[str, Any]] = [
        {"key": "variables", "word": "Variables"},
        {"key": "tokens", "word": "Tokens", "count": len(shown.tokens)},
        {"key": "actions", "word": "Actions", "count": len(current)},
        {"key": "timers", "word": "Timers", "count": len(shown.pending_timers)},
        {"key": "messages", "word": "Messages", "count": shown.traffic.total},
    ]
    if shown.children:
        word = "Subprocesses" if len(shown.subprocesses) == len(shown.children) else "Children"
        found.append({"key": "subprocesses", "word": word, "count": len(shown.children)})
    if shown.incidents:
        found.append({"key": "exceptions", "word": "Exceptions", "count": len(shown.incidents)})
    return [*found, {"key": "audit", "word": "Audit log"}]


def incident_card(
    incident: Incident, mask: Mask, shown: status.InstanceStatus, process_url: str | None
) -> dict[str, Any]:
    """What went wrong, what to do, where a retry goes on, and where to put it right in the designer."""
    instance = shown.instance
    return {
        "fix_url": fix_address(incident, shown) if process_url else None,
        "incident": incident,
        "message": mask.hide_in_text(incident.message),
        "details": mask.hide_in_text(incident.details),
        "retry": incident.token_uuid if incident.token_id and instance.state in ("STARTED", "CREATED") else None,
        "requeue": incident.outbox_id,
    }


def process_address(request: HttpRequest, instance: Instance) -> str | None:
    """Go to the process definition, for who may read it."""
    if not request.user.has_perm("designer.view_process") or address("designer:processes") is None:
        return None
    return reverse("designer:version", args=[instance.process_name, instance.version])


def fix_address(incident: Incident, shown: status.InstanceStatus) -> str | None:
    """The failing action's form, or the failing node's, in the version that the instance runs (D-094)."""
    graph = shown.graph
    node = (graph.nodes.get(incident.node_id or 0) or graph.node_named(incident.node_name)) if graph else None
    if node is None:
        return None
    place = [shown.instance.process_name, shown.instance.version, node.key]
    if incident.action_name:
        return reverse("designer:action", args=[*place, incident.action_name])
    return reverse("designer:node-config", args=place)


def token_counts(shown: status.InstanceStatus) -> str:
    waiting = sum(token.status in WAITING or token.state == "ON_HOLD" for token in shown.open_tokens)
    running = len(shown.open_tokens) - waiting
    words = ([f"{waiting} waiting"] if waiting else []) + ([f"{running} running"] if running else [])
    return ", ".join(words) or counted(len(shown.tokens), "ended", "ended")


def timeline_context(request: HttpRequest, shown: status.InstanceStatus, mask: Mask) -> dict[str, Any]:
    """A page of the timeline with what is still to come on top of its first one."""
    kind = request.GET.get("kind", "")
    kind = kind if kind in KIND_WORDS else ""
    failed = request.GET.get("failed") == "1"
    before = number_of(request.GET.get("before", ""))
    page = journal.timeline(shown.instance, shown.graph, kind=kind, failed=failed, before=before)
    to_come = timer_events(shown) if not (before or failed or kind not in ("", "actions")) else []

    def hidden(sentence: Words) -> Words:
        return mask_words(sentence, mask.hide_in_text)

    return {
        "timeline": page,
        "events": [
            {"row": event, "sentence": hidden(event.sentence), "detail": hidden(event.detail)}
            for event in [*to_come, *page.events]
        ],
        "kinds": KIND_WORDS,
        "kind": kind,
        "failed": failed,
        "before": before,
    }


def tab_context(
    request: HttpRequest,
    shown: status.InstanceStatus,
    mask: Mask,
    tab: str,
    current: list[Any],
    revealed: frozenset[str],
    process_url: str | None,
) -> dict[str, Any]:
    """What the open tab shows, and nothing of the others."""
    if tab == "variables":
        find_text, root = request.GET.get("find", ""), request.GET.get("path", "")
        return {
            "tree": tree_of(shown.params, mask, find=find_text, revealed=revealed, root=root),
            "find": find_text,
            "root": root,
            "revealed": revealed,
        }
    if tab == "tokens":
        documents = token_documents(shown.tokens, shown.visits, shown.graph)
        as_json = request.GET.get("view") == "json"
        return {
            "tokens": list(zip(shown.tokens, documents, strict=True)),
            "token_json": jsonio_lines(documents) if as_json else "",
            "token_view": "json" if as_json else "table",
        }
    if tab == "actions":
        return {"actions": current}
    if tab == "messages":
        chosen = request.GET.get("message", "")
        return {
            "messages_shown": messages_of(shown.instance),
            "message": detail_of(shown.instance, shown.graph, mask, chosen) if chosen else None,
        }
    if tab == "exceptions":
        return {"exceptions": [incident_card(one, mask, shown, process_url) for one in shown.incidents]}
    if tab == "audit":
        rows, older = journal.audit_rows(shown.instance, before=number_of(request.GET.get("audit_before", "")))
        return {"audit": rows, "audit_older": older}
    return {}


def jsonio_lines(documents: list[dict[str, Any]]) -> str:
    return "\n".join(pretty_lines(list(documents)))


def number_of(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0


# -- what the page loads besides ---------------------------------------------------------------------------------------


@staff(*SEE)
@cache_control(private=True, max_age=86_400, immutable=True)
def drawing(request: HttpRequest, snapshot_id: int) -> HttpResponse:
    """The drawing of a snapshot, which never changes."""
    text = Snapshot.objects.filter(id=snapshot_id).values_list("bpmn", flat=True).first()
    if not text:
        raise Http404("This version has no drawing.")
    return HttpResponse(text, content_type="application/xml; charset=utf-8")


@staff(*SEE)
def variables_json(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The process data as JSON, sensitive values hidden."""
    instance = find(uuid)
    data = jsonio.loads(instance.params or "{}")
    hidden = Mask.of(status.graph_of(instance)).hide(data)
    return download(jsonio.dumps(hidden), f"variables-{instance.uuid}.json")


@staff(*SEE)
def timeline_json(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The journal as one JSON list, oldest first, sensitive values hidden."""
    instance = find(uuid)
    graph = status.graph_of(instance)
    mask = Mask.of(graph, json_object(instance.params))
    lines = [jsonio.dumps(journal.hide_entry(one, mask, graph)) for one in journal.entry_documents(instance)]
    return download("[\n" + ",\n".join(lines) + "\n]\n", f"timeline-{instance.uuid}.json")


def json_object(text: str) -> dict[str, jsonio.Json]:
    found = jsonio.loads(text or "{}")
    return found if isinstance(found, dict) else {}


def download(text: str, name: str) -> HttpResponse:
    return HttpResponse(
        text, content_type="application/json", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@require_POST
@staff(*SEE)
def reveal(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Show one sensitive value to one who may see it, and leave a `View` in the audit log (engine 15.9)."""
    if not request.user.has_perm(rights.REVEAL_SENSITIVE):
        return refused(request, rights.REVEAL_SENSITIVE, "reveal sensitive values")
    instance = find(uuid)
    path = request.POST.get("path", "")
    mask = Mask.of(status.graph_of(instance))
    tree = tree_of(json_object(instance.params), mask, revealed=frozenset({path}))
    rows = [row for row in tree.rows if row.path == path or row.path.startswith((f"{path}.", f"{path}["))]
    if not rows:
        return JsonResponse({"message": "There is no such value any more."}, status=404)
    AuditEntry.objects.create(
        at=timezone.now(),
        user=request.user.get_username(),
        subject="Process Instance",
        event="View",
        identifier=str(instance.uuid),
        version=instance.version,
        details={"path": path},
    )
    if request.headers.get("HX-Request") or request.headers.get("X-Fragment"):
        return render(request, "engine/status_tree_rows.html", {"rows": rows, "instance": instance, "uncovered": True})
    return render(request, "engine/status.html", page_context(request, instance, revealed=frozenset({path})))
