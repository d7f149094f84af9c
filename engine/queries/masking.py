"""Hides sensitive values where staff look at data: variables, records, frames, journal (engine 15.9, designer 3.4).

Three ways, the most exact that fits: by path (process data), by template (a message made of placeholders: what stands where a
sensitive placeholder stood), and by value (a text that repeats a sensitive value). Nothing is changed in place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Literal

from engine.core import jsonio, paths, template
from engine.core.graph import Graph
from engine.core.jsonio import Json

MASK = "•••"
MARK = "\ue000"  # stands for a sensitive value while a template is filled in to see where such values go
SHORTEST_SECRET = 3
SHORTEST_NUMBER = 1000

Names = tuple[str, ...]


class Mask:
    """What must be hidden of one instance: the sensitive keys of its version, and the values it holds under them."""

    def __init__(self, keys: Iterable[str], *data: Mapping[str, Json]) -> None:
        self.keys = [names_of(key) for key in keys]
        self._data = data

    @classmethod
    def of(cls, graph: Graph | None, *data: Mapping[str, Json]) -> Mask:
        return cls(graph.sensitive_keys if graph else (), *data)

    def __bool__(self) -> bool:
        return bool(self.keys)

    def covers(self, path: paths.Path) -> bool:
        """Whether the value at this path is sensitive; positions in lists do not count."""
        names = tuple(part for part in path if isinstance(part, str))
        return any(names[: len(key)] == key for key in self.keys)

    # -- by path ---------------------------------------------------------------------------------------------------

    def hide(self, value: Json, path: paths.Path = (), *, sign: str = MASK) -> Json:
        """A copy of the value that stands at `path` in the process data, `sign` in place of sensitive parts."""
        if not self.keys:
            return value
        if path and self.covers(path):
            return sign
        if isinstance(value, dict):
            return {name: self.hide(member, (*path, name), sign=sign) for name, member in value.items()}
        if isinstance(value, list):
            return [self.hide(element, (*path, position), sign=sign) for position, element in enumerate(value)]
        return value

    # -- by value --------------------------------------------------------------------------------------------------

    @cached_property
    def _secrets(self) -> tuple[re.Pattern[str] | None, frozenset[object]]:
        texts: set[str] = set()
        numbers: set[object] = set()
        for data in self._data:
            for value in self._sensitive(dict(data), ()):
                if isinstance(value, str) and len(value) >= SHORTEST_SECRET:
                    texts.add(value)
                elif is_number(value) and abs(Decimal(str(value))) >= SHORTEST_NUMBER:
                    numbers.add(value)
                    texts.add(jsonio.dumps(value))
        longest_first = sorted(texts, key=len, reverse=True)
        pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        return pattern, frozenset(numbers)

    def _sensitive(self, value: Json, path: paths.Path) -> Iterator[Json]:
        """The scalars under sensitive keys."""
        if isinstance(value, dict):
            for name, member in value.items():
                yield from self._sensitive(member, (*path, name))
        elif isinstance(value, list):
            for position, element in enumerate(value):
                yield from self._sensitive(element, (*path, position))
        elif path and self.covers(path):
            yield value

    def hide_in_text(self, text: str) -> str:
        """The text without the sensitive values it repeats."""
        pattern, _ = self._secrets if self.keys else (None, frozenset())
        return pattern.sub(MASK, text) if pattern else text

    def hide_values(self, value: Json) -> Json:
        """A copy in which whatever equals or contains a sensitive value is hidden."""
        if not self.keys:
            return value
        if isinstance(value, dict):
            return {name: self.hide_values(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self.hide_values(element) for element in value]
        if isinstance(value, str):
            return self.hide_in_text(value)
        if is_number(value):
            return MASK if value in self._secrets[1] else value
        return value

    # -- by template -----------------------------------------------------------------------------------------------

    def hide_in_message(self, value: Json, source: str, *, root: Literal["object", "message"] = "message") -> Json:
        """A copy of a message that `source` made, hidden where a sensitive placeholder stood, and by value besides."""
        if not self.keys:
            return value
        try:
            shape = template.compile_json(source, root=root).value(self._marking())
        except (template.TemplateError, jsonio.JsonError):
            return self.hide_values(value)
        return self.hide_values(hide_by_shape(value, shape))

    def _marking(self) -> Callable[[paths.Path], Json | paths.Missing]:
        """A look-up that gives the mark for sensitive paths, and objects with marks inside for what contains such."""

        def find(path: paths.Path) -> Json | paths.Missing:
            if self.covers(path):
                return MARK
            names = tuple(part for part in path if isinstance(part, str))
            inside = [key[len(names) :] for key in self.keys if key[: len(names)] == names]
            return nested(inside) if inside else None

        return find


def hide_by_shape(value: Json, shape: Json) -> Json:
    """Hide in `value` whatever stands where `shape` holds a mark. A list of data is compared to one marked element."""
    if isinstance(shape, str) and MARK in shape:
        return MASK
    if isinstance(value, list) and isinstance(shape, dict):
        return [hide_by_shape(element, shape) for element in value]
    if isinstance(value, dict) and isinstance(shape, dict):
        return {name: hide_by_shape(member, shape.get(name)) for name, member in value.items()}
    if isinstance(value, list) and isinstance(shape, list):
        return [hide_by_shape(element, shape[n] if n < len(shape) else None) for n, element in enumerate(value)]
    return value


def is_number(value: Json) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def names_of(key: str) -> Names:
    """The names of a key path; positions in lists do not count."""
    try:
        return tuple(part for part in paths.parse(key) if isinstance(part, str))
    except paths.PathError:
        return (key,)


def nested(keys: Iterable[Names]) -> Json:
    """{a: {b: MARK}} for the keys a.b: what an object with sensitive parts looks like."""
    found: dict[str, Json] = {}
    for key in sorted(keys, key=len):
        place = found
        for name in key[:-1]:
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            place.setdefault(key[-1], MARK)
    return found
