"""Data and its paths once more, in the plainest way, from the words of the specification (engine 0, 2.5, 6.4, 11).

The replayer works with these, so that a fault of `engine.core.paths` or `engine.core.template` shows as a difference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

Data = dict[str, Any]


class NoPlace(Exception):
    """A value cannot be written there."""


class Absent:
    """Nothing is there; not the same as a stored null."""


ABSENT = Absent()


def parts(path: str) -> list[str | int]:
    """`a.b[0].c` = `a.b.0.c` -> ["a", "b", 0, "c"]."""
    found = re.findall(r"[^.\[\]]+", path)
    return [int(each) if each.isdecimal() else each for each in found]


def get(data: Any, path: str) -> Any:
    """The value at a path; `ABSENT` where nothing is."""
    for part in parts(path):
        if isinstance(data, dict) and str(part) in data:
            data = data[str(part)]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return ABSENT
    return data


def seen(data: Data, path: str) -> Any:
    """As `get`, with null for what is not there."""
    value = get(data, path)
    return None if value is ABSENT else value


def put(data: Data, path: str, value: Any) -> Data:
    """A new object with the value at the path: missing objects are made, scalars in the way replaced. Raises `NoPlace`."""
    made: Data = _put(data, parts(path), value)
    return made


def _put(here: Any, way: list[str | int], value: Any) -> Any:
    if not way:
        return value
    first, rest = way[0], way[1:]
    if isinstance(here, list):
        if isinstance(first, str) or first >= len(here):
            raise NoPlace(str(first))
        return [*here[:first], _put(here[first], rest, value), *here[first + 1 :]]
    if isinstance(here, dict):
        return {**here, str(first): _put(here.get(str(first), ABSENT), rest, value)}
    if isinstance(first, int):
        raise NoPlace(str(first))
    return {first: _put(ABSENT, rest, value)}


def remove(data: Data, path: str) -> Data:
    """A new object without what is at the path; a list closes its gap."""
    if get(data, path) is ABSENT:
        return data
    made: Data = _without(data, parts(path))
    return made


def _without(here: Any, way: list[str | int]) -> Any:
    first, rest = way[0], way[1:]
    if isinstance(here, list):
        assert isinstance(first, int)
        kept = [_without(here[first], rest)] if rest else []
        return [*here[:first], *kept, *here[first + 1 :]]
    return {
        key: _without(value, rest) if key == str(first) else value
        for key, value in here.items()
        if rest or key != str(first)
    }


def merge(base: Data, extra: Data) -> Data:
    """Objects merge member by member; lists, scalars and null replace."""
    made = dict(base)
    for key, value in extra.items():
        both = isinstance(made.get(key), dict) and isinstance(value, dict)
        made[key] = merge(made[key], value) if both else value
    return made


def nested(body: Data) -> Data:
    """Flattened names of a body (`"a.b": 1`) as the object they stand for; a later one is merged over an earlier one."""
    made: Data = {}
    for key, value in body.items():
        one: Any = value
        for part in reversed(parts(key)):
            one = {str(part): one}
        made = merge(made, one)
    return made


def only(data: Data, paths: Iterable[str]) -> Data:
    """What lies at these paths (names only), nesting kept."""
    made: Data = {}
    for path in paths:
        value = get(data, path)
        if value is not ABSENT:
            made = put(made, path, value)
    return made


def without(data: Data, paths: Iterable[str]) -> Data:
    """All but what lies at these paths (names only)."""
    for path in paths:
        data = remove(data, path)
    return data


def inherited(data: Data, copy: list[str], leave_out: list[str]) -> Data:
    """What a new instance takes over: all, only the listed paths, all but those, or first one then the other."""
    return without(only(data, copy) if copy else data, leave_out)


def size(data: Any) -> int:
    """Bytes of compact JSON."""
    return len(json.dumps(data, ensure_ascii=False, separators=(",", ":"), default=str).encode())


def listed(text: str) -> list[str]:
    """A stored list of paths: JSON, or joined by commas."""
    return json.loads(text) if text.startswith("[") else [each for each in text.split(",") if each]


def difference(replayed: Data, stored: Data) -> str:
    """Where two states of data differ, for a person."""
    keys = [key for key in {**replayed, **stored} if replayed.get(key, ABSENT) != stored.get(key, ABSENT)]
    shown = {key: (replayed.get(key, "-"), stored.get(key, "-")) for key in keys}
    return f"the journal gives other data (replayed, stored): {shown}"


# -- templates: a message of the model is an object whose members are `json` or `text` placeholders -----------------------

Message = dict[str, tuple[str, str]]


def template(message: Message) -> str:
    """The template text of a message: `{"a": ("json", "x")}` -> `{"a": ${x}}`, with `text` in quotes."""
    members = (f'"{key}": {_hole(*hole)}' for key, hole in message.items())
    return "{" + ", ".join(members) + "}"


def _hole(kind: str, path: str) -> str:
    return f"${{{path}}}" if kind == "json" else f'"<${{{path}}}>"'


def filled(message: Message, data: Data) -> Data:
    """What the template gives with this data."""
    return {
        key: seen(data, path) if kind == "json" else f"<{as_text(seen(data, path))}>"
        for key, (kind, path) in message.items()
    }


def as_text(value: Any) -> str:
    """A value inside a string: text as it is, nothing for null, else compact JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
