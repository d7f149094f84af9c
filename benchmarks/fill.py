"""Stores many ended instances at once: copies of one that ran, in every table that a straight-through instance writes."""

from __future__ import annotations

from django.db import connection
from django.db.models import Field, Model

from benchmarks import work  # sets Django up
from engine.models import Instance, JournalEntry, OutboxMessage, Token, Visit

FIRST = 10**12
STEP = 100  # ids of one copy: its instance, then its tokens and visits
AT_ONCE = 100_000
BELONGING = (Token, Visit, JournalEntry, OutboxMessage)


def fill(wanted: int) -> None:
    """So many copies, in a database that holds none yet."""
    work.straight(work.snapshot_of("straight"), 1)()
    original = Instance.objects.get(process_name="straight")
    for first in range(0, wanted, AT_ONCE):
        last = min(first + AT_ONCE, wanted)
        for model in (Instance, *BELONGING):
            _copy(model, original.id, first + 1, last)


def _copy(model: type[Model], instance_id: int, first: int, last: int) -> None:
    """Copies number `first` to `last` of the original's rows in one table."""
    own = "id" if model is Instance else "instance_id"
    columns = [
        (f'"{field.column}"', _value(model, field, instance_id))
        for field in model._meta.concrete_fields
        if field.get_internal_type() != "BigAutoField"  # journal and outbox are numbered by the database
    ]
    names, values = zip(*columns, strict=True)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table}, "  # noqa: S608  (names of our models)
            f"generate_series({first}, {last}) g WHERE {own} = {instance_id}"
        )


def _value(model: type[Model], field: Field, instance_id: int) -> str:  # type: ignore[type-arg]
    """What a copy has in a column: ids of its own, fresh uuids, the rest as it is."""
    name, mine = f'"{field.column}"', f"{FIRST} + g::bigint * {STEP}"
    if field.get_internal_type() == "UUIDField":
        return f"CASE WHEN {name} IS NULL THEN NULL ELSE gen_random_uuid() END"
    if field.attname in ("root_id", "instance_id") or (model is Instance and field.attname == "id"):
        return mine
    if field.attname in ("id", "token_id", "visit_id"):
        return f"{mine} + {name} - {instance_id}"
    if field.attname == "state" and model is OutboxMessage:
        return "'sent'"
    return name
