"""Instances whose data a preview may use: the newest of a process, and one of them with its data (designer 6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from engine.core import jsonio
from engine.core.jsonio import Json
from engine.models import Instance

RECENT = 8


@dataclass(frozen=True, slots=True)
class Sample:
    """An instance as a source of values."""

    id: int
    uuid: UUID
    parent_id: int | None
    params: Mapping[str, Json]


def recent(process_name: str, *, limit: int = RECENT) -> list[UUID]:
    """The newest instances of a process, test runs included; one statement."""
    rows = Instance.objects.filter(process_name=process_name).order_by("-id")
    return list(rows.values_list("uuid", flat=True)[:limit])


def sample(process_name: str, uuid: UUID) -> Sample | None:
    """That instance of that process, or None."""
    row = Instance.objects.filter(process_name=process_name, uuid=uuid).first()
    if row is None:
        return None
    params = jsonio.loads(row.params)
    return Sample(row.pk, row.uuid, row.parent_id, params if isinstance(params, dict) else {})
