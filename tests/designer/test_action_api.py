"""The same rules for programs: problem objects with codes, fields and places (designer 1.13, engine 0)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client

from designer import versions
from designer.models import Action
from tests.designer.conftest import Draft

pytestmark = pytest.mark.django_db
SEND: dict[str, Any] = {
    "name": "send_it",
    "type": "KAFKA_SEND",
    "actionParams": [
        {"key": "topicName", "value": "crm.lookup.v1"},
        {"key": "jsonDTOMessage", "value": '{"a": 1}', "replaceValues": False},
    ],
}


def call(client: Client, method: str, url: str, body: Any) -> HttpResponse:
    return client.generic(method, url, json.dumps(body), content_type="application/json")


def codes(response: HttpResponse) -> list[str]:
    return [error["code"] for error in json.loads(response.content)["errors"]]


def test_an_action_is_made_read_changed_and_removed(client: Client, draft: Draft):
    made = call(client, "POST", draft.url("action-new", "user_task"), SEND)
    assert made.status_code == 201, made.content
    body = json.loads(made.content)
    assert (body["name"], body["order"], body["manual"], body["revision"]) == ("send_it", 1, False, 1)
    assert body["actionParams"][1] == {
        "id": 2, "key": "message", "value": '{"a": 1}', "replaceValues": False, "actionDefinitionId": Action.objects.get().pk,
    }  # fmt: skip
    url = draft.form_url(Action.objects.get())
    assert client.get(url, headers={"Accept": "application/json"}).json()["name"] == "send_it"
    changed = call(client, "PUT", url, {"timerExpression": "PT5S", "revision": 1})
    assert (changed.status_code, changed.json()["timerExpression"]) == (200, "PT5S")
    assert call(client, "DELETE", url, {}).status_code == 204
    assert not Action.objects.exists()


def test_d065_faults_are_a_problem_object_with_code_field_place_and_fix(client: Client, draft: Draft):
    body = {
        **SEND,
        "name": "a b",
        "timerExpression": "P30S",
        "manual": True,
        "actionParams": [{"key": "message", "value": '{\n"a": 1,}'}],
    }
    response = call(client, "POST", draft.url("action-new", "user_task"), body)
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    problem = response.json()
    assert {
        "type",
        "title",
        "status",
        "message",
        "errorKey",
        "defaultMessage",
        "entityName",
        "params",
        "errors",
    } <= problem.keys()
    errors = {error["code"]: error for error in problem["errors"]}
    assert errors.keys() == {"ACT-003", "ACT-009", "TMR-003", "KFK-001", "JSN-010"}
    assert (errors["JSN-010"]["field"], errors["JSN-010"]["line"], errors["JSN-010"]["column"]) == ("message", 2, 7)
    assert errors["TMR-003"]["fix"] == {"label": "Use PT30S", "field": "timerExpression", "value": "PT30S"}
    assert errors["ACT-003"]["message"].startswith("' ' cannot be used in an action name.")
    assert not Action.objects.exists()


@pytest.mark.parametrize("kind", ["START", "END", "MESSAGE_EVENT_RECEIVE", "EXCLUSIVE_GATEWAY"])
def test_d013_e008_an_action_on_another_node_is_act_018(client: Client, make_draft, kind: str):
    draft = make_draft(kinds=" ".join(dict.fromkeys(["START", kind, "END"])))
    response = call(client, "POST", draft.url("action-new", kind.lower()), SEND)
    assert (response.status_code, codes(response)) == (400, ["ACT-018"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"manual": "yes"}, "ACT-013"),
        ({"order": 0}, "ACT-005"),
        ({"order": 1.5}, "ACT-005"),
        ({"keys": ["a"]}, "ACT-011"),
        ({"optional": True}, "ACT-010"),
        ({"parentName": "ghost"}, "ACT-014"),
        ({"type": "FAX"}, "ACT-007"),
        ({"actionParams": [{"key": "targetProcess", "value": "PARENT"}]}, "ACT-012"),
    ],
)
def test_d065_each_wrong_member_has_its_code(client: Client, draft: Draft, change: dict[str, Any], code: str):
    response = call(client, "POST", draft.url("action-new", "user_task"), {**SEND, **change})
    assert response.status_code == 400
    assert code in codes(response)


def test_a_body_that_is_no_object_is_400(client: Client, draft: Draft):
    url = draft.url("action-new", "user_task")
    assert call(client, "POST", url, [1]).status_code == 400
    assert client.post(url, b"{", content_type="application/json").status_code == 400


def test_d004_an_older_revision_is_409_act_016(client: Client, draft: Draft):
    url = draft.form_url(draft.websocket())
    assert call(client, "PUT", url, {"timerExpression": "PT5S", "revision": 1}).status_code == 200
    stale = call(client, "PUT", url, {"timerExpression": "PT9S", "revision": 1})
    assert (stale.status_code, codes(stale)) == (409, ["ACT-016"])
    assert Action.objects.get().timer_expression == "PT5S"


def test_d008_a_published_version_is_409_act_017(client: Client, draft: Draft):
    draft.action("confirm", manual=True, keys=["a"])
    action = draft.websocket()
    versions.publish(draft.version)
    for method in ("PUT", "DELETE"):
        response = call(client, method, draft.form_url(action), {"name": "x"})
        assert (response.status_code, codes(response)) == (409, ["ACT-017"])
    assert Action.objects.filter(name="show_it").exists()


def test_e078_deleting_an_action_deletes_its_children(client: Client, draft: Draft):
    parent = draft.action("button", manual=True, keys=["a"])
    middle = draft.kafka(parent=parent)
    draft.websocket(parent=middle)
    assert call(client, "DELETE", draft.form_url(parent), {}).status_code == 204
    assert not Action.objects.exists()


def test_without_the_right_it_is_403(draft: Draft):
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_process"))
    browser = Client()
    browser.force_login(reader)
    response = call(browser, "POST", draft.url("action-new", "user_task"), SEND)
    assert response.status_code == 403
    assert not Action.objects.exists()
