"""Many rows in one statement, on PostgreSQL and SQLite alike.

`INSERT ... VALUES (...), (...) ON CONFLICT (key) DO UPDATE SET ...` writes new and changed rows of a table together. It leans
on the primary key (or the unique column named) and on nothing else. SQLite takes 32,766 parameters a statement, PostgreSQL's
client-side binding any number: longer lists are cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from django.db import connection
from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    Field,
    IntegerField,
    JSONField,
    Model,
    TextField,
    UUIDField,
)

MAX_PARAMETERS = 30_000

PLAIN = (BooleanField, CharField, IntegerField, TextField)
"""Fields whose values every driver takes as they are."""

Row = Mapping[str, Any]


def write(
    model: type[Model],
    rows: Sequence[Row],
    *,
    update: bool = True,
    keep: Iterable[str] = (),
    skip_known: str = "",
) -> None:
    """Insert rows; with `update`, rows whose primary key is known are overwritten but for the columns in `keep`.

    `rows` map field attribute names to values; all of them name the same fields. `skip_known` names a unique column: a row
    whose value there is known is left out (engine 6.5: inserting a known message id does nothing).
    """
    if not rows:
        return
    names = tuple(rows[0])
    prepared = [_prepared(_field(model, name), [row[name] for row in rows]) for name in names]
    start, end = _statement(model, names, update, tuple(keep), skip_known)
    at_once = max(1, MAX_PARAMETERS // len(names))
    place = f"({', '.join(['%s'] * len(names))})"
    for first in range(0, len(rows), at_once):
        part = list(zip(*(column[first : first + at_once] for column in prepared), strict=True))
        with connection.cursor() as cursor:
            cursor.execute(start + ", ".join([place] * len(part)) + end, list(chain.from_iterable(part)))


def _prepared(field: Field[Any, Any], values: list[Any]) -> list[Any]:
    """A column's values as the database driver takes them.

    Django's own `get_db_prep_save` costs more than the statement when it is asked for each value; whole columns need it only for
    the kinds that a driver does not take as they are.
    """
    if isinstance(field, PLAIN):
        return values
    if isinstance(field, UUIDField):
        native = connection.features.has_native_uuid_field
        return values if native else [None if value is None else value.hex for value in values]
    if isinstance(field, JSONField):
        return ["{}" if value == {} else json.dumps(value) for value in values]
    known: dict[Any, Any] = {}
    if isinstance(field, DateTimeField):  # nearly all are the moment of the batch
        for value in values:
            if value not in known:
                known[value] = field.get_db_prep_save(value, connection)
        return [known[value] for value in values]
    return [field.get_db_prep_save(value, connection) for value in values]


@lru_cache(maxsize=256)
def _statement(
    model: type[Model], names: tuple[str, ...], update: bool, keep: tuple[str, ...], skip_known: str
) -> tuple[str, str]:
    quote = connection.ops.quote_name
    meta = model._meta
    columns = ", ".join(quote(_column(model, name)) for name in names)
    start = f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES "  # noqa: S608  (names come from our models)
    if skip_known:
        return start, f" ON CONFLICT ({quote(_column(model, skip_known))}) DO NOTHING"
    if not update:
        return start, ""
    key = _column(model, meta.pk.name)
    changed = [_column(model, name) for name in names if name not in keep and name != meta.pk.name]
    settings = ", ".join(f"{quote(column)} = EXCLUDED.{quote(column)}" for column in changed)
    return start, f" ON CONFLICT ({quote(key)}) DO UPDATE SET {settings}"


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return field


def _column(model: type[Model], name: str) -> str:
    column = _field(model, name).column
    assert column is not None
    return column
