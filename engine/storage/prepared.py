"""Statements that the PostgreSQL server parses and plans once a connection, with parameters bound on the server.

Django binds on the client, which reads the whole text each time. Here the text is constant and long, the parameters are few.
With `FLOWX_DB_PREPARE=false` (behind a pooler that does not keep prepared statements) the server plans each time. Errors are
Django's, and `connection.queries` counts these statements like others.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.db import connection

from flowx_site.config import config


def execute(statement: str, parameters: Sequence[Any]) -> None:
    """Run a statement that gives no rows; its places are $1, $2 ..."""
    _run(statement, parameters)


def rows(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """All rows of a statement."""
    found: list[tuple[Any, ...]] = _run(statement, parameters).fetchall()
    return found


def _run(statement: str, parameters: Sequence[Any]) -> Any:
    import psycopg  # not there where only SQLite is used

    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    raw: Any = connection.connection
    if config.db_prepare and raw.prepare_threshold is None:
        raw.prepare_threshold, raw.prepared_max = 1, 200
    cursor = psycopg.RawCursor(raw)
    begun = time.monotonic()
    with connection.wrap_database_errors:
        cursor.execute(statement, parameters, prepare=config.db_prepare)
    if connection.queries_logged:
        connection.queries_log.append({"sql": statement, "time": f"{time.monotonic() - begun:.3f}"})
    return cursor
