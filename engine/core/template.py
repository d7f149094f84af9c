"""Templates: texts with ``${path}`` placeholders, compiled once and rendered for every message (engine 6.4).

A JSON template gives valid JSON of its own shape whatever the data: a bare placeholder becomes one JSON value, one
inside a string becomes escaped text. A plain template (topics, keys, timers, folders) gives text. Values are put in
once and never looked at for placeholders again. Rendering only joins pieces; all checks are made when compiling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from engine.core import jsonio
from engine.core.jsonio import Json, JsonError
from engine.core.jsonscan import scan_json
from engine.core.paths import Missing, Path
from engine.core.placeholders import MAX_FAULTS, Fault, Placeholder, Source, apply_fix, pieces_between

__all__ = [
    "Fault",
    "JsonTemplate",
    "Lookup",
    "Placeholder",
    "PlainTemplate",
    "RenderError",
    "TemplateError",
    "apply_fix",
    "compile_json",
    "compile_plain",
    "text_of",
]

Lookup: TypeAlias = Callable[[Path], Json | Missing]
Root: TypeAlias = Literal["object", "message"]

MAX_BYTES: Final = 256 * 1024
_LARGE: Final = 8 * 1024
_ROOTS: Final = {
    "object": ("a JSON object: { … }", ("object",)),
    "message": ("an object, a list or one ${key}", ("object", "list", "placeholder")),
}


class TemplateError(ValueError):
    """A template that does not parse; ``faults`` holds the first three, in the order of the text."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)[:MAX_FAULTS]
        super().__init__(", ".join(f"{fault.code} at {fault.line}:{fault.column}" for fault in self.faults))


class RenderError(ValueError):
    """A template that compiled and cannot be rendered with these values; the text says why."""


