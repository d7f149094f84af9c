"""The life of versions (designer 3.1): new process, draft from a version, publish, discard, delete, test start. Each function
is one transaction and refuses with the problems that stand in the way."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from designer import bpmn, export
from designer.compile import compile_version
from designer.design import Design, load
from designer.lint import check
from designer.lint.problem import Problem, problem
from designer.models import Node, Process, Sequence, Swimlane, Version, VersionState
from designer.rows import DEFAULT_SWIMLANE, apply_settings, write_rows
from engine import publishing
from engine.core.stimuli import Refusal
from engine.publishing import StoredSnapshot

User: TypeAlias = AbstractBaseUser | AnonymousUser
DEFAULT_GROUP = "flowx-users"
MESSAGE_LENGTH = 200


class VersionRefused(Exception):
    """What was asked is not allowed now; `problems` say why, the first one is the answer in one sentence."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(problems[0].message)


class DraftExists(VersionRefused):
    """There is a draft already: open it, or ask to replace it."""

    def __init__(self, draft: Version) -> None:
        self.draft = draft
        super().__init__([problem("IMP-007", name=draft.process.name)])


def name_problems(name: str, *, process: Process | None = None) -> list[Problem]:
    """PRC-001 to 003 for a new name, or a new name of `process`."""
    if not name.strip() or len(name) > 100:
        return [problem("PRC-001", "name")]
    if illegal := re.search(r"[^A-Za-z0-9\[\]()._-]", name):
        return [problem("PRC-003", "name", c=illegal.group())]
    taken = Process.objects.filter(name__iexact=name, deleted=False)
    if process is not None:
        taken = taken.exclude(pk=process.pk)
    return [problem("PRC-002", "name", n=name)] if taken.exists() else []


@transaction.atomic
def create_process(name: str, *, group: str = DEFAULT_GROUP, user: User | None = None) -> Version:
    """Version 1 as a draft with a Default swimlane, one start and one end node (designer 1.1). The name of a deleted process
    goes on counting its versions. Raises VersionRefused with PRC-001 to 003."""
    if found := name_problems(name):
        raise VersionRefused(found)
    version = new_version(name, user=user)
    lane = Swimlane.objects.create(version=version, key="default", name=DEFAULT_SWIMLANE, width=700, height=220)
    start = Node.objects.create(
        version=version, key="start", name="Start", type="START", swimlane=lane, x=140, y=132, width=36, height=36
    )
    end = Node.objects.create(
        version=version, key="end", name="End", type="END", swimlane=lane, x=620, y=132, width=36, height=36
    )
    Sequence.objects.create(version=version, key="start__end", source=start, target=end)
    grant(version.process.name, [DEFAULT_SWIMLANE], group)
    return version


def grant(process_name: str, swimlanes: list[str], group: str) -> None:
    """Let a group start the process and work in these swimlanes, where they have no permissions yet."""
    permissions = publishing.swimlane_permissions(process_name)
    for lane in swimlanes:
        permissions.setdefault(lane, {operation: [group] for operation in ("execute", "self-assign", "view")})
    publishing.store_swimlane_permissions(process_name, permissions)


def new_version(name: str, *, user: User | None = None) -> Version:
    """An empty draft of the named process, with the next number; makes or revives the process."""
    process = Process.objects.filter(name__iexact=name).first()
    if process is None:
        process = Process.objects.create(name=name)
    elif process.deleted:
        process.name, process.deleted = name, False
        process.save(update_fields=["name", "deleted"])
    highest = process.versions.aggregate(highest=Max("number"))["highest"] or 0
    return Version.objects.create(
        process=process, number=highest + 1, edited_by=_stored(user), edited_at=timezone.now()
    )


@transaction.atomic
def create_draft(source: Version, *, user: User | None = None, replace: bool = False) -> Version:
    """A draft with everything that version holds and the next number. Raises DraftExists unless `replace`."""
    existing = Version.objects.filter(process=source.process, state=VersionState.DRAFT).first()
    if existing is not None:
        if not replace or existing.pk == source.pk:
            raise DraftExists(existing)
        existing.delete()
    document = export.document(load(source))
    draft = new_version(source.process.name, user=user)
    draft.based_on = source.number
    apply_settings(draft, document["process"])
    draft.save()
    write_rows(draft, document)
    return draft


