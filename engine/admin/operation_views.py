"""The dialog of one operation on one instance: asks for a reason, applies it once, says what came of it (designer 4.3)."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from engine import rights, runtime
from engine.admin.access import refused, staff
from engine.admin.once import Result, apply_once, call_of, known, new_token, run_once
from engine.admin.operations import OPERATIONS, RETRY, RUN_TIMER, Operation, Target, may, obstacle, question, stimuli_of
from engine.admin.status import find
from engine.core.stimuli import Actor, Refusal
from engine.models import Incident, Instance, OutboxMessage, Timer
from engine.queries.instances import short_uuid

SEE = (rights.INSTANCES_READ, "see process instances")
LONGEST_REASON = 500
NO_REASON = "Enter a reason."
REASON_TOO_LONG = "Use at most 500 characters for the reason (now {n})."
OUTDATED = "This form is no longer valid. Open it again."
NOT_FAILED = "Only a failed message can be queued again."
DONE_EVENT = "operate:done"


def actor_of(request: HttpRequest) -> Actor:
    return Actor(request.user.get_username(), request.user.pk)


def reason_of(request: HttpRequest) -> tuple[str, str]:
    """The typed reason and what is wrong with it."""
    reason = request.POST.get("reason", "").replace("\x00", "").strip()
    if not reason:
        return reason, NO_REASON
    if len(reason) > LONGEST_REASON:
        return reason, REASON_TOO_LONG.format(n=len(reason))
    return reason, ""


@staff(*SEE)
def operation(request: HttpRequest, uuid: UUID, key: str) -> HttpResponse:
    """GET asks, POST does."""
    chosen = OPERATIONS.get(key)
    if chosen is None:
        raise Http404("There is no such operation.")
    instance = find(uuid)
    if not may(request.user, chosen, instance):
        return refused(request, rights.INSTANCES_ADMIN, f"{chosen.word.lower()} process instances")
    target = target_of(request, chosen, instance)
    if request.method != "POST":
        return ask(request, chosen, target)
    call = call_of(request)
    if (before := known(call)) is not None and before.done:
        return answer(request, chosen, target)
    reason, wrong = reason_of(request)
    if wrong or call is None:
        return ask(
            request, chosen, target, reason=reason, reason_error=wrong, error="" if wrong else OUTDATED, status=422
        )
    stimuli = stimuli_of(chosen, target, actor_of(request), reason)
    if not stimuli:  # nothing to aim at: the core would refuse it in the same words
        return ask(
            request, chosen, target, reason=reason, error=obstacle(chosen, target), code=code_of(chosen), status=409
        )
    result = apply_once(call, stimuli)
    if result.refused and not result.done:
        _, code, message = result.refused[0]
        return ask(request, chosen, target, reason=reason, error=message, code=code, status=409)
    return answer(request, chosen, target)


def code_of(chosen: Operation) -> str:
    return {"retry": "OPS-001", "run-timer": "OPS-011"}.get(chosen.key, "OPS-002")


def target_of(request: HttpRequest, chosen: Operation, instance: Instance) -> Target:
    """The token or timer that the address names; for a retry without one, every stuck token."""
    values = request.POST if request.method == "POST" else request.GET
    if chosen is RETRY:
        rows = Incident.objects.filter(instance_id=instance.id, closed_at=None, token_uuid__isnull=False).order_by(
            "-id"
        )
        incidents = list(rows[:100])
        if token := values.get("token"):
            incidents = [incident for incident in incidents if str(incident.token_uuid) == token]
        return Target(instance, incidents)
    if chosen is RUN_TIMER:
        number = values.get("timer", "")
        known = number.isdecimal() and len(number) < 19
        timer = Timer.objects.filter(instance_id=instance.id, id=int(number)).first() if known else None
        return Target(instance, timer=timer)
    return Target(instance)


def ask(
    request: HttpRequest,
    chosen: Operation,
    target: Target,
    *,
    reason: str = "",
    reason_error: str = "",
    error: str = "",
    code: str = "",
    status: int = 200,
) -> HttpResponse:
    """The dialog: what will happen, the reason, or why it cannot be done."""
    in_the_way = obstacle(chosen, target)
    context: dict[str, Any] = {
        "operation": chosen,
        "target": target,
        "instance": target.instance,
        "question": "" if in_the_way else question(chosen, target),
        "obstacle": error or in_the_way,
        "code": code or (code_of(chosen) if in_the_way and not error else ""),
        "blocked": bool(in_the_way) and status != 422,
        "reason": reason,
        "reason_error": reason_error,
        "once": request.POST.get("once") if status == 422 and not error else new_token(),
        "action": request.get_full_path(),
        "dialog_back": reverse("operate:instance", args=[target.instance.uuid]),
    }
    return respond(request, context, status)


def respond(request: HttpRequest, context: dict[str, Any], status: int) -> HttpResponse:
    """The dialog alone for a page that swaps it in, else a page around it."""
    template = "engine/operation_dialog.html" if is_swapped(request) else "engine/operation_page.html"
    return render(request, template, context, status=status)


def is_swapped(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def answer(request: HttpRequest, chosen: Operation, target: Target) -> HttpResponse:
    """Said aloud on the page that asked, which then shows the new state; without JavaScript the page opens anew."""
    now = Instance.objects.only("open_incidents", "incident_text", "state").get(pk=target.instance.pk)
    said = f"{chosen.done} {target.name}."
    if chosen is RETRY and now.open_incidents:
        said = f"{chosen.done} {target.name}; it is stuck again: {now.incident_text}"
    return say(request, said, back=reverse("operate:instance", args=[target.instance.uuid]))


def say(request: HttpRequest, said: str, *, back: str) -> HttpResponse:
    """Close the dialog and announce what was done."""
    if is_swapped(request):  # a header carries ASCII only, which `json.dumps` writes
        return HttpResponse("", headers={"HX-Trigger": json.dumps({DONE_EVENT: {"text": said}})})
    messages.success(request, said)
    return HttpResponseRedirect(back)


@staff(*SEE)
def requeue(request: HttpRequest, uuid: UUID, outbox_id: UUID) -> HttpResponse:
    """Queue a record again that the broker refused for good; instance and token are not touched (OPS-010)."""
    instance = find(uuid)
    if not rights.may_operate(request.user):
        return refused(request, rights.INSTANCES_ADMIN, "queue messages again")
    row = OutboxMessage.objects.filter(id=outbox_id, instance_id=instance.id).defer("value").first()
    if row is None:
        raise Http404("There is no such message.")
    context: dict[str, Any] = {
        "row": row,
        "instance": instance,
        "action": request.get_full_path(),
        "once": new_token(),
        "short": short_uuid(str(instance.uuid)),
        "dialog_back": reverse("operate:instance", args=[instance.uuid]),
        "blocked": row.state != OutboxMessage.State.FAILED,
    }
    if request.method != "POST":
        return respond_requeue(request, context, 200)
    call = call_of(request)
    said = f"Queued the message of {row.action_name} again."
    if (before := known(call)) is not None and before.done:
        return say(request, said, back=context["dialog_back"])
    reason, wrong = reason_of(request)
    context |= {"reason": reason, "reason_error": wrong}
    if wrong or call is None:
        return respond_requeue(request, context | {"error": "" if wrong else OUTDATED, "blocked": False}, 422)
    user = request.user.get_username()

    def work() -> Result:
        try:
            done = runtime.requeue(row.id, user=user, reason=reason)
        except Refusal as refusal:
            return Result(0, ((str(instance.uuid), refusal.code, refusal.message),))
        return Result(1) if done else Result(0, ((str(instance.uuid), "OPS-010", NOT_FAILED),))

    result = run_once(call, work)
    if result.refused:
        [(_, code, error)] = result.refused
        return respond_requeue(request, context | {"error": error, "blocked": bool(code)}, 409)
    return say(request, said, back=context["dialog_back"])


def respond_requeue(request: HttpRequest, context: dict[str, Any], status: int) -> HttpResponse:
    template = "engine/requeue_dialog.html" if is_swapped(request) else "engine/requeue_page.html"
    return render(request, template, context, status=status)
