"""Checks of gateway conditions: the engine's compiler finds the faults, the catalogue has the texts (designer 1.15)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.expressions import ExpressionError

from designer.design import Design
from designer.lint.keys import Place, check_path
from designer.lint.problem import Fix, Problem, problem
from engine.core import expressions

ZEN = "ZEN"


def check_expression(
    design: Design, text: str, field: str, *, language: str = ZEN, what: str = "a condition"
) -> Iterator[Problem]:
    """EXP-001 to 005, then KEY-101 and 104 of the paths below `input` that the expression reads."""
    if language.upper() != ZEN:
        yield problem("EXP-005", field, language=language)
        return
    try:
        compiled = expressions.compile_expression(text)
    except ExpressionError as error:
        yield from _faults(error, text, field, what)
        return
    for path in compiled.paths:
        if path and path[0] == "input" and len(path) > 1:
            yield from check_path(design, path[1:], Place(field))


def _faults(error: ExpressionError, text: str, field: str, what: str) -> Iterator[Problem]:
    fix = None
    if error.code == "EXP-003":
        name = str(error.values.get("x", ""))
        fix = Fix(f"Use input.{name}", "set", field, text.replace(name, f"input.{name}", 1))
    line, column = (error.line, error.column) if error.line else (None, None)
    yield problem(error.code, field, line=line, column=column, fix=fix, **{"what": what, **error.values})
