"""What stands around the screens: the page that the admin begins with, refused and missing addresses, the icon."""

import pytest
from django.test import Client

from tests.designer_ui.pages import Page

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("groups", "first"),
    [
        (["PROCESS_EDIT", "INSTANCE_READ"], "/admin/processes/"),
        (["PROCESS_READ", "INSTANCE_ADMIN"], "/admin/runtime/instances/"),
        (["PROCESS_READ"], "/admin/processes/"),
        (["INSTANCE_READ"], "/admin/runtime/instances/"),
        ([], "/admin/all/"),
    ],
)
def test_the_admin_begins_at_the_list_that_the_reader_works_with(client_of, groups, first):
    answer = client_of(*groups).get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, first)


def test_the_start_page_asks_for_a_login_and_comes_back():
    assert Client().get("/admin/")["Location"] == "/admin/login/?next=/admin/"


def test_d001_a_stock_admin_page_names_the_missing_right_too(client_of):
    answer = client_of("PROCESS_READ").get("/admin/auth/user/")
    assert answer.status_code == 403
    assert "You need the right ‘auth.view_user’ to see users." in Page(answer)["shell.forbidden"].words


def test_a_missing_page_says_so_inside_the_shell_and_leads_back(client_of):
    answer = client_of("PROCESS_READ").get("/admin/processes/never_made/")
    assert answer.status_code == 404
    page = Page(answer)
    assert "There is nothing at this address" in page["shell.missing"].words
    assert "shell.nav.definitions" in page


def test_strangers_learn_nothing_of_the_shell_from_a_missing_page():
    answer = Client().get("/nothing-here")
    assert answer.status_code == 404
    assert b"shell.nav" not in answer.content


def test_browsers_that_ask_for_an_icon_by_themselves_get_one():
    assert Client().get("/favicon.ico")["Location"] == "/static/shell/favicon.svg"


@pytest.mark.parametrize("path", ["engine/auditentry", "engine/journalentry"])
def test_lists_of_entries_are_named_rightly(client_of, path):
    words = client_of("INSTANCE_ADMIN").get(f"/admin/{path}/").content.decode()
    assert "entrys" not in words
    assert "entries" in words.lower()
