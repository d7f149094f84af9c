"""JSON templates read and written as values, with their placeholders kept: what the start-process helper, the pickers for
headers and renaming need. A bare `${path}` becomes a `Bare` text in the value and is written back without quotes."""

from __future__ import annotations

import json
import re
from typing import Any

from engine.core import jsonio
from engine.core.template import JsonTemplate

_MARK = "\ue000"
_MARKED = re.compile(f'"{_MARK}([^"]*?){_MARK}"')


class Bare(str):
    """A placeholder that stands outside a string, as typed: `${path}`."""

    __slots__ = ()


def read(text: str, compiled: JsonTemplate) -> Any:
    """The template as a value: texts keep their placeholders as typed, a bare one is a `Bare`. `compiled` is made of `text`."""
    pieces, at = [], 0
    for each in compiled.placeholders:
        if not each.inside_string:
            pieces += [text[at : each.offset], f'"{_MARK}{text[each.offset : each.end]}{_MARK}"']
            at = each.end
    return _unmark(jsonio.loads("".join([*pieces, text[at:]])))


def write(value: Any) -> str:
    """The value as indented JSON, placeholders as they were read; lists of plain texts stay on one line when short."""
    text = json.dumps(_mark(value), indent=2, ensure_ascii=False)
    text = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", _one_line, text)
    return _MARKED.sub(r"\1", text)


def _one_line(found: re.Match[str]) -> str:
    joined = "[" + re.sub(r",\s+", ", ", found[1]) + "]"
    return joined if len(joined) <= 60 and "\n" not in joined else found[0]


def _unmark(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _unmark(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_unmark(item) for item in value]
    if isinstance(value, str) and value.startswith(_MARK) and value.endswith(_MARK):
        return Bare(value.strip(_MARK))
    return value


def _mark(value: Any) -> Any:
    if isinstance(value, Bare):
        return f"{_MARK}{value}{_MARK}"
    if isinstance(value, dict):
        return {name: _mark(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_mark(item) for item in value]
    if isinstance(value, int | float | str) or value is None:
        return value
    return Bare(_MARK + jsonio.dumps(value) + _MARK)
