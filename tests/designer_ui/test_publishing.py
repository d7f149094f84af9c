"""Publishing, drafts, discarding, deleting and starting from the version's page (designer 3.1, screen 09)."""

import json

import pytest
from django.contrib.auth.models import Group

from designer import versions
from designer.models import Action, Process, Version
from engine.models import Instance, Snapshot
from tests.designer_ui.conftest import LEASING, address
from tests.designer_ui.pages import Page
from tests.designer_ui.test_node_config import form_of

pytestmark = pytest.mark.django_db


def test_d075_publishing_with_blockers_is_refused_with_prc004_and_each_is_named(client_of, broken):
    client = client_of("PROCESS_ADMIN")
    page = Page(client.get(address(broken, "publish")))
    assert page["publish.why"].words == "Fix 2 problems before publishing. Warnings do not block. PRC-004"
    assert page["publish.confirm"].get("aria-disabled") == "true"
    assert page["publish.confirm"].get("aria-describedby") == "why"
    assert {"TMR-003", "NOD-005", "KEY-101"} <= set(page.codes())
    answer = client.post(address(broken, "publish"), {"message": "x"})
    assert answer.status_code == 409
    assert "Fix 2 problem(s) before publishing." in Page(answer)["publish.refused"].words
    assert Version.objects.get(pk=broken.pk).state == "DRAFT"


def test_d075_a_message_over_200_characters_is_refused_and_kept(client_of, draft):
    Action.objects.filter(version=draft, name="tell_rider").update(timer_expression="PT6S")
    answer = client_of("PROCESS_ADMIN").post(address(draft, "publish"), {"message": "x" * 201})
    assert answer.status_code == 409
    page = Page(answer)
    assert "Use at most 200 characters for the message (now 201)." in page["publish.refused"].words
    assert page["publish.message"].get("value") == "x" * 201


def test_d080_nothing_to_publish_when_nothing_changed_and_the_reason_is_said(client_of, draft):
    client = client_of("PROCESS_ADMIN")
    page = Page(client.get(address(draft)))
    assert page["version.publish"].get("aria-disabled") == "true"
    assert page["version.publish"].words == "Publish no changes since v1"
    page = Page(client.get(address(draft, "publish")))
    assert page["publish.why"].words == "No changes since v1."
    assert client.post(address(draft, "publish")).status_code == 409
    assert Version.objects.get(pk=draft.pk).state == "DRAFT"


def test_the_dialog_says_what_changed_by_node_action_and_field(client_of, draft):
    Action.objects.filter(version=draft, name="tell_rider").update(timer_expression="PT30S")
    submit = Action.objects.get(version=draft, name="submit_rider_details")
    submit.keys = ["application.client", "rider.address"]
    submit.save()
    Action.objects.get(version=draft, name="offer_other_bike").delete()
    draft.nodes.filter(key="reserve_bike").update(x=500)
    page = Page(client_of("PROCESS_ADMIN").get(address(draft, "publish")))
    words = page["publish.changes"].words
    assert "tell_rider · Timer expression PT5S PT30S 30 seconds" in words
    assert "submit_rider_details · Data to send + rider.address" in words
    assert "– Action offer_other_bike Websocket Send" in words
    assert "1 node moved on the canvas" in words


def test_publishing_makes_the_version_published_and_the_one_before_deprecated(client_of, draft):
    Action.objects.filter(version=draft, name="tell_rider").update(timer_expression="PT6S")
    client = client_of("PROCESS_ADMIN")
    answer = client.post(address(draft, "publish"), {"message": "Slower"})
    assert answer["Location"] == address(draft)
    states = dict(Version.objects.filter(process__name=LEASING).values_list("number", "state"))
    assert states == {1: "DEPRECATED", 2: "PUBLISHED"}
    page = Page(client.get(address(draft)))
    assert page["shell.toast"].words == f"{LEASING} v2 is published."
    assert page["version.state"].words == "Published"


def test_for_htmx_the_way_after_publishing_is_a_redirect_of_the_page(client_of, draft):
    Action.objects.filter(version=draft, name="tell_rider").update(timer_expression="PT6S")
    answer = client_of("PROCESS_ADMIN").post(address(draft, "publish"), HTTP_HX_REQUEST="true")
    assert (answer.status_code, answer["HX-Redirect"]) == (204, address(draft))


def test_a_deprecated_version_is_published_again_after_its_checks(client_of, draft, published):
    Action.objects.filter(version=draft, name="tell_rider").update(timer_expression="PT6S")
    versions.publish(draft)
    answer = client_of("PROCESS_ADMIN").post(address(published, "publish"))
    assert answer["Location"] == address(published)
    assert Version.objects.get(pk=published.pk).state == "PUBLISHED"


def test_create_draft_asks_when_there_is_one_already(client_of, draft, published):
    client = client_of("PROCESS_EDIT")
    answer = client.post(address(published, "draft"))
    assert answer.status_code == 409
    page = Page(answer)
    assert page["create-draft.open"].get("href") == address(draft)
    Action.objects.filter(version=draft, name="tell_rider").update(timer_expression="PT6S")
    client.post(address(published, "draft"), {"replace": "1"})
    now = Version.objects.get(process=published.process, state="DRAFT")
    assert now.actions.get(name="tell_rider").timer_expression == "PT5S"


