"""The one door for JSON (engine 0): what comes in is checked here, what goes out is written here, exactly.

REST bodies, Kafka records, imports and stored values are read by ``loads`` and written by ``dumps``; whatever ``dumps``
writes, ``loads`` gives back equal. Integers of any size and decimals keep their value (``int`` and ``Decimal``, never
``float``). Refused on both ways: NaN, Infinity, NUL, lone surrogates, nesting over 100, numbers over 4,300 digits; and,
coming in, duplicate members, bad UTF-8 and whatever else is not JSON.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn, TypeAlias

import orjson

Json: TypeAlias = bool | int | float | Decimal | str | list["Json"] | dict[str, "Json"] | None

MAX_DEPTH: Final = 100
MAX_DIGITS: Final = 4300
"""The longest number: Python's own limit for reading an ``int``, and far inside what PostgreSQL stores."""

_TOO_DEEP = f"Nesting over {MAX_DEPTH} levels is not allowed."
_TOO_LONG = f"A number with over {MAX_DIGITS:,} digits is not allowed."
_NOT_FINITE = "NaN and Infinity are not allowed."
_BRACKETS = bytes.maketrans(b"[{]}", b"(())")
_NO_BRACKET = bytes(byte for byte in range(256) if byte not in b'[{]}"')
_SUSPECT_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
_LEXEME = re.compile(r'(?P<name>"(?:[^"\\]|\\.)*")(?=\s*:)|"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s{}\[\],:"]+')
_ORJSON_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


_REASONS = {
    "Expecting value": "A value is expected here.",
    "Expecting property name enclosed in double quotes": "A member name in double quotes is expected here.",
    "Expecting ':' delimiter": "':' is expected here.",
    "Expecting ',' delimiter": "',' or a closing bracket is expected here.",
    "Unterminated string starting at": "This text has no closing quote.",
    "Invalid control character at": "A control character is not allowed in a text.",
    "Invalid \\escape": "This escape is not known.",
    "Invalid \\uXXXX escape": "Four hexadecimal digits are expected after \\u.",
    "Extra data": "Nothing may follow the value.",
}


class JsonError(ValueError):
    """A text that is not JSON as this project takes it, or a value that cannot be written as such.

    ``reason`` says what is wrong in plain words; ``line`` and ``column`` count from 1, 0 where there is no place.
    """

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        super().__init__(f"Line {line}, column {column}: {reason}" if line else reason)
        self.reason = reason
        self.line = line
        self.column = column


def loads(text: str | bytes) -> Json:
    """The value of a JSON text; bytes are UTF-8. Raises ``JsonError``."""
    raw, text = _both(text)
    if too_deep(raw):
        raise _refusal(text, _TOO_DEEP)
    try:
        value: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise JsonError(_REASONS.get(error.msg, f"{error.msg}."), error.lineno, error.colno) from None
    except RecursionError:
        raise _refusal(text, _TOO_DEEP) from None
    except JsonError as error:
        raise _refusal(text, error.reason) from None
    except ValueError:  # Python's limit on the digits of an int
        raise _refusal(text, _TOO_LONG) from None
    if _SUSPECT_ESCAPE.search(text):
        _check_escapes(text)
    return value


def _refusal(text: str, reason: str) -> JsonError:
    """The first thing in a text that is refused though JSON's grammar allows it, with its place."""
    names: list[set[str]] = []
    level = 0
    for match in _LEXEME.finditer(text):
        lexeme = match[0]
        refused = None
        if lexeme in ("{", "["):
            level += 1
            names.append(set())
            refused = _TOO_DEEP if level > MAX_DEPTH else None
        elif lexeme in ("}", "]") and names:
            level -= 1
            names.pop()
        elif match["name"] and names:
            name = _unescaped(match["name"])
            refused = f"The member '{name}' appears twice." if name in names[-1] else None
            names[-1].add(name)
        elif lexeme in ("NaN", "Infinity", "-Infinity"):
            refused = f"{lexeme} is not allowed."
        elif _is_too_long(lexeme):
            refused = _TOO_LONG
        if refused:
            return JsonError(refused, *position(text, match.start()))
    return JsonError(reason)


def _unescaped(name: str) -> str:
    try:
        return str(json.loads(name))
    except ValueError:
        return name


def _is_too_long(lexeme: str) -> bool:
    try:
        _bounded(Decimal(lexeme))
    except InvalidOperation:
        return lexeme[-1:].isdigit()
    except JsonError:
        return True
    return False


