"""Who may open and change what in the designer, and what the others read (designer 0.3, 0.4)."""

import pytest
from django.test import Client

from tests.designer_ui.conftest import LEASING, address
from tests.designer_ui.pages import Page

pytestmark = pytest.mark.django_db


def test_without_a_login_every_page_leads_to_the_login_and_back(draft):
    answer = Client().get(address(draft))
    assert answer.status_code == 302
    assert answer["Location"] == f"/admin/login/?next={address(draft)}"


def test_d001_the_navigation_hides_what_one_may_not_read_and_the_address_names_the_right(client_of, draft):
    client = client_of("PARAMETER_READ")
    answer = client.get("/admin/processes/")
    assert answer.status_code == 403
    page = Page(answer)
    assert "shell.nav.definitions" not in page
    assert "shell.nav.process-instances" not in page
    assert "You need the right ‘PROCESS read’ to see process definitions." in page["shell.forbidden"].words
    seen = Page(client_of("PROCESS_READ", "INSTANCE_READ").get("/admin/processes/"))
    assert {"shell.nav.definitions", "shell.nav.process-instances"} <= set(seen.ids("shell.nav."))
    assert "shell.nav.users" not in seen


@pytest.mark.parametrize(
    ("path", "group", "right"),
    [
        ("new", "PROCESS_IMPORT", "PROCESS edit"),
        ("import", "PROCESS_READ", "PROCESS import"),
        (f"{LEASING}/v/2/publish", "PROCESS_EDIT", "PROCESS admin"),
        (f"{LEASING}/v/2/discard", "PROCESS_READ", "PROCESS edit"),
        (f"{LEASING}/v/2/draft", "PROCESS_READ", "PROCESS edit"),
        (f"{LEASING}/v/2/start", "PROCESS_READ", "PROCESS edit"),
        (f"{LEASING}/delete", "PROCESS_EDIT", "PROCESS admin"),
    ],
)
def test_d001_each_refused_page_names_the_missing_right(client_of, draft, path, group, right):
    answer = client_of(group).get(f"/admin/processes/{path}")
    assert answer.status_code == 403
    assert f"You need the right ‘{right}’ to " in Page(answer)["shell.forbidden"].words


def test_in_a_dialog_the_missing_right_is_said_in_the_dialog(client_of, draft):
    headers = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "dialog"}
    answer = client_of("PROCESS_READ").get(address(draft, "start"), **headers)
    assert answer.status_code == 403
    assert Page(answer)["forbidden"].tag == "dialog"


def test_a_reader_sees_no_control_that_changes_something(client_of, broken):
    page = Page(client_of("PROCESS_READ").get(address(broken, "node/rider_details/actions")))
    assert "actions.add" not in page
    assert "version.publish" not in page
    assert page.ids("fix.") == []
    assert "right ‘PROCESS edit’" in page["version.read-only"].words


@pytest.mark.parametrize(
    "path",
    [
        "node/rider_details/config",
        "node/rider_details/actions/submit_rider_details/move",
        "node/rider_details/actions/submit_rider_details/duplicate",
        "node/rider_details/actions/submit_rider_details/delete",
        "fix",
    ],
)
def test_a_reader_changes_nothing_by_posting_either(client_of, draft, path):
    answer = client_of("PROCESS_READ").post(address(draft, path), {"name": "x", "by": "1"})
    assert answer.status_code == 403
    assert draft.actions.count() == 6
    assert draft.nodes.get(key="rider_details").name == "Rider details"


@pytest.mark.parametrize(
    "path",
    [
        "node/rider_details/actions/submit_rider_details/move",
        "node/rider_details/actions/submit_rider_details/duplicate",
        "node/rider_details/actions/submit_rider_details/delete",
    ],
)
def test_d008_a_published_version_refuses_every_change_of_its_rows_with_act017(client_of, published, path):
    answer = client_of("PROCESS_ADMIN").post(address(published, path), {"by": "1"})
    assert answer.status_code == 409
    assert "Version 1 is published and cannot be edited. ACT-017" in Page(answer)["actions.refused"].words
    assert published.actions.count() == 6


def test_d008_a_published_version_is_shown_read_only_and_offers_a_draft(client_of, published):
    client = client_of("PROCESS_ADMIN")
    page = Page(client.get(address(published, "node/bike_reserved/config")))
    assert "v1 is published and cannot be edited." in page["version.read-only"].words
    assert page["version.create-draft"].words == "Create draft from v1"
    assert "readonly" in page["node.config.name"].attributes
    assert "node.config.save" not in page
    answer = client.post(address(published, "node/bike_reserved/config"), {"name": "Renamed", "revision": "1"})
    assert answer.status_code == 409
    assert "ACT-017" in Page(answer).codes()
    assert published.nodes.get(key="bike_reserved").name == "Bike reserved"
    made = client.post(address(published, "draft"))
    assert made["Location"] == f"/admin/processes/{LEASING}/v/2/"
