"""Codes of timers and templates: when each comes, its text, its place and its fix (designer 1.13)."""

from __future__ import annotations

import pytest

from designer.catalog import Param
from designer.lint import Severity
from tests.designer.checked import found, problems, values_of
from tests.designer.conftest import Draft

pytestmark = pytest.mark.django_db


TIMERS = [
    ("soon", "TMR-001", "'soon' is not an ISO 8601 duration. PT30S waits 30 seconds.", None),
    ("10 min", "TMR-001", "'10 min' is not an ISO 8601 duration. PT30S waits 30 seconds.", None),
    ("30S", "TMR-002", "Start the duration with 'P'.", "PT30S"),
    ("T5M", "TMR-002", "Start the duration with 'P'.", "PT5M"),
    ("P30S", "TMR-003", "Hours, minutes and seconds come after 'T'.", "PT30S"),
    ("P2H", "TMR-003", "Hours, minutes and seconds come after 'T'.", "PT2H"),
    ("P", "TMR-004", "Add an amount after 'P', such as PT5M.", None),
    ("PT", "TMR-004", "Add an amount after 'T', such as PT5M.", None),
    ("P1DT", "TMR-004", "Add an amount after 'T', such as PT5M.", None),
    ("PT5S3M", "TMR-005", "Write the parts in the order Y M D T H M S.", "PT3M5S"),
    ("pt30s", "TMR-006", "Use capital letters.", "PT30S"),
    ("-PT5M", "TMR-007", "A delay cannot be negative.", None),
    ("PT-5M", "TMR-007", "A delay cannot be negative.", None),
    ("P1W2D", "TMR-008", "Weeks cannot be combined with other parts.", "P9D"),
    ("2025-01-01T09:00:00Z", "TMR-009", "A date is not accepted here. Enter a duration, such as PT30S.", None),
    ("PT1.5H30M", "TMR-010", "Only the last part may have a fraction, and never years or months.", None),
    ("P0.5Y", "TMR-010", "Only the last part may have a fraction, and never years or months.", None),
    ("P900Y", "TMR-011", "The delay is longer than 100 years.", None),
    ("R5/PT2H", "TMR-012", "Repeating intervals and cron expressions are not accepted here.", None),
    ("0 0 9 * * *", "TMR-012", "Repeating intervals and cron expressions are not accepted here.", None),
    ("PT0S", "TMR-014", "PT0S means no delay. Leave the field empty.", ""),
    ("P30M", "TMR-015", "P30M is 30 months. For 30 minutes write PT30M.", "PT30M"),
]


@pytest.mark.parametrize(("text", "code", "sentence", "fix"), TIMERS)
def test_d034_each_wrong_duration_gives_its_code_text_and_fix(
    draft: Draft, text: str, code: str, sentence: str, fix: str | None
):
    values = values_of(draft)
    values.timer_expression = text
    timer = [each for each in problems(draft, values) if each.field == "timerExpression"]
    assert [(each.code, each.message) for each in timer] == [(code, sentence)]
    assert (timer[0].fix.value if timer[0].fix else None) == fix
    assert timer[0].blocks_saving is (code not in ("TMR-014", "TMR-015"))


@pytest.mark.parametrize(
    "text",
    ["", "PT30S", "PT15S", "PT1H30M", "P14D", "P2W", "P3Y6M4DT12H30M5S", "PT0.5S", "${delay}", "PT${n}M", " PT5M "],
)
def test_d033_valid_durations_and_texts_with_placeholders_are_accepted(draft: Draft, text: str):
    draft.attribute("delay")
    draft.attribute("n")
    values = values_of(draft)
    values.timer_expression = text
    assert [each.code for each in problems(draft, values) if each.field == "timerExpression"] == []


