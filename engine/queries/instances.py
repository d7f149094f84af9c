"""The instance list: a page of rows by keyset, and the counts per state.

The order is always newest first, (-started_at, -id), so that each page is a range of an index: `instances_newest`,
`instances_by_state`, `instances_by_process` or `instances_stuck`. With several states chosen each state is asked for by itself
(at most nine statements, each a range of `instances_by_state`) and the answers are merged; one query with `state IN (...)` would
sort or scan a million rows. A page of rows costs one statement more: its open incidents.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet

from engine.models import Incident, Instance
from engine.queries.filters import STATE_WORDS, InstanceFilter
from engine.queries.whereabouts import Where, where_is

PAGE_SIZES = (12, 25, 50, 100, 200)
COUNTED_UP_TO = 10_000
HEAVY = ("params", "start_params")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The edge of a page: rows older than it, or with `newer` those younger."""

    started_at: datetime
    id: int
    newer: bool = False

    @classmethod
    def read(cls, older: str, newer: str) -> Cursor | None:
        """From the address: `<microseconds>.<id>`; what cannot be read is no cursor."""
        text = newer or older
        micros, _, row_id = text.partition(".")
        if not (micros.isdecimal() and row_id.isdecimal() and len(micros) < 18 and len(row_id) < 19):
            return None
        return cls(EPOCH + timedelta(microseconds=int(micros)), int(row_id), newer=bool(newer))

    @classmethod
    def text_of(cls, row: InstanceRow) -> str:
        return cls.text_at(row.instance)

    @staticmethod
    def text_at(instance: Instance) -> str:
        """The cursor of the page that follows this instance."""
        micros = (instance.started_at - EPOCH) // timedelta(microseconds=1)
        return f"{micros}.{instance.id}"

    @property
    def condition(self) -> Q:
        """A range of the index first, then the tie."""
        if self.newer:
            tie = Q(started_at__gt=self.started_at) | Q(id__gt=self.id)
            return Q(started_at__gte=self.started_at) & tie
        tie = Q(started_at__lt=self.started_at) | Q(id__lt=self.id)
        return Q(started_at__lte=self.started_at) & tie


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """One row of the list."""

    instance: Instance
    where: Where

    @property
    def short(self) -> str:
        return short_uuid(str(self.instance.uuid))

    @property
    def key(self) -> str:
        return str(self.instance.uuid)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first, and the cursors of the pages beside; empty where there is none."""

    rows: list[InstanceRow]
    newer: str = ""
    older: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows: exact, or an estimate ("about"), or only known to be more than was counted ("over")."""

    number: int
    label: str = ""

    def __str__(self) -> str:
        return f"{self.label} {self.number:,}".strip()

    def __add__(self, other: Count) -> Count:
        labels = {self.label, other.label}
        label = "over" if "over" in labels else "about" if "about" in labels else ""
        return Count(self.number + other.number, label)


def page_of(
    rows: QuerySet[Instance], wanted: InstanceFilter, *, now: datetime, cursor: Cursor | None = None, size: int = 25
) -> Page:
    """A page of `rows` (those the reader may view) that pass the filter."""
    base = wanted.apply(rows, now).defer(*HEAVY)
    if cursor is not None:
        base = base.filter(cursor.condition)
    backwards = cursor is not None and cursor.newer
    order = ("started_at", "id") if backwards else ("-started_at", "-id")
    parts = [base.filter(state=state) for state in wanted.states] or [base]
    found = merge([part.order_by(*order)[: size + 1] for part in parts], backwards=backwards)[: size + 1]
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    made = rows_of(found)
    has_newer = more if backwards else cursor is not None
    has_older = cursor is not None if backwards else more
    return Page(
        made,
        newer=Cursor.text_of(made[0]) if made and has_newer else "",
        older=Cursor.text_of(made[-1]) if made and has_older else "",
    )


def merge(parts: Iterable[QuerySet[Instance]], *, backwards: bool) -> list[Instance]:
    """Rows of parts that are each in order, in order."""
    return list(heapq.merge(*parts, key=lambda row: (row.started_at, row.id), reverse=not backwards))


def rows_of(instances: list[Instance]) -> list[InstanceRow]:
    """Rows with where each is; one statement, whatever the number."""
    stuck = [instance.id for instance in instances if instance.open_incidents]
    incidents: dict[int, list[Incident]] = {}
    for incident in Incident.objects.filter(instance_id__in=stuck, closed_at=None).defer("details").order_by("-id"):
        incidents.setdefault(incident.instance_id, []).append(incident)
    return [InstanceRow(one, where_is(one, incidents.get(one.id, []))) for one in instances]


def state_counts(rows: QuerySet[Instance], wanted: InstanceFilter, *, now: datetime) -> dict[str, Count]:
    """How many of `rows` pass the filter (its states apart), by state.

    One statement counts each state up to 10,000 rows and stops there; beyond, PostgreSQL's planner estimates, one statement
    for each such state. SQLite has no estimate: the count says "over".
    """
    base = wanted.apply(rows, now)
    counts = {state: Count(number) for state, number in counted_up_to_limit(base).items()}
    for state, count in counts.items():
        if count.number > COUNTED_UP_TO:
            counts[state] = estimate(base.filter(state=state))
    return {state: counts.get(state, Count(0)) for state in STATE_WORDS}


def counted_up_to_limit(base: QuerySet[Instance]) -> dict[str, int]:
    """state -> rows, at most one more than the limit, in one statement of nine capped counts."""
    pieces: list[str] = []
    values: list[Any] = []
    for state in STATE_WORDS:
        try:
            query, params = (
                base.filter(state=state).order_by().values("id")[: COUNTED_UP_TO + 1].query.sql_with_params()
            )
        except EmptyResultSet:
            continue
        pieces.append(f"SELECT %s AS state, COUNT(*) AS number FROM ({query}) AS rows_of_state")  # noqa: S608 (Django's SQL)
        values += [state, *params]
    if not pieces:
        return {}
    with connection.cursor() as db:
        db.execute(" UNION ALL ".join(pieces), values)
        return {str(state): int(number) for state, number in db.fetchall()}


def estimate(rows: QuerySet[Instance]) -> Count:
    """The planner's guess, rounded to three digits; never below what was counted."""
    if connection.vendor != "postgresql":
        return Count(COUNTED_UP_TO, "over")
    plan = rows.order_by().values("id").explain(format="json")
    number = max(plan_rows(plan), COUNTED_UP_TO)
    unit = 10 ** max(0, len(str(number)) - 3)
    return Count(number // unit * unit, "about")


def plan_rows(plan: str) -> int:
    read = json.loads(plan) if isinstance(plan, str) else plan
    return int(read[0]["Plan"]["Plan Rows"])


def total_of(counts: dict[str, Count], states: Iterable[str]) -> Count:
    """How many rows the list holds in all."""
    total = Count(0)
    for state in states or STATE_WORDS:
        total += counts[state]
    return total


def stuck_count(rows: QuerySet[Instance]) -> Count:
    """Instances with an open exception, test runs left out, counted up to the limit (the index `instances_stuck`)."""
    number = rows.filter(open_incidents__gt=0, test=False).order_by()[: COUNTED_UP_TO + 1].count()
    return Count(COUNTED_UP_TO, "over") if number > COUNTED_UP_TO else Count(number)


def short_uuid(text: str) -> str:
    """7f3a91d4…c210."""
    return f"{text[:8]}…{text[-4:]}"
