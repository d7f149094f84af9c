"""The filters of the instance list: read from an address, written back to one, said as sentences, applied to a query.

All combine and none resets another (designer 4.1): each has its own name in the address, and `without` gives the same filter less
one of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from engine.core.state import InstanceStatus
from engine.models import Incident, Instance, Token

MAX_UUIDS = 500
STATE_WORDS: Mapping[str, str] = {
    "STARTED": "Started",
    "ON_HOLD": "On hold",
    "FINISHED": "Finished",
    "FAILED": "Failed",
    "EXPIRED": "Expired",
    "TERMINATED": "Terminated",
    "CREATED": "Created",
    "DISMISSED": "Dismissed",
    "ABORTED": "Aborted",
}
"""Every state with its word, in the order of the chips."""

LAST = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
LAST_WORDS = {"1h": "last hour", "24h": "last 24 hours", "7d": "last 7 days", "30d": "last 30 days"}


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter in force, as a sentence, with the name to drop it by."""

    name: str
    label: str
    value: str
    mono: bool = False


@dataclass(frozen=True, slots=True)
class InstanceFilter:
    """What the list shows. Empty fields filter nothing; test runs are hidden unless asked for."""

    states: tuple[str, ...] = ()
    process: str = ""
    version: int | None = None
    started: str = ""  # one of LAST, or empty
    started_from: str = ""
    started_to: str = ""
    node: str = ""
    exception: bool = False
    error: str = ""
    timer: bool = False
    relation: str = ""  # root, child, or empty
    parent: str = ""
    test: str = ""  # with, only, or empty
    by: str = ""
    uuids: str = ""

    @classmethod
    def from_query(cls, query: QueryDict) -> InstanceFilter:
        """Read the address; what cannot be read filters nothing."""

        def text(name: str) -> str:
            return str(query.get(name, "") or "").replace("\x00", "").strip()

        version = text("version").removeprefix("v")
        states = dict.fromkeys(state for state in query.getlist("state") if state in STATE_WORDS)
        return cls(
            states=tuple(states),
            process=text("process"),
            version=int(version) if version.isdecimal() and len(version) < 10 else None,
            started=text("started") if text("started") in LAST else "",
            started_from=text("from") if moment_of(text("from"), end=False) else "",
            started_to=text("to") if moment_of(text("to"), end=True) else "",
            node=text("node"),
            exception=text("exception") == "1",
            error=text("error"),
            timer=text("timer") == "1",
            relation=text("relation") if text("relation") in ("root", "child") else "",
            parent=text("parent"),
            test=text("test") if text("test") in ("with", "only") else "",
            by=text("by"),
            uuids=text("q"),
        )

    def pairs(self) -> list[tuple[str, str]]:
        """The address of this filter, as pairs, without what is empty."""
        found: list[tuple[str, str]] = [("state", state) for state in self.states]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "states" and value not in ("", None, False):
                found.append((PARAMETERS.get(field.name, field.name), "1" if value is True else str(value)))
        return found

    def query_string(self, **extra: str) -> str:
        return urlencode(self.pairs() + list(extra.items()))

    def without(self, name: str) -> InstanceFilter:
        """The same filter less the one of this field name."""
        return replace(self, **{name: BLANK[name]})

    def toggled(self, state: str) -> InstanceFilter:
        """The same filter with this state added or taken away."""
        kept = tuple(one for one in self.states if one != state)
        return replace(self, states=kept if state in self.states else (*self.states, state))

    @property
    def chips(self) -> list[Chip]:
        """The filters in force but the states, which have chips of their own."""
        wanted = [
            Chip("process", "Process", self.process, mono=True),
            Chip("version", "Version", f"v{self.version}" if self.version is not None else ""),
            Chip("started", "Started", LAST_WORDS.get(self.started, "")),
            Chip("started_from", "Started from", self.started_from),
            Chip("started_to", "Started up to", self.started_to),
            Chip("node", "Now on", self.node),
            Chip("exception", "With", "open exception" if self.exception else ""),
            Chip("error", "Exception says", self.error),
            Chip("timer", "With", "pending timer" if self.timer else ""),
            Chip("relation", "Only", {"root": "without parent", "child": "with parent"}.get(self.relation, "")),
            Chip("parent", "Parent", self.parent, mono=True),
            Chip("test", "Test runs", {"with": "shown", "only": "only"}.get(self.test, "")),
            Chip("by", "Started by", self.by),
            Chip("uuids", "UUID", shorten(self.uuids), mono=True),
        ]
        return [chip for chip in wanted if chip.value]

    @property
    def is_empty(self) -> bool:
        return not self.pairs()

    def apply(self, rows: QuerySet[Instance], now: datetime) -> QuerySet[Instance]:
        """Narrow `rows` by everything but the states, which `instances` treats apart to keep its index."""
        return rows.filter(*self._conditions(now))

    def _conditions(self, now: datetime) -> list[Q | Exists]:
        found: list[Q | Exists] = []
        if self.test != "with":
            found.append(Q(test=self.test == "only"))
        if self.process:
            found.append(Q(process_name=self.process))
        if self.version is not None:
            found.append(Q(version=self.version))
        if self.started:
            found.append(Q(started_at__gte=now - LAST[self.started]))
        if start := moment_of(self.started_from, end=False):
            found.append(Q(started_at__gte=start))
        if end := moment_of(self.started_to, end=True):
            found.append(Q(started_at__lt=end))
        if self.exception or self.error:
            found.append(Q(open_incidents__gt=0))
        if self.error:  # the index on open incidents by instance serves it
            found.append(Exists(open_incidents().filter(message__icontains=self.error)))
        if self.node:
            found.append(
                Exists(
                    Token.objects.filter(
                        instance_id=OuterRef("pk"), state__in=["ACTIVE", "ON_HOLD"], current_node_name=self.node
                    )
                )
            )
        if self.timer:
            found.append(Q(pending_timers__gt=0))
        if self.relation:
            found.append(Q(parent_id__isnull=self.relation == "root"))
        if self.parent:
            found.append(uuid_condition("parent_uuid", self.parent))
        if self.by:
            found.append(Q(owner_name__istartswith=self.by))
        if self.uuids:
            found.append(uuid_condition("uuid", self.uuids))
        return found


