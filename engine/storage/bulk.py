"""Many rows of many tables at once, on PostgreSQL and SQLite alike.

`Writes` gathers the rows of a batch; `flush` writes them. On PostgreSQL many new rows of a table go by COPY
(`engine.storage.copying`), and all the rest in one statement with one parameter a table, its rows as JSON:

    WITH w0 AS (INSERT INTO t0 (...) SELECT ... FROM json_populate_recordset(NULL::t0, $1) ON CONFLICT (...) DO UPDATE ...)
    INSERT INTO t1 (...) SELECT ... FROM json_populate_recordset(NULL::t1, $2)

Its text does not depend on the number of rows, so the server plans it once a connection (`engine.storage.prepared`). The plan is
a function scan and an insert for each table, in the order of the rows: `OutboxMessage.seq` is given in that order. With
`INSERT ... VALUES` quoting each value was four fifths of the work of a start.

On SQLite each table has its `INSERT ... VALUES (...), (...) ON CONFLICT (key) DO UPDATE SET ...`, cut at 30,000 parameters. Both
lean on the primary key (or the unique column named) and on nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from typing import Any

import orjson
from django.db import connection, transaction
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

from engine.storage import copying, prepared

MAX_PARAMETERS = 30_000
COPY_FROM, COPIES = 120, 2
"""Rows of one table from which on COPY costs less than JSON, and how many tables are copied at most: each is two round trips."""

PLAIN = (BooleanField, CharField, IntegerField, TextField)
"""Fields whose values every driver takes as they are."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """How rows of one table are written: which fields, and what happens to a row that is there already."""

    model: type[Model]
    names: tuple[str, ...]
    update: bool
    keep: tuple[str, ...]
    skip_known: str


class Writes:
    """Rows to write, in the order given, and statements that follow them."""

    def __init__(self) -> None:
        self._rows: list[tuple[Shape, Sequence[Row]]] = []
        self._others: list[Callable[[], object]] = []

    def then(self, statement: Callable[[], object]) -> None:
        """Run this after the rows are written."""
        self._others.append(statement)

    def add(self, model: type[Model], rows: Sequence[Row], *, skip_known: str = "") -> None:
        """Insert rows that map field attribute names to values; all of them name the same fields.

        `skip_known` names a unique column: a row whose value there is known is left out (engine 6.5: inserting a known message
        id does nothing).
        """
        self._add(model, rows, update=False, skip_known=skip_known)

    def put(self, model: type[Model], rows: Sequence[Row], *, stored: Container[int], keep: Iterable[str] = ()) -> None:
        """Insert those rows whose id is not in `stored`, and overwrite the others but for the columns in `keep`."""
        self._add(model, [row for row in rows if row["id"] not in stored], update=False)
        self._add(model, [row for row in rows if row["id"] in stored], update=True, keep=keep)

    def _add(
        self, model: type[Model], rows: Sequence[Row], *, update: bool, keep: Iterable[str] = (), skip_known: str = ""
    ) -> None:
        if rows:
            self._rows.append((Shape(model, tuple(rows[0]), update, tuple(keep), skip_known), rows))

    def flush(self) -> None:
        """Write all of it in one transaction: the caller's; or one of its own, which a single statement is by itself."""
        parts = [*self._parts(), *self._others]
        with transaction.atomic() if len(parts) > 1 and not connection.in_atomic_block else nullcontext():
            for part in parts:
                part()
        self._rows, self._others = [], []

    def _parts(self) -> list[Callable[[], object]]:
        if connection.vendor != "postgresql":
            return [partial(_write_values, shape, rows) for shape, rows in self._rows]
        new = [(shape, rows) for shape, rows in self._rows if not shape.update and not shape.skip_known]
        copied = sorted((each for each in new if len(each[1]) >= COPY_FROM), key=lambda each: -len(each[1]))[:COPIES]
        rest = [each for each in self._rows if each not in copied]
        return [*(partial(_copy, *each) for each in copied), *([partial(_write_json, rest)] if rest else [])]


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


