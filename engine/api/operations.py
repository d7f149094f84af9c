"""Operator commands over HTTP (engine 13): move, edit, deliver, attach, execute, skip, timers, start again.

`POST /api/process/{instance}/operations/{command}` checks the right, reads the body and applies one stimulus; what depends on the
instance's state the core checks under the lock. The staff screens give the same stimuli.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from ninja import Router

from engine import received, restarting, rights
from engine.api import schemas
from engine.api.actions import reason_of
from engine.api.bodies import json_object, raw_body
from engine.api.callers import caller_of
from engine.api.calls import Part, call_of, perform, repeated
from engine.api.found import instance_for, token_of
from engine.api.problems import Problem
from engine.core import jsonio
from engine.core.stimuli import (
    Actor,
    ChangeTimer,
    Deliver,
    EditVariables,
    ExecuteByOperator,
    MessageReceived,
    MoveToken,
    RunTimer,
    SkipAction,
    Stimulus,
)
from engine.models import FailedStart, Instance
from engine.starting import actor_of

TAGS = ["Operate"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A command as it was given: on what, by whom, why, and its fields."""

    instance: Instance
    actor: Actor
    reason: str
    values: Mapping[str, Any]

    @property
    def version(self) -> int | None:
        return self.number("version") if self.values.get("version") is not None else None

    def number(self, name: str) -> int:
        value = self.values.get(name)
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong(name, "must be a whole number")
        return value

    def text(self, name: str, *, required: bool = True) -> str:
        value = self.values.get(name)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or (required and not value):
            raise wrong(name, "must be a text")
        return value

    def object(self, name: str) -> dict[str, Any]:
        value = self.values.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise wrong(name, "must be an object")
        return value

    def token(self) -> Any:
        return token_of(self.instance, self.text("token")).uuid


Made = tuple[Stimulus, Part | None]


def wrong(field: str, what: str) -> Problem:
    """400 for a field of a command's body."""
    message = f"{field}: {what}."
    return Problem(400, message, errors=[{"code": "", "field": field, "message": message}])


def move_token(asked: Asked) -> Made:
    """`token`, `targetNode`, `variables`."""
    variables = asked.object("variables")
    target = asked.number("targetNode")
    uuid = asked.instance.uuid
    return MoveToken(uuid, asked.token(), target, asked.actor, asked.reason, variables, asked.version), None


def edit_variables(asked: Asked) -> Made:
    """`set` {path: value}, `remove` [paths]; `version` is the instance's `revision`."""
    remove = asked.values.get("remove") or []
    if not isinstance(remove, list) or not all(isinstance(path, str) for path in remove):
        raise wrong("remove", "must be a list of paths")
    values = asked.object("set")
    uuid = asked.instance.uuid
    return EditVariables(uuid, asked.actor, asked.reason, values, tuple(remove), asked.version), None


def deliver(asked: Asked) -> Made:
    """`token`, `topic`, `payload`, `headers`; without a topic it is a message event for the token."""
    if "payload" not in asked.values:
        raise wrong("payload", "must be given")
    payload = asked.values["payload"]
    topic = asked.text("topic", required=False)
    if not topic and not isinstance(payload, dict):
        raise wrong("payload", "must be an object")
    headers = asked.object("headers")
    if not all(isinstance(text, str) for text in headers.values()):
        raise wrong("headers", "must hold texts")
    uuid = asked.instance.uuid
    raw = jsonio.dumps(payload).encode()
    message = MessageReceived(uuid, topic, payload, raw, timezone.now(), headers=headers, manual=True)
    return Deliver(uuid, asked.token(), message, asked.actor, asked.reason, version=asked.version), None


def attach(asked: Asked) -> Made:
    """`token`, `record`: the number of a stored record."""
    token = asked.token()
    attached = received.attach(asked.number("record"))
    return attached.stimulus(asked.instance.uuid, token, asked.actor, asked.reason, asked.version), attached


def execute_action(asked: Asked) -> Made:
    """`token`, `action`, `data`."""
    data = asked.object("data")
    name, uuid = asked.text("action"), asked.instance.uuid
    return ExecuteByOperator(uuid, asked.token(), name, asked.actor, asked.reason, data, asked.version), None


def skip_action(asked: Asked) -> Made:
    """`token`, `action`; without an action a timer node whose timer was cancelled."""
    name, uuid = asked.text("action", required=False), asked.instance.uuid
    return SkipAction(uuid, asked.token(), name, asked.actor, asked.reason, asked.version), None