def _both(text: str | bytes) -> tuple[bytes, str]:
    if isinstance(text, str):
        try:
            return text.encode(), text
        except UnicodeEncodeError as error:
            raise JsonError("An unpaired surrogate is not allowed.", *position(text, error.start)) from None
    try:
        return text, text.decode()
    except UnicodeDecodeError as error:
        before = text[: error.start].decode()
        raise JsonError("The text is not UTF-8.", *position(before, len(before))) from None


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of a character offset; lines end with LF, CRLF or CR."""
    before = text[:offset].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def too_deep(raw: bytes, limit: int = MAX_DEPTH) -> bool:
    """Whether the arrays and objects of a JSON text nest over ``limit`` levels; any answer for what is no JSON.

    Instead of walking the value it takes the strings out and then the innermost pairs of brackets, level by level: a
    few passes at the speed of memory, and none for a text with few brackets.
    """
    if raw.count(b"[") + raw.count(b"{") <= limit:
        return False
    unescaped = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside_strings = unescaped.translate(_BRACKETS, _NO_BRACKET).split(b'"')[::2]
    brackets = b"".join(outside_strings)
    for _ in range(limit):
        if b"()" not in brackets:
            break
        brackets = brackets.replace(b"()", b"")
    return b"()" in brackets


def _object(members: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(members)
    if len(value) != len(members):
        names: set[str] = set()
        for name, _ in members:
            if name in names:
                raise JsonError(f"The member '{name}' appears twice.")
            names.add(name)
    return value


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:  # an exponent of twenty digits
        raise JsonError(_TOO_LONG) from None
    return _bounded(value) if len(text) > MAX_DIGITS or "e" in text or "E" in text else value


def _bounded(value: Decimal) -> Decimal:
    """The decimal, if it can be written without an exponent in 4,300 digits before and after the point."""
    digits = len(value.as_tuple().digits)
    if digits > MAX_DIGITS or abs(value.adjusted()) > MAX_DIGITS:
        raise JsonError(_TOO_LONG)
    return value


def _constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is not allowed.")


_DECODER = json.JSONDecoder(parse_float=_decimal, parse_constant=_constant, object_pairs_hook=_object)


def _check_escapes(text: str) -> None:
    """Refuse NUL and surrogates without their other half, in a text that is JSON otherwise."""
    high_ends = -1
    for match in _ESCAPE.finditer(text):
        code = int(match[1], 16) if match[1] else -1
        paired = high_ends == match.start() and 0xDC00 <= code <= 0xDFFF
        if high_ends >= 0 and not paired:
            raise JsonError("An unpaired surrogate is not allowed.", *position(text, high_ends - 6))
        if not paired and 0xDC00 <= code <= 0xDFFF:
            raise JsonError("An unpaired surrogate is not allowed.", *position(text, match.start()))
        if code == 0:
            raise JsonError("The character NUL is not allowed.", *position(text, match.start()))
        high_ends = match.end() if 0xD800 <= code <= 0xDBFF else -1
    if high_ends >= 0:
        raise JsonError("An unpaired surrogate is not allowed.", *position(text, high_ends - 6))


def dumps(value: Json) -> str:
    """The compact JSON text of a value. Raises ``JsonError`` for what ``loads`` refuses, ``TypeError`` for non-JSON."""
    return encode(value).decode()


def encode(value: Json) -> bytes:
    """``dumps`` as UTF-8 bytes."""
    try:
        raw = orjson.dumps(value, default=_fragment, option=_ORJSON_OPTIONS)
    except TypeError:  # a big integer, or something that is not JSON
        raw = orjson.dumps(_checked(value, 1), default=_fragment, option=_ORJSON_OPTIONS)
    if b"null" in raw and _holds_no_number(value):
        raise JsonError(_NOT_FINITE)
    if b"\\u0000" in raw:
        _check_escapes(raw.decode())
    if too_deep(raw):
        raise JsonError(_TOO_DEEP)
    return raw


def _fragment(value: Any) -> orjson.Fragment:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is not JSON")
    text = str(value)
    if len(text) > MAX_DIGITS or not text[-1].isdigit() or "E" in text:
        _checked(value, 1)
    return orjson.Fragment(text)


def _holds_no_number(value: Any) -> bool:
    """Whether a float in the value is NaN or infinite, which orjson writes as null."""
    rest = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, dict):
            rest.extend(item.values())
        elif isinstance(item, list | tuple):
            rest.extend(item)
        elif isinstance(item, float) and not math.isfinite(item):
            return True
    return False


def _checked(value: Any, level: int) -> Any:
    """The value with big integers wrapped for orjson. Raises ``JsonError``, ``TypeError`` for what cannot be written."""
    if level > MAX_DEPTH + 1:
        raise JsonError(_TOO_DEEP)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _checked_text(value)
    if isinstance(value, dict):
        return {_checked_text(name): _checked(member, level + 1) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_checked(item, level + 1) for item in value]
    if isinstance(value, int):
        try:
            return orjson.Fragment(str(value))
        except ValueError:
            raise JsonError(_TOO_LONG) from None
    if isinstance(value, Decimal | float):
        if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            raise JsonError(_NOT_FINITE)
        return _bounded(value) if isinstance(value, Decimal) else value
    raise TypeError(f"{type(value).__name__} is not JSON")


def _checked_text(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError(f"A member name must be a text, not {type(text).__name__}")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise JsonError("An unpaired surrogate is not allowed.")
    return text


def size_bytes(value: Json) -> int:
    """The size of the compact UTF-8 JSON of a value, in bytes."""
    return len(encode(value))
