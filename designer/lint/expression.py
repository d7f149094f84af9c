"""Checks of gateway conditions: the engine's compiler finds the faults, the catalogue has the texts (designer 1.15)."""

from __future__ import annotations

from collections.abc import Iterator

from designer.design import Design
from designer.lint.keys import Place, check_path
from designer.lint.problem import Fix, Problem, problem
from engine.core import expressions
from engine.core.expressions import ExpressionError

ZEN = "ZEN"


def check_expression(
    design: Design, text: str, field: str, *, language: str = ZEN, what: str = "a condition"
) -> Iterator[Problem]:
    """EXP-001 to 006, then KEY-101 and 104 of the paths below `input` that the expression reads."""
    if language.upper() != ZEN:
        yield problem("EXP-005", field, language=language)
        return
    try:
        compiled = expressions.compile_expression(text)
    except ExpressionError as error:
        fix = None
        if error.fix is not None:
            fix = Fix(f"Use {error.fix}", "set", field, spliced(text, error.offset, error.length, error.fix))
        line, column = (error.line, error.column) if error.line else (None, None)
        yield problem(error.code, field, line=line, column=column, fix=fix, filled={"what": what, **error.values})
        return
    for each in expressions.warnings(text):
        fix = Fix(f"Use {each.fix}", "set", field, spliced(text, each.offset, each.length, each.fix))
        yield problem(each.code, field, line=each.line, column=each.column, fix=fix, path=each.path)
    for path in data_paths(compiled):
        yield from check_path(design, path, Place(field))


def spliced(text: str, offset: int, length: int, replacement: str) -> str:
    """The text with some characters replaced."""
    return text[:offset] + replacement + text[offset + length :]


def data_paths(compiled: expressions.Expression) -> list[tuple[str | int, ...]]:
    """The paths of instance data that an expression reads; reading all of it names none."""
    return [path for path in compiled.paths if path]
