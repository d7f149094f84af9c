"""Read models of the processes list: one row per process with its versions, how many instances run and what is wrong.

A fixed number of statements, however many processes there are. Problem counts are kept per version and revision in Django's
cache, because the checks of a version change only with its revision (apart from what other processes do, hence the lifetime).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db.models import TextField
from django.db.models.functions import Cast

from designer import lint
from designer.catalog.values import ActionValues
from designer.design import Design, generic_parameters
from designer.models import Action, DataModelAttribute, Node, Sequence, Swimlane, Version, VersionState
from engine import publishing

COUNTS_LIFETIME_S = 300
SORTS = {"name": "Name", "running": "Running", "edited": "Last edited"}


@dataclass(frozen=True, slots=True)
class Row:
    """One process as the list shows it. `shown` is the version that opens: the draft, else the newest."""

    name: str
    published: int | None
    draft: int | None
    shown: int
    edited_at: datetime | None
    edited_by: str
    running: int
    problems: Mapping[str, int]

    @property
    def problem_total(self) -> int:
        return sum(self.problems.values())


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address of the list asks for; every part may be empty."""

    text: str = ""
    state: str = ""
    problems: bool = False
    edited_by: str = ""
    sort: str = "edited"


STATES = {"draft": "Has a draft", "published": "Published", "never": "Never published"}


def rows() -> list[Row]:
    """Every process that is not deleted, unsorted: six statements for versions, counts and checks together at most."""
    versions = (
        Version.objects.filter(process__deleted=False)
        .exclude(state=VersionState.DELETED)
        .select_related("process", "edited_by")
        .order_by("process_id", "-number")
    )
    grouped: dict[int, list[Version]] = defaultdict(list)
    for version in versions:
        grouped[version.process_id].append(version)
    shown = {process_id: shown_version(found) for process_id, found in grouped.items()}
    problems = problem_counts(shown.values())
    running = publishing.running_instances(version.process.name for version in shown.values())
    return [
        _row(found, shown[process_id], running, problems[shown[process_id].pk]) for process_id, found in grouped.items()
    ]


def shown_version(versions: Iterable[Version]) -> Version:
    """The version that opens from the list: the draft, else the published one, else the newest."""
    found = sorted(versions, key=lambda each: -each.number)
    for state in (VersionState.DRAFT, VersionState.PUBLISHED):
        for version in found:
            if version.state == state:
                return version
    return found[0]


def narrow(found: list[Row], filters: Filters) -> list[Row]:
    """The rows that every part of the filters lets through, sorted."""
    kept = [row for row in found if _matches(row, filters)]
    if filters.sort == "name":
        return sorted(kept, key=lambda row: row.name.lower())
    if filters.sort == "running":
        return sorted(kept, key=lambda row: (-row.running, row.name.lower()))
    kept.sort(key=lambda row: row.name.lower())
    return sorted(kept, key=lambda row: row.edited_at.timestamp() if row.edited_at else 0, reverse=True)


def without_each(found: list[Row], filters: Filters) -> list[tuple[str, Filters, int]]:
    """For a list with no match: each filter that could be dropped, what remains without it, and how many rows that gives."""
    parts = {
        f"‘{filters.text}’ in the name": replace(filters, text="") if filters.text else None,
        STATES.get(filters.state, filters.state): replace(filters, state="") if filters.state else None,
        "has problems": replace(filters, problems=False) if filters.problems else None,
        f"edited by {filters.edited_by}": replace(filters, edited_by="") if filters.edited_by else None,
    }
    return [(words, rest, len(narrow(found, rest))) for words, rest in parts.items() if rest is not None]


def problem_counts(versions: Iterable[Version]) -> dict[int, dict[str, int]]:
    """How many errors, blockers and warnings each version has, by its id."""
    wanted = list(versions)
    keys = {_counts_key(version): version for version in wanted}
    known: dict[str, dict[str, int]] = cache.get_many(keys)
    missing = [version for key, version in keys.items() if key not in known]
    if missing:
        fresh = {_counts_key(design.version): lint.count(lint.check(design)) for design in load_many(missing)}
        cache.set_many(fresh, COUNTS_LIFETIME_S)
        known |= fresh
    return {version.pk: known[key] for key, version in keys.items()}


def load_many(versions: Iterable[Version]) -> list[Design]:
    """Several versions with all their rows: six statements, however many versions."""
    wanted = list(versions)
    ids = [version.pk for version in wanted]
    tables: dict[type, dict[int, list[Any]]] = {}
    for model in (Swimlane, Node, Sequence, Action, DataModelAttribute):
        tables[model] = defaultdict(list)
        for row in model.objects.filter(version_id__in=ids):
            tables[model][row.version_id].append(row)
    parameters = generic_parameters()
    designs = []
    for version in wanted:
        actions = tables[Action][version.pk]
        names = {row.pk: row.name for row in actions}
        values = [ActionValues.from_row(row, parent_name=names.get(row.parent_id or 0, "")) for row in actions]
        designs.append(
            Design(
                version=version,
                swimlanes=tables[Swimlane][version.pk],
                nodes=tables[Node][version.pk],
                sequences=tables[Sequence][version.pk],
                actions=values,
                attributes=tables[DataModelAttribute][version.pk],
                parameters=parameters,
            )
        )
    return know_the_others(designs)


def know_the_others(designs: list[Design]) -> list[Design]:
    """Give each design what its checks ask of other processes, in four statements for all of them."""
    if not designs:
        return designs
    processes = designs[0].processes
    executors = publishing.executors(design.version.process.name for design in designs)
    starters = Action.objects.filter(type__in=("WEBSOCKET_SEND", "START_SUBPROCESS"), version__process__deleted=False)
    texts = "\n".join(starters.annotate(text=Cast("params", TextField())).values_list("text", flat=True))
    for design in designs:
        name = design.version.process.name
        facts = {"processes": processes, "executors": executors.get(name, {}), "may_have_parent": name in texts}
        design.__dict__.update(facts)
    return designs


def _row(versions: list[Version], shown: Version, running: Mapping[str, int], problems: Mapping[str, int]) -> Row:
    numbers = {version.state: version.number for version in versions}
    last = max(versions, key=lambda version: version.edited_at or version.created_at)
    return Row(
        name=shown.process.name,
        published=numbers.get(VersionState.PUBLISHED),
        draft=numbers.get(VersionState.DRAFT),
        shown=shown.number,
        edited_at=last.edited_at or last.created_at,
        edited_by=(last.edited_by.get_full_name() or last.edited_by.get_username()) if last.edited_by else "",
        running=running.get(shown.process.name, 0),
        problems=problems,
    )


def _matches(row: Row, filters: Filters) -> bool:
    states = {"draft": row.draft is not None, "published": row.published is not None, "never": row.published is None}
    return (
        filters.text.lower() in row.name.lower()
        and states.get(filters.state, True)
        and (not filters.problems or row.problem_total > 0)
        and filters.edited_by in ("", row.edited_by)
    )


def _counts_key(version: Version) -> str:
    return f"designer.problems.{version.pk}.{version.revision}"
