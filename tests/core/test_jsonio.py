"""The door for JSON: what it refuses, and that numbers keep their value both ways."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core import jsonio
from engine.core.jsonio import JsonError

REFUSED = [
    ("NaN", "NaN", '{"a":\nNaN}', 2, 1),
    ("infinity", "Infinity", "[1, Infinity]", 1, 5),
    ("minus infinity", "-Infinity", '{"a": -Infinity}', 1, 7),
    ("NUL as an escape", "NUL", r'{"a": "x\u0000"}', 1, 9),
    ("NUL in a member name", "NUL", r'{"\u0000": 1}', 1, 3),
    ("a raw NUL", "control character", '["\0"]', 1, 3),
    ("half a pair, high", "surrogate", r'["\ud83d"]', 1, 3),
    ("half a pair, low", "surrogate", r'["\ude00"]', 1, 3),
    ("a pair the wrong way round", "surrogate", r'["\ude00\ud83d"]', 1, 3),
    ("a half before a text", "surrogate", r'["\ud83dx"]', 1, 3),
    ("half a pair, raw", "surrogate", '["\ud83d"]', 1, 3),
    ("a member twice", "twice", '{"a": 1,\n "a": 2}', 2, 2),
    ("a member twice, once escaped", "twice", r'{"a": 1, "\u0061": 2}', 1, 10),
    ("a member twice further in", "twice", '[{"a": {"b": 1, "c": 2, "b": 3}}]', 1, 25),
    ("101 levels", "100 levels", "[" * 101 + "]" * 101, 1, 101),
    ("101 levels of objects", "100 levels", '{"a":' * 101 + "1" + "}" * 101, 1, 501),
    ("thousands of levels", "100 levels", "[" * 5000 + "]" * 5000, 1, 101),
    ("an integer of 4,301 digits", "4,300 digits", "[" + "1" * 4301 + "]", 1, 2),
    ("an exponent beyond all use", "4,300 digits", "[1e4301]", 1, 2),
    ("an exponent no decimal can hold", "4,300 digits", "[1e99999999999999999999]", 1, 2),
    ("a comment", "value", "[1, // one\n2]", 1, 5),
    ("a trailing comma", "value", "[1,]", 1, 4),
    ("single quotes", "value", "['a']", 1, 2),
    ("something after the value", "Nothing may follow", "{} {}", 1, 4),
    ("a missing colon", "':'", '{"a" 1}', 1, 6),
    ("nothing at all", "value", "", 1, 1),
    ("blanks", "value", "  ", 1, 3),
    ("a byte order mark", "value", "\ufeff{}", 1, 1),
]


@pytest.mark.parametrize(
    ("reason", "text", "line", "column"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_e196_what_is_not_json_is_refused_with_a_reason_and_a_place(
    reason: str, text: str, line: int, column: int
) -> None:
    with pytest.raises(JsonError) as caught:
        jsonio.loads(text)
    assert reason in caught.value.reason
    assert (caught.value.line, caught.value.column) == (line, column)


def test_bytes_that_are_not_utf8_are_refused_at_their_place() -> None:
    with pytest.raises(JsonError) as caught:
        jsonio.loads('{"name":\n "Jürgen"}'.encode("latin-1"))
    assert "UTF-8" in caught.value.reason
    assert (caught.value.line, caught.value.column) == (2, 4)


ACCEPTED = [
    ("[" * 100 + "]" * 100, None),
    (r'"\\u0000"', r"\u0000"),
    (r'"\\\\ud83d"', r"\\ud83d"),
    (r'"\ud83d\ude00"', "😀"),
    ('"' + "[{(" * 500 + '"', "[{(" * 500),
    ('"' + "}])" * 500 + '"', "}])" * 500),
    (r'"\"[\"["', '"["['),
    ("  [1]\r\n", [1]),
    ('{"": 1}', {"": 1}),
    (b'{"name": "J\xc3\xbcrgen"}', {"name": "Jürgen"}),
]


@pytest.mark.parametrize(("text", "value"), ACCEPTED)
def test_what_only_looks_suspicious_is_accepted(text: str | bytes, value: Any) -> None:
    loaded = jsonio.loads(text)
    assert value is None or loaded == value


NUMBERS = [
    ("9007199254740993", 9007199254740993),
    ("18446744073709551616", 2**64),
    ("-123456789012345678901234567890", -123456789012345678901234567890),
    ("0.1", Decimal("0.1")),
    ("1.50", Decimal("1.50")),
    ("12345678901234567890.12345678901234567890", Decimal("12345678901234567890.12345678901234567890")),
    ("1E+5", Decimal("1E+5")),
    ("1" * 4300, int("1" * 4300)),
]


@pytest.mark.parametrize(("text", "value"), NUMBERS, ids=lambda value: str(value)[:30])
def test_e196_big_integers_and_decimals_keep_their_exact_value(text: str, value: Any) -> None:
    loaded = jsonio.loads(text)
    assert loaded == value
    assert type(loaded) is type(value)
    assert jsonio.dumps(loaded) == text


def test_what_is_written_is_compact_text_in_utf8() -> None:
    value: jsonio.Json = {"b": [1, None, True, "ü😀/\n"], "a": {}}
    assert jsonio.dumps(value) == '{"b":[1,null,true,"ü😀/\\n"],"a":{}}'
    assert jsonio.size_bytes(value) == len(jsonio.dumps(value).encode())
    assert jsonio.encode(value) == jsonio.dumps(value).encode()


def test_floats_of_our_own_making_are_written_too() -> None:
    assert jsonio.dumps([0.1, 2.0, 1e-7]) == "[0.1,2.0,1e-7]"


UNWRITABLE = [
    float("nan"),
    [None, float("inf")],
    Decimal("NaN"),
    {"a": Decimal("-Infinity")},
    "\0",
    {"a\0": 1},
    "\ud800",
    {"\udfff": 1},
    [2**64, "\ud800"],
    Decimal("1E+4301"),
    Decimal("1E-4301"),
    10**4300,
]


@pytest.mark.parametrize("value", UNWRITABLE, ids=range(len(UNWRITABLE)))
def test_e196_what_could_not_be_read_again_is_not_written(value: Any) -> None:
    with pytest.raises(JsonError):
        jsonio.dumps(value)


def test_nesting_over_100_is_not_written() -> None:
    value: jsonio.Json = 1
    for _ in range(100):
        value = [value]
    assert jsonio.loads(jsonio.dumps(value)) == value
    with pytest.raises(JsonError, match="100 levels"):
        jsonio.dumps([value])
    for _ in range(2000):
        value = {"a": value}
    with pytest.raises(JsonError, match="100 levels"):
        jsonio.dumps(value)


@pytest.mark.parametrize("value", [object(), {1: "a"}, {"a": {2}}, b"x", [2**70, object()]], ids=range(5))
def test_values_that_are_no_json_at_all_are_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError):
        jsonio.dumps(value)


@given(st.text() | st.binary())
@example("[" * 100_000)
@example('{"a":' * 5_000)
@example('"' + "\\" * 1001)
@example('{"a":1,"a":2,"\\ud800":NaN,"b')
def test_whatever_the_text_reading_ends_with_a_value_or_a_json_error(text: str | bytes) -> None:
    try:
        value = jsonio.loads(text)
    except JsonError:
        return
    assert jsonio.loads(jsonio.dumps(value)) == value


json_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
json_numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | json_numbers | json_texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(json_texts, inner, max_size=5),
    max_leaves=30,
)


def same(left: Any, right: Any) -> bool:
    """Equal, and of the same types and spelling of numbers."""
    return repr(left) == repr(right)


@given(json_values)
def test_e196_a_round_trip_is_exact(value: Any) -> None:
    assert same(jsonio.loads(jsonio.dumps(value)), _decimals_as_read(value))


def _decimals_as_read(value: Any) -> Any:
    """A whole ``Decimal`` is written without a point and read as ``int``; the value is the same."""
    if isinstance(value, list):
        return [_decimals_as_read(item) for item in value]
    if isinstance(value, dict):
        return {name: _decimals_as_read(member) for name, member in value.items()}
    if isinstance(value, Decimal):
        text = str(value)
        return value if any(char in text for char in ".E") else int(text)
    return value


@given(st.text('[]{}"\\a', max_size=60), st.integers(0, 5))
@example('["]",[[1]],"["]', 2)
@example(r'["\\\\","\\\"]"]', 0)
def test_nesting_is_judged_as_the_parsed_value_shows_it(text: str, limit: int) -> None:
    try:
        value = jsonio.loads(text)
    except JsonError:
        return

    def levels(value: Any) -> int:
        if isinstance(value, dict | list):
            inner = value.values() if isinstance(value, dict) else value
            return 1 + max((levels(item) for item in inner), default=0)
        return 0

    assert jsonio.too_deep(text.encode(), limit) == (levels(value) > limit)
