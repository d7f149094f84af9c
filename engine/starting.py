"""One validator for all doors that start a process: REST now, Kafka later (engine 2.4-2.6, 7).

`prepare` turns a request into the stimulus, or raises the documented refusal before anything has happened; the runtime makes the
instance. `record_failed` keeps what was refused, for staff.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.utils import timezone

from engine import rights, snapshots
from engine.core import jsonio, paths
from engine.core.entry import select_start
from engine.core.stimuli import Actor, Refusal, Start
from engine.models import FailedStart, Instance, PublishedProcess

NOT_FOUND = "error.validation.process_instance.process_def_not_found"


def prepare(process_name: str, body: Mapping[str, Any], *, user: User, related: Instance | None = None) -> Start:
    """The start of the published version by `user`, who owns the instance. Raises `Refusal` (engine 2.6).

    `related` is the instance to inherit from, which the caller has found viewable.
    """
    published = PublishedProcess.objects.filter(name_key=process_name.lower()).first()
    if published is None:
        raise Refusal(400, "Process definition not found.", NOT_FOUND, entity="processDefinition", params=process_name)
    params = dict(body)
    wanted = params.pop("paramsToInherit", None) if related is not None else None
    condition = start_condition(params)
    node = select_start(snapshots.graph(published.snapshot_id), condition)
    if not rights.may_start(user, published.name, node.swimlane):
        raise Refusal(403, f"You may not start '{published.name}'.", entity="processDefinition", params=published.name)
    if related is not None:
        params = paths.merge(inherited(related, wanted), params)
    return Start(
        uuid=uuid4(),
        snapshot_id=published.snapshot_id,
        params=params,
        actor=actor_of(user),
        start_condition=condition,
        parent_id=related.id if related else None,
        parent_uuid=related.uuid if related else None,
        relation="INHERITED" if related else "",
    )


def prepare_test(snapshot_id: int, body: Mapping[str, Any], *, user: User) -> Start:
    """The start of a draft's snapshot in test mode (engine 1.2); the caller has checked the right."""
    return Start(
        uuid=uuid4(),
        snapshot_id=snapshot_id,
        params=dict(body),
        actor=actor_of(user),
        start_condition=start_condition(body),
        test=True,
    )


def actor_of(user: User) -> Actor:
    """The user as the journal names him."""
    return Actor(name=user.get_username(), id=user.pk)


def start_condition(body: Mapping[str, Any]) -> str | None:
    """The `startCondition` of a body; what is not text is compared as its JSON and so matches nothing by accident."""
    value = body.get("startCondition")
    return value if value is None or isinstance(value, str) else jsonio.dumps(value)


def inherited(related: Instance, wanted: Any) -> dict[str, Any]:
    """The values that a new instance takes over (engine 2.5). Raises `Refusal` for a `paramsToInherit` of another shape."""
    values = jsonio.loads(related.params)
    assert isinstance(values, dict)
    wanted = {} if wanted is None else wanted
    if not isinstance(wanted, dict):
        raise _bad_inherit("paramsToInherit must be an object.")
    copied, without = (_key_paths(wanted, name) for name in ("paramsToCopy", "withoutParams"))
    if copied:
        values = paths.copy_only(values, copied)
    return paths.copy_without(values, without) if without else values


def _key_paths(wanted: Mapping[str, Any], name: str) -> list[paths.Path]:
    listed = wanted.get(name) or []
    if not isinstance(listed, list) or not all(isinstance(key, str) for key in listed):
        raise _bad_inherit(f"{name} must be a list of key paths.")
    try:
        return [paths.parse(key) for key in listed]
    except paths.PathError as error:
        raise _bad_inherit(f"{name}: {error}") from error


def _bad_inherit(message: str) -> Refusal:
    return Refusal(400, message, "error.validation.process_instance.params_to_inherit", params="paramsToInherit")


def record_failed(
    process_name: str,
    *,
    error_key: str,
    message: str,
    user: User,
    source: str,
    body: str,
    related: UUID | None = None,
) -> None:
    """Keep a refused start for staff (engine 2.6): no instance was made."""
    FailedStart.objects.create(
        process_name=process_name[:100],
        caller=user.get_username(),
        owner_id=user.pk,
        source=source,
        error_key=error_key,
        message=message,
        body=body.replace("\0", ""),  # PostgreSQL keeps no NUL
        related_instance_uuid=related,
        at=timezone.now(),
    )
