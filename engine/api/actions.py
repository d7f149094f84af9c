"""Calls that change a running instance: a manual action, and the commands with a path of their own (engine 2.7, 3.9, 4.5).

Each checks, in the order of engine 4.7, what needs the caller; the rest is checked by the core under the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from ninja import Router

from engine import rights
from engine.api import schemas
from engine.api.bodies import json_object, raw_body
from engine.api.callers import caller_of
from engine.api.calls import call_of, perform, repeated
from engine.api.found import instance_for, token_of
from engine.api.problems import Problem
from engine.core.stimuli import Actor, Dismiss, Execute, Hold, Retry, Stimulus, Terminate, Unhold
from engine.models import Instance, Token
from engine.starting import actor_of

MAX_REASON = 500
TAGS = ["Act"]


class Command(NamedTuple):
    """A command on an instance. `operation` is the swimlane operation that allows it beside Instances-admin, if any."""

    name: str
    summary: str
    stimulus: type[Terminate | Hold | Unhold | Dismiss]
    operation: str | None


COMMANDS = (
    Command("terminate", "End the instance and its subprocesses", Terminate, None),
    Command("hold", "Freeze the instance", Hold, "hold"),
    Command("unhold", "Go on after a hold", Unhold, "unhold"),
    Command("dismiss", "Close a subprocess", Dismiss, "execute"),
)


def add_to(router: Router, *, shown: bool) -> None:
    """The operations, on a router whose paths begin with the instance; `shown` in the OpenAPI document."""
    router.post(
        "/{instance}/token/{token}/action/{actionName}/execute",
        summary="Run a manual action",
        tags=TAGS,
        include_in_schema=shown,
        **schemas.documented(schemas.ExecuteAnswer),
    )(execute)
    commanded = schemas.documented(schemas.CommandAnswer, body=schemas.REASON)
    router.post(
        "/{instance}/token/{token}/retry",
        summary="Go on from the failed step",
        tags=TAGS,
        include_in_schema=shown,
        **commanded,
    )(retry)
    for command in COMMANDS:
        router.post(
            f"/{{instance}}/{command.name}",
            summary=command.summary,
            operation_id=f"{command.name}_instance" if shown else None,
            tags=TAGS,
            include_in_schema=shown,
            **commanded,
        )(_view_of(command))


def execute(request: HttpRequest, instance: str, token: str, actionName: str) -> HttpResponse:
    """Of the body, what the action's keys let through is merged into the instance's values before the action runs. 422: the
    action itself failed; the merge stands, and `incidentId` names what staff see."""
    user = caller_of(request).needs("execute")
    found = instance_for(user, instance)
    named = token_of(found, token)
    lanes = rights.execute_lanes(user, found.process_name)
    if (
        lanes is not None and not lanes
    ):  # which swimlane counts is known under the lock: an action may lead back to another
        raise Problem(403, f"You may not run actions in the swimlane '{named.swimlane}'.", entity="token")
    body = raw_body(request)
    values = json_object(body)
    call = call_of(request, user.pk, body)
    if (again := repeated(call)) is not None:
        return again
    return perform(Execute(found.uuid, named.uuid, actionName, values, actor_of(user), lanes), call)


def retry(request: HttpRequest, instance: str, token: str) -> HttpResponse:
    """Needs Instances-admin; 409 OPS-001 when nothing failed on this token."""
    user = caller_of(request).needs("operate")
    found = instance_for(user, instance)
    named = token_of(found, token)
    _check(rights.may_operate(user), "retry")
    return _command(request, user, lambda actor, reason: Retry(found.uuid, named.uuid, actor, reason))


def _view_of(command: Command) -> Callable[[HttpRequest, str], HttpResponse]:
    def view(request: HttpRequest, instance: str) -> HttpResponse:
        user = caller_of(request).needs("operate")
        found = instance_for(user, instance)
        _check(_may(user, command.operation, found), command.name)
        return _command(request, user, lambda actor, reason: command.stimulus(found.uuid, actor, reason))

    needs = f"the swimlane operation `{command.operation}`, or " if command.operation else ""
    view.__doc__ = f"Needs {needs}Instances-admin."
    return view


def _check(allowed: bool, operation: str) -> None:
    if not allowed:
        raise Problem(403, f"You may not {operation} this instance.", entity="processInstance")


def _may(user: User, operation: str | None, instance: Instance) -> bool:
    """Instances-admin, or the operation in a swimlane where the instance has an open token."""
    if operation is None or rights.may_operate(user):
        return rights.may_operate(user)
    tokens = Token.objects.filter(instance_id=instance.id, state__in=["ACTIVE", "ON_HOLD"])
    return rights.may(user, operation, instance.process_name, tokens.values_list("swimlane", flat=True))


def _command(request: HttpRequest, user: User, make: Callable[[Actor, str], Stimulus]) -> HttpResponse:
    """Run a command with the reason that its body has to give (engine 13.1)."""
    body = raw_body(request)
    reason = reason_of(json_object(body))
    call = call_of(request, user.pk, body)
    if (again := repeated(call)) is not None:
        return again
    return perform(make(actor_of(user), reason), call)


def reason_of(values: Mapping[str, Any]) -> str:
    """Why a command is given; raises `Problem` 400 without a reason (engine 13.1)."""
    reason = values.get("reason")
    if not isinstance(reason, str) or not reason.strip() or len(reason) > MAX_REASON:
        message = f"Give a reason of 1 to {MAX_REASON} characters."
        raise Problem(400, message, errors=[{"code": "", "field": "reason", "message": message}])
    return reason.strip()