def run_timer(asked: Asked) -> Made:
    """`timer`."""
    return RunTimer(asked.instance.uuid, asked.number("timer"), asked.actor, asked.reason), None


def change_timer(asked: Asked) -> Made:
    """`timer`, `dueAt`."""
    due_at = _moment(asked.text("dueAt"))
    return ChangeTimer(asked.instance.uuid, asked.number("timer"), asked.actor, asked.reason, due_at), None


def cancel_timer(asked: Asked) -> Made:
    """`timer`."""
    return ChangeTimer(asked.instance.uuid, asked.number("timer"), asked.actor, asked.reason, None), None


def start_again(asked: Asked) -> Made:
    """`params`; without them the values the first one started with."""
    return restarting.of_instance(asked.instance, _params(asked.values), by=asked.actor, reason=asked.reason), None


COMMANDS: Mapping[str, tuple[str, Callable[[Asked], Made]]] = {
    "move-token": ("Set a token on another node", move_token),
    "edit-variables": ("Set and remove values", edit_variables),
    "deliver": ("Give a token a message by hand", deliver),
    "attach": ("Give a token a stored record", attach),
    "execute-action": ("Run an action of the current node", execute_action),
    "skip-action": ("Count an action as done", skip_action),
    "run-timer": ("Fire a timer now", run_timer),
    "change-timer": ("Give a timer another due time", change_timer),
    "cancel-timer": ("Cancel a timer", cancel_timer),
    "start-again": ("Start a new instance like an ended one", start_again),
}


def add_to(router: Router, *, shown: bool) -> None:
    """The commands, on a router whose paths begin with the instance; `shown` in the OpenAPI document."""
    for name, (summary, make) in COMMANDS.items():
        router.post(
            f"/{{instance}}/operations/{name}",
            summary=summary,
            operation_id=f"operation_{name.replace('-', '_')}" if shown else None,
            tags=TAGS,
            include_in_schema=shown,
            **schemas.documented(schemas.AnyAnswer, body=schemas.REASON),
        )(_view_of(name, make))


def _view_of(name: str, make: Callable[[Asked], Made]) -> Callable[[HttpRequest, str], HttpResponse]:
    def view(request: HttpRequest, instance: str) -> HttpResponse:
        user = caller_of(request).needs("operate")
        found = instance_for(user, instance)
        _check_right(user, name)
        body = raw_body(request)
        values = json_object(body)
        reason = reason_of(values)
        call = call_of(request, user.pk, body)
        if (again := repeated(call)) is not None:
            return again
        stimulus, part = make(Asked(found, actor_of(user), reason, values))
        try:
            return perform(stimulus, call, part)
        except received.Gone as gone:
            raise Problem(409, received.GONE, entity="record") from gone

    view.__doc__ = f"Needs Instances-admin. Beside `reason`: {make.__doc__}"
    return view


failed_starts = Router(tags=TAGS)


@failed_starts.post(
    "/failed-starts/{int:failedStart}/start-again",
    summary="Start what was refused once more",
    **schemas.documented(schemas.StartAnswer, body=schemas.REASON),
)
def start_failed_again(request: HttpRequest, failedStart: int) -> HttpResponse:
    """Needs Instances-admin. Beside `reason`: `params`; without them the values that were sent."""
    user = caller_of(request).needs("operate")
    _check_right(user, "start-again")
    row = FailedStart.objects.filter(id=failedStart).first()
    if row is None:
        raise Problem(404, "Failed start not found.", entity="failedStart", params=str(failedStart))
    body = raw_body(request)
    values = json_object(body)
    reason = reason_of(values)
    call = call_of(request, user.pk, body)
    if (again := repeated(call)) is not None:
        return again
    stimulus = restarting.of_failed_start(row, _params(values), by=actor_of(user), reason=reason)
    return perform(stimulus, call, restarting.Link(row.id))


def _check_right(user: User, command: str) -> None:
    if not rights.may_operate(user):
        raise Problem(403, f"You may not {command.replace('-', ' ')} here.", entity="processInstance")


def _params(values: Mapping[str, Any]) -> dict[str, Any] | None:
    params = values.get("params")
    if params is not None and not isinstance(params, dict):
        raise wrong("params", "must be an object")
    return params


def _moment(text: str) -> datetime:
    """A moment with its offset from UTC."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise wrong("dueAt", "must be a date and time with offset, such as 2024-05-01T08:00:00Z")
    return moment.astimezone(UTC)
