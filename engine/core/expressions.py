"""Conditions and rules: ZEN expressions (engine 1.5, designer 1.15), compiled once, evaluated exactly.

``input.<path>`` reads the instance's data, ``config.<key>`` a generic parameter; a missing key is null. Only the keys
that an expression names are handed to ZEN, so a value it never reads cannot disturb it and a large instance costs
nothing. ZEN counts in decimals of 28 digits; a number too large for it reaches it as text, which no comparison but
``==`` accepts. Expressions are safe to share between threads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import zen

from engine.core import paths
from engine.core.jsonio import Json, JsonError, loads
from engine.core.paths import Path
from engine.core.placeholders import shorten
from engine.core.zentext import DATE_FUNCTIONS, ExpressionError, Reference, ZenText
from engine.core.zenvalues import from_zen, is_zen_fault, to_zen

__all__ = ["EvaluationError", "Expression", "ExpressionError", "ExpressionWarning", "compile_expression", "warnings"]

MAX_LENGTH: Final = 4000
_ORDERINGS: Final = ("<", "<=", ">", ">=")
_NOW_VALUE = re.compile(rb'"now"(?!:)')
_ZEN_PLACE = re.compile(r" at \(?(\d+)")
_REASONS: Final = (
    ("Unsupported type", "a value is missing, or has another type than the operator takes"),
    ("Unexpected end", "a value is missing after it"),
    ("Expected a property", "a name is missing after it"),
)


class EvaluationError(ValueError):
    """An expression that failed on these values; the text says which value to guard and how."""


@dataclass(frozen=True, slots=True)
class ExpressionWarning:
    """EXP-006: an ordering of a key that may be missing or no number; the fix replaces ``length`` characters."""

    code: str
    path: str
    fix: str
    line: int
    column: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A compiled expression; ``references`` are the keys it reads, in order."""

    text: str
    references: tuple[Reference, ...]
    _program: Any
    _as_text: Any
    _is_key: bool
    _reads_dates: bool

    @property
    def paths(self) -> tuple[Path, ...]:
        """The key paths read from the instance's data, each once; the empty path stands for all of it."""
        return tuple(dict.fromkeys(reference.path for reference in self.references if reference.root == "input"))

    @property
    def _shown(self) -> str:
        return shorten(self.text, 100)

    def evaluate(self, input: dict[str, Json], config: dict[str, Json]) -> Json:
        """The value for an instance's data and the generic parameters.

        Numbers come back as ``int`` where they are whole, else as ``Decimal``; exact on their own and where the expression
        is just a key, to 15 digits inside lists and objects. Raises ``EvaluationError``.
        """
        if self._is_key:
            reference = self.references[0]
            return from_zen(_read(input if reference.root == "input" else config, reference.path))
        context = self._context(input, config)
        result = self._run(self._program, context, input)
        if isinstance(result, float):  # the double that ZEN hands over is rounded, its text is not
            result = Decimal(self._run(self._as_text, context, input))
        return from_zen(result)

    def evaluate_bool(self, input: dict[str, Json], config: dict[str, Json]) -> bool:
        """Like ``evaluate``, for a condition. Raises ``EvaluationError`` too where the result is not true or false."""
        result = self.evaluate(input, config)
        if isinstance(result, bool):
            return result
        raise EvaluationError(f"'{self._shown}' gives {_kind(result)}, not true or false. {self._advice(input)}")

    def _context(self, input: dict[str, Json], config: dict[str, Json]) -> bytes:
        data = {"input": self._needed("input", input), "config": self._needed("config", config)}
        try:
            context = to_zen(data)
        except TypeError as error:
            raise EvaluationError(f"'{self._shown}' failed: {error}.") from error
        if self._reads_dates and _NOW_VALUE.search(context):
            raise EvaluationError(f"'{self._shown}' would read the clock: a value is the text now.")
        return context

    def _needed(self, root: str, data: dict[str, Json]) -> dict[str, Json]:
        wanted = [reference.path for reference in self.references if reference.root == root]
        return data if () in wanted else paths.copy_only(data, wanted)

    def _run(self, program: Any, context: bytes, input: dict[str, Json]) -> Any:
        try:
            return program.evaluate(context)
        except BaseException as error:
            if not is_zen_fault(error):
                raise
            raise EvaluationError(f"'{self._shown}' failed: {_reason(error)}. {self._advice(input)}") from None

    def _advice(self, input: dict[str, Json]) -> str:
        """What to write, naming the first key of the expression that has no value."""
        for reference in self.references:
            if reference.root == "input" and reference.path and _read(input, reference.path) is None:
                return f"{reference.text} has no value; write ({reference.text} ?? 0), or another default."
        return "Where a value may be missing, write (input.x ?? 0)."


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Expression:
    """Compile a ZEN expression. Raises ``ExpressionError`` with EXP-001 to EXP-004 and the place."""
    if not text.strip():
        raise ExpressionError("EXP-001")
    if len(text) > MAX_LENGTH:
        values = {"part": text[:20] + "…", "reason": f"it is longer than {MAX_LENGTH} characters"}
        raise ExpressionError("EXP-002", values)
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ExpressionError("EXP-002", {"part": shorten(text, 20), "reason": "it holds half a character"})
    read = ZenText(text, _is_function)
    is_key = len(read.references) == 1 and read.references[0].last - read.references[0].first + 1 == len(read.tokens)
    zen_text = text.replace("\r", " ")
    try:
        program, as_text = zen.compile_expression(zen_text), zen.compile_expression(f"string({zen_text})")
    except BaseException as error:
        if not is_zen_fault(error):
            raise
        raise _located(read, _source(error)) from None
    return Expression(text, tuple(read.references), program, as_text, is_key, read.calls(DATE_FUNCTIONS))


