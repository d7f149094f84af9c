"""Checks of duration fields: the grammar is the engine's, the texts are the catalogue's (designer 1.11, TMR codes)."""

from __future__ import annotations

from collections.abc import Iterator

from designer.design import Design
from designer.lint.keys import Place, check_path
from designer.lint.problem import Fix, Problem, problem
from designer.lint.template import plain_template
from engine.core import durations
from engine.core.durations import TimerError

TEXT_LENGTH = 200


def check_timer(design: Design, text: str, field: str) -> Iterator[Problem]:
    """An action's timer or a response timeout: a duration, empty, or a text with placeholders that is checked when armed."""
    if not text.strip():
        return
    if len(text) > TEXT_LENGTH:
        yield problem("TMR-001", field, v=f"{text[:40]}…")
        return
    if "${" in text:
        template, faults = plain_template(text, field)
        yield from faults
        for placeholder in template.placeholders if template else ():
            yield from check_path(design, placeholder.path, Place(field, placeholder.line, placeholder.column))
        if template is None or not template.is_static:
            return
    try:
        durations.check_action_timer(text)
    except TimerError as error:
        fix = Fix(f"Use {error.fix}", "set", field, error.fix) if error.fix else None
        yield problem(error.code, field, fix=fix, filled=error.values)
        return
    for warning in durations.warnings(text):
        label = f"Use {warning.fix}" if warning.fix else "Use no delay"
        yield problem(warning.code, field, fix=Fix(label, "set", field, warning.fix), filled=warning.values)
