"""What a template would send: the engine's own templates and look-up, with example values or those of an instance. Where the
values come from is always said; sensitive and secret ones are masked (designer 1.12, 3.4, 6.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from designer.catalog import ActionValues
from designer.compile import sensitive_keys
from designer.design import Design
from designer.lint.template import json_template, plain_template
from engine.core import jsonio, paths
from engine.core.actions.kafka_send import header_text
from engine.core.jsonio import Json
from engine.core.lookup import lookup_for
from engine.core.paths import MISSING, Missing, Path
from engine.core.state import InstanceState, InstanceStatus
from engine.core.template import JsonTemplate, RenderError, Root, text_of
from engine.core.turn import World
from engine.queries.masking import MASK, Mask
from engine.queries.samples import Sample, sample
from flowx_site.config import config

EXAMPLES = "examples"
EXAMPLE_ID = 40127
EXAMPLE_UUID = UUID("7f3a52c0-6d1e-4c0b-9b5e-2f6d8f4bc210")
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Source:
    """Where the values come from, in words, and what a placeholder finds there."""

    key: str
    words: str
    state: InstanceState
    parameters: Mapping[str, str]

    def lookup(self, path: Path) -> Json | Missing:
        """The engine's own look-up (engine 6.4); `user.jwt` is made when a message leaves, so it is masked."""
        if path == ("user", "jwt"):
            return MASK
        return lookup_for(_world(self.parameters), self.state)(path)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a rendered text: `kind` is a token class of the editor's look, `path` the key a value came from."""

    text: str
    kind: str = ""
    path: str = ""
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered template by lines, its size, or why it cannot be rendered."""

    lines: tuple[tuple[Piece, ...], ...] = ()
    size_bytes: int = 0
    text: str = ""
    fault: str = ""
    missing: tuple[str, ...] = field(default=())


def source_of(design: Design, key: str, *, reveal: bool = False, may_see: bool = True) -> Source:
    """The source that the form names: example values, or a recent instance. Without the right, or unknown: examples."""
    parameters = {name: MASK if each.secret else each.value for name, each in design.parameters.items()}
    found = _instance(design, key) if may_see and key and key != EXAMPLES else None
    if found is None:
        return Source(EXAMPLES, "example values", _state(EXAMPLE_ID, EXAMPLE_UUID, None, examples(design)), parameters)
    params: Any = dict(found.params)
    if not reveal:
        params = Mask(sensitive_keys(design.attributes), params).hide(params)
    short = f"{str(found.uuid)[:4]}…{str(found.uuid)[-4:]}"
    return Source(
        str(found.uuid), f"instance {short}", _state(found.id, found.uuid, found.parent_id, params), parameters
    )


def _instance(design: Design, key: str) -> Sample | None:
    try:
        return sample(design.version.process.name, UUID(key))
    except ValueError:
        return None


def _state(number: int, uuid: UUID, parent: int | None, params: dict[str, Any]) -> InstanceState:
    now = datetime.now(UTC)
    return InstanceState(number, uuid, number, 0, InstanceStatus.STARTED, params, {}, now, now, parent_id=parent)


def _world(parameters: Mapping[str, str]) -> World:
    return World(
        now=datetime.now(UTC),
        ids=iter(()),
        new_uuid=uuid4,
        graph=_no_graph,
        config=parameters,
        websocket_path=config.websocket_path,
    )


def _no_graph(snapshot: int) -> Any:
    raise LookupError(f"A preview runs no process ({snapshot}).")


def examples(design: Design) -> dict[str, Any]:
    """The example values of the data model as one object; an attribute without one is left out."""
    data: dict[str, Any] = {}
    for attribute in sorted(design.attributes, key=lambda each: each.path.count(".")):
        if attribute.example is None:
            continue
        try:
            data = paths.put(data, attribute.path, attribute.example)
        except paths.PathError:
            continue
    return data


def render_json(text: str, source: Source, *, replaces: bool = True, root: Root = "object") -> Rendered:
    """The template with the source's values, or as it stands when placeholders are not replaced."""
    compiled, faults = json_template(text, "message", root=root)
    if compiled is None:
        return Rendered(fault=faults[0].message)
    if not replaces:
        return Rendered(_lines([Piece(text)]), len(text.encode()), text)
    try:
        sent = compiled.render(source.lookup)
    except RenderError as error:
        return Rendered(fault=str(error))
    pieces = list(_pieces(compiled, source))
    missing = tuple(dict.fromkeys(piece.path for piece in pieces if piece.missing))
    return Rendered(_lines(pieces), len(sent.encode()), sent, missing=missing)


def _pieces(compiled: JsonTemplate, source: Source) -> Iterator[Piece]:
    """The literals and, in between, each value as it stands in the message, cut where it is long."""
    yield Piece(compiled.literals[0])
    for placeholder, literal in zip(compiled.placeholders, compiled.literals[1:], strict=True):
        value = source.lookup(placeholder.path)
        if placeholder.inside_string:
            shown = jsonio.dumps(text_of(value))[1:-1]
        else:
            shown = "null" if isinstance(value, Missing) else jsonio.dumps(value)
        cut = shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"
        missing = value is None or isinstance(value, Missing)
        yield Piece(cut, "val", paths.format(placeholder.path), missing)
        yield Piece(literal)


_TOKENS = re.compile(
    r'(?P<string>"(?:\\.|[^"\\])*"?)|(?P<number>-?\d[\d.eE+-]*|true|false|null)|(?P<other>[^"\w-]+|[\w-]+)'
)


def _lines(pieces: list[Piece]) -> tuple[tuple[Piece, ...], ...]:
    """Coloured by line: the text is read once as JSON, values that came from data keep their own look."""
    values = iter([piece for piece in pieces if piece.kind == "val"])
    joined = "".join("\ue000" if piece.kind == "val" else piece.text for piece in pieces)
    lines: list[list[Piece]] = [[]]
    for match in _TOKENS.finditer(joined):
        kind = _kind(match, joined)
        for part in re.split("(\ue000|\n)", match.group()):
            if part == "\n":
                lines.append([])
            elif part == "\ue000":
                lines[-1].append(next(values))
            elif part:
                lines[-1].append(Piece(part, kind))
    return tuple(tuple(line) for line in lines)


def _kind(match: re.Match[str], text: str) -> str:
    if match["string"]:
        return "tk-k" if text[match.end() :].lstrip().startswith(":") else "tk-s"
    return "tk-n" if match["number"] else "tk-p"


def render_plain(text: str, source: Source) -> str:
    """A topic or a message key with the source's values; the text itself where it does not parse."""
    compiled, _ = plain_template(text, "text")
    try:
        return compiled.render(source.lookup) if compiled else text
    except RenderError:
        return text


def record_headers(action: ActionValues, source: Source) -> list[tuple[str, str]]:
    """The headers as they would leave, with the ids that the engine adds (engine 6.5)."""
    text = action.text("headers")
    compiled, _ = json_template(text, "headers", required=False)
    headers: dict[str, str] = {}
    if compiled is not None:
        value = compiled.value(source.lookup) if action.replaces("headers") else jsonio.loads(text)
        if isinstance(value, dict):
            headers = {name: header_text(each) for name, each in value.items() if each is not None}
    own = (str(source.state.id), str(source.state.uuid))
    if headers.setdefault("processInstanceId", own[0]) in own:
        headers.setdefault("processInstanceUuid", own[1])
    return list(headers.items())


__all__ = [
    "EXAMPLES",
    "MISSING",
    "Piece",
    "Rendered",
    "Source",
    "examples",
    "record_headers",
    "render_json",
    "render_plain",
    "source_of",
]