def warnings(text: str) -> list[ExpressionWarning]:
    """EXP-006 for each key of the data that stands beside ``< <= > >=`` as it is. Empty for a faulty text; never raises."""
    try:
        compile_expression(text)
    except ExpressionError:
        return []
    read = ZenText(text, _is_function)
    found = []
    for reference in read.references:
        beside = read.at(reference.first - 1), read.at(reference.last + 1)
        if reference.root == "input" and any(token.text in _ORDERINGS for token in beside):
            start, end = read.tokens[reference.first].start, read.tokens[reference.last].end
            fix = f"({reference.text} ?? 0)"
            found.append(
                ExpressionWarning("EXP-006", reference.text, fix, *read.source.place(start), start, end - start)
            )
    return found


@lru_cache(maxsize=256)
def _is_function(name: str) -> bool:
    """Whether ZEN has a function of that name: it then complains of its arguments, not of the name."""
    return _fault(f"{name}()") != "Incomplete parser output"


def _fault(zen_text: str) -> str | None:
    """What ZEN finds wrong with a text, if anything."""
    try:
        found = zen.validate_expression(zen_text)
    except BaseException as error:
        if not is_zen_fault(error):
            raise
        return _source(error)
    return None if found is None else found["source"]


def _source(error: BaseException) -> str:
    """The message of a ZEN error, which comes as JSON with a stack trace behind it."""
    first = str(error).split("\n", 1)[0]
    try:
        message = loads(first)
    except JsonError:
        return first
    return str(message["source"]) if isinstance(message, dict) and "source" in message else first


def _reason(error: BaseException) -> str:
    source = _source(error)
    for part, reason in _REASONS:
        if part in source:
            return reason
    return re.sub(r"^Opcode \w+: ", "", source).rstrip(".")


def _located(read: ZenText, source: str) -> ExpressionError:
    """EXP-002 at the token that ZEN's message is about."""
    place = _ZEN_PLACE.search(source)
    called = re.search("function call `(.+?)`", source)
    if called:
        token = next((token for token in read.tokens if token.text == called[1]), read.tokens[-1])
        return read.unreadable(token, "it takes another number of values")
    if place:
        offset = len(read.text.encode()[: int(place[1])].decode(errors="ignore"))
        index = next((i for i, token in enumerate(read.tokens) if token.end > offset), len(read.tokens) - 1)
    else:
        index = next(
            i for i in range(len(read.tokens) - 1, -1, -1) if i == 0 or _is_valid(read.text, read.tokens[i - 1].end)
        )
    at_end = "Unexpected end" in source or "Expected a property" in source or "token: None" in source
    reason = "something is missing after it" if at_end else "it does not belong here"
    reason = "a closing bracket is missing after it" if at_end and "Expected Bracket" in source else reason
    return read.unreadable(read.tokens[-1] if at_end and index >= len(read.tokens) - 1 else read.tokens[index], reason)


def _is_valid(text: str, end: int) -> bool:
    return _fault(text[:end].replace("\r", " ")) is None


def _kind(value: Json) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "a number"


def _read(data: dict[str, Json], path: Path) -> Json:
    """The value of a key as ZEN reads it: a name only on an object, a position only on a list, else null."""
    value: Json = data
    for segment in path:
        if isinstance(value, dict) and isinstance(segment, str):
            value = value.get(segment)
        elif isinstance(value, list) and isinstance(segment, int) and segment < len(value):
            value = value[segment]
        else:
            return None
    return value