BLANK: dict[str, Any] = {field.name: field.default for field in fields(InstanceFilter)}
PARAMETERS = {"started_from": "from", "started_to": "to", "uuids": "q"}
"""Field name -> name in the address, where they differ."""


def open_incidents() -> QuerySet[Incident]:
    """Open incidents of the instance of the outer query."""
    return Incident.objects.filter(instance_id=OuterRef("pk"), closed_at=None)


def moment_of(text: str, *, end: bool) -> datetime | None:
    """A date (its start, or with `end` the start of the day after) or a time of the address, in the site's zone."""
    try:
        moment: datetime | None = parse_datetime(text) if "T" in text or " " in text.strip() else None
        if moment is None and (day := parse_date(text)):
            moment = datetime.combine(day + timedelta(days=1) if end else day, time.min)
    except (ValueError, OverflowError):
        return None
    if moment is None or not date(1900, 1, 2) < moment.date() < date(9999, 1, 1):
        return None
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment.astimezone(UTC)


def uuid_condition(field: str, text: str) -> Q:
    """UUIDs or their beginnings, many at once, between blanks, commas and the like; words that are none are passed over.

    A prefix is a range of the index.
    """
    found = Q(pk__in=[])
    for word in re.split(r"[\s,;|'\"(){}\[\]<>]+", text)[:MAX_UUIDS]:
        digits = word.replace("-", "").lower()
        if re.fullmatch(r"[0-9a-f]{1,32}", digits) is None:
            continue
        low, high = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
        found |= Q(**{field: low}) if low == high else Q(**{f"{field}__gte": low, f"{field}__lte": high})
    return found


def shorten(text: str, length: int = 40) -> str:
    """The words of a long pasted text, cut."""
    words = " ".join(text.split())
    return words if len(words) <= length else f"{words[: length - 1]}…"


ENDED = tuple(state.value for state in InstanceStatus if state.value not in ("CREATED", "STARTED", "ON_HOLD"))
