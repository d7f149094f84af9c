"""Checks of timer fields: grammars and their places are the engine's, texts the catalogue's (designer 1.11, TMR codes)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from zoneinfo import ZoneInfo

from designer.design import Design
from designer.lint.keys import Place, check_path
from designer.lint.problem import Fix, Problem, problem
from designer.lint.template import plain_template
from designer.models import Node
from engine.core import durations, schedules, timerplaces
from engine.core.durations import TimerError
from flowx_site.config import config

TEXT_LENGTH = 200
NO_DELAY = "TMR-014"


def check_timer(design: Design, text: str, field: str) -> Iterator[Problem]:
    """An action's timer or a response timeout: a duration, empty, or a text with placeholders that is checked when armed."""
    if (yield from _settled(design, text, field)):
        return
    if fault := _fault(field, lambda: durations.check_action_timer(text)):
        yield fault
        return
    yield from _warnings(text, field)


def check_node_timer(design: Design, node: Node) -> Iterator[Problem]:
    """The timer of a timer node, held against its place (engine 5.2), and the start and end time of a timer start."""
    place = timerplaces.Place(node.type)
    text, field = str(node.config.get("timerExpression") or ""), "timerExpression"
    zone = ZoneInfo(config.time_zone)
    if place is timerplaces.Place.TIMER_START:
        for name in ("startTime", "endTime"):
            yield from _moment(str(node.config.get(name) or ""), name, zone)
        if len(text) <= TEXT_LENGTH and "${" in text:
            yield problem("TMR-019", field)
            return
    if (yield from _settled(design, text, field)):
        return
    if fault := _fault(field, lambda: timerplaces.check_timer(place, text, zone)):
        yield fault
        return
    yield from (each for each in _warnings(text, field) if each.code != NO_DELAY)  # the field may not be left empty


def _settled(design: Design, text: str, field: str) -> Generator[Problem, None, bool]:
    """What holds for every timer; true when nothing is left to be held against a grammar."""
    if not text.strip():
        return True
    if len(text) > TEXT_LENGTH:
        yield problem("TMR-001", field, v=f"{text[:40]}…")
        return True
    if "${" not in text:
        return False
    template, faults = plain_template(text, field)
    yield from faults
    for placeholder in template.placeholders if template else ():
        yield from check_path(design, placeholder.path, Place(field, placeholder.line, placeholder.column))
    return template is None or not template.is_static


def _moment(text: str, field: str, zone: ZoneInfo) -> Iterator[Problem]:
    if "${" in text:
        yield problem("TMR-019", field)
    elif text.strip() and (fault := _fault(field, lambda: schedules.parse_date(text, zone))):
        yield fault


def _fault(field: str, parse: Callable[[], object]) -> Problem | None:
    """What the engine's parser finds wrong, as a finding with its fix."""
    try:
        parse()
    except TimerError as error:
        fix = Fix(f"Use {error.fix}", "set", field, error.fix) if error.fix else None
        return problem(error.code, field, fix=fix, filled=error.values)
    return None


def _warnings(text: str, field: str) -> Iterator[Problem]:
    for warning in durations.warnings(text):
        label = f"Use {warning.fix}" if warning.fix else "Use no delay"
        yield problem(warning.code, field, fix=Fix(label, "set", field, warning.fix), filled=warning.values)
