"""Whatever is posted, the form answers: wrong operations, texts of every kind, fields that are not its own."""

from __future__ import annotations

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from designer.models import Action
from tests.designer.conftest import Draft
from tests.designer.forms import open_form, post

NASTY = [
    "",
    " ",
    "\x00",
    "é☃🚲",
    "${",
    "${a.${b}}",
    "$${x}",
    "</textarea><script>",
    '"""',
    "{" * 120,
    "[1e999]",
    "�",
    "x" * 5000,
]
OPERATIONS = [
    "update",
    "add",
    "keep",
    "switch",
    "save",
    "save_close",
    "remove:keys:²",
    "remove:topicName:99",
    "remove:nothing:0",
    "remove:helper-paramsToCopy:x",
    "pick:",
    "pick:PT5S",
    "fix:",
    "fix:ACT-999:name:0.0",
    "fix:KEY-101:message:²",
    "format:message",
    "format:nothing",
    "format:headers",
    "unknown:op",
]
FIELDS = [
    "name",
    "order",
    "timerExpression",
    "type",
    "manual",
    "optional",
    "parentName",
    "topicName",
    "topicName-add",
    "message",
    "headers",
    "messageKey",
    "messageType",
    "targetProcess",
    "source",
    "keys",
    "keys-add",
    "keysForRestart",
    "revision",
    "base",
    "preview",
    "try",
    "switch-to",
    "swap-with",
    "carry",
    "touched",
    "was-type",
    "was-manual",
    "kept-keys",
    "kept-KAFKA_SEND.message",
    "helper-processName",
    "helper-paramsToCopy-add",
    "picker-destinationId",
    "preview-tab",
    "documentType",
    "anything",
]


@pytest.mark.parametrize("op", OPERATIONS)
def test_every_operation_is_answered(client: Client, draft: Draft, op: str):
    for action in (draft.kafka(), draft.websocket(kind="action", manual=True, keys=["a"])):
        url = draft.form_url(action)
        assert post(client, url, open_form(client, url), op).status in (200, 409)


@pytest.mark.parametrize("text", NASTY)
def test_every_text_is_answered_in_every_field(client: Client, draft: Draft, text: str):
    url = draft.form_url(draft.kafka())
    page = open_form(client, url)
    for field in FIELDS:
        answer = post(client, url, page, live=True, **{field.replace("-", "__"): text})
        assert answer.status == 200, field
        assert "<script>" not in answer.text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(FIELDS), st.one_of(st.sampled_from(NASTY), st.text(max_size=30)), max_size=8),
    st.sampled_from(OPERATIONS),
)
def test_any_mixture_is_answered_and_stores_nothing_wrong(
    client: Client, draft: Draft, fields: dict[str, str], op: str
):
    action = Action.objects.filter(type="WEBSOCKET_SEND").first() or draft.websocket(
        kind="action", manual=True, keys=["a"]
    )
    url = draft.form_url(action)
    answer = post(
        client, url, open_form(client, url), op, **{name.replace("-", "__"): text for name, text in fields.items()}
    )
    assert answer.status in (200, 404, 409)
    action.refresh_from_db()
    stored = {each.code for each in answer_of(draft, action)}
    assert not {code for code in stored if code.startswith(("ACT-00", "ACT-01", "JSN-0", "TMR-00"))} - {
        "ACT-019",
        "JSN-015",
    }


def answer_of(draft: Draft, action: Action):
    from designer.lint import check_action

    design = draft.design
    values = next(each for each in design.actions if each.id == action.pk)
    return check_action(design, values)


def test_a_pasted_list_of_many_topics_is_stored(client: Client, draft: Draft):
    action = draft.kafka()
    url = draft.form_url(action)
    topics = [f"topic.{number}" for number in range(1500)]
    answer = post(client, url, open_form(client, url), "save", topicName=topics)
    assert answer.status in (200, 302)
    assert Action.objects.get(pk=action.pk).param("topicName") == ",".join(topics)
