"""The action form as pages: fields by the matrix, locks, saving, stale saves, read-only versions, rights."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from designer import versions
from designer.models import Action, GenericParameter, Node, Version
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


def test_d004_a_live_check_does_not_hide_that_the_form_is_stale(client: Client, draft: Draft):
    action = draft.websocket()
    url = draft.form_url(action)
    opened = open_form(client, url)
    Action.objects.filter(pk=action.pk).update(revision=2, timer_expression="PT9S")
    checked = post(client, url, opened, live=True, timerExpression="PT1M")
    assert checked.fields["revision"] == ["1"]
    assert post(client, url, checked, "save").status == 409


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


def test_d025_controlling_fields_of_a_read_only_version_still_govern_what_is_shown(client: Client, draft: Draft):
    draft.action("confirm", manual=True, keys=["a"], allow_token_reset=True)
    draft.websocket()
    versions.publish(draft.version)
    manual = open_form(client, draft.form_url(Action.objects.get(name="confirm")))
    assert {"action.back.allow", "action.back.snapshot", "action.data.keys"} <= manual.testids
    automatic = open_form(client, draft.form_url(Action.objects.get(name="show_it")))
    assert not {"action.back.allow", "action.data.keys"} & automatic.testids
    assert automatic.has("An Automatic action is always Mandatory.")
    assert '<fieldset class="bare" disabled>' in automatic.text


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


def test_save_and_close_leads_to_the_actions_of_the_node(client: Client, draft: Draft):
    url = draft.form_url(draft.websocket())
    page = open_form(client, url)
    data = page.fields | {"op": ["save_close"]}
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