def test_d145_a_duplicate_is_draft_v1_under_a_new_name_and_create_draft_opens_or_replaces(client_of, draft, published):
    client = client_of("PROCESS_EDIT")
    url = address(published, "duplicate")
    assert "PRC-002" in Page(client.post(url, {"name": LEASING})).codes()
    assert client.post(url, {"name": "leasing_copy"})["Location"] == "/admin/processes/leasing_copy/v/1/"
    copied = Version.objects.get(process__name="leasing_copy")
    assert (copied.number, copied.state, copied.actions.count()) == (1, "DRAFT", published.actions.count())
    asked = Page(client.post(address(published, "draft")))
    assert asked["create-draft.open"].words == "Open draft v2"
    made = client.post(address(published, "draft"), {"replace": "1"})
    assert Version.objects.get(process=published.process, state="DRAFT").pk != draft.pk
    assert made["Location"].startswith(f"/admin/processes/{LEASING}/v/")


def test_discarding_a_draft_leaves_every_other_version(client_of, draft, published):
    client = client_of("PROCESS_EDIT")
    Action.objects.filter(version=draft, name="tell_rider").update(timer_expression="PT6S")
    assert "tell_rider · Timer expression" in Page(client.get(address(draft, "discard")))["discard-draft"].words
    assert client.post(address(draft, "discard"))["Location"] == "/admin/processes/"
    assert list(published.process.versions.values_list("number", flat=True)) == [1]


def test_d076_a_draft_starts_in_test_mode_only_and_later_edits_do_not_touch_the_run(client_of, draft):
    client = client_of("PROCESS_EDIT")
    answer = client.post(address(draft, "start"), {"params": '{"price": 12.30}'})
    assert answer.status_code == 302
    instance = Instance.objects.get()
    assert (instance.process_name, instance.version, instance.test, instance.state) == (LEASING, 2, True, "STARTED")
    assert json.loads(instance.params)["price"] == 12.3
    body = Snapshot.objects.get(pk=instance.snapshot_id).body
    Action.objects.filter(version=draft, name="tell_rider").update(timer_expression="PT9S")
    client.post(address(draft, "start"), {"params": "{}"})
    assert Snapshot.objects.get(pk=instance.snapshot_id).body == body
    assert Instance.objects.values("snapshot_id").distinct().count() == 2


def test_d076_a_draft_with_blockers_does_not_start(client_of, broken):
    answer = client_of("PROCESS_EDIT").post(address(broken, "start"), {"params": "{}"})
    assert answer.status_code == 422
    assert "Fix 2 problem(s) before publishing." in Page(answer)["start-instance.refused"].words
    assert not Instance.objects.exists()


@pytest.mark.parametrize(
    ("text", "fault"),
    [("{", "Line 1, column 2"), ("[]", "must be a JSON object"), ('{"a": 1, "a": 2}', "Line 1"), ('"\\u0000"', "")],
)
def test_input_that_is_no_json_object_is_named_with_its_place_and_kept(client_of, draft, text, fault):
    answer = client_of("PROCESS_EDIT").post(address(draft, "start"), {"params": text})
    assert answer.status_code == 422
    page = Page(answer)
    assert fault in page["start-instance.params.error"].words
    assert page["start-instance.params"].words == text
    assert not Instance.objects.exists()


def test_a_published_version_starts_for_groups_of_its_start_and_for_instance_admins_only(client_of, published, people):
    url = address(published, "start")
    answer = client_of("PROCESS_READ").post(url, {"params": "{}"})
    assert answer.status_code == 422
    assert "You may not start" in Page(answer)["start-instance.refused"].words
    people("PROCESS_READ").groups.add(Group.objects.get(name="flowx-users"))
    assert client_of("PROCESS_READ").post(url, {"params": "{}"}).status_code == 302
    assert client_of("PROCESS_READ", "INSTANCE_ADMIN").post(url, {"params": "{}"}).status_code == 302
    assert set(Instance.objects.values_list("test", flat=True)) == {False}


def test_deleting_a_definition_is_refused_while_instances_run(client_of, published):
    client = client_of("PROCESS_ADMIN", "INSTANCE_ADMIN")
    client.post(address(published, "start"), {"params": "{}"})
    url = f"/admin/processes/{LEASING}/delete"
    answer = client.post(url)
    assert answer.status_code == 409
    assert "PRC-010" in Page(answer).codes()
    Instance.objects.update(state="FINISHED")
    assert client.post(url).status_code == 302
    assert Process.objects.get(name=LEASING).deleted
    assert client.get(address(published)).status_code == 404


def test_an_export_is_a_file_named_after_the_version(client_of, published):
    answer = client_of("PROCESS_READ").get(address(published, "export"))
    assert answer["Content-Disposition"] == f'attachment; filename="{LEASING}_v1.json"'
    assert json.loads(answer.content)["process"]["name"] == LEASING


def test_d141_input_keys_limit_a_user_tasks_data_call_and_empty_gives_all_but_sensitive(client_of, draft):
    client = client_of("PROCESS_ADMIN", "INSTANCE_ADMIN")
    values = {"application": {"client": {"firstName": "Tamsin", "email": "t@example.com"}}, "other": 1}

    def seen(input_keys: str) -> dict:
        node = draft.nodes.get(key="rider_details")
        posted = form_of(node, inputKeys=input_keys)
        assert client.post(address(draft, "node/rider_details/config"), posted).status_code == 302
        client.post(address(draft, "start"), {"params": json.dumps(values)})
        instance = Instance.objects.order_by("-id")[0]
        return client.get(f"/api/process/{instance.uuid}/data/{node.pk}").json()["data"]

    assert seen("application.client.firstName") == {"application": {"client": {"firstName": "Tamsin"}}}
    assert seen("") == {"application": {"client": {"firstName": "Tamsin"}}, "other": 1}


def test_the_published_version_is_not_published_again(client_of, published):
    client = client_of("PROCESS_ADMIN")
    assert "v1 is published already." in Page(client.get(address(published, "publish")))["publish.why"].words
    assert client.post(address(published, "publish")).status_code == 409
