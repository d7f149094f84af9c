"""Values on their way into ZEN and out of it, and the faults it raises: for conditions, rules and decision tables.

ZEN counts in decimals of 28 digits and cannot read a context that holds a longer number, even one it never uses; and it
hands numbers back as doubles.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any, Final

import orjson

from engine.core.jsonio import Json

_LARGEST: Final = 2**96 - 1
_DIGITS: Final = 28
_ROUNDING: Final = Context(prec=60)


def to_zen(data: dict[str, Any]) -> bytes:
    """The context for an evaluation, as JSON that ZEN can read whatever the data.

    A number with more digits is rounded to 28, one that is too large goes as text: it can be compared by ``==`` with
    itself, and every other use fails instead of giving a wrong answer. Raises ``TypeError`` for what is not JSON.
    """
    try:
        return orjson.dumps(data, default=_number)
    except TypeError:  # an integer over 64 bit
        return orjson.dumps(_big_integers_apart(data), default=_number)


def _big_integers_apart(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _big_integers_apart(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_big_integers_apart(item) for item in value]
    is_big = isinstance(value, int) and abs(value) >= 2**63
    return Decimal(value) if is_big else value


def _number(value: Any) -> orjson.Fragment:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is not JSON")
    if abs(value) > _LARGEST:
        return orjson.Fragment(f'"{value:f}"')
    places = max(_DIGITS - max(value.adjusted() + 1, 0), 0)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > places:
        value = value.quantize(Decimal(1).scaleb(-places), context=_ROUNDING)
    return orjson.Fragment(f"{value:f}")


def from_zen(result: Any) -> Json:
    """A result with whole numbers as ``int`` and others as ``Decimal`` (engine 1.5: a whole number has no fraction)."""
    if isinstance(result, list):
        return [from_zen(item) for item in result]
    if isinstance(result, dict):
        return {name: from_zen(member) for name, member in result.items()}
    if isinstance(result, float):
        return int(result) if result.is_integer() else Decimal(repr(result))
    if isinstance(result, Decimal) and result == result.to_integral_value():
        return int(result)
    value: Json = result
    return value


def is_zen_fault(error: BaseException) -> bool:
    """Whether ZEN raised this: plain exceptions, and a panic (overflow, remainder of zero) that is no ``Exception``."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"
