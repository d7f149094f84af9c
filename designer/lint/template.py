"""Checks of templates: what the engine's own compiler finds becomes findings of the catalogue (designer 1.12, JSN codes)."""

from __future__ import annotations

from collections.abc import Iterator

from designer.design import Design
from designer.lint.keys import Place, check_path
from designer.lint.problem import Fix, Problem, problem
from engine.core import template
from engine.core.template import Fault, JsonTemplate, PlainTemplate, Root, TemplateError, apply_fix

_FIX_LABELS = {"JSN-010": "Remove the comma", "JSN-011": "Use straight quotes"}


def json_template(
    text: str, field: str, *, label: str = "message", root: Root = "object", required: bool = True
) -> tuple[JsonTemplate | None, list[Problem]]:
    """Compile a JSON template; `root` is 'object', or 'message' where a list or one placeholder may stand too.

    `label` names the field inside a sentence. An empty text is a fault only where it is required.
    """
    if not text.strip() and not required:
        return None, []
    try:
        return template.compile_json(text, root=root), []
    except TemplateError as error:
        return None, [_problem(text, field, label, fault) for fault in error.faults]


def plain_template(text: str, field: str) -> tuple[PlainTemplate | None, list[Problem]]:
    """Compile a plain template: a topic, a timer, a message key."""
    try:
        return template.compile_plain(text), []
    except TemplateError as error:
        return None, [_problem(text, field, "text", fault) for fault in error.faults]


def _problem(text: str, field: str, label: str, fault: Fault) -> Problem:
    fix = None
    if fault.fix is not None:
        name = _FIX_LABELS.get(fault.code) or f"Use {fault.fix}"
        fix = Fix(name, "set", field, apply_fix(text, fault))
    line, column = (fault.line, fault.column) if fault.line else (None, None)
    values = {**fault.values, "field": label}
    return problem(fault.code, field, line=line, column=column, fix=fix, filled=values)


def check_json(
    design: Design,
    text: str,
    field: str,
    *,
    replaces: bool = True,
    label: str = "message",
    root: Root = "object",
    required: bool = True,
    target: str = "",
    browser: bool = False,
) -> Iterator[Problem]:
    """Everything about one JSON template: its faults, JSN-015 where placeholders stay as they are, and the KEY codes of the
    paths it reads. `target` says who gets the values."""
    compiled, faults = json_template(text, field, label=label, root=root, required=required)
    yield from faults
    if compiled is None:
        return
    if not replaces:
        if compiled.placeholders:
            yield problem("JSN-015", field, fix=Fix("Turn on Replace values", "replace_values", field))
        return
    seen = set()
    for each in compiled.placeholders:
        if each.path not in seen:
            seen.add(each.path)
            yield from check_path(design, each.path, Place(field, each.line, each.column, target, browser))