def text_of(value: Json | Missing) -> str:
    """A value as text (engine 6.4, 6.5): text as it is, numbers and booleans as JSON writes them, objects and lists as
    compact JSON, null and a missing value as the empty text."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Missing):
        return ""
    return jsonio.dumps(value)


@dataclass(frozen=True, slots=True)
class JsonTemplate:
    """A compiled JSON template. ``literals`` are the pieces around the placeholders, one more than those."""

    literals: tuple[str, ...]
    placeholders: tuple[Placeholder, ...]
    lone_root: bool

    @property
    def is_static(self) -> bool:
        """Whether there is no placeholder: it renders the same text each time."""
        return not self.placeholders

    def render(self, lookup: Lookup) -> str:
        """The JSON text with the values that ``lookup`` gives (a missing one is null, or empty inside a string).

        Raises ``RenderError`` where a lone root placeholder gives neither object nor list (engine 6.5), where a value
        is not JSON (NUL, NaN), or where template and value together nest over 100 levels.
        """
        pieces = [self.literals[0]]
        nested = False
        for placeholder, literal in zip(self.placeholders, self.literals[1:], strict=True):
            value = lookup(placeholder.path)
            if self.lone_root and not isinstance(value, dict | list):
                raise RenderError(f"${{{placeholder.text}}} must give an object or a list, not {_kind(value)}.")
            nested = nested or isinstance(value, dict | list)
            try:
                pieces.append(_inside(value) if placeholder.inside_string else _bare(value))
            except JsonError as error:
                raise RenderError(f"The value of ${{{placeholder.text}}} cannot be sent: {error.reason}") from error
            pieces.append(literal)
        text = "".join(pieces)
        if nested and jsonio.too_deep(text.encode()):
            raise RenderError(f"The message nests over {jsonio.MAX_DEPTH} levels.")
        return text

    def value(self, lookup: Lookup) -> Json:
        """The rendered message as a value. Raises ``RenderError``."""
        return jsonio.loads(self.render(lookup))


def _bare(value: Json | Missing) -> str:
    return "null" if isinstance(value, Missing) else jsonio.dumps(value)


def _inside(value: Json | Missing) -> str:
    return jsonio.dumps(text_of(value))[1:-1]


def _kind(value: Json | Missing) -> str:
    """What a value is, in words."""
    if value is None or isinstance(value, Missing):
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    return "a number" if isinstance(value, int | float | Decimal) else "a text"


def compile_json(text: str, *, root: Root = "object") -> JsonTemplate:
    """Compile a JSON template (designer 1.12), once per text.

    ``root`` is ``object``, or ``message`` for a Kafka message, which may also be a list or one lone ``${path}``. Raises
    ``TemplateError`` with the codes JSN-001 to JSN-014.
    """
    return (_json if len(text) <= _LARGE else _large_json)(text, root)


def _compile_json(text: str, root: Root) -> JsonTemplate:
    _check_size(text)
    if not text.strip():
        raise TemplateError([Fault("JSN-001", 0, 0)])
    scanned = scan_json(text)
    if scanned.faults:
        raise TemplateError(scanned.faults)
    in_words, allowed = _ROOTS[root]
    if scanned.root not in allowed:
        raise TemplateError([Source(text).fault(scanned.root_at, "JSN-003", values={"root": in_words})])
    literals = pieces_between(text, scanned.placeholders, scanned.escapes)
    template = JsonTemplate(literals, scanned.placeholders, lone_root=scanned.root == "placeholder")
    _prove(template)
    return template


def _prove(template: JsonTemplate) -> None:
    """Parse what the template renders without values, by another parser than the one that scanned it."""
    probe = "".join(
        piece + ("" if index >= len(template.placeholders) or template.placeholders[index].inside_string else "{}")
        for index, piece in enumerate(template.literals)
    )
    try:
        jsonio.loads(probe)
    except JsonError as error:
        values = {"found": error.reason, "expected": "JSON"}
        raise TemplateError([Fault("JSN-002", error.line, error.column, values)]) from error


@dataclass(frozen=True, slots=True)
class PlainTemplate:
    """A compiled plain template. ``literals`` are the pieces around the placeholders, one more than those."""

    literals: tuple[str, ...]
    placeholders: tuple[Placeholder, ...]

    @property
    def is_static(self) -> bool:
        """Whether there is no placeholder: it renders the same text each time."""
        return not self.placeholders

    def render(self, lookup: Lookup) -> str:
        """The text with each placeholder as the text of its value, unescaped; missing and null give the empty text.

        Raises ``RenderError`` where a value is not JSON.
        """
        pieces = [self.literals[0]]
        for placeholder, literal in zip(self.placeholders, self.literals[1:], strict=True):
            try:
                pieces += (text_of(lookup(placeholder.path)), literal)
            except JsonError as error:
                raise RenderError(f"The value of ${{{placeholder.text}}} cannot be used: {error.reason}") from error
        return "".join(pieces)

    def missing(self, lookup: Lookup) -> list[str]:
        """The placeholders, as typed, for which there is no value or null, in order and each once."""
        texts = (p.text for p in self.placeholders if lookup(p.path) is None or isinstance(lookup(p.path), Missing))
        return list(dict.fromkeys(texts))


def compile_plain(text: str) -> PlainTemplate:
    """Compile a plain template, once per text. Raises ``TemplateError`` with JSN-005, 006, 007, 013 or 014."""
    return (_plain if len(text) <= _LARGE else _large_plain)(text)


def _compile_plain(text: str) -> PlainTemplate:
    _check_size(text)
    source = Source(text)
    placeholders: list[Placeholder] = []
    faults: list[Fault] = []
    escapes: list[int] = []
    at = text.find("$")
    while at >= 0:
        if text.startswith("$${", at):
            escapes.append(at)
            at += 3
        elif text.startswith("${", at):
            at, read = source.placeholder(at, inside_string=False, ends="")
            if isinstance(read, Placeholder):
                placeholders.append(read)
            else:
                faults.append(read)
        else:
            at += 1
        at = text.find("$", at)
    if faults:
        raise TemplateError(faults)
    return PlainTemplate(pieces_between(text, placeholders, escapes), tuple(placeholders))


def _check_size(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise TemplateError([Fault("JSN-014", 0, 0, {"n": str(-(-size // 1024))})])


# Few large texts are kept, so that somebody who types in a large message cannot fill the memory with its versions.
_json, _large_json = lru_cache(2048)(_compile_json), lru_cache(64)(_compile_json)
_plain, _large_plain = lru_cache(2048)(_compile_plain), lru_cache(64)(_compile_plain)
