"""What helps while editing: fixes, quick picks, pickers, the start-process helper, Try it, renaming that follows."""

from __future__ import annotations

import pytest
from django.test import Client

from designer import versions
from designer.models import DataModelAttribute, Node
from tests.designer.conftest import Draft
from tests.designer.forms import open_form, post


def test_d057_a_blank_posted_key_is_dts_001_and_pasted_blank_lines_are_none(client: Client, draft: Draft):
    url = draft.form_url(draft.action("store", manual=True, keys=["a"]))
    start = open_form(client, url)
    assert "DTS-001" in post(client, url, start, "save", keys=["a", " "]).codes("action.data.keys")
    pasted = post(client, url, start, "add", keys__add="b.c\n\n d.e ,f\n")
    assert pasted.fields["keys"] == ["a", "b.c", "d.e", "f"]
    assert pasted.fields["keys-add"] == [""]


def test_a_live_check_leaves_what_is_typed_into_an_add_input_where_it_is(client: Client, draft: Draft):
    url = draft.form_url(draft.kafka())
    page = post(client, url, open_form(client, url), live=True, topicName__add="bad topic")
    assert page.fields["topicName"] == ["crm.lookup.v1"]
    assert page.fields["topicName-add"] == ["bad topic"]
    assert "KFK-002" in page.codes("action.params.kafka.topics")


def test_buttons_remove_a_topic_and_a_key(client: Client, draft: Draft):
    url = draft.form_url(draft.kafka(topic="one.v1,two.v1"))
    assert post(client, url, open_form(client, url), "remove:topicName:0").fields["topicName"] == ["two.v1"]
    url = draft.form_url(draft.action("store", manual=True, keys=["a", "b"]))
    assert post(client, url, open_form(client, url), "remove:keys:1").fields["keys"] == ["a"]


def test_d035_a_duration_is_echoed_and_quick_picks_fill_the_field(client: Client, draft: Draft):
    url = draft.form_url(draft.websocket())
    start = open_form(client, url)
    page = post(client, url, start, live=True, timerExpression="PT30S")
    assert page.has("30 seconds after the action is triggered. Now it would run at")
    for text in ("PT30S", "PT5M", "PT1H", "P1D", "P7D"):
        assert f"action.edit.timer.pick[{text}]" in start.testids
        assert post(client, url, start, f"pick:{text}").fields["timerExpression"] == [text]


@pytest.mark.parametrize(
    ("changes", "op", "field", "value"),
    [
        ({"name": "a b"}, "fix:ACT-003:name:0.0", "name", "a_b"),
        ({"timerExpression": "P30S"}, "fix:TMR-003:timerExpression:0.0", "timerExpression", "PT30S"),
        ({"message": '{"a": 1,}'}, "fix:JSN-010:message:0.0", "message", '{"a": 1}'),
        ({"topicName": ["a.b", "a.b"]}, "fix:KFK-003:topicName:0.0", "topicName", "a.b"),
        ({"order": "0"}, "fix:ACT-005:order:0.0", "order", "1"),
    ],
)
def test_d063_a_fix_applies_in_one_click(client: Client, draft: Draft, changes, op: str, field: str, value: str):
    url = draft.form_url(draft.kafka())
    wrong = post(client, url, open_form(client, url), live=True, **changes)
    code = op.split(":")[1]
    assert code in wrong.codes()
    assert op in wrong.text
    mended = post(client, url, wrong, op, live=True)
    assert mended.fields[field] == [value]
    assert code not in mended.codes()


def test_d041_d063_the_fix_of_an_unknown_key_uses_the_near_one_or_adds_it(client: Client, draft: Draft):
    draft.attribute("rider.name")
    url = draft.form_url(draft.kafka(message='{"a": "${rider.nme}"}'))
    page = open_form(client, url)
    assert post(client, url, page, "fix:KEY-101:message:0.0").fields["message"] == ['{"a": "${rider.name}"}']
    added = post(client, url, page, "fix:KEY-101:message:0.1")
    assert "KEY-101" not in added.codes()
    assert DataModelAttribute.objects.filter(version=draft.version, path="rider.nme").exists()


def test_d063_a_swap_gives_both_actions_their_order_with_the_save(client: Client, draft: Draft):
    one, two = draft.websocket("one"), draft.websocket("two")
    url = draft.form_url(two)
    page = post(client, url, open_form(client, url), live=True, order="1")
    assert "ACT-006" in page.codes()
    swapped = post(client, url, page, "fix:ACT-006:order:0.1", live=True)
    assert "ACT-006" not in swapped.codes()
    post(client, url, swapped, "save")
    for action in (one, two):
        action.refresh_from_db()
    assert (one.order, two.order) == (2, 1)