@transaction.atomic
def duplicate(source: Version, name: str, *, user: User | None = None) -> Version:
    """The version as a draft under another name, with the same groups in its swimlanes."""
    if found := name_problems(name):
        raise VersionRefused(found)
    document = export.document(load(source))
    draft = new_version(name, user=user)
    apply_settings(draft, document["process"])
    draft.save()
    write_rows(draft, document)
    publishing.store_swimlane_permissions(name, publishing.swimlane_permissions(source.process.name))
    return draft


def blockers(design: Design) -> list[Problem]:
    """Everything that stands in the way of publishing and of a test start, all together (engine 1.9)."""
    return [each for each in check(design) if each.blocks_publishing]


@transaction.atomic
def publish(version: Version, *, message: str = "", user: User | None = None) -> Version:
    """Freeze a draft, or a deprecated version again, as the one that starts by name use; the one before becomes deprecated.

    Raises VersionRefused: PRC-004 followed by every blocker, a message over 200 characters, or a version that is neither.
    """
    locked = Version.objects.select_for_update().select_related("process").get(pk=version.pk)
    if locked.state not in (VersionState.DRAFT, VersionState.DEPRECATED) or locked.process.deleted:
        raise VersionRefused([problem("ACT-017", n=locked.number, state=locked.get_state_display().lower())])
    if len(message.strip()) > MESSAGE_LENGTH:
        raise VersionRefused([problem("PRC-004", "message", variant="message", n=len(message.strip()))])
    design = load(locked)
    if found := blockers(design):
        raise VersionRefused([problem("PRC-004", n=len(found)), *found])
    drawing = bpmn.draw(locked.process.name, design.swimlanes, design.nodes, design.sequences)
    snapshot = publishing.publish_snapshot(compile_version(design), bpmn=drawing, published_by=_name(user))
    locked.process.versions.filter(state=VersionState.PUBLISHED).update(state=VersionState.DEPRECATED)
    locked.state = VersionState.PUBLISHED
    locked.message = message.strip()
    locked.published_at, locked.published_by = timezone.now(), _stored(user)
    locked.snapshot = snapshot.id
    locked.save()
    version.refresh_from_db()
    return locked


@transaction.atomic
def discard_draft(version: Version) -> None:
    """Remove the draft; every other version stays. A process without any other version goes with it."""
    if not version.editable:
        raise VersionRefused([problem("ACT-017", n=version.number, state=version.get_state_display().lower())])
    process = version.process
    version.delete()
    if not process.versions.exists():
        process.delete()


@transaction.atomic
def delete_process(process: Process) -> None:
    """Hide a definition with all its versions. Raises VersionRefused with PRC-010 while instances run."""
    running = publishing.open_instances(process.name)
    if running:
        raise VersionRefused([problem("PRC-010", n=running)])
    process.versions.update(state=VersionState.DELETED)
    process.deleted = True
    process.save(update_fields=["deleted"])
    publishing.withdraw(process.name)


def compile_draft(definition_id: int, user: str) -> StoredSnapshot:
    """The snapshot of a draft as it is now, for a test start (engine 1.2). Raises Refusal: 404 for no draft of that id, 409
    with every blocker."""
    version = Version.objects.select_related("process").filter(pk=definition_id, state=VersionState.DRAFT).first()
    if version is None:
        raise Refusal(404, "Process definition not found.", "error.validation.process_instance.process_def_not_found")
    design = load(version)
    if found := blockers(design):
        refused = problem("PRC-004", n=len(found))
        codes = ", ".join(sorted({each.code for each in found}))
        key = "error.validation.process_definition.blockers"
        raise Refusal(409, refused.message, key, code="PRC-004", entity="processDefinition", params=codes)
    drawing = bpmn.draw(version.process.name, design.swimlanes, design.nodes, design.sequences)
    return publishing.store_test_snapshot(compile_version(design), bpmn=drawing)


def _stored(user: User | None) -> Any:
    return user if user is not None and user.pk else None


def _name(user: User | None) -> str:
    return user.get_username() if user is not None else "system"
