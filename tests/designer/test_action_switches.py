"""What a switch in the action form does: it asks, keeps hidden values and restores them (designer 1.10)."""

from __future__ import annotations

from django.test import Client

from tests.designer.conftest import Draft
from tests.designer.forms import open_form, post


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


def test_d056_back_in_steps_only_on_manual_and_settings_with_allow_back(client: Client, draft: Draft):
    automatic = open_form(client, draft.form_url(draft.websocket("auto")))
    assert "action.back.allow" not in automatic.testids
    url = draft.form_url(draft.websocket("manual", manual=True))
    page = open_form(client, url)
    assert "action.back.allow" in page.testids
    assert "action.back.snapshot" not in page.testids
    on = post(client, url, page, live=True, allowTokenReset="on")
    assert {"action.back.snapshot", "action.back.keys.add"} <= on.testids
