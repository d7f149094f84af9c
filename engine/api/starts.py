"""Starting processes: by name, inheriting from an instance, and a draft for test (engine 2.3-2.6, 8.4)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from ninja import Router

from engine import idempotency, publishing, rights, starting
from engine.api import schemas
from engine.api.bodies import json_object, raw_body
from engine.api.callers import caller_of
from engine.api.calls import call_of, key_of, perform, repeated
from engine.api.found import instance_for
from engine.api.limits import count_start
from engine.api.problems import Problem
from engine.core.stimuli import Refusal
from engine.idempotency import Call
from engine.models import Instance, PublishedProcess

TAGS = ["Start"]


def add_by_name(router: Router) -> None:
    """The start by name."""
    documented = schemas.documented(schemas.StartAnswer)
    router.post("/{definitionName}/start", summary="Start the published version", tags=TAGS, **documented)(start)


def add_inheriting(router: Router, *, shown: bool) -> None:
    """The start with inherited values; `shown` in the OpenAPI document."""
    router.post(
        "/{definitionName}/start/inheritFrom/{relatedInstance}",
        summary="Start with values of another instance",
        tags=TAGS,
        include_in_schema=shown,
        **schemas.documented(schemas.StartAnswer),
    )(start_inherit)


def add_draft(router: Router) -> None:
    """The test start of a draft."""
    documented = schemas.documented(schemas.StartAnswer)
    router.post("/{int:definitionId}/start", summary="Start a draft in test mode", tags=TAGS, **documented)(start_draft)


def start(request: HttpRequest, definitionName: str) -> HttpResponse:
    """`startCondition` picks the START node, `flowName` a flow; every key of the body becomes a value of the instance.
    Needs `execute` on the START node's swimlane."""
    return _start(request, definitionName, None)


def start_inherit(request: HttpRequest, definitionName: str, relatedInstance: str) -> HttpResponse:
    """`paramsToInherit` holds the lists `paramsToCopy` and `withoutParams`; without them all values are taken over. What else
    the body holds wins over inherited values. With the id of a RunAction frame as Idempotency-Key the process is started once,
    whoever calls."""
    return _start(request, definitionName, relatedInstance)


def start_draft(request: HttpRequest, definitionId: int) -> HttpResponse:
    """Refused while the draft has blockers; the instance is flagged as test. Needs the right to edit processes."""
    user = caller_of(request).needs("start")
    attempt = Attempt(f"draft {definitionId}", user)
    with kept_if_refused(attempt):
        if not rights.may_start_drafts(user):
            raise Problem(403, "You may not start drafts.", entity="processDefinition", params=str(definitionId))
        attempt.body = raw_body(request)
        call = call_of(request, user.pk, attempt.body)
        if (again := repeated(call)) is not None:
            return again
        count_start(user.pk)
        params = json_object(attempt.body)
        snapshot = publishing.compile_draft(definitionId, user.get_username())
        return perform(starting.prepare_test(snapshot.id, params, user=user), call)


@dataclass(slots=True)
class Attempt:
    """A start in the making, for the record that is kept when it is refused."""

    name: str
    user: User
    body: bytes = b""
    related: Instance | None = None


@contextmanager
def kept_if_refused(attempt: Attempt) -> Iterator[None]:
    """A refused start leaves a record for staff and no instance (engine 2.6); too many starts leave none."""
    try:
        yield
    except (Problem, Refusal) as refused:
        if refused.status != 429:
            starting.record_failed(
                attempt.name,
                error_key=refused.error_key,
                message=refused.message,
                user=attempt.user,
                source="REST",
                body=attempt.body.decode(errors="replace"),
                related=attempt.related.uuid if attempt.related else None,
            )
        raise


def _start(request: HttpRequest, name: str, related_uuid: str | None) -> HttpResponse:
    user = caller_of(request).needs("start")
    attempt = Attempt(name, user)
    with kept_if_refused(attempt):
        if related_uuid is not None:
            attempt.related = instance_for(user, related_uuid)
        attempt.body = raw_body(request)
        call = _call(request, attempt)
        if (again := repeated(call)) is not None:
            _check_may_share(attempt, call)
            return again
        count_start(user.pk)
        params = json_object(attempt.body)
        return perform(starting.prepare(name, params, user=user, related=attempt.related), call)


def _call(request: HttpRequest, attempt: Attempt) -> Call | None:
    """What the answer is stored under: a RunAction frame's own key (engine 8.4), else the caller's."""
    key, related = key_of(request), attempt.related
    if key and related is not None:
        shared = idempotency.action_call(related=related.uuid, related_id=related.id, key=key)
        if shared is not None:
            return shared
    return call_of(request, attempt.user.pk, attempt.body)


def _check_may_share(attempt: Attempt, call: Call | None) -> None:
    """The answer to a RunAction start is for everyone who could have started the process (engine 8.4)."""
    if call is None or call.path != idempotency.RUN_ACTION:
        return
    published = PublishedProcess.objects.filter(name_key=attempt.name.lower()).first()
    if published is None or not any(
        rights.may_start(attempt.user, published.name, lane) for lane in published.start_swimlanes
    ):
        raise Problem(403, f"You may not start '{attempt.name}'.", entity="processDefinition", params=attempt.name)
