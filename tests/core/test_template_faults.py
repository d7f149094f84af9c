"""Faults of templates: each code of designer 1.13 with its place, its values and its fix."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from engine.core.template import Fault, TemplateError, apply_fix, compile_json, compile_plain


def faults_of(text: str, root: Any = "object") -> tuple[Fault, ...]:
    with pytest.raises(TemplateError) as caught:
        compile_json(text, root=root)
    return caught.value.faults


ONE_FAULT: list[tuple[str, int, int, str, dict[str, str]]] = [
    # code, line, column, text, values
    ("JSN-001", 0, 0, "", {}),
    ("JSN-001", 0, 0, " \n\t ", {}),
    ("JSN-002", 1, 8, '{"a": 1', {"found": "The end of the text", "expected": "',' or '}'"}),
    ("JSN-002", 1, 7, '{"a": }', {"found": "'}'", "expected": "a value"}),
    ("JSN-002", 1, 6, '{"a" 1}', {"found": "'1'", "expected": "':'"}),
    ("JSN-002", 2, 2, '{"a": 1\n "b": 2}', {"found": "'\"'", "expected": "',' or '}'"}),
    ("JSN-002", 1, 7, '{"a": .5}', {"found": "'.5'", "expected": "a number such as 0.5"}),
    ("JSN-002", 1, 7, '{"a": True}', {"found": "'True'", "expected": "true, false or null"}),
    ("JSN-002", 1, 7, '{"a": Berlin}', {"found": "'Berlin'", "expected": "a value"}),
    ("JSN-002", 1, 2, '{a: "b"}', {"found": "'a'", "expected": "a member name in double quotes"}),
    ("JSN-002", 1, 8, r'{"a": "\x"}', {"found": r"'\x'", "expected": r"an escape such as \n or \\"}),
    ("JSN-002", 1, 8, r'{"a": "\u12xy"}', {"found": r"'\u12xy'", "expected": r"four hexadecimal digits after \u"}),
    ("JSN-002", 1, 9, '{"a": "b', {"found": "The end of the text", "expected": "'\"'"}),
    ("JSN-002", 1, 9, '{"a": "b\n}', {"found": "The end of the line", "expected": "'\"'"}),
    ("JSN-002", 1, 10, '{"a": {}};', {"found": "';'", "expected": "the end of the text"}),
    ("JSN-003", 1, 1, "[1]", {"root": "a JSON object: { … }"}),
    ("JSN-003", 2, 2, '\n "text"', {"root": "a JSON object: { … }"}),
    ("JSN-004", 2, 2, '{"k": 1,\n "k": 2}', {"k": "k", "a": "1"}),
    ("JSN-004", 1, 24, r'{"o": {"k": 1, "x": 1, "\u006b": 2}}', {"k": "k", "a": "1"}),
    ("JSN-005", 1, 8, '{"p": "${a.b"}', {}),
    ("JSN-005", 1, 7, '{"p": ${a.b, "q": 1}', {}),
    ("JSN-006", 1, 8, '{"p": "${}"}', {}),
    ("JSN-006", 1, 7, '{"p": ${ }}', {}),
    ("JSN-007", 1, 7, '{"p": ${a..b}}', {"path": "a..b"}),
    ("JSN-007", 1, 8, '{"p": "${1x}"}', {"path": "1x"}),
    ("JSN-007", 1, 7, '{"p": ${a b}}', {"path": "a b"}),
    ("JSN-007", 1, 8, '{"p": "${a.b|upper}"}', {"path": "a.b|upper"}),
    ("JSN-008", 1, 2, "{${k}: 1}", {}),
    ("JSN-008", 1, 4, '{"a${k}": 1}', {}),
    ("JSN-009", 1, 7, '{"n": 12${x}}', {}),
    ("JSN-010", 1, 8, '{"a": 1,}', {"c": "}"}),
    ("JSN-010", 3, 4, '{"a": [\n  1,\n  2,\n]}', {"c": "]"}),
    ("JSN-011", 1, 7, "{\"a\": 'b'}", {}),
    ("JSN-011", 1, 7, '{"a": “b”}', {}),
    ("JSN-011", 1, 4, '{"a”: 1}', {}),
    ("JSN-012", 1, 7, '{"a": NaN}', {"thing": "NaN"}),
    ("JSN-012", 1, 7, '{"a": Infinity}', {"thing": "Infinity"}),
    ("JSN-012", 1, 7, '{"a": -Infinity}', {"thing": "-Infinity"}),
    ("JSN-012", 1, 7, '{"a": 0xFF}', {"thing": "A hexadecimal number"}),
    ("JSN-012", 1, 7, '{"a": 007}', {"thing": "A leading zero"}),
    ("JSN-012", 1, 9, '{"a": 1 // one\n}', {"thing": "A comment"}),
    ("JSN-012", 1, 2, '{/* one */"a": 1}', {"thing": "A comment"}),
    ("JSN-012", 1, 9, '{"a": 1 # one\n}', {"thing": "A comment"}),
    ("JSN-012", 1, 9, '{"a": "b\tc"}', {"thing": "A tab in text"}),
    ("JSN-012", 1, 9, '{"a": "b\nc"}', {"thing": "A line break in text"}),
    ("JSN-012", 1, 9, '{"a": "b\x07c"}', {"thing": "A control character in text"}),
    ("JSN-012", 1, 8, r'{"a": "\u0000"}', {"thing": "The character NUL"}),
    ("JSN-012", 1, 8, r'{"a": "\ud83d${x}"}', {"thing": "An unpaired surrogate"}),
    ("JSN-012", 1, 6, '{"a":\u00a01}', {"thing": "The invisible character U+00A0"}),
    ("JSN-012", 1, 1, '\ufeff{"a": 1}', {"thing": "The invisible character U+FEFF"}),
    ("JSN-012", 1, 501, '{"a":' * 101 + "1" + "}" * 101, {"thing": "Nesting over 100 levels"}),
    ("JSN-012", 1, 7, '{"a": ' + "1" * 4301 + "}", {"thing": "A number with over 4,300 digits"}),
    ("JSN-013", 1, 7, '{"a": ${a.${b}}}', {}),
    ("JSN-013", 1, 9, '{"a": "x${a.${b}}"}', {}),
    ("JSN-014", 0, 0, '{"a": "' + "x" * 262_136 + '"}', {"n": "257"}),
]


@pytest.mark.parametrize(
    ("code", "line", "column", "text", "values"), ONE_FAULT, ids=[f"{row[0]} {row[3][:24]!r}" for row in ONE_FAULT]
)
def test_d038_each_fault_has_its_code_and_place(
    code: str, line: int, column: int, text: str, values: dict[str, str]
) -> None:
    faults = faults_of(text)
    assert [(fault.code, fault.line, fault.column) for fault in faults] == [(code, line, column)]
    assert values.items() <= faults[0].values.items()


def test_d038_256_kib_are_accepted() -> None:
    assert compile_json('{"a": "' + "x" * (256 * 1024 - 9) + '"}')
    assert faults_of('{"a": "' + "ü" * 131_068 + '"}')[0].values == {"n": "257"}


def test_d038_the_first_three_faults_are_named_in_the_order_of_the_text() -> None:
    text = '{\n "a": ${b..c},\n \'d\': 01,\n "e": NaN,\n}'
    assert [(fault.code, fault.line) for fault in faults_of(text)] == [("JSN-007", 2), ("JSN-011", 3), ("JSN-012", 3)]


FIXES = [
    ('{"n": 12${x}}', '{"n": "12${x}"}'),
    ('{"n": ${x}12}', '{"n": "${x}12"}'),
    ('{"n": ${x}${y}, "m": 1}', '{"n": "${x}${y}", "m": 1}'),
    ('{"n": Hello ${x}, "m": 1}', '{"n": "Hello ${x}", "m": 1}'),
    ('{"n": ${x} km}', '{"n": "${x} km"}'),
    ('{"n": "a"${x}"b"}', '{"n": "a${x}b"}'),
    ('{"n": ${x}"b"}', '{"n": "${x}b"}'),
    (r'{"n": c\d${x}}', r'{"n": "c\\d${x}"}'),
    ('{"a": 1,}', '{"a": 1}'),
    ('{"a": [1 , ]}', '{"a": [1  ]}'),
    ("{'a': 1}", '{"a": 1}'),
    ("{\"a\": 'it's'}", '{"a": "it\'s"}'),
    (r"{'it\'s': 1}", '{"it\'s": 1}'),
    ('{"a": \'say "hi"\'}', r'{"a": "say \"hi\""}'),
    ("{“a”: 1}", '{"a": 1}'),
    ('{"a": “${b}”}', '{"a": "${b}"}'),
    ('{"a": „b“}', '{"a": "b"}'),
    ('{"a": «b»}', '{"a": "b"}'),
    ('{"a": `b`}', '{"a": "b"}'),
    ('{"a": “b"}', '{"a": "b"}'),
    ('{"a”: 1, "b": 2}', '{"a": 1, "b": 2}'),
    ('{"a": "b”\n}', '{"a": "b"\n}'),
]


@pytest.mark.parametrize(("text", "mended"), FIXES, ids=[row[0] for row in FIXES])
def test_d038_a_fix_mends_the_text(text: str, mended: str) -> None:
    faults = faults_of(text)
    assert len(faults) == 1
    assert apply_fix(text, faults[0]) == mended
    assert compile_json(mended)


def test_a_fault_without_a_fix_leaves_the_text() -> None:
    text = '{"a": NaN}'
    assert apply_fix(text, faults_of(text)[0]) == text


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("a.${b", "JSN-005", 3),
        ("${", "JSN-005", 1),
        ("${}", "JSN-006", 1),
        ("x${ }", "JSN-006", 2),
        ("${a..b}", "JSN-007", 1),
        ("${1x}", "JSN-007", 1),
        ("x ${a b}", "JSN-007", 3),
        ("${a.${b}}", "JSN-013", 1),
        ("x" * (256 * 1024 + 1), "JSN-014", 0),
    ],
)
def test_d038_plain_templates_have_the_same_codes(text: str, code: str, column: int) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_plain(text)
    fault = caught.value.faults[0]
    assert (fault.code, fault.column) == (code, column)


def test_lines_end_with_cr_lf_or_both() -> None:
    for line_end in ("\n", "\r\n", "\r"):
        text = f'{{{line_end} "a": 1,{line_end} "b": ${{}}}}'
        assert [(fault.line, fault.column) for fault in faults_of(text)] == [(3, 7)]


HUGE = [
    '{"a": "' + "${a}$${" * 30_000 + '"}',
    "[" + "${a}," * 50_000 + "1]",
    "{" + ",".join(f'"{number}":1' for number in range(20_000)) + "}",
    '{"a": ' + "$" * 250_000,
    '{"a": ' + "${" * 120_000,
    '{"a": "' + "\n" * 250_000,
    "{" + "“" * 80_000,
    '{"a": /' + "*" * 250_000,
    '{"a": ' + "[" * 250_000,
    '{"a": ' + " /" * 120_000,
    '{"a": "' + '","' * 80_000,
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", HUGE, ids=[text[:12] for text in HUGE])
def test_a_huge_template_is_judged_in_no_long_time(text: str) -> None:
    with contextlib.suppress(TemplateError):
        compile_json(text, root="message")
