"""Checks of key paths: what a process knows (KEY codes), and lists of keys that a designer enters (DTS codes)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from designer.design import Design
from designer.lint.catalogue import Severity
from designer.lint.problem import Fix, Problem, problem
from designer.lint.words import nearest
from designer.models import AttributeType, DataModelAttribute
from engine.core import paths
from engine.core.paths import Path, PathError

RESERVED = ("processInstanceId", "processInstanceUuid", "parentProcessInstanceId", "webSocketPath", "webSocketAddress")
START_VALUES = ("startCondition", "flowName")
_SCALARS = (AttributeType.STRING, AttributeType.NUMBER, AttributeType.BOOLEAN, AttributeType.ENUM)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path was found: the field, and in an editor its line and column. `target` says in words who would get the
    value ('browsers', a topic), empty when it stays inside; `browser` is true when it goes to browsers."""

    field: str
    line: int | None = None
    column: int | None = None
    target: str = ""
    browser: bool = False


@dataclass
class Known:
    """The keys of a design: attributes by name path (without array positions), opaque roots, parameters."""

    attributes: dict[tuple[str, ...], DataModelAttribute]
    with_children: set[tuple[str, ...]]
    opaque: set[tuple[str, ...]]
    names: list[str] = field(default_factory=list)


def known_keys(design: Design) -> Known:
    """What the design knows: its data model, the keys that receive replies and events, what a start brings, reserved names."""
    if (found := design.__dict__.get("known_keys")) is not None:
        return found  # type: ignore[no-any-return]
    attributes = {names(path): each for each in design.attributes if (path := _parse(each.path))}
    with_children = {path[:end] for path in attributes for end in range(1, len(path))}
    streams = {
        names(path)
        for node in design.nodes
        for row in node.data_stream_topics
        if (path := _parse(row.get("keyName", "")))
    }
    streams |= {names(path) for node in design.nodes if (path := _parse(str(node.config.get("receiveDataKey") or "")))}
    opaque = streams | {(name,) for name in (*RESERVED, *START_VALUES)}
    known = Known(attributes, with_children, opaque, sorted(".".join(path) for path in attributes.keys() | streams))
    design.__dict__["known_keys"] = known
    return known


def names(path: Path) -> tuple[str, ...]:
    """The path without array positions: `list[0].name` is the attribute `list.name`."""
    return tuple(str(part) for part in path if not isinstance(part, int))


def _parse(text: str) -> Path | None:
    try:
        return paths.parse(text)
    except PathError:
        return None


def is_known(design: Design, path: Path) -> bool:
    """Whether the data model, a reply key, a start value, a reserved name or a generic parameter gives this path."""
    known = known_keys(design)
    text = paths.format(path)
    plain = names(path)
    if text in design.parameters or text == "user.jwt" or plain in known.attributes or plain in known.with_children:
        return True
    for end in range(len(plain), 0, -1):
        head = plain[:end]
        if head in known.with_children:
            return False
        if head in known.opaque:
            return True
        if head in known.attributes:
            return True
    return False


def check_path(design: Design, path: Path, place: Place) -> Iterator[Problem]:
    """KEY-101 to 105 for one path that an action reads."""
    text = paths.format(path)
    parameter = design.parameters.get(text)
    known = known_keys(design)
    plain = names(path)
    if place.browser and (text == "user.jwt" or (parameter is not None and parameter.secret)):
        yield problem("KEY-105", place.field, path=text, line=place.line, column=place.column)
        return
    if not is_known(design, path):
        yield unknown_key(design, "KEY-101", text, place.field, line=place.line, column=place.column)
        return
    if parameter is not None and plain in known.attributes:
        yield problem("KEY-103", place.field, path=text, line=place.line, column=place.column)
    if (blocked := _goes_into(known, path)) is not None:
        part, attribute = blocked
        yield problem(
            "KEY-104", place.field, path=text, part=part, type=attribute.type, line=place.line, column=place.column
        )
    if place.target and is_sensitive(known, plain):
        yield problem("KEY-102", place.field, path=text, target=place.target, line=place.line, column=place.column)


def unknown_key(
    design: Design, code: str, text: str, field_name: str, *, line: int | None = None, column: int | None = None
) -> Problem:
    """KEY-101 or DTS-006: with the nearest known key, and a blocker where the process has strict keys."""
    near = nearest(text, known_keys(design).names)
    fixes: tuple[Fix, ...] = (Fix(f"Add {text} to the data model", "add_key", field_name, text),)
    if near:
        fixes = (Fix(f"Use {near}", "replace_key", field_name, f"{text}\n{near}"), *fixes)
    strict = design.version.strict_keys and code == "KEY-101"
    return problem(
        code,
        field_name,
        variant="near" if near else "",
        severity=Severity.BLOCKER if strict else None,
        line=line,
        column=column,
        fix=fixes,
        path=text,
        near=near,
    )


def is_sensitive(known: Known, plain: tuple[str, ...]) -> bool:
    """Whether the path, one above it or one below it is marked sensitive (an object's flag goes down)."""
    if any(
        (row := known.attributes.get(plain[:end])) is not None and row.sensitive for end in range(1, len(plain) + 1)
    ):
        return True
    return any(row.sensitive for path, row in known.attributes.items() if path[: len(plain)] == plain)


def _goes_into(known: Known, path: Path) -> tuple[str, DataModelAttribute] | None:
    """The attribute that the path goes below although it is a scalar, or a list without a position (KEY-104)."""
    for end in range(1, len(path)):
        head = path[:end]
        attribute = None if isinstance(head[-1], int) else known.attributes.get(names(head))
        if attribute is None:
            continue
        into_list = attribute.type == AttributeType.ARRAY and not isinstance(path[end], int)
        if attribute.type in _SCALARS or into_list:
            return paths.format(head), attribute
    return None


def check_key_list(
    design: Design, keys: Iterable[str], field_name: str, *, allow_index: bool = False, in_model: bool = True
) -> Iterator[Problem]:
    """DTS-001 to 006 for a list of keys: Data to send, keys for restart, input keys, copy lists, process settings."""
    listed = [key.strip() for key in keys]
    parsed: dict[str, Path] = {}
    for position, key in enumerate(listed):
        if not key:
            yield problem("DTS-001", field_name)
        elif "${" in key:
            bare = key.replace("$${", "${").replace("${", "").replace("}", "").strip()
            yield problem("DTS-004", field_name, fix=Fix(f"Use {bare}", "replace_key", field_name, f"{key}\n{bare}"))
        elif (path := _parse(key)) is None or path[0] in RESERVED or (not allow_index and len(names(path)) < len(path)):
            yield problem("DTS-002", field_name, k=key)
        elif key in listed[:position] or path in parsed.values():
            yield problem(
                "DTS-003", field_name, k=key, fix=Fix("Remove the second one", "remove_double", field_name, key)
            )
        else:
            parsed[key] = path
            if in_model and not is_known(design, path):
                yield unknown_key(design, "DTS-006", key, field_name)
    for key, path in parsed.items():
        parent = next((other for other, head in parsed.items() if other != key and path[: len(head)] == head), None)
        if parent is not None:
            yield problem(
                "DTS-005", field_name, k=key, parent=parent, fix=Fix(f"Remove {key}", "remove_key", field_name, key)
            )