def test_d048_the_pickers_write_the_headers_and_keep_the_rest(client: Client, draft: Draft):
    Node.objects.filter(key="user_task").update(
        data_stream_topics=[{"topicName": "ai.flowx.dev.engine.receive.x", "keyName": "r"}]
    )
    action = draft.kafka(headers='{"processInstanceId": ${processInstanceId}, "destinationId": "gone", "x": "${a}"}')
    url = draft.form_url(action)
    page = open_form(client, url)
    assert "KFK-007" in page.codes()
    picked = post(client, url, page, live=True, picker__destinationId="user_task", picker__callbacksForAction="send_it")
    text = picked.fields["headers"][0]
    assert '"destinationId": "user_task"' in text
    assert '"callbacksForAction": "send_it"' in text
    assert '"processInstanceId": ${processInstanceId}' in text
    assert '"x": "${a}"' in text
    assert not picked.codes() & {"KFK-006", "KFK-007"}


def test_d054_the_helper_reads_and_writes_the_message_and_keeps_unknown_members(
    client: Client, draft: Draft, make_draft
):
    versions.publish(make_draft("insurance", kinds="START END").version)
    params = '{"paramsToCopy": ["rider"], "more": 1}'
    message = '{"processName": "crm", "type": "START_PROCESS_INHERIT", "own": ${a}, "params": ' + params + "}"
    url = draft.form_url(draft.websocket(message=message, kind="action"))
    page = open_form(client, url)
    assert page.fields["helper-processName"] == ["crm"]
    assert page.fields["helper-paramsToCopy"] == ["rider"]
    changes = {
        "helper__processName": "insurance",
        "helper__paramsToCopy__add": "bike",
        "helper__withoutParams__add": "secret",
    }
    written = post(client, url, page, "add", live=True, **changes)
    text = written.fields["message"][0]
    for part in (
        '"processName": "insurance"',
        '"own": ${a}',
        '"more": 1',
        '"paramsToCopy": ["rider", "bike"]',
        '"withoutParams": ["secret"]',
    ):
        assert part in text
    assert written.has("published, v1")
    typed = post(client, url, written, live=True, message=text.replace("insurance", "crm"))
    assert typed.fields["helper-processName"] == ["crm"]


def test_d058_try_it_shows_what_is_kept_and_dropped(client: Client, draft: Draft):
    url = draft.form_url(draft.action("store", manual=True, keys=["rider.name", "bike"]))
    body = '{"rider": {"name": "Tamsin", "score": 812}, "bike": {"frame": "M"}, "lease": 1, "rider.email": "t@x"}'
    page = post(client, url, open_form(client, url), live=True, **{"try": body})
    assert page.has("2 kept")
    assert page.has("3 dropped")
    for path in ("rider.score", "lease", "rider.email"):
        assert path in page.text
    assert page.has("Not stored.")


def test_try_it_says_what_is_no_body(client: Client, draft: Draft):
    url = draft.form_url(draft.action("store", manual=True, keys=["a"]))
    assert post(client, url, open_form(client, url), live=True, **{"try": "[1]"}).has("The app sends a JSON object.")


def test_d149_renaming_an_action_follows_in_headers_and_parents(client: Client, draft: Draft):
    action = draft.kafka("send_code", headers='{"callbacksForAction": "send_code", "x": ${a}}')
    child = draft.websocket("show", parent=action)
    other = draft.kafka("other", headers='{"callbacksForAction": "send_code"}')
    url = draft.form_url(action)
    saved = post(client, url, open_form(client, url), "save", name="ask_code")
    for row in (action, child, other):
        row.refresh_from_db()
    assert (action.name, child.parent.name) == ("ask_code", "ask_code")
    for row in (action, other):
        assert '"callbacksForAction": "ask_code"' in row.param("headers")
    assert '"x": ${a}' in action.param("headers")
    assert saved.has("ask_code")


def test_d149_renaming_a_node_follows_in_headers_and_gateway_rules(draft: Draft):
    from designer.renaming import rename_node

    gateway = draft.node("EXCLUSIVE_GATEWAY", rules=[{"order": 1, "expression": "", "nextNodeName": "user_task"}])
    action = draft.kafka(headers='{"destinationId": "user_task", "note": "user_task"}')
    Node.objects.filter(key="user_task").update(name="Rider details")
    rename_node(draft.version, "user_task", "Rider details")
    action.refresh_from_db()
    gateway.refresh_from_db()
    assert '"destinationId": "Rider details"' in action.param("headers")
    assert '"note": "user_task"' in action.param("headers")
    assert gateway.rules[0]["nextNodeName"] == "Rider details"
