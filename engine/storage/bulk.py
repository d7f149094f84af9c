"""Many rows in one statement, on PostgreSQL and SQLite alike.

`INSERT ... VALUES (...), (...) ON CONFLICT (key) DO UPDATE SET ...` writes new and changed rows of a table together. It leans
on the primary key (or the unique column named) and on nothing else. SQLite takes 32,766 parameters a statement, PostgreSQL's
client-side binding any number: longer lists are cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import Field, Model

MAX_PARAMETERS = 30_000

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
    fields = _fields(model, names)
    start, end = _statement(model, names, update, tuple(keep), skip_known)
    at_once = max(1, MAX_PARAMETERS // len(names))
    place = f"({', '.join(['%s'] * len(names))})"
    for first in range(0, len(rows), at_once):
        part = rows[first : first + at_once]
        parameters = [prepare(row[name], connection) for row in part for name, prepare in fields]
        with connection.cursor() as cursor:
            cursor.execute(start + ", ".join([place] * len(part)) + end, parameters)


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


@lru_cache(maxsize=64)
def _fields(model: type[Model], names: tuple[str, ...]) -> list[tuple[str, Callable[..., Any]]]:
    return [(name, _field(model, name).get_db_prep_save) for name in names]
