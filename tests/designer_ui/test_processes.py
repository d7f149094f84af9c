"""The list of processes: what it shows, its filters in the address, creating and importing (screens 10 and 11)."""

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from designer import export, versions
from designer.design import load
from designer.models import Node, Process, Sequence, Version
from engine import publishing
from tests.designer_ui.conftest import LEASING
from tests.designer_ui.pages import Page

pytestmark = pytest.mark.django_db
LIST = "/admin/processes/"


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


def names(page: Page) -> list[str]:
    rows = [test_id for test_id in page.ids("processes.list.row[") if test_id.endswith("]")]
    return [row.removeprefix("processes.list.row[").removesuffix("]") for row in rows]


def test_d010_an_empty_list_says_what_a_process_is_and_offers_new_import_and_the_sample(client_of):
    page = Page(client_of("PROCESS_EDIT").get(LIST))
    assert "A process is a diagram of steps" in page["processes.empty"].words
    assert {"processes.empty.new", "processes.empty.import", "processes.empty.sample"} <= set(
        page.ids("processes.empty")
    )


def test_d010_the_sample_is_loaded_and_opens(client_of):
    client = client_of("PROCESS_EDIT")
    answer = client.post(f"{LIST}sample")
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{LIST}{LEASING}/v/")
    assert "canvas" in Page(client.get(answer["Location"]))


def test_d009_a_new_process_is_a_draft_with_a_default_swimlane_a_start_and_an_end(client_of):
    answer = client_of("PROCESS_EDIT").post(f"{LIST}new", {"name": "bike_return", "group": "flowx-users"})
    assert answer["Location"] == f"{LIST}bike_return/v/1/"
    version = Version.objects.get(process__name="bike_return")
    assert (version.number, version.state) == (1, "DRAFT")
    assert [lane.name for lane in version.swimlanes.all()] == ["Default"]
    assert sorted(version.nodes.values_list("type", flat=True)) == ["END", "START"]
    assert Sequence.objects.filter(version=version).count() == 1
    granted = publishing.swimlane_permissions("bike_return")["Default"]
    assert granted == {operation: ["flowx-users"] for operation in ("execute", "self-assign", "view")}


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("", "PRC-001", "Enter a name of at most 100 characters."),
        ("x" * 101, "PRC-001", "Enter a name of at most 100 characters."),
        ("Bicycle_Leasing_Request", "PRC-002", "already exists."),
        ("bike return", "PRC-003", "cannot be used."),
        ("bikeß", "PRC-003", "cannot be used."),
    ],
)
def test_d010_prc001_002_003_name_the_fault_and_keep_what_was_typed(client_of, published, name, code, words):
    page = Page(client_of("PROCESS_EDIT").post(f"{LIST}new", {"name": name}))
    assert page["new-process.name.error"].get("data-code") == code
    assert words in page["new-process.name.error"].words
    assert page["new-process.name"].get("value") == name
    assert not Process.objects.filter(name=name).exclude(name=LEASING).exists()


def test_the_list_shows_versions_running_instances_problems_and_who_edited(client_of, broken, people):
    user = people("PROCESS_EDIT")
    Version.objects.filter(pk=broken.pk).update(edited_by=user, revision=broken.revision + 1)
    page = Page(client_of("PROCESS_READ").get(LIST))
    row = page[f"processes.list.row[{LEASING}]"].words
    assert "published v1" in row
    assert "draft v2" in row
    assert "errors 1 blockers 1 warnings 1" in row
    assert user.get_username() in row


def test_d002_filters_and_sorting_stand_in_the_address_and_combine(client_of, broken):
    versions.create_process("theft_report")
    client = client_of("PROCESS_READ")
    assert names(Page(client.get(LIST, {"q": "THEFT"}))) == ["theft_report"]
    assert names(Page(client.get(LIST, {"state": "never"}))) == ["theft_report"]
    assert names(Page(client.get(LIST, {"problems": "1"}))) == [LEASING]
    assert names(Page(client.get(LIST, {"q": "bi", "state": "published", "sort": "name"}))) == [LEASING, "bike_advice"]
    page = Page(client.get(LIST, {"q": "bi", "state": "draft", "problems": "1"}))
    assert names(page) == [LEASING]
    assert page["processes.filters"].words.startswith("Has a draft")


def test_d123_a_list_without_a_match_says_which_filter_to_drop_and_what_that_gives(client_of, published):
    page = Page(client_of("PROCESS_READ").get(LIST, {"q": "nothing", "state": "published"}))
    words = page["processes.no-match"].words
    assert "Without ‘nothing’ in the name there would be 2." in words
    assert "Without Published there would be 0." in words


def test_d126_markup_in_names_is_shown_as_text(client_of, draft):
    evil = "<script>alert(1)</script><b>x"
    Node.objects.filter(version=draft, key="rider_details").update(name=evil)
    for rest in ("", "?view=outline", "node/rider_details/config", "problems", "publish"):
        answer = client_of("PROCESS_ADMIN").get(f"{LIST}{LEASING}/v/2/{rest}")
        assert "<script>alert(1)" not in answer.content.decode()
        assert "&lt;script&gt;alert(1)" in answer.content.decode()


def test_d125_the_statements_of_the_list_do_not_grow_with_the_processes(
    client_of, published, django_assert_max_num_queries
):
    client = client_of("PROCESS_READ")
    for number in range(4):
        versions.create_process(f"few_{number}")
    cache.clear()
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    for number in range(16):
        versions.create_process(f"many_{number}")
    cache.clear()
    with django_assert_max_num_queries(len(few)):
        assert len(names(Page(client.get(LIST)))) == 22


def test_an_import_is_reported_first_and_stored_after_the_confirmation(client_of, published):
    client = client_of("PROCESS_IMPORT")
    text = export.to_text(export.document(load(published)))
    file = SimpleUploadedFile("leasing.json", text.encode(), "application/json")
    page = Page(client.post(f"{LIST}import", {"file": file}))
    assert "a new draft of" in page["import-report"].words
    assert published.process.versions.count() == 1
    answer = client.post(f"{LIST}import", {"text": text, "confirm": "1"})
    assert answer["Location"] == f"{LIST}{LEASING}/v/2/"


def test_an_import_of_something_else_is_refused_with_its_code(client_of):
    file = SimpleUploadedFile("x.json", b'{"a": 1}', "application/json")
    answer = client_of("PROCESS_IMPORT").post(f"{LIST}import", {"file": file})
    assert answer.status_code == 422
    assert Page(answer)["import.error"].get("data-code") == "IMP-001"
