"""The one grammar of key paths (engine 0): parse, read, write, merge, copy, and the filter of Data to send (engine 11).

``application.client.firstName``, ``list[0].name`` = ``list.0.name``: a name, then any of ``.name``, ``.number``,
``[number]``. Templates, keys, key names, copy lists and output keys all read their paths here, and nowhere else. Pure
functions on JSON values; nothing is changed in place: what is written is a copy along the path, the rest is shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, TypeAlias

from engine.core.jsonio import MAX_DEPTH, Json

Path: TypeAlias = tuple[str | int, ...]

_SEGMENT = re.compile(
    r"(?:^|\.)(?P<name>[^\W\d][\w-]*)"
    r"|\.(?P<number>0|[1-9][0-9]{0,8})(?![\w-])"
    r"|\[(?P<index>0|[1-9][0-9]{0,8})\]"
)


class PathError(ValueError):
    """A text that is not a key path, or a write to an array element that does not exist."""


class Missing:
    """The type of ``MISSING``: what reading a path gives where nothing is stored (not the same as a stored null)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


@lru_cache(maxsize=16384)
def parse(text: str) -> Path:
    """The segments of a key path: names as ``str``, array positions as ``int``.

    Raises ``PathError`` when the text is no path, or has more segments than JSON may nest (100).
    """
    segments: list[str | int] = []
    position = 0
    while position < len(text) or not segments:
        match = _SEGMENT.match(text, position)
        if match is None or (not segments and (match["name"] is None or text[0] == ".")):
            raise PathError(f"'{text}' is not a key path. Example: application.client.firstName")
        name = match["name"]
        if name is not None and not (name.isascii() or _is_name(name)):
            raise PathError(f"'{text}' is not a key path. Example: application.client.firstName")
        segments.append(name if name is not None else int(match["number"] or match["index"]))
        position = match.end()
    if len(segments) > MAX_DEPTH:
        raise PathError(f"A key path has at most {MAX_DEPTH} parts.")
    return tuple(segments)


def _is_name(name: str) -> bool:
    """Whether all are letters, decimal digits, ``_`` or ``-`` (``\\w`` also lets ``²`` and ``Ⅷ`` through)."""
    return all(char.isalpha() or char.isdecimal() or char in "_-" for char in name)


def format(path: Path) -> str:
    """The text of a path, array positions in brackets: ``("list", 0, "name")`` gives ``list[0].name``."""
    text = "".join(f"[{segment}]" if isinstance(segment, int) else f".{segment}" for segment in path)
    return text.removeprefix(".")


def _as_path(path: Path | str) -> Path:
    return parse(path) if isinstance(path, str) else path


def _step(container: Json, segment: str | int) -> Json | Missing:
    """One segment down: a name or number on an object, a number on an array."""
    if isinstance(container, dict):
        return container.get(segment if isinstance(segment, str) else str(segment), MISSING)
    if isinstance(container, list) and isinstance(segment, int) and segment < len(container):
        return container[segment]
    return MISSING


def get(data: Json, path: Path | str) -> Json | Missing:
    """The value at ``path``, or ``MISSING``; a stored null is ``None``. Never raises for a parsed path."""
    value: Json | Missing = data
    for segment in _as_path(path):
        if isinstance(value, Missing):
            return MISSING
        value = _step(value, segment)
    return value


def put(data: dict[str, Json], path: Path | str, value: Json) -> dict[str, Json]:
    """A copy of ``data`` with ``value`` at ``path`` (engine 0, writing).

    Missing objects are made and a scalar in the way is replaced by one. Raises ``PathError`` where an array index does
    not exist, or a name would have to be written into an array.
    """
    result = _put(data, _as_path(path), 0, value)
    assert isinstance(result, dict)
    return result


def _put(container: Json | Missing, path: Path, depth: int, value: Json) -> Json:
    if depth == len(path):
        return value
    segment = path[depth]
    if isinstance(container, list):
        if not isinstance(segment, int) or segment >= len(container):
            raise PathError(
                f"'{format(path)}' cannot be written: '{format(path[:depth])}' is a list without that entry."
            )
        items = list(container)
        items[segment] = _put(container[segment], path, depth + 1, value)
        return items
    if isinstance(container, dict):
        name = str(segment)
        members = dict(container)
        members[name] = _put(container.get(name, MISSING), path, depth + 1, value)
        return members
    if isinstance(segment, int):
        raise PathError(f"'{format(path)}' cannot be written: there is no list at '{format(path[:depth])}'.")
    return {segment: _put(MISSING, path, depth + 1, value)}


def remove(data: dict[str, Json], path: Path | str) -> dict[str, Json]:
    """A copy of ``data`` without the value at ``path``; the same data where there is none. An array closes its gap."""
    result = _remove(data, _as_path(path), 0)
    assert isinstance(result, dict)
    return result


def _remove(container: Json, path: Path, depth: int) -> Json:
    segment = path[depth]
    child = _step(container, segment)
    if isinstance(child, Missing):
        return container
    last = depth == len(path) - 1
    replaced = None if last else _remove(child, path, depth + 1)
    if not last and replaced is child:
        return container
    if isinstance(container, dict):
        members = dict(container)
        if last:
            del members[str(segment)]
        else:
            members[str(segment)] = replaced
        return members
    assert isinstance(container, list)
    assert isinstance(segment, int)
    return [*container[:segment], *([] if last else [replaced]), *container[segment + 1 :]]


