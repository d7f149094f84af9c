"""The designer's door into the engine: stores snapshots and what is looked up live.

A snapshot never changes once stored (architecture 4.2); publishing one only moves the pointer that a start by name follows.
Swimlane permissions and generic parameters are the engine's own rows, so that they act at once on running instances.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from engine import configuration, integrations, timer_starts
from engine.core import jsonio
from engine.core.graph import FORMAT, Graph
from engine.models import (
    AuditEntry,
    EventStart,
    GenericParameterValue,
    Instance,
    PublishedProcess,
    Snapshot,
    SwimlanePermission,
)


class StoredSnapshot(Protocol):
    """What a caller may know of a stored snapshot."""

    id: int
    name: str
    version: int


def publish_snapshot(snapshot: Mapping[str, Any], *, bpmn: str = "", published_by: str) -> StoredSnapshot:
    """Store a snapshot and make it the version that a start by name uses.

    `snapshot` is the JSON object of `engine.core.graph`; `bpmn` its drawing. Raises `ValueError` or `KeyError` when the graph
    cannot be built from it: nothing is stored then. Call it inside the designer's own transaction.
    """
    graph = Graph.from_json(snapshot)
    with transaction.atomic():
        row = _store(snapshot, bpmn=bpmn, test=False)
        starts = graph.starts()
        PublishedProcess.objects.update_or_create(
            name_key=graph.name.lower(),
            defaults={
                "name": graph.name,
                "snapshot": row,
                "start_conditions": [node.start_condition for node in starts if node.start_condition],
                "start_swimlanes": sorted({node.swimlane for node in starts}),
            },
        )
        EventStart.objects.filter(process_name=graph.name).delete()
        EventStart.objects.bulk_create(
            EventStart(
                process_name=graph.name,
                message_name=node.message_name,
                correlation_key=node.correlation_key,
                receive_data_key=node.receive_data_key,
                snapshot_id=row.id,
                node_id=node.id,
            )
            for node in graph.catch_starts()
        )
        timer_starts.keep_in_step(graph, row.id)
        AuditEntry.objects.create(
            at=timezone.now(),
            user=published_by,
            subject="Process definition",
            event="Update state",
            identifier=graph.name,
            version=graph.version,
            details={"state": "PUBLISHED"},
        )
    return row


def store_test_snapshot(snapshot: Mapping[str, Any], *, bpmn: str = "") -> StoredSnapshot:
    """Store a draft as it is now for a test start, addressed by its hash (engine 1.2): the same draft is stored once."""
    Graph.from_json(snapshot)
    return _store(snapshot, bpmn=bpmn, test=True)


def withdraw(name: str) -> None:
    """A deleted definition can no longer be started by name; running instances keep their snapshots."""
    PublishedProcess.objects.filter(name_key=name.lower()).delete()
    EventStart.objects.filter(process_name=name).delete()
    timer_starts.withdraw(name)


def running_instances(names: Iterable[str]) -> dict[str, int]:
    """How many instances that have not ended each named process has, test runs left out; one statement."""
    rows = (
        Instance.objects.filter(process_name__in=list(names), state__in=["CREATED", "STARTED", "ON_HOLD"], test=False)
        .values_list("process_name")
        .annotate(Count("id"))
    )
    return dict(rows)


def open_instances(name: str) -> int:
    """How many instances of any version have not ended, test runs included (PRC-010)."""
    return Instance.objects.filter(process_name=name, state__in=["CREATED", "STARTED", "ON_HOLD"]).count()


def store_swimlane_permissions(process_name: str, permissions: Mapping[str, Mapping[str, Iterable[str]]]) -> None:
    """Replace the live permissions of a process: {swimlane: {operation: [group names]}} (engine 12)."""
    rows = [
        SwimlanePermission(process_name=process_name, swimlane=swimlane, operation=operation, group=group)
        for swimlane, operations in permissions.items()
        for operation, groups in operations.items()
        for group in sorted(set(groups))
    ]
    with transaction.atomic():
        SwimlanePermission.objects.filter(process_name=process_name).delete()
        SwimlanePermission.objects.bulk_create(rows)


def swimlane_permissions(process_name: str) -> dict[str, dict[str, list[str]]]:
    """The live permissions of a process, in the shape that `store_swimlane_permissions` takes."""
    found: dict[str, dict[str, list[str]]] = {}
    rows = SwimlanePermission.objects.filter(process_name=process_name).order_by("swimlane", "operation", "group")
    for row in rows:
        found.setdefault(row.swimlane, {}).setdefault(row.operation, []).append(row.group)
    return found


def executors(process_names: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """Who may execute where, of several processes: {process: {swimlane: [group names]}}; one statement."""
    found: dict[str, dict[str, list[str]]] = {}
    rows = SwimlanePermission.objects.filter(process_name__in=list(process_names), operation="execute")
    for row in rows.order_by("process_name", "swimlane", "group"):
        found.setdefault(row.process_name, {}).setdefault(row.swimlane, []).append(row.group)
    return found


def store_generic_parameter(key: str, value: str, *, environment: str = "", kind: str = "VALUE") -> None:
    """Set a generic parameter's value for one environment, or for all with an empty one (designer 3.6)."""
    GenericParameterValue.objects.update_or_create(
        key=key, environment=environment, defaults={"value": value, "kind": kind}
    )
    configuration.forget()


def store_integration(integration: Mapping[str, Any]) -> None:
    """Store the topics and Send headers of an integration, in the shape of its export, in place of its former ones.

    They act at once, on running instances too (designer 2.3). Raises `ValueError` or `KeyError` for what is not of that shape.
    """
    integrations.store(integration)


def remove_integration(name: str) -> None:
    """A deleted integration: what is still linked to it fails when it is used."""
    integrations.remove(name)


def remove_generic_parameter(key: str, *, environment: str = "") -> None:
    GenericParameterValue.objects.filter(key=key, environment=environment).delete()
    configuration.forget()


DraftCompiler = Callable[[int, str], StoredSnapshot]
_draft_compiler: DraftCompiler | None = None


def set_draft_compiler(compile_draft: DraftCompiler) -> None:
    """The designer says at start-up how a draft, named by its numeric id and the user's name, becomes a test snapshot."""
    global _draft_compiler
    _draft_compiler = compile_draft


def compile_draft(definition_id: int, user: str) -> StoredSnapshot:
    """A test snapshot of a draft. Raises `engine.core.stimuli.Refusal`, made by the designer: blockers, or no such draft."""
    if _draft_compiler is None:
        raise RuntimeError("No designer is installed that could compile a draft.")
    return _draft_compiler(definition_id, user)


def _store(snapshot: Mapping[str, Any], *, bpmn: str, test: bool) -> Snapshot:
    body = jsonio.dumps(dict(snapshot))
    digest = hashlib.sha256(body.encode()).hexdigest()
    row, _ = Snapshot.objects.get_or_create(
        hash=digest,
        defaults={
            "definition_id": snapshot["definitionId"],
            "name": snapshot["name"],
            "version": snapshot["version"],
            "format": FORMAT,
            "body": body,
            "bpmn": bpmn,
            "test": test,
            "created_at": timezone.now(),
        },
    )
    return row
