"""The action form as pages: fields by the matrix, locks, switches, saving, stale saves, read-only versions."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from designer import versions
from designer.models import Action, DataModelAttribute, GenericParameter, Node, Version
from designer.saving import save_action
from tests.designer.conftest import Draft
from tests.designer.forms import open_form, post

ALWAYS = {"name", "order", "timerExpression", "type", "parentName", "manual", "optional"}
KAFKA = {"source", "topicName", "message", "headers", "messageKey"}
BROWSER = {"messageType", "message", "targetProcess"}


def shown(page) -> set[str]:
    """The stored names that the form holds inputs for; chips and unchecked switches are seen by their test ids."""
    steering = ("kept-", "was-", "has-", "replace-", "helper-", "picker-")
    ignored = {"csrfmiddlewaretoken", "revision", "base", "touched", "preview", "preview-tab", "try", "op"}
    names = {
        name
        for name in page.fields
        if not name.startswith(steering) and name not in ignored and not name.endswith("-add")
    }
    ids = {
        "action.params.kafka.topics.add": "topicName",
        "action.data.keys": "keys",
        "action.back.allow": "allowTokenReset",
        "action.back.snapshot": "restartFromSnapshot",
        "action.back.keys.add": "keysForRestart",
    }
    switches = {"action.edit.repeatable": "repeatable", "action.edit.autorun": "autoRunChildren"}
    return names | {name for testid, name in {**ids, **switches}.items() if testid in page.testids}


def test_d021_e115_the_kafka_form_has_action_edit_and_parameters_only(client: Client, draft: Draft):
    page = open_form(client, draft.form_url(draft.kafka()))
    assert shown(page) == ALWAYS | KAFKA | {"repeatable", "autoRunChildren"}
    assert page.fields["messageKey"] == [""]


@pytest.mark.parametrize(
    ("fields", "extra"),
    [
        ({}, set()),
        ({"manual": True}, {"keys", "allowTokenReset"}),
        ({"manual": True, "optional": True}, {"keys", "allowTokenReset"}),
        (
            {"manual": True, "allow_token_reset": True},
            {"keys", "allowTokenReset", "restartFromSnapshot", "keysForRestart"},
        ),
    ],
)
def test_d021_e146_the_websocket_columns_show_exactly_their_fields(client: Client, draft: Draft, fields, extra):
    page = open_form(client, draft.form_url(draft.websocket(**fields)))
    assert shown(page) == ALWAYS | BROWSER | {"repeatable", "autoRunChildren"} | extra


def test_d019_d020_locked_fields_say_why(client: Client, draft: Draft):
    page = open_form(client, draft.form_url(draft.kafka()))
    assert page.has("A Kafka Send Action is always Automatic.")
    assert page.has("An Automatic action is always Mandatory.")
    refused = post(client, draft.form_url(Action.objects.get()), page, "save", manual="true")
    assert "ACT-009" in refused.codes()
    refused = post(client, draft.form_url(Action.objects.get()), page, "save", optional="true")
    assert "ACT-010" in refused.codes("action.edit.required")
    assert not Action.objects.get().optional


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"keys": ["a.b"]}, "ACT-011"), ({"allowTokenReset": "on"}, "ACT-011"), ({"targetProcess": "ACTIVE"}, "ACT-012")],
)
def test_d022_a_field_that_does_not_belong_is_refused_and_nothing_is_stored(
    client: Client, draft: Draft, changes, code: str
):
    action = draft.kafka()
    url = draft.form_url(action)
    page = post(client, url, open_form(client, url), "save", timerExpression="PT1M", **changes)
    assert code in page.codes()
    action.refresh_from_db()
    assert (action.timer_expression, action.keys, action.revision) == ("", [], 1)


def test_d003_without_javascript_update_form_answers_the_whole_page(client: Client, draft: Draft):
    url = draft.form_url(draft.websocket())
    page = post(client, url, open_form(client, url), "update", manual="true", timerExpression="P30S")
    assert page.has("<!doctype html>")
    assert {"action.back.allow", "action.data.keys"} <= page.testids
    assert page.codes("action.edit.timer") == {"TMR-003"}
    assert "action.update" in page.testids
    assert Action.objects.get().manual is False


def test_d150_the_live_check_answers_what_a_save_would(client: Client, draft: Draft):
    url = draft.form_url(draft.kafka())
    start = open_form(client, url)
    wrong = {"name": "a b", "timerExpression": "soon", "message": '{"a": 1,}', "headers": '{"": 1}', "optional": "true"}
    live = post(client, url, start, live=True, **wrong)
    saved = post(client, url, start, "save", **wrong)
    assert {code for code, field in live.errors if field} == {code for code, field in saved.errors if field}
    assert not live.has("<!doctype html>")
    assert Action.objects.get().name == "send_it"


def test_live_checks_are_sent_300_ms_after_the_last_key(client: Client, draft: Draft):
    page = open_form(client, draft.form_url(draft.kafka()))
    assert page.has("input delay:300ms")


def test_d023_manual_to_automatic_with_values_asks_first(client: Client, draft: Draft):
    action = draft.websocket(manual=True, keys=["a.b"], allow_token_reset=True)
    url = draft.form_url(action)
    asked = post(client, url, open_form(client, url), live=True, manual="false")
    assert "action.ask" in asked.testids
    assert asked.has("Switch to Automatic?")
    assert asked.has("Remove and switch")
    assert (asked.fields["manual"], asked.fields["keys"]) == (["true"], ["a.b"])
    kept = post(client, url, asked, "keep")
    assert (kept.fields["manual"], kept.fields["keys"]) == (["true"], ["a.b"])
    assert "action.ask" not in kept.testids
    assert kept.fields["allowTokenReset"] == ["on"]


def test_manual_to_automatic_without_values_does_not_ask(client: Client, draft: Draft):
    url = draft.form_url(draft.websocket(manual=True, optional=True))
    page = post(client, url, open_form(client, url), live=True, manual="false")
    assert "action.ask" not in page.testids
    assert (page.fields["manual"], page.fields["optional"]) == (["false"], ["false"])


def test_d024_hidden_values_come_back_with_the_switch_and_are_gone_after_a_save(client: Client, draft: Draft):
    action = draft.websocket(manual=True, keys=["a.b"], optional=True)
    url = draft.form_url(action)
    asked = post(client, url, open_form(client, url), live=True, manual="false")
    switched = post(client, url, asked, "switch", live=True)
    assert "keys" not in switched.fields
    assert switched.fields["kept-keys"] == ["a.b"]
    back = post(client, url, switched, live=True, manual="true")
    assert (back.fields["keys"], back.fields["optional"]) == (["a.b"], ["true"])
    saved = post(client, url, switched, "save")
    assert "kept-keys" not in saved.fields
    action.refresh_from_db()
    assert (action.manual, action.keys, action.optional) == (False, [], False)


def test_restart_settings_are_kept_while_allow_back_is_off(client: Client, draft: Draft):
    action = draft.websocket(manual=True, allow_token_reset=True, restart_from_snapshot=True, keys_for_restart=["a"])
    url = draft.form_url(action)
    off = post(client, url, open_form(client, url), live=True, allowTokenReset=None)
    assert "keysForRestart" not in off.fields
    on = post(client, url, off, live=True, allowTokenReset="on")
    assert (on.fields["keysForRestart"], on.fields["restartFromSnapshot"]) == (["a"], ["on"])


def test_d026_a_type_switch_keeps_action_edit_asks_and_carries_the_message_over(client: Client, draft: Draft):
    action = draft.websocket(message='{"hello": 1}', timer_expression="PT5S", manual=True, keys=["a.b"])
    url = draft.form_url(action)
    asked = post(client, url, open_form(client, url), live=True, type="KAFKA_SEND")
    assert asked.has("Change to Kafka Send Action?")
    assert asked.fields["type"] == ["WEBSOCKET_SEND"]
    carried = post(client, url, asked, "switch", live=True, carry="on")
    assert (carried.fields["type"], carried.fields["manual"]) == (["KAFKA_SEND"], ["false"])
    assert (carried.fields["message"], carried.fields["timerExpression"]) == (['{"hello": 1}'], ["PT5S"])
    dropped = post(client, url, asked, "switch", live=True, carry=None)
    assert dropped.fields["message"] == [""]


def test_default_to_action_puts_a_skeleton_into_an_empty_message_only(client: Client, draft: Draft):
    url = draft.form_url(draft.websocket(message=""))
    page = post(client, url, open_form(client, url), live=True, messageType="action")
    assert "START_PROCESS_INHERIT" in page.fields["message"][0]
    filled = draft.websocket("other", message='{"mine": 1}')
    url = draft.form_url(filled)
    page = post(client, url, open_form(client, url), live=True, messageType="action")
    assert page.fields["message"] == ['{"mine": 1}']


def test_d044_a_custom_send_saves_its_five_stored_keys(client: Client, draft: Draft):
    action = draft.kafka()
    url = draft.form_url(action)
    changes = {
        "topicName": ["one.v1", "two.v1"],
        "message": "[1]",
        "headers": '{"n": 1, "b": true, "o": {"x": 1}}',
        "messageKey": "k",
    }
    post(client, url, open_form(client, url), "save", replace__messageKey=None, **changes)
    action.refresh_from_db()
    assert action.params == [
        {"key": "source", "value": "CUSTOM", "replaceValues": True},
        {"key": "topicName", "value": "one.v1,two.v1", "replaceValues": True},
        {"key": "message", "value": "[1]", "replaceValues": True},
        {"key": "headers", "value": '{"n": 1, "b": true, "o": {"x": 1}}', "replaceValues": True},
        {"key": "messageKey", "value": "k", "replaceValues": False},
    ]


@pytest.mark.parametrize("target", ["ACTIVE", "PARENT"])
def test_d052_a_default_message_saves_with_either_target(client: Client, draft: Draft, target: str):
    action = draft.websocket()
    url = draft.form_url(action)
    saved = post(client, url, open_form(client, url), "save", message='{"name": "x"}', targetProcess=target)
    action.refresh_from_db()
    stored = {row["key"]: row["value"] for row in action.params}
    assert stored == {"messageType": "data", "message": '{"name": "x"}', "targetProcess": target}
    assert saved.fields["targetProcess"] == [target]


@pytest.mark.parametrize("order", ["", "0", "-1", "1.5", "first"])
def test_d029_a_wrong_order_stays_typed_with_act_005(client: Client, draft: Draft, order: str):
    url = draft.form_url(draft.websocket())
    page = post(client, url, open_form(client, url), "save", order=order)
    assert page.codes("action.edit.order") == {"ACT-005"}
    assert page.fields["order"] == [order]


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
    message = '{"processName": "crm", "type": "START_PROCESS_INHERIT", "own": ${a}, "params": {"paramsToCopy": ["rider"], "more": 1}}'
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


def test_d056_back_in_steps_only_on_manual_and_settings_with_allow_back(client: Client, draft: Draft):
    automatic = open_form(client, draft.form_url(draft.websocket("auto")))
    assert "action.back.allow" not in automatic.testids
    url = draft.form_url(draft.websocket("manual", manual=True))
    page = open_form(client, url)
    assert "action.back.allow" in page.testids
    assert "action.back.snapshot" not in page.testids
    on = post(client, url, page, live=True, allowTokenReset="on")
    assert {"action.back.snapshot", "action.back.keys.add"} <= on.testids


def test_d004_a_stale_save_is_409_keeps_the_text_and_saving_again_overwrites(client: Client, draft: Draft):
    action = draft.websocket(timer_expression="PT5S")
    url = draft.form_url(action)
    opened = open_form(client, url)
    other = User.objects.create_user("noor", is_staff=True)
    values = next(each for each in draft.design.actions if each.id == action.pk).copy()
    values.timer_expression, values.repeatable = "PT9S", True
    save_action(draft.version, values, user=other, revision=action.revision)
    stale = post(client, url, opened, "save", timerExpression="PT1M")
    assert (stale.status, stale.codes("action.conflict")) == (409, {"ACT-016"})
    assert stale.has("noor changed this action just now: Repeatable, Timer expression. Save again to overwrite.")
    assert stale.fields["timerExpression"] == ["PT1M"]
    assert "PT5S" in stale.text
    assert "PT9S" in stale.text
    action.refresh_from_db()
    assert action.timer_expression == "PT9S"
    again = post(client, url, stale, "save")
    action.refresh_from_db()
    assert (again.status, action.timer_expression, action.repeatable) == (200, "PT1M", False)


def test_d005_a_save_after_ones_own_canvas_edits_is_not_stale(client: Client, draft: Draft, editor: User):
    from designer.node_form import touch

    action = draft.websocket()
    url = draft.form_url(action)
    opened = open_form(client, url)
    Node.objects.filter(pk=draft.nodes["user_task"].pk).update(x=400)
    touch(Version.objects.get(pk=draft.version.pk), editor)
    saved = post(client, url, opened, "save", timerExpression="PT1M")
    assert saved.status == 200
    action.refresh_from_db()
    assert action.timer_expression == "PT1M"


def test_e004_a_published_version_is_read_only(client: Client, draft: Draft):
    draft.action("confirm", manual=True, keys=["a"])
    action = draft.websocket()
    url = draft.form_url(action)
    before = open_form(client, url)
    versions.publish(draft.version)
    page = open_form(client, url)
    assert page.has("Version 1 is published and cannot be edited.")
    assert "action.save" not in page.testids
    refused = post(client, url, before, "save", timerExpression="PT1M")
    assert (refused.status, "ACT-017" in refused.codes()) == (409, True)
    action.refresh_from_db()
    assert action.timer_expression == ""


def test_a_new_action_is_red_only_where_it_was_touched(client: Client, draft: Draft):
    url = draft.url("action-new", "user_task") + "?type=KAFKA_SEND"
    page = open_form(client, url)
    assert page.codes() == set()
    assert page.fields["name"] == ["send_user_task"]
    touched = post(client, url, page, live=True, touched="topicName")
    assert touched.codes() == {"KFK-001"}
    refused = post(client, url, page, "save")
    assert {"KFK-001", "JSN-001"} <= refused.codes()
    assert not Action.objects.exists()


def test_d016_a_new_action_is_saved_with_its_defaults(client: Client, draft: Draft):
    draft.action("first", manual=True, keys=["a"])
    url = draft.url("action-new", "user_task") + "?type=WEBSOCKET_SEND"
    page = open_form(client, url)
    assert (page.fields["order"], page.fields["manual"], page.fields["optional"]) == (["2"], ["false"], ["false"])
    assert not {"repeatable", "autoRunChildren"} & page.fields.keys()
    saved = post(client, url, page, "save", message='{"a": 1}')
    action = Action.objects.get(type="WEBSOCKET_SEND")
    assert (action.order, action.name, action.edited_by) == (2, "show_user_task", "edith")
    assert saved.has("show_user_task")


def test_a_child_is_added_below_its_parent(client: Client, draft: Draft):
    draft.action("button", manual=True, keys=["a"])
    url = draft.url("action-new", "user_task") + "?type=WEBSOCKET_SEND&parent=button"
    post(client, url, open_form(client, url), "save", message='{"a": 1}')
    assert Action.objects.get(type="WEBSOCKET_SEND").parent.name == "button"


def test_adding_asks_for_the_type_first(client: Client, draft: Draft):
    page = open_form(client, draft.url("action-new", "user_task"))
    assert {"action.choose.KAFKA_SEND", "action.choose.WEBSOCKET_SEND", "action.choose.SAVE_DATA"} <= page.testids


def test_a_gateway_takes_no_action(client: Client, make_draft):
    draft = make_draft(kinds="START EXCLUSIVE_GATEWAY END")
    response = client.get(draft.url("action-new", "exclusive_gateway") + "?type=KAFKA_SEND")
    assert response.status_code == 400
    assert "ACT-018" in response.content.decode()


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


def test_save_and_close_leads_to_the_actions_of_the_node(client: Client, draft: Draft):
    url = draft.form_url(draft.websocket())
    page = open_form(client, url)
    data = {name: values for name, values in page.fields.items()} | {"op": ["save_close"]}
    assert client.post(url, data)["Location"] == draft.url("node-actions", "user_task")
    assert client.post(url, data, headers={"HX-Request": "true"})["HX-Redirect"] == draft.url(
        "node-actions", "user_task"
    )


def test_a_rename_moves_the_address_with_it(client: Client, draft: Draft):
    action = draft.websocket()
    url = draft.form_url(action)
    page = open_form(client, url)
    data = page.fields | {"op": ["save"], "name": ["renamed"]}
    response = client.post(url, data, headers={"HX-Request": "true"})
    assert response["HX-Replace-Url"] == draft.url("action", "user_task", "renamed")


def test_d126_markup_in_names_keys_and_values_is_shown_as_text(client: Client, draft: Draft):
    evil = "<script>alert(1)</script>"
    GenericParameter.objects.create(key="region", value=evil)
    draft.attribute("a", example=evil)
    url = draft.form_url(draft.kafka(message='{"a": "${a}", "b": "${region}", "c": "' + evil + '"}'))
    page = post(client, url, open_form(client, url), live=True, name=evil, topicName=["x.${region}"])
    assert evil not in page.text
    assert "&lt;script&gt;" in page.text


def test_the_form_asks_a_fixed_number_of_statements(client: Client, draft: Draft, django_assert_max_num_queries):
    parent = draft.action("button", manual=True, keys=["a"])
    for position in range(40):
        draft.websocket(f"show_{position}", parent=parent if position % 2 else None)
    url = draft.form_url(Action.objects.get(name="show_7"))
    with django_assert_max_num_queries(26):
        client.get(url)


def test_an_action_of_another_node_is_404(client: Client, draft: Draft):
    draft.node("TASK", key="other")
    draft.websocket()
    assert client.get(draft.url("action", "other", "show_it")).status_code == 404


def test_without_the_right_nothing_is_saved(draft: Draft):
    from django.contrib.auth.models import Permission

    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_process"))
    browser = Client()
    browser.force_login(reader)
    url = draft.form_url(draft.websocket())
    page = open_form(browser, url)
    assert "action.save" not in page.testids
    assert post(browser, url, page, "save", name="changed").status == 403
    assert Action.objects.get().name == "show_it"
