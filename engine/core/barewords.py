"""What stands in JSON without quotes: numbers, true, false and null, and what is written in their place by mistake."""

from __future__ import annotations

import re
from typing import Final

from engine.core.jsonio import MAX_DIGITS, JsonError, loads

_WORDS: Final = ("null", "true", "false")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LIKE_NUMBER = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]*)?")
_HEXADECIMAL = re.compile(r"[+-]?0[xX][0-9a-fA-F]+")
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf(?:inity)?)", re.IGNORECASE)


def is_json_literal(text: str) -> bool:
    """Whether the text is a number of any length, ``true``, ``false`` or ``null``."""
    return text in _WORDS or _NUMBER.fullmatch(text) is not None


def refused_thing(text: str) -> str | None:
    """What JSON does not allow though it looks like a literal, in words (JSN-012); ``None`` for anything else."""
    if _NOT_FINITE.fullmatch(text):
        return text
    if _HEXADECIMAL.fullmatch(text):
        return "A hexadecimal number"
    if _LEADING_ZERO.fullmatch(text):
        return "A leading zero"
    return f"A number with over {MAX_DIGITS:,} digits" if _NUMBER.fullmatch(text) and _is_too_long(text) else None


def _is_too_long(number: str) -> bool:
    try:
        loads(number)
    except JsonError:
        return True
    return False


def meant(text: str) -> str:
    """What is expected where a text stands that is neither, in words (JSN-002)."""
    if text.lower() in (*_WORDS, "none"):
        return "true, false or null"
    return "a number such as 0.5" if _LIKE_NUMBER.fullmatch(text) else "a value"