def _copy(shape: Shape, rows: Sequence[Row]) -> None:
    fields = [_field(shape.model, name) for name in shape.names]
    copying.copy(shape.model._meta.db_table, fields, [tuple(row.values()) for row in rows])


def _write_json(given: Sequence[tuple[Shape, Sequence[Row]]]) -> None:
    statement = _together(tuple(shape for shape, _ in given))
    prepared.execute(statement, [_as_json(shape, rows) for shape, rows in given])


@lru_cache(maxsize=512)
def _together(shapes: tuple[Shape, ...]) -> str:
    """The statement that writes rows of these shapes, one JSON parameter each."""
    inserts = [_insert_json(shape, number) for number, shape in enumerate(shapes, 1)]
    before = ", ".join(f"w{number} AS ({insert})" for number, insert in enumerate(inserts[:-1]))
    return f"WITH {before} {inserts[-1]}" if before else inserts[-1]


def _insert_json(shape: Shape, place: int) -> str:
    columns = _columns(shape)
    table = connection.ops.quote_name(shape.model._meta.db_table)
    given = f"json_populate_recordset(NULL::{table}, ${place}::json)"
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {given}{_on_conflict(shape)}"  # noqa: S608  (names of our models)


def _as_json(shape: Shape, rows: Sequence[Row]) -> str:
    """The rows as one JSON text. No model of ours gives a column another name than its field."""
    try:
        return orjson.dumps(rows, default=_other).decode()
    except TypeError:  # a number beyond 64 bits or a key that is no text, inside a JSON column
        fields = [name for name in shape.names if isinstance(_field(shape.model, name), JSONField)]
        rewritten = [{**row, **{name: orjson.Fragment(json.dumps(row[name])) for name in fields}} for row in rows]
        return orjson.dumps(rewritten, default=_other).decode()


def _other(value: Any) -> Any:
    """What orjson does not write by itself: the bytes of a record."""
    if isinstance(value, bytes | memoryview):
        return "\\x" + bytes(value).hex()
    raise TypeError(type(value).__name__)


# -- SQLite ------------------------------------------------------------------------------------------------------------


def _write_values(shape: Shape, rows: Sequence[Row]) -> None:
    fields = [_field(shape.model, name) for name in shape.names]
    columns = [_prepared(field, [row[name] for row in rows]) for field, name in zip(fields, shape.names, strict=True)]
    start, end = _insert_values(shape)
    at_once = max(1, MAX_PARAMETERS // len(columns))
    place = f"({', '.join(['%s'] * len(columns))})"
    for first in range(0, len(rows), at_once):
        part = list(zip(*(column[first : first + at_once] for column in columns), strict=True))
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
        return [None if value is None else value.hex for value in values]
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
def _insert_values(shape: Shape) -> tuple[str, str]:
    table = connection.ops.quote_name(shape.model._meta.db_table)
    return f"INSERT INTO {table} ({_columns(shape)}) VALUES ", _on_conflict(shape)  # noqa: S608  (names of our models)


# -- both --------------------------------------------------------------------------------------------------------------


def _columns(shape: Shape) -> str:
    return ", ".join(connection.ops.quote_name(_column(shape.model, name)) for name in shape.names)


def _on_conflict(shape: Shape) -> str:
    quote, meta = connection.ops.quote_name, shape.model._meta
    if shape.skip_known:
        return f" ON CONFLICT ({quote(_column(shape.model, shape.skip_known))}) DO NOTHING"
    if not shape.update:
        return ""
    key = meta.pk.name
    changed = [quote(_column(shape.model, name)) for name in shape.names if name not in shape.keep and name != key]
    settings = ", ".join(f"{column} = EXCLUDED.{column}" for column in changed)
    return f" ON CONFLICT ({quote(_column(shape.model, key))}) DO UPDATE SET {settings}"


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    field = model._meta.get_field(name)
    assert isinstance(field, Field)
    return field


def _column(model: type[Model], name: str) -> str:
    column = _field(model, name).column
    assert column is not None
    return column