JSON = [
    ("", "JSN-001", None, None),
    ('{"a" 1}', "JSN-002", 1, 6),
    ('"text"', "JSN-003", 1, 1),
    ('{"a": 1,\n "a": 2}', "JSN-004", 2, 2),
    ('{"a": "${b.c"}', "JSN-005", 1, 8),
    ('{"a": "${}"}', "JSN-006", 1, 8),
    ('{"a": "${b..c}"}', "JSN-007", 1, 8),
    ("{${k}: 1}", "JSN-008", 1, 2),
    ('{"n": 12${x}}', "JSN-009", 1, 7),
    ('{"a": 1,}', "JSN-010", 1, 8),
    ("{'a': 1}", "JSN-011", 1, 2),
    ('{"a": 01}', "JSN-012", 1, 7),
    ('{"a": "${a.${b}}"}', "JSN-013", 1, 8),
]


@pytest.mark.parametrize(("text", "code", "line", "column"), JSON)
def test_d038_each_template_fault_has_code_line_and_column(
    draft: Draft, text: str, code: str, line: int | None, column: int | None
):
    problem = next(each for each in problems(draft, values_of(draft, message=text)) if each.field == "message")
    assert (problem.code, problem.line, problem.column, problem.severity) == (code, line, column, Severity.ERROR)
    assert problem.message.startswith(f"Line {line}, column {column}: ") is (line is not None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Enter a JSON message."),
        ('{"a": 1,\n "a": 2}', "Line 2, column 2: 'a' appears twice (first on line 1)."),
        ('{"a": "${b.c"}', "Line 1, column 8: '${' has no closing '}'."),
        ('{"a": "${}"}', "Line 1, column 8: '${}' names no key."),
        ('{"a": "${b..c}"}', "Line 1, column 8: 'b..c' is not a key path. Example: application.client.firstName"),
        ('{"n": 12${x}}', "Line 1, column 7: Put quotes around text mixed with a placeholder."),
        ('{"a": 1,}', "Line 1, column 8: Remove the comma before '}'."),
        ("[1]", "Line 1, column 1: The message must be a JSON object: { … }."),
    ],
)
def test_template_faults_have_the_documented_texts(draft: Draft, text: str, sentence: str):
    values = values_of(draft, "WEBSOCKET_SEND", message=text)
    assert next(each for each in problems(draft, values) if each.field == "message").message == sentence


def test_template_fixes_give_a_whole_valid_text(draft: Draft):
    values = values_of(draft, message='{"n": 12${x}}')
    assert found(draft, values, "JSN-009").fix.value == '{"n": "12${x}"}'
    assert found(draft, values_of(draft, message='{"a": 1,}'), "JSN-010").fix.value == '{"a": 1}'


def test_a_text_over_256_kib_is_jsn_014(draft: Draft):
    problem = found(draft, values_of(draft, message='{"a": "' + "x" * 300_000 + '"}'), "JSN-014")
    assert problem.message == "The message is 293 KiB; the limit is 256 KiB."


def test_d039_a_kafka_message_may_be_a_list_or_a_lone_object(draft: Draft):
    draft.attribute("body", type="OBJECT")
    for text in ("[1, 2]", "${body}"):
        assert problems(draft, values_of(draft, message=text)) == []
    number = found(draft, values_of(draft, message="7"), "JSN-003")
    assert number.message == "Line 1, column 1: The message must be an object, a list or one ${key}."
    assert (
        found(draft, values_of(draft, headers="[1]"), "JSN-003").message
        == "Line 1, column 1: The headers must be a JSON object: { … }."
    )
    assert found(draft, values_of(draft, "WEBSOCKET_SEND", message="[1]"), "JSN-003") is not None
    assert found(draft, values_of(draft, "WEBSOCKET_SEND", message="${body}"), "JSN-003") is not None


def test_d040_placeholders_that_are_not_replaced_are_jsn_015(draft: Draft):
    values = values_of(draft)
    values.params["message"] = Param('{"a": "${b}"}', replace_values=False)
    problem = found(draft, values, "JSN-015")
    assert problem.message == "'${…}' will be sent as written because Replace values is off."
    assert found(draft, values, "KEY-101") is None
