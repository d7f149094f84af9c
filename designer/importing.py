"""Reads a process export (designer 3.3): checks the whole file first, then makes a draft of it in one transaction, or nothing.

`read` gives the document or refuses it; `report` says what would happen; `import_version` does it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
from django.contrib.auth.models import Group
from django.db import transaction

from designer import export
from designer.catalog import ActionValues, Param
from designer.lint.action import NAME_LENGTH, clean_name
from designer.lint.catalogue import Severity
from designer.lint.problem import Problem, problem
from designer.models import GenericParameter, Process, Version, VersionState
from designer.rows import apply_settings, stored_param, write_rows
from designer.versions import User, VersionRefused, name_problems, new_version
from engine import publishing
from engine.core import jsonio

SIZE_LIMIT = 10 * 1024 * 1024
FORMATS = (1, export.FORMAT_VERSION)
_SCHEMA = Path(__file__).with_name("process-export.schema.json")


@dataclass(slots=True)
class Report:
    """What an import would do. `document` is ready to be written: names are cleaned, old aliases are read."""

    document: dict[str, Any]
    name: str
    renamed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    existing: Process | None = None
    draft: Version | None = None

    @property
    def refused(self) -> bool:
        """Whether nothing may be imported from this file."""
        return any(each.severity == Severity.ERROR and each.code != "IMP-007" for each in self.problems)


@cache
def schema() -> dict[str, Any]:
    """The JSON Schema of the export format."""
    loaded: dict[str, Any] = json.loads(_SCHEMA.read_text("utf-8"))
    return loaded


def read(content: bytes) -> dict[str, Any]:
    """The document in a file. Raises VersionRefused with IMP-001, 002, 004 or 006."""
    if len(content) > SIZE_LIMIT:
        raise VersionRefused([problem("IMP-006", n=f"{len(content) / 1024 / 1024:.1f}")])
    try:
        document = jsonio.loads(content)
    except jsonio.JsonError as error:
        raise VersionRefused([problem("IMP-001", reason=str(error).rstrip("."))]) from error
    if not isinstance(document, dict) or document.get("format") != export.FORMAT:
        raise VersionRefused([problem("IMP-001", reason=f"its format is not '{export.FORMAT}'")])
    version = document.get("formatVersion")
    if not isinstance(version, int) or not FORMATS[0] <= version <= FORMATS[1]:
        raise VersionRefused([problem("IMP-002", v=version, min=FORMATS[0], max=FORMATS[1])])
    validator = jsonschema.Draft202012Validator(schema())
    found = sorted(validator.iter_errors(document), key=lambda error: list(map(str, error.absolute_path)))
    if found:
        raise VersionRefused([problem("IMP-004", path=_path(error), text=error.message) for error in found[:20]])
    return document


def _path(error: jsonschema.ValidationError) -> str:
    return ".".join(str(part) for part in error.absolute_path) or "document"


def report(document: dict[str, Any], *, name: str = "") -> Report:
    """Check a document that `read` gave against this installation. `name` overrides the name in the file."""
    wanted = name or document["process"]["name"]
    found = Report(json.loads(jsonio.dumps(document)), wanted)
    found.existing = Process.objects.filter(name__iexact=wanted, deleted=False).first()
    if found.existing is None:
        found.problems += name_problems(wanted)
    else:
        found.name = found.existing.name
        found.draft = found.existing.versions.filter(state=VersionState.DRAFT).first()
    if found.draft is not None:
        found.problems.append(problem("IMP-007", "name", name=found.name))
    found.problems += _inconsistencies(found.document)
    if not found.refused:
        _rename(found)
        _references(found)
    return found


def _inconsistencies(document: dict[str, Any]) -> list[Problem]:
    """What the schema cannot say: keys and names twice, references to what is not in the file (IMP-004)."""
    faults: list[str] = []
    nodes = {row["key"]: row for row in document["nodes"]}
    for part, member in (
        ("nodes", "key"),
        ("nodes", "name"),
        ("swimlanes", "key"),
        ("swimlanes", "name"),
        ("dataModel", "path"),
    ):
        counted = Counter(row[member] for row in document.get(part) or [])
        faults += [f"{part}: {member} '{value}' appears twice" for value, times in counted.items() if times > 1]
    counted = Counter(row["key"] for row in document["actions"] if row.get("key"))
    faults += [f"actions: key '{key}' appears twice" for key, times in counted.items() if times > 1]
    for position, row in enumerate(document["sequences"]):
        faults += [
            f"sequences.{position}.{end}: no node '{row[end]}'"
            for end in ("sourceNode", "targetNode")
            if row[end] not in nodes
        ]
    for position, row in enumerate(document["actions"]):
        if row["node"] not in nodes:
            faults.append(f"actions.{position}.node: no node '{row['node']}'")
        parent = row.get("parentName")
        siblings = {each["name"] for each in document["actions"] if each["node"] == row["node"]}
        if parent and parent not in siblings:
            faults.append(f"actions.{position}.parentName: no action '{parent}' on that node (ACT-014)")
    return [problem("IMP-004", path=text.split(": ")[0], text=f"{text.split(': ', 1)[1]}.") for text in faults]


def _rename(found: Report) -> None:
    """IMP-008: action names that may not stand here, or stand twice, are changed; parents and headers follow."""
    taken: set[str] = set()
    for row in found.document["actions"]:
        name = clean_name(row["name"])
        number, free = 2, name
        while free in taken:
            free, number = f"{name[: NAME_LENGTH - 5]}_{number}", number + 1
        taken.add(free)
        if free != row["name"]:
            found.renamed[row["name"]] = free
            _follow(found.document, row, free)
    if found.renamed:
        listed = ", ".join(f"{old} → {new}" for old, new in found.renamed.items())
        found.problems.append(problem("IMP-008", n=len(found.renamed), list=listed))


def _follow(document: dict[str, Any], row: dict[str, Any], new: str) -> None:
    from designer.renaming import headers_with_action

    old, row["name"] = row["name"], new
    for other in document["actions"]:
        if other["node"] == row["node"] and other.get("parentName") == old:
            other["parentName"] = new
        rows = {param["key"]: param for param in map(stored_param, other.get("actionParams") or [])}
        values = ActionValues(
            0, params={key: Param(each["value"], each["replaceValues"]) for key, each in rows.items()}
        )
        headers = headers_with_action(values, old, new)
        if headers is not None:
            rows["headers"]["value"] = headers
            other["actionParams"] = list(rows.values())


def _references(found: Report) -> None:
    """IMP-005: names in the `requires` block that this installation does not have."""
    requires = found.document.get("requires") or {}
    known = {
        "parameters": set(GenericParameter.objects.values_list("key", flat=True)),
        "processes": {*Process.objects.filter(deleted=False).values_list("name", flat=True), found.name},
        "groups": set(Group.objects.values_list("name", flat=True)),
    }
    for kind, wanted in requires.items():
        found.missing += [f"{kind}: {name}" for name in wanted if name not in known.get(kind, set())]
    if found.missing:
        found.problems.append(problem("IMP-005", n=len(found.missing), list=", ".join(found.missing)))


@transaction.atomic
def import_version(
    document: dict[str, Any], *, name: str = "", user: User | None = None, replace: bool = False
) -> tuple[Version, Report]:
    """Make a draft of the document: a known name gets the next number, a new name its own number. All or nothing.

    Raises VersionRefused: IMP-007 while a draft exists and `replace` is false, otherwise what `report` found.
    """
    found = report(document, name=name)
    if found.refused:
        raise VersionRefused([each for each in found.problems if each.severity == Severity.ERROR])
    if found.draft is not None:
        if not replace:
            raise VersionRefused([each for each in found.problems if each.code == "IMP-007"])
        found.draft.delete()
    version = new_version(found.name, user=user)
    if found.existing is None and version.number == 1:
        version.number = found.document["process"].get("version", 1)
    apply_settings(version, found.document["process"])
    version.save()
    write_rows(version, found.document)
    if found.existing is None:
        _permissions(found)
    return version, found


def _permissions(found: Report) -> None:
    """Swimlane permissions of a new process, for the groups that exist here."""
    groups = set(Group.objects.values_list("name", flat=True))
    wanted = found.document.get("permissions") or {}
    permissions = {
        lane: {operation: [group for group in members if group in groups] for operation, members in operations.items()}
        for lane, operations in wanted.items()
    }
    publishing.store_swimlane_permissions(found.name, permissions)