def merge(base: dict[str, Json], extra: dict[str, Json]) -> dict[str, Json]:
    """``extra`` merged over ``base`` (engine 0): objects recursively; arrays, scalars and an explicit null replace."""
    merged = dict(base)
    for name, value in extra.items():
        below = merged.get(name)
        merged[name] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


_Tree: TypeAlias = dict[str | int, "_Tree | None"]


def _tree(paths: Iterable[Path | str]) -> _Tree:
    """The paths as one tree, ``None`` for "this value and all below"; a text that is no path names nothing."""
    root: _Tree = {}
    for path in paths:
        try:
            segments = _as_path(path)
        except PathError:
            continue
        node = root
        for segment in segments[:-1]:
            below = node.setdefault(segment, {})
            if below is None:
                break
            node = below
        else:
            node[segments[-1]] = None
    return root


def copy_only(data: dict[str, Json], paths: Iterable[Path | str]) -> dict[str, Json]:
    """Only the values at ``paths``, nesting kept (engine 2.5, paramsToCopy). A path that is not there is skipped.

    An array element keeps its position: entries before it that are not copied become null, so that the same path reads
    the same value in the copy.
    """
    picked = _pick(data, _tree(paths))
    return picked if isinstance(picked, dict) else {}


def _pick(source: Json, tree: _Tree) -> Json | Missing:
    found: dict[str | int, Json] = {}
    for segment, below in tree.items():
        child = _step(source, segment)
        if not isinstance(child, Missing):
            picked = child if below is None else _pick(child, below)
            if not isinstance(picked, Missing):
                found[segment] = picked
    if not found:
        return MISSING
    if isinstance(source, dict):
        return {str(segment): value for segment, value in found.items()}
    last = max(segment for segment in found if isinstance(segment, int))
    return [found.get(position) for position in range(last + 1)]


def copy_without(data: dict[str, Json], paths: Iterable[Path | str]) -> dict[str, Json]:
    """All but the values at ``paths`` (engine 2.5, withoutParams). Positions count in ``data`` as it was given."""
    remaining = _leave_out(data, _tree(paths))
    assert isinstance(remaining, dict)
    return remaining


def _leave_out(source: Json, tree: _Tree) -> Json:
    if not isinstance(source, dict | list):
        return source
    kept: dict[str | int, Json] = {}
    kept.update(source if isinstance(source, dict) else enumerate(source))
    for segment, below in tree.items():
        child = _step(source, segment)
        if not isinstance(child, Missing):
            position = segment if isinstance(source, list) else str(segment)
            if below is None:
                del kept[position]
            else:
                kept[position] = _leave_out(child, below)
    if isinstance(source, list):
        return list(kept.values())
    return {str(name): value for name, value in kept.items()}


def nest(body: dict[str, Json]) -> dict[str, Json]:
    """A body with flattened keys (``"application.client.email": "x"``) as the nested object it stands for (engine 11).

    A later key is merged over an earlier one. Numbers that run from 0 make an array (``rows[0].sku``, ``rows[1].sku``),
    other numbers are members. A key that is no path, or that has no place, stays as it is.
    """
    nested: dict[str, Json] = {}
    own = {id(nested)}
    numbered: set[Path] = set()
    for key, value in body.items():
        try:
            path = parse(key)
        except PathError:
            path = (key,)
        if not _grow(nested, path, value, own, numbered):
            nested[key] = value
    for place in sorted(numbered, key=len, reverse=True):
        members = get(nested, place)
        if isinstance(members, dict) and all(str(position) in members for position in range(len(members))):
            _grow(nested, place, [members[str(position)] for position in range(len(members))], own, set())
    return nested


def _grow(root: dict[str, Json], path: Path, value: Json, own: set[int], numbered: set[Path]) -> bool:
    """Write ``value`` below ``root`` in place, copying containers that are not our ``own``; whether it has a place."""
    node: dict[str, Json] | list[Json] = root
    place: Path = ()
    for depth, segment in enumerate(path):
        if isinstance(node, list):
            if not isinstance(segment, int) or segment >= len(node):
                return False
        elif isinstance(segment, int):
            numbered.add(place)
            segment = str(segment)
        below = _step(node, segment)
        last = depth == len(path) - 1
        if last:
            child = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
        elif isinstance(below, dict | list):
            child = below if id(below) in own else below.copy()
        else:
            child = {}
        if isinstance(node, list):
            assert isinstance(segment, int)
            node[segment] = child
        else:
            node[str(segment)] = child
        if last:
            return True
        assert isinstance(child, dict | list)
        own.add(id(child))
        node, place = child, (*place, segment)
    return True


def keep_keys(body: dict[str, Json], keys: Iterable[Path | str]) -> dict[str, Json]:
    """What the Data to send ``keys`` let through of a body (engine 11): each key covers its value and all below it."""
    return copy_only(nest(body), keys)


def dropped_keys(body: dict[str, Json], keys: Iterable[Path | str]) -> list[str]:
    """The key paths of the values that ``keep_keys`` leaves out, for the journal and the test console."""
    return list(_uncovered(nest(body), (), _tree(keys)))


def _uncovered(value: Json, path: Path, tree: _Tree | None) -> Iterator[str]:
    if tree is None:
        return
    if isinstance(value, dict) and (value or not path):
        for name, child in value.items():
            yield from _uncovered(child, (*path, name), tree.get(name, {}))
    else:
        yield format(path)
