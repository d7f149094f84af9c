"""Start again: a new instance like an ended one, or of a start that was refused (engine 13.7).

It runs the published version (for a test instance the draft), belongs to the same owner and is linked to what it repeats. Start
checks hold, but the owner's rights are not asked again; who starts it again, and why, stands in the journal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User

from engine import publishing, snapshots
from engine.core import jsonio, paths
from engine.core.entry import select_start
from engine.core.graph import NodeType
from engine.core.state import TERMINAL
from engine.core.stimuli import Actor, Done, Outcome, Refusal, Start, Stimulus
from engine.models import FailedStart, Instance, PublishedProcess, Token
from engine.starting import NOT_FOUND, inherited, start_condition

DRAFT = "draft "


def of_instance(instance: Instance, params: Mapping[str, Any] | None, *, by: Actor, reason: str) -> Start:
    """A new instance like this one; `params` None means the values it started with. Raises `Refusal`."""
    if instance.relation == "SUBPROCESS":
        raise Refusal(409, "A subprocess is not started again: retry the action of its parent.")
    if instance.state not in TERMINAL:
        raise Refusal(409, "Only an ended process instance can be started again.")
    first = jsonio.loads(instance.start_params)
    assert isinstance(first, dict)
    condition = start_condition(first)
    values = dict(first if params is None else params)
    if condition is not None:
        values.setdefault("startCondition", condition)
    inherits = instance.relation == "INHERITED"
    snapshot_id = _draft(instance.definition_id, by) if instance.test else _published(instance.process_name)
    node_id = _event_node(instance, snapshot_id)
    if node_id is None:
        select_start(snapshots.graph(snapshot_id), condition)
    return Start(
        uuid=uuid4(),
        snapshot_id=snapshot_id,
        params=values,
        actor=Actor(instance.owner_name, instance.owner_id),
        start_condition=condition,
        test=instance.test,
        parent_id=instance.parent_id if inherits else None,
        parent_uuid=instance.parent_uuid if inherits else None,
        relation=instance.relation if inherits else "",
        restarted_from=instance.uuid,
        node_id=node_id,
        by=by,
        reason=reason,
    )


def of_failed_start(row: FailedStart, params: Mapping[str, Any] | None, *, by: Actor, reason: str) -> Start:
    """The start that was refused, once more; `params` None means the values that were sent. Raises `Refusal`."""
    if row.restarted_uuid is not None:
        raise Refusal(409, "This start was started again already.", entity="failedStart")
    sent = _sent(row)
    wanted = sent.pop("paramsToInherit", None)
    condition = start_condition(sent)
    values = dict(sent if params is None else params)
    if condition is not None:
        values.setdefault("startCondition", condition)
    related = None
    if row.related_instance_uuid is not None:
        related = Instance.objects.filter(uuid=row.related_instance_uuid).first()
        if related is None:
            raise Refusal(409, "The instance whose values it was to inherit is gone.", entity="failedStart")
        values = paths.merge(inherited(related, wanted), values)
    is_draft = row.process_name.removeprefix(DRAFT).isdecimal() and row.process_name.startswith(DRAFT)
    definition = int(row.process_name.removeprefix(DRAFT)) if is_draft else 0
    owner = User.objects.filter(pk=row.owner_id or 0).first()
    return Start(
        uuid=uuid4(),
        snapshot_id=_draft(definition, by) if is_draft else _published(row.process_name),
        params=values,
        actor=Actor(row.caller, row.owner_id if owner is not None else None),
        start_condition=start_condition(values),
        test=is_draft,
        parent_id=related.id if related else None,
        parent_uuid=related.uuid if related else None,
        relation="INHERITED" if related else "",
        by=by,
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class Link:
    """Notes in the same transaction which instance came of a failed start, so that it is started again once."""

    row_id: int

    def inside(self, stimuli: Sequence[Stimulus]) -> Sequence[Stimulus]:
        return stimuli

    def after(self, outcomes: Sequence[Outcome]) -> None:
        outcome = outcomes[0]
        if isinstance(outcome, Done):
            waiting = FailedStart.objects.filter(id=self.row_id, restarted_uuid=None)
            if not waiting.update(restarted_uuid=outcome.instance_uuid):
                raise Refusal(409, "This start was started again already.", entity="failedStart")


def _published(name: str) -> int:
    row = PublishedProcess.objects.filter(name_key=name.lower()).first()
    if row is None:
        raise Refusal(400, "Process definition not found.", NOT_FOUND, entity="processDefinition", params=name)
    return row.snapshot_id


def _draft(definition_id: int, by: Actor) -> int:
    """The draft as it is now. Raises `Refusal`."""
    return publishing.compile_draft(definition_id, by.name).id


def _event_node(instance: Instance, snapshot_id: int) -> int | None:
    """The node at which a timer or a message event started it, by its name in the version of now; None for a START node."""
    first = Token.objects.filter(instance_id=instance.id).order_by("id").first()
    former = snapshots.graph(instance.snapshot_id).nodes.get((first.start_node_id if first else None) or 0)
    if former is None or former.type is NodeType.START:
        return None
    node = snapshots.graph(snapshot_id).node_named(former.name)
    return node.id if node is not None and node.type is former.type else None


def _sent(row: FailedStart) -> dict[str, Any]:
    """What was sent; a body that is no JSON object gives nothing, and needs edited values."""
    try:
        body = jsonio.loads(row.body or "{}")
    except jsonio.JsonError:
        return {}
    return body if isinstance(body, dict) else {}
