"""The life of a version from its page: publish, create a draft, discard, delete, start, export (designer 3.1, screen 09)."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import NoReverseMatch, reverse

from designer import export as exports
from designer import versions
from designer.models import Process, VersionState
from designer.nodetypes import node_kind
from designer.versions import DraftExists, VersionRefused
from designer.views.access import refused, staff
from designer.views.page import Page, find_page, placed
from designer.views.processes import CREATE, leave_for, over_list
from designer.views.version import VIEW
from engine import publishing
from engine.core import jsonio
from engine.core.stimuli import Actor, Refusal, Refused, Start
from engine.runtime import apply

EDIT = ("designer.change_process", "edit drafts")
PUBLISH = ("designer.publish_process", "publish processes")
DELETE = ("designer.delete_process", "delete process definitions")


def over_version(page: Page, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """A dialog: alone for htmx, else open over the version's page, so that its address works without JavaScript."""
    request = page.request
    more = {"dialog_back": page.address(), "selected": None, "tab": "", **context}
    if request.headers.get("HX-Request"):
        return render(
            request, template, {"page": page, "process": page.process, "version": page.version, **more}, status=status
        )
    return render(
        request, "designer/version_with_dialog.html", page.context(dialog_template=template, **more), status=status
    )


@staff(*PUBLISH)
def publish(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """What changes, what stands in the way, a message; publishes unless something blocks (PRC-004)."""
    page = find_page(request, name, number)
    message, refusal = request.POST.get("message", ""), ""
    unchanged = (
        f"No changes since v{page.published.number}."
        if page.changes and page.changes.nothing and page.published
        else ""
    )
    if page.version.state == VersionState.PUBLISHED:
        unchanged = f"v{number} is published already."
    if request.method == "POST":
        if unchanged:
            refusal = unchanged
        else:
            try:
                versions.publish(page.version, message=message, user=request.user)
            except VersionRefused as error:
                refusal = error.problems[0].message
            else:
                messages.success(request, f"{name} v{number} is published.")
                return leave_for(request, page.address())
    every = placed(page)
    context = {
        "message": message,
        "limit": versions.MESSAGE_LENGTH,
        "refusal": refusal,
        "placed": every,
        "changes": page.changes,
        "unchanged": unchanged,
        "running": publishing.running_instances([name]).get(name, 0),
        "topics": sorted({topic for action in page.design.actions for topic in action.topics}),
        "timers": sum(1 for action in page.design.actions if action.timer_expression.strip()),
    }
    return over_version(page, "designer/dialogs/publish.html", status=409 if refusal else 200, **context)


@staff(*EDIT)
def draft(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Create a draft from this version; where one exists, ask whether to open or to replace it."""
    page = find_page(request, name, number)
    if request.method == "POST":
        try:
            made = versions.create_draft(page.version, user=request.user, replace=request.POST.get("replace") == "1")
        except DraftExists as error:
            return over_version(page, "designer/dialogs/draft.html", status=409, existing=error.draft)
        return leave_for(request, reverse("designer:version", args=[name, made.number]))
    return over_version(page, "designer/dialogs/draft.html", existing=page.draft)


@staff(*CREATE)
def duplicate(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Take this version as draft v1 of a new process; asks its name (PRC-001 to 003)."""
    page = find_page(request, name, number)
    wanted, problems = request.POST.get("name", "").strip(), []
    if request.method == "POST":
        try:
            made = versions.duplicate(page.version, wanted, user=request.user)
        except VersionRefused as error:
            problems = error.problems
        else:
            return leave_for(request, reverse("designer:version", args=[made.process.name, made.number]))
    return over_version(page, "designer/dialogs/duplicate.html", name=wanted, problems=problems)


@staff(*EDIT)
def discard(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Discard the draft after naming what is lost; every other version stays."""
    page = find_page(request, name, number)
    refusal = None
    if request.method == "POST":
        try:
            versions.discard_draft(page.version)
        except VersionRefused as error:
            refusal = error.problems[0]
        else:
            messages.success(request, f"Draft v{number} of {name} was discarded.")
            return leave_for(request, reverse("designer:processes"))
    return over_version(page, "designer/dialogs/discard.html", changes=page.changes, refusal=refusal)


@staff(*DELETE)
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Delete a definition with all its versions; refused while instances run (PRC-010)."""
    process = get_object_or_404(Process, name=name, deleted=False)
    refusal = None
    if request.method == "POST":
        try:
            versions.delete_process(process)
        except VersionRefused as error:
            refusal = error.problems[0]
        else:
            messages.success(request, f"{name} was deleted.")
            return leave_for(request, reverse("designer:processes"))
    count = process.versions.exclude(state=VersionState.DELETED).count()
    return over_list(
        request,
        "designer/dialogs/delete.html",
        status=409 if refusal else 200,
        process=process,
        count=count,
        refusal=refusal,
    )


@staff(*VIEW)
def export(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """The version as a file (designer 3.3)."""
    page = find_page(request, name, number)
    document = exports.document(page.design, exported_by=request.user.get_username())
    headers = {"Content-Disposition": f'attachment; filename="{name}_v{number}.json"'}
    return HttpResponse(exports.to_text(document), content_type="application/json", headers=headers)


@staff(*VIEW)
def start(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Start an instance of this version with typed input. A draft starts in test mode, from a snapshot of this moment."""
    page = find_page(request, name, number)
    test = page.version.state == VersionState.DRAFT
    if test and not page.may_edit:
        return refused(request, EDIT[0], "start a draft in test mode")
    text, condition, refusal, fault = request.POST.get("params", "{}"), request.POST.get("start_condition", ""), "", ""
    if request.method == "POST":
        try:
            params = jsonio.loads(text or "{}")
            if not isinstance(params, dict):
                raise jsonio.JsonError("The input must be a JSON object: { … }.")
        except jsonio.JsonError as error:
            fault = str(error)
        else:
            answer = start_instance(page, params, condition or None, test=test)
            if isinstance(answer, uuid.UUID):
                messages.success(request, f"{name} v{number} was started{' in test mode' if test else ''}.")
                return leave_for(request, instance_address(answer) or page.address())
            refusal = answer
    conditions = [node.start_condition for node in page.design.nodes if page_starts(node.type) and node.start_condition]
    context = {
        "text": text,
        "test": test,
        "conditions": conditions,
        "condition": condition,
        "refusal": refusal,
        "fault": fault,
    }
    return over_version(page, "designer/dialogs/start.html", status=422 if fault or refusal else 200, **context)


def page_starts(type_name: str) -> bool:
    return type_name == "START"


def start_instance(page: Page, params: dict[str, Any], condition: str | None, *, test: bool) -> uuid.UUID | str:
    """The uuid of the new instance, or the sentence that says why there is none."""
    user = page.request.user
    condition = condition or (params["startCondition"] if isinstance(params.get("startCondition"), str) else None)
    if not test and not may_start(page):
        return f"You may not start '{page.process.name}': none of your groups has execute on the swimlane of its start."
    try:
        snapshot = publishing.compile_draft(page.version.pk, user.get_username()).id if test else page.version.snapshot
    except Refusal as refusal:
        return refusal.message
    if snapshot is None:
        return f"Version {page.version.number} was never published."
    stimulus = Start(
        uuid=uuid.uuid4(),
        snapshot_id=snapshot,
        params=params,
        actor=Actor(user.get_username(), user.pk),
        start_condition=condition,
        test=test,
        node_id=other_start(page) if test else None,
    )
    outcome = apply([stimulus])[0]
    return outcome.refusal.message if isinstance(outcome, Refused) else stimulus.uuid


def other_start(page: Page) -> int | None:
    """The timer or message event at which a test run begins where there is no plain start; None where there is one."""
    starts = [node for node in page.design.nodes if node_kind(node.type).is_start]
    return None if not starts or any(page_starts(node.type) for node in starts) else starts[0].pk


def may_start(page: Page) -> bool:
    """Whether this user may start the published version: by a group of the start's swimlane, or as INSTANCE admin (0.4)."""
    user = page.request.user
    if user.has_perm("engine.operate_instances"):
        return True
    groups = set(user.groups.values_list("name", flat=True))
    lanes = {lane.pk: lane.name for lane in page.design.swimlanes}
    starts = [lanes.get(node.swimlane_id or 0, "") for node in page.design.nodes if page_starts(node.type)]
    return any(groups.intersection(page.design.executors.get(lane, [])) for lane in starts)


def instance_address(instance: uuid.UUID) -> str | None:
    """The status page of an instance, where the operator screens are mounted."""
    try:
        return reverse("operate:instance", args=[instance])
    except NoReverseMatch:
        return None
