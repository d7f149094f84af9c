"""Checks of a version: live in forms, on save, on import and before publishing. `check` finds everything; each finding names
its code, node, action and field, and carries a fix where one click can mend it."""

from designer.lint.catalogue import CATALOGUE, RETIRED, Severity
from designer.lint.check import check, check_action, check_node
from designer.lint.problem import Fix, Problem, by_severity, count, problem

__all__ = [
    "CATALOGUE",
    "RETIRED",
    "Fix",
    "Problem",
    "Severity",
    "by_severity",
    "check",
    "check_action",
    "check_node",
    "count",
    "problem",
]
