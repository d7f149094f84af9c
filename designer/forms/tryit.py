"""Try it: a pasted body with what the keys of Data to send keep and drop, by the engine's own filter (engine 11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from designer.design import Design
from designer.preview import examples
from engine.core import jsonio, paths
from engine.core.jsonio import Json
from engine.core.paths import Path, PathError

WIDTH = 76


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the body: `kind` is keep, drop or '' for the braces around them."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """A body against the keys. `fault` says why a text is no body."""

    text: str
    lines: tuple[Line, ...] = ()
    kept: int = 0
    dropped: tuple[str, ...] = ()
    fault: str = ""


def try_keys(design: Design, keys: list[str], text: str) -> Trial:
    """What of the body the action would store; without a text, an example made from the data model."""
    if not text.strip():
        text = example_body(design, keys)
    try:
        body = jsonio.loads(text)
    except jsonio.JsonError as error:
        return Trial(text, fault=str(error))
    if not isinstance(body, dict):
        return Trial(text, fault="The app sends a JSON object.")
    covered = list(_parsed(keys))
    lines = list(_lines(paths.nest(body), (), covered))
    dropped = tuple(paths.dropped_keys(body, covered))
    return Trial(text, tuple(lines), _kept(paths.nest(body), (), covered), dropped)


def _kept(value: dict[str, Json], path: Path, keys: list[Path]) -> int:
    """How many members are kept whole."""
    found = 0
    for name, member in value.items():
        here = (*path, name)
        if any(here[: len(key)] == key for key in keys):
            found += 1
        elif isinstance(member, dict):
            found += _kept(member, here, keys)
    return found


def _parsed(keys: list[str]) -> Iterator[Path]:
    for key in keys:
        try:
            yield paths.parse(key.strip())
        except PathError:
            continue


def example_body(design: Design, keys: list[str]) -> str:
    """The example values of everything that stands beside the keys, so that something may be dropped as well."""
    data = examples(design)
    roots = {path[0] for path in _parsed(keys)}
    body = {name: value for name, value in data.items() if name in roots} if roots else data
    return _pretty(body) if body else "{}"


def _pretty(value: Json, indent: str = "") -> str:
    if not isinstance(value, dict) or not value:
        return jsonio.dumps(value)
    inner = f"{indent}  "
    members = (f"{inner}{jsonio.dumps(name)}: {_pretty(member, inner)}" for name, member in value.items())
    return "{\n" + ",\n".join(members) + f"\n{indent}}}"


def _lines(value: dict[str, Json], path: Path, keys: list[Path], indent: str = "") -> Iterator[Line]:
    if not path:
        yield Line("{")
    inner = f"{indent}  "
    for position, (name, member) in enumerate(value.items()):
        comma = "," if position < len(value) - 1 else ""
        here = (*path, name)
        if any(here[: len(key)] == key for key in keys):
            yield from _block(name, member, "keep", inner, comma)
        elif isinstance(member, dict) and any(key[: len(here)] == here for key in keys):
            yield Line(f"{inner}{jsonio.dumps(name)}: {{")
            yield from _lines(member, here, keys, inner)
            yield Line(f"{inner}}}{comma}")
        else:
            yield from _block(name, member, "drop", inner, comma)
    if not path:
        yield Line("}")


def _block(name: str, member: Json, kind: str, indent: str, comma: str) -> Iterator[Line]:
    """A member that is kept or dropped whole: on one line where it fits, else one line a member of it."""
    short = f"{indent}{jsonio.dumps(name)}: {_spaced(member)}{comma}"
    if len(short) <= WIDTH or not isinstance(member, dict):
        yield Line(short, kind)
        return
    yield Line(f"{indent}{jsonio.dumps(name)}: {{", kind)
    for position, (inner_name, each) in enumerate(member.items()):
        yield from _block(inner_name, each, kind, f"{indent}  ", "," if position < len(member) - 1 else "")
    yield Line(f"{indent}}}{comma}", kind)


def _spaced(value: Json) -> str:
    """A value on one line with a blank after colons and commas."""
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{jsonio.dumps(name)}: {_spaced(each)}" for name, each in value.items()) + " }"
            if value
            else "{}"
        )
    if isinstance(value, list):
        return f"[{', '.join(map(_spaced, value))}]"
    return jsonio.dumps(value)
