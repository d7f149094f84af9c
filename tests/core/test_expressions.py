"""Conditions in ZEN: what they read, what fails and how, numbers without loss, and the EXP codes."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core.expressions import EvaluationError, ExpressionError, compile_expression, warnings

DATA: dict[str, Any] = {
    "amount": 120,
    "rate": Decimal("0.1"),
    "name": "Ada",
    "approved": True,
    "nothing": None,
    "client": {"first-name": "Ilse", "größe": 5, "age": 30},
    "rows": [{"n": 1}, {"n": 2}],
    "reservation": {"error": None},
}
CONFIG: dict[str, Any] = {"limit": 100, "mail.sender": "a@b"}


def evaluate(text: str, data: dict[str, Any] = DATA) -> Any:
    return compile_expression(text).evaluate(data, CONFIG)


def decide(text: str, data: dict[str, Any] = DATA) -> bool:
    return compile_expression(text).evaluate_bool(data, CONFIG)


CONDITIONS = [
    ("input.amount > 100", True),
    ("input.amount >= config.limit and input.approved", True),
    ('config["mail.sender"] == "a@b"', True),
    ("not input.approved or input.amount < 0", False),
    ('input.name in ["Ada", "Ilse"]', True),
    ('input.name not in ["Ada"]', False),
    ("input.rows[1].n == 2", True),
    ("some(input.rows, #.n > 1)", True),
    ("all(input.rows as row, row.n > 1)", False),
    ("len(input.rows) == 2 ? input.approved : false", True),
    ("input.reservation.error == null", True),
    ('input.client["first-name"] == "Ilse"', True),
    ("input.client['größe'] + 1 == 6", True),
    ("input.approved", True),
    ("true", True),
    ("input.amount\r\n  > 100\r\n", True),
    ("`${input.name}!` == 'Ada!'", True),
]


@pytest.mark.parametrize(("text", "result"), CONDITIONS, ids=[row[0] for row in CONDITIONS])
def test_conditions(text: str, result: bool) -> None:
    assert decide(text) is result


@pytest.mark.parametrize(
    "key", ["input.no", "input.no.more.keys", "input.rows[9].n", "input.amount.x", "config.no", "input.nothing"]
)
def test_e194_a_missing_key_is_null_and_equality_with_null_works(key: str) -> None:
    assert evaluate(key) is None
    assert decide(f"{key} == null") is True
    assert decide(f"{key} != null") is False
    assert decide(f"{key} == 5") is False
    assert decide(f"({key} ?? 0) < 5") is True


FAILING = [
    "input.no > 5",
    "5 <= input.no",
    "input.nothing < 5",
    "input.name > 5",
    "input.name < 'Bob'",
    "input.approved > 0",
    "input.rows >= 1",
    "input.no + 1 == 2",
    "not input.no",
    "input.no and true",
    "len(input.no) == 1",
    "input.amount % 0 == 1",
    "input.amount ^ 9999 == 1",
    "input.amount * 79228162514264337593543950335 == 1",
    "number(input.name) == 1",
    "matches(input.name, '(')",
]


@pytest.mark.parametrize("text", FAILING)
def test_e013_e194_ordering_with_null_or_another_type_and_any_other_fault_fails(text: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        decide(text)
    assert " ?? 0)" in str(caught.value)
    assert text in str(caught.value)
    assert "Stack" not in str(caught.value)


def test_e013_the_text_of_the_failure_names_the_key_to_guard() -> None:
    with pytest.raises(EvaluationError, match=r"write \(input\.no\.key \?\? 0\)"):
        decide("input.amount > input.no.key")
    with pytest.raises(EvaluationError, match=r"write \(input\.x \?\? 0\)"):
        decide("input.name > input.amount")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("input.amount", "a number"),
        ("input.rate + 1", "a number"),
        ("input.name", "a text"),
        ("input.no", "nothing"),
        ("input.rows", "a list"),
        ("input.client", "an object"),
        ("1", "a number"),
        ("input.amount / 0", "nothing"),
    ],
)
def test_e013_a_result_that_is_not_true_or_false_fails_a_condition(text: str, kind: str) -> None:
    with pytest.raises(EvaluationError, match=f"gives {kind}, not true or false") as caught:
        decide(text)
    assert " ?? 0)" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("input.amount + 1", 121),
        ("input.amount / 7 * 7 == 120", True),
        ("input.rate + 0.2", Decimal("0.3")),
        ("input.rate * 10", 1),
        ("1 / 4", Decimal("0.25")),
        ("9007199254740993 + 0", 9007199254740993),
        ("18446744073709551616 + 1", 18446744073709551617),
        ("sum(map(input.rows, #.n))", 3),
        ("map(input.rows, #.n / 2)", [Decimal("0.5"), 1]),
        ("{total: input.amount * 2}", {"total": 240}),
        ("input.client", DATA["client"]),
        ("input.name + '!'", "Ada!"),
        ("2.0", 2),
        ("-0.0", 0),
    ],
)
def test_e194_whole_results_have_no_fraction_and_decimals_are_exact(text: str, value: Any) -> None:
    result = evaluate(text)
    assert result == value
    assert not isinstance(result, float)
    assert type(result) is type(value)


EXACT = [
    2**53 + 1,
    2**63,
    2**70,
    -(2**70),
    10**40,
    Decimal("0.1234567890123456789012345678901234567890"),
    Decimal("1E-40"),
    Decimal("12345678901234567890.5"),
]


@pytest.mark.parametrize("value", EXACT, ids=str)
def test_a_key_alone_gives_its_exact_value_whatever_its_size(value: Any) -> None:
    assert evaluate("input.x", {"x": value}) == value
    assert decide("input.x == input.x", {"x": value}) is True


def test_a_value_that_is_not_read_disturbs_no_expression() -> None:
    huge: dict[str, Any] = {"x": 1, "other": [10**200, Decimal("1e4000"), "\ud800"]}
    assert decide("input.x == 1", huge) is True


@pytest.mark.parametrize("value", [10**40, Decimal("1e30"), -(10**40)], ids=str)
def test_a_number_too_large_to_count_with_fails_and_is_never_rounded(value: Any) -> None:
    with pytest.raises(EvaluationError):
        decide("input.x > 5", {"x": value})
    assert decide("input.x == 5", {"x": value}) is False


def test_a_decimal_with_more_digits_than_zen_counts_is_rounded() -> None:
    assert evaluate("input.x + 0", {"x": Decimal("0." + "3" * 40)}) == Decimal("0." + "3" * 28)
    assert evaluate("input.x + 0", {"x": Decimal("1234567890.00000000000000000000000000001")}) == 1234567890
    assert evaluate("input.x + 0", {"x": Decimal("1e-40")}) == 0
    assert decide("input.x > 7.9", {"x": Decimal("9." + "9" * 28)}) is True


def test_a_value_that_is_no_json_fails_and_breaks_nothing() -> None:
    with pytest.raises(EvaluationError):
        decide("input.x == 'a'", {"x": "\ud800"})


def test_a_text_that_reads_the_clock_fails_where_dates_are_read() -> None:
    assert decide("year(input.x) == 2030", {"x": "2030-05-01"}) is True
    with pytest.raises(EvaluationError, match="clock"):
        decide("year(input.x) == 2030", {"x": "now"})
    assert decide("input.x == 'now'", {"x": "now"}) is True


def test_the_paths_that_are_read_are_known() -> None:
    text = "input.a.b > 1 and input.rows[0].n == input['x-y'] and len(input.l) > config.c and input.a.b != input.d[input.i]"
    assert compile_expression(text).paths == (("a", "b"), ("rows", 0, "n"), ("x-y",), ("l",), ("d",), ("i",))
    assert compile_expression("keys(input)").paths == ((),)
    assert compile_expression("d(input.day).format('%Y') == '2030'").paths == (("day",),)
    assert compile_expression("true").paths == ()


FAULTS: list[tuple[str, str, int, int, dict[str, str], str | None]] = [
    ("EXP-001", "", 0, 0, {}, None),
    ("EXP-001", " \n ", 0, 0, {}, None),
    ("EXP-002", "input.x ==", 1, 9, {"part": "=="}, None),
    ("EXP-002", "(input.x", 1, 8, {"part": "x", "reason": "a closing bracket is missing after it"}, None),
    ("EXP-002", "input.x)", 1, 8, {"part": ")"}, None),
    ("EXP-002", "input.x\n  1", 2, 3, {"part": "1", "reason": "it does not belong here"}, None),
    ("EXP-002", "input.x = 5", 1, 9, {"part": "=", "reason": "write =="}, "input.x == 5"),
    ("EXP-002", "input.x === 5", 1, 9, {"part": "==="}, "input.x == 5"),
    ("EXP-002", "input.x !== 5", 1, 9, {"part": "!=="}, "input.x != 5"),
    ("EXP-002", "input.x && true", 1, 9, {"part": "&&", "reason": "write and"}, "input.x and true"),
    ("EXP-002", "input.x || true", 1, 9, {"part": "||"}, "input.x or true"),
    ("EXP-002", '"abc', 1, 1, {"part": '"', "reason": "the closing quote is missing"}, None),
    ("EXP-002", "input.x == “a”", 1, 12, {"part": "“", "reason": "use straight quotes"}, None),
    ("EXP-002", "input.größe > 5", 1, 6, {"part": "größe"}, 'input["größe"] > 5'),
    ("EXP-002", "input.rows.0.n", 1, 11, {"part": "0"}, "input.rows[0].n"),
    ("EXP-002", "foo(1)", 1, 1, {"part": "foo", "reason": "there is no such function"}, None),
    ("EXP-002", "len()", 1, 1, {"part": "len"}, None),
    ("EXP-002", "input.", 1, 6, {"part": "."}, None),
    ("EXP-002", "`a${input.x", 1, 3, {"part": "${"}, None),
    ("EXP-002", "`abc", 1, 1, {"part": "`"}, None),
    ("EXP-002", "input.x; 1", 1, 8, {"part": ";"}, None),
    ("EXP-002", "true and " * 500 + "true", 0, 0, {"reason": "it is longer than 4000 characters"}, None),
    ("EXP-003", "amount > 5", 1, 1, {"x": "amount"}, "input.amount > 5"),
    ("EXP-003", "input.x == ok", 1, 12, {"x": "ok"}, "input.x == input.ok"),
    ("EXP-003", "true and\n  x.y", 2, 3, {"x": "x"}, "true and\n  input.x.y"),
    ("EXP-003", "{total: x}", 1, 9, {"x": "x"}, "{total: input.x}"),
    ("EXP-003", "`${x}`", 1, 4, {"x": "x"}, "`${input.x}`"),
    ("EXP-003", "größe > 5", 1, 1, {"x": "größe"}, 'input["größe"] > 5'),
    ("EXP-003", "input.first-name == 'a'", 1, 6, {"x": "name"}, "input[\"first-name\"] == 'a'"),
    ("EXP-003", "Input.x", 1, 1, {"x": "Input"}, "input.x"),
    ("EXP-003", "$root.input", 1, 1, {"x": "$root"}, None),
    ("EXP-004", "rand(5) > 1", 1, 1, {"f": "rand"}, None),
    ("EXP-004", "rand", 1, 1, {"f": "rand"}, None),
    ("EXP-004", "input.x < d()", 1, 11, {"f": "d()"}, None),
    ("EXP-004", "date('now') > 5", 1, 1, {"f": "date('now')"}, None),
    ("EXP-004", 'year("now") > 5', 1, 1, {"f": 'year("now")'}, None),
    ("EXP-004", "d('Europe/Berlin').isBefore(d('2030-01-01'))", 1, 1, {"f": "d('Europe/Berlin')"}, None),
    ("EXP-004", "d(input.x).isToday()", 1, 12, {"f": "isToday()"}, None),
]


@pytest.mark.parametrize(
    ("code", "text", "line", "column", "values", "mended"), FAULTS, ids=[f"{row[0]} {row[1][:24]!r}" for row in FAULTS]
)
def test_d135_each_fault_of_an_expression_has_its_code_place_and_fix(
    code: str, text: str, line: int, column: int, values: dict[str, str], mended: str | None
) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    fault = caught.value
    assert (fault.code, fault.line, fault.column) == (code, line, column)
    assert values.items() <= fault.values.items()
    fixed = None if fault.fix is None else text[: fault.offset] + fault.fix + text[fault.offset + fault.length :]
    assert fixed == mended


@pytest.mark.parametrize(
    "text",
    [
        "d('2030-01-01').isBefore(d('2031-01-01'))",
        "date('2030-01-01') < date('2031-01-01')",
        "input.rand == 1 and input.d == 1 and input.date == 1 and input.now == 'now'",
        "map(input.rows as row, row.n)",
        "filter(input.rows, # != null)",
        "{rand: 1, foo: input.x}",
        '{"a b": 1}',
        "input.and == 1",
        "input.x in [1..5]",
        "input.x in (1..5]",
    ],
)
def test_d135_what_only_looks_like_a_fault_is_accepted(text: str) -> None:
    assert compile_expression(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("input.x > 5", [("input.x", "(input.x ?? 0) > 5", 1, 1)]),
        ("5 <= input.a.b", [("input.a.b", "5 <= (input.a.b ?? 0)", 1, 6)]),
        ('true and\n input["x-y"] < 3', [('input["x-y"]', 'true and\n (input["x-y"] ?? 0) < 3', 2, 2)]),
        ("(input.x ?? 0) > 5", []),
        ("input.x == 5", []),
        ("len(input.x) > 5", []),
        ("5 > config.limit", []),
        ("some(input.rows, #.n > 1)", []),
        ("input.x >", []),
        ("", []),
    ],
)
def test_d135_ordering_a_key_that_may_be_missing_is_a_warning(
    text: str, found: list[tuple[str, str, int, int]]
) -> None:
    assert [
        (w.path, text[: w.offset] + w.fix + text[w.offset + w.length :], w.line, w.column) for w in warnings(text)
    ] == found
    assert {w.code for w in warnings(text)} <= {"EXP-006"}


def test_an_expression_is_compiled_once_and_may_be_shared_between_threads() -> None:
    compiled = compile_expression("input.amount > 100")
    assert compile_expression("input.amount > 100") is compiled
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda: results.extend(compiled.evaluate_bool(DATA, CONFIG) for _ in range(200)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 800


names = ["input", "config", ".x", ".a-b", "['k']", "==", "and", "not ", "in", "${", "??", "null", "d(", "len(", "map("]
words = st.sampled_from([*names, *"()[]{}`?:#,%+>01ü \n"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xk", max_size=1), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(words, max_size=14).map("".join) | st.text(max_size=30), st.dictionaries(st.just("x"), json_values))
@example("x." * 2000, {})
@example("(" * 4000, {})
@example("1 % 0", {})
@example("'\ud800' == 1 1", {})
def test_whatever_the_text_and_data_it_ends_with_a_value_or_its_own_error(text: str, data: dict[str, Any]) -> None:
    try:
        compiled = compile_expression(text)
    except ExpressionError as error:
        fault = error
    else:
        try:
            result = compiled.evaluate(data, {})
        except EvaluationError:
            return
        assert not isinstance(result, float)
        return
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert "EXP-001" <= fault.code <= "EXP-004"
    assert 0 <= fault.line <= len(lines)
    assert fault.column <= len(lines[fault.line - 1]) + 1
    assert warnings(text) == []


@given(st.integers(-(2**95), 2**95) | st.decimals(-(10**12), 10**12, places=10))
def test_numbers_pass_through_an_expression_unchanged(value: Any) -> None:
    assert evaluate("input.x + 0", {"x": value}) == value
    assert evaluate("input.x", {"x": value}) == value
