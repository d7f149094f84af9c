"""What a check reports: a code with its filled-in text, where it is, and a fix that one click applies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from designer.lint.catalogue import CATALOGUE, Severity


@dataclass(frozen=True, slots=True)
class Fix:
    """One-click offer. `kind` says what it does, the other fields with what:

    set: put `value` into `field` of the action or node. swap: exchange the order with the action named `value`.
    add_key: add `value` to the data model. add_action: open the form for a new action on the node.
    draft: create a draft of the version. group: choose a group that may start the process.
    """

    label: str
    kind: str = "set"
    field: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. `field` is the form field's stored name, such as `timerExpression` or `message`; `node` is a node's key,
    `action` an action's name, both empty for the process itself. Line and column count from 1."""

    code: str
    severity: Severity
    message: str
    field: str = ""
    node: str = ""
    action: str = ""
    line: int | None = None
    column: int | None = None
    fixes: tuple[Fix, ...] = ()

    @property
    def fix(self) -> Fix | None:
        """The first offer."""
        return self.fixes[0] if self.fixes else None

    @property
    def blocks_saving(self) -> bool:
        return self.severity == Severity.ERROR

    @property
    def blocks_publishing(self) -> bool:
        return self.severity in (Severity.ERROR, Severity.BLOCKER)

    def at(self, *, node: str = "", action: str = "") -> Problem:
        """The same finding, placed on a node and an action."""
        return replace(self, node=node or self.node, action=action or self.action)

    def as_error(self) -> dict[str, Any]:
        """An item of `errors` in a problem object (engine 0)."""
        fix = {"label": self.fix.label, "field": self.fix.field, "value": self.fix.value} if self.fix else None
        return {
            "code": self.code,
            "field": self.field,
            "message": self.message,
            "line": self.line,
            "column": self.column,
            "fix": fix,
        }


def problem(
    code: str,
    field: str = "",
    /,
    *,
    variant: str = "",
    severity: Severity | None = None,
    on_node: str = "",
    line: int | None = None,
    column: int | None = None,
    fix: Fix | tuple[Fix, ...] | None = None,
    filled: Mapping[str, Any] | None = None,
    **values: Any,
) -> Problem:
    """Make a finding from the catalogue; `values`, and `filled` where they come as a mapping, fill its
    text. With a line and a column the sentence says where."""
    entry = CATALOGUE[code]
    text = entry.text(variant, {**(filled or {}), **values})
    if line is not None and column is not None:
        text = f"Line {line}, column {column}: {text}"
    fixes = fix if isinstance(fix, tuple) else (fix,) if fix else ()
    return Problem(code, severity or entry.severity, text, field, on_node, "", line, column, fixes)


def count(problems: list[Problem] | tuple[Problem, ...]) -> dict[str, int]:
    """How many of each severity: `{"error": 1, "blocker": 0, "warning": 2}`."""
    counted = {severity.value: 0 for severity in Severity}
    for each in problems:
        counted[each.severity.value] += 1
    return counted


_RANK = {Severity.ERROR: 0, Severity.BLOCKER: 1, Severity.WARNING: 2}


def by_severity(problems: list[Problem]) -> list[Problem]:
    """Errors, then blockers, then warnings; otherwise in the order they were found."""
    return sorted(problems, key=lambda each: _RANK[each.severity])
