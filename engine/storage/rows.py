"""Read what belongs to process trees: one statement on PostgreSQL, one a table on SQLite.

    SELECT (SELECT json_agg(r) FROM (
                SELECT r.* FROM unnest($1::bigint[]) AS root (id)
                CROSS JOIN LATERAL (SELECT ... FROM engine_instance WHERE root_id = root.id OFFSET 0) r ORDER BY r.id) r),
           (SELECT json_agg(r) ... CROSS JOIN LATERAL (SELECT * FROM engine_visit WHERE instance_id = i.id OFFSET 0) r ...), ...

Its text is constant (`engine.storage.prepared`). `OFFSET 0` keeps the planner from turning the joins round: the plan is nested
loops over the indexes on `root_id` and `instance_id`, also when it is made while the tables are empty and kept while they grow.
The ORM, which puts a statement together anew each time, took most of the work of a message. Rows have the names of the models'
fields and values of their types.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import BinaryField, DateTimeField, Model, UUIDField

from engine.models import Incident, Instance, ReceivedMessage, Timer, Token, Visit
from engine.storage import prepared

Rows = list[Any]

TABLES: tuple[tuple[type[Model], dict[str, Any], tuple[str, ...]], ...] = (
    (Visit, {}, ("instance_id", "number")),
    (Token, {}, ("id",)),
    (Timer, {"state": ["PENDING", "HELD"]}, ("id",)),
    (Incident, {"closed_at": None}, ("id",)),
    (ReceivedMessage, {"state": ["early", "held"]}, ("id",)),
)
"""What is open in an instance: table, which of its rows, in which order."""

FOR_LISTS = ("start_params", "where", "incident_text")
"""Long columns of an instance that are written for others to read."""


def lock(uuids: Sequence[UUID]) -> list[int]:
    """The ids of the roots of these instances, locked in ascending order, so that two batches never wait in a ring."""
    if connection.vendor == "postgresql":
        return [key for (key,) in prepared.rows(_LOCK, [[str(uuid) for uuid in uuids]])]
    wanted = Instance.objects.filter(uuid__in=uuids).values("root_id")
    rows = Instance.objects.select_for_update().filter(id__in=wanted).order_by("id")
    return list(rows.values_list("id", flat=True))


_LOCK = """
SELECT locked.id FROM (
    SELECT DISTINCT found.root_id FROM unnest($1::uuid[]) AS given (uuid)
    CROSS JOIN LATERAL (SELECT root_id FROM engine_instance WHERE uuid = given.uuid OFFSET 0) found ORDER BY 1
) wanted CROSS JOIN LATERAL (SELECT id FROM engine_instance WHERE id = wanted.root_id FOR UPDATE) locked
"""
"""Two nested loops over unique indexes; rows are locked in the order of the inner sort."""


def lock_free(uuids: Sequence[UUID]) -> set[UUID]:
    """Lock the trees of those of these instances that nobody else has locked; waits for nobody. PostgreSQL alone."""
    return {uuid for (uuid,) in prepared.rows(_LOCK_FREE, [[str(uuid) for uuid in uuids]])}


_LOCK_FREE = """
SELECT found.uuid FROM unnest($1::uuid[]) AS given (uuid)
CROSS JOIN LATERAL (SELECT uuid, root_id FROM engine_instance WHERE uuid = given.uuid OFFSET 0) found
CROSS JOIN LATERAL (SELECT id FROM engine_instance WHERE id = found.root_id FOR UPDATE SKIP LOCKED) locked
"""


def trees(roots: Sequence[int]) -> tuple[Rows, dict[type[Model], Rows]]:
    """The instances of these trees by id, and the rows of `TABLES` that belong to them."""
    if connection.vendor == "postgresql":
        (instances, *found) = prepared.rows(_statement(), [list(roots)])[0]
        return _read(Instance, instances), {
            model: _read(model, text) for (model, _, _), text in zip(TABLES, found, strict=True)
        }
    rows = list(Instance.objects.filter(root_id__in=roots).defer(*FOR_LISTS).order_by("id"))
    ids = [row.id for row in rows]
    return rows, {
        model: list(model._default_manager.filter(instance_id__in=ids, **_lookups(which)).order_by(*order))
        for model, which, order in TABLES
    }


def _lookups(which: dict[str, Any]) -> dict[str, Any]:
    return {f"{name}__in" if isinstance(value, list) else name: value for name, value in which.items()}


@lru_cache(maxsize=1)
def _statement() -> str:
    """One column a table, its rows as JSON text; all names are those of our models."""
    roots = "unnest($1::bigint[]) AS root (id) CROSS JOIN LATERAL"
    of_tree = "FROM engine_instance WHERE root_id = root.id OFFSET 0"
    read = ", ".join(f.column for f in Instance._meta.concrete_fields if f.column and f.column not in FOR_LISTS)
    selects = [f"SELECT r.* FROM {roots} (SELECT {read} {of_tree}) r ORDER BY r.id"]  # noqa: S608
    for model, which, order in TABLES:
        wanted = "".join(f" AND {_condition(name, value)}" for name, value in which.items())
        by = ", ".join(f"r.{name}" for name in order)
        mine = f"SELECT * FROM {model._meta.db_table} WHERE instance_id = i.id{wanted} OFFSET 0"  # noqa: S608
        selects.append(f"SELECT r.* FROM {roots} (SELECT id {of_tree}) i CROSS JOIN LATERAL ({mine}) r ORDER BY {by}")  # noqa: S608
    return "SELECT " + ", ".join(f"(SELECT json_agg(r)::text FROM ({select}) r)" for select in selects)  # noqa: S608


def _condition(name: str, value: list[str] | None) -> str:
    if value is None:
        return f"{name} IS NULL"
    return f"{name} IN ({', '.join(repr(each) for each in value)})"


def _read(model: type[Model], text: str | None) -> Rows:
    if text is None:
        return []
    found = orjson.loads(text)
    for name, read in _readers(model):
        for row in found:
            if row.get(name) is not None:
                row[name] = read(row[name])
    return [SimpleNamespace(**row) for row in found]


@lru_cache(maxsize=32)
def _readers(model: type[Model]) -> list[tuple[str, Callable[[str], Any]]]:
    """The fields whose values come as text, with what reads them."""
    kinds: dict[type, Callable[[str], Any]] = {
        UUIDField: UUID,
        DateTimeField: datetime.fromisoformat,
        BinaryField: lambda text: bytes.fromhex(text[2:]),
    }
    return [
        (field.attname, read)
        for field in model._meta.concrete_fields
        for kind, read in kinds.items()
        if isinstance(field, kind)
    ]
