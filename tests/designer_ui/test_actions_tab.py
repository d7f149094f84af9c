"""The Actions tab: its rows in words, adding, moving, duplicating, deleting (designer 1.4)."""

import pytest

from designer.models import Action, Version
from tests.designer_ui.conftest import HTMX, LEASING, address
from tests.designer_ui.pages import Page

pytestmark = pytest.mark.django_db
TAB = "node/rider_details/actions"


def rows(page: Page) -> list[str]:
    found = [test_id for test_id in page.ids("actions.row[") if test_id.endswith("]")]
    return [row.removeprefix("actions.row[").removesuffix("]") for row in found]


def add(
    version: Version, name: str, order: int, *, type: str = "WEBSOCKET_SEND", node: str = "rider_details", **fields
):
    return Action.objects.create(
        version=version, node=version.nodes.get(key=node), key=name, name=name, order=order, type=type, **fields
    )


def test_rows_stand_in_running_order_with_type_trigger_requirement_timing_and_flags(client_of, broken):
    add(broken, "late", 3, timer_expression="PT30S")
    page = Page(client_of("PROCESS_EDIT").get(address(broken, TAB)))
    assert rows(page) == ["submit_rider_details", "greet_rider", "remind_rider", "late"]
    first = page["actions.row[submit_rider_details]"].words
    assert first.startswith("1 submit_rider_details Save Data Manual Mandatory When the rider submits Autorun")
    assert "Right after submit_rider_details" in page["actions.row[greet_rider]"].words
    assert "child" in page["actions.row[greet_rider]"].get("class")
    assert "After 30 seconds" in page["actions.row[late]"].words
    assert "Delay P48H cannot be read" in page["actions.row[remind_rider]"].words
    assert "3 actions, 1 child action" in page["panel"].words


def test_a_row_carries_its_worst_problem_with_the_fix(client_of, broken):
    page = Page(client_of("PROCESS_EDIT").get(address(broken, TAB)))
    problem = page["actions.row[remind_rider].problem"]
    assert problem.get("data-code") == "TMR-003"
    assert problem.words.endswith("Hours, minutes and seconds come after 'T'. 1 more")
    assert page["fix.TMR-003"].words == "Use PT48H (after 48 hours)"


def test_what_happens_on_the_node_is_told_from_arrival_to_leaving(client_of, broken):
    page = Page(client_of("PROCESS_EDIT").get(address(broken, TAB)))
    words = page["actions.what-happens"].words
    assert "Delay unknown remind_rider writes to notify.rider.v1" in words
    assert "Rider submits submit_rider_details stores application.client; greet_rider then pushes" in words
    assert words.endswith("Then on to Reserve bike")
    page = Page(client_of("PROCESS_EDIT").get(address(broken, "node/reserve_bike/actions")))
    assert "On arrival reserve_bike writes to warehouse.bike.reserve.v1" in page["actions.what-happens"].words


def test_d015_a_send_message_task_offers_kafka_send_only(client_of, draft):
    client = client_of("PROCESS_EDIT")
    page = Page(client.get(address(draft, "node/reserve_bike/actions")))
    assert page.ids("actions.add.") == ["actions.add.KAFKA_SEND"]
    page = Page(client.get(address(draft, TAB)))
    assert page.ids("actions.add.") == ["actions.add.KAFKA_SEND", "actions.add.WEBSOCKET_SEND", "actions.add.SAVE_DATA"]


def test_moving_an_action_renumbers_its_siblings_in_one_save(client_of, broken):
    third = add(broken, "third", 7)
    client = client_of("PROCESS_EDIT")
    answer = client.post(address(broken, f"{TAB}/third/move"), {"by": "-2"}, **HTMX)
    assert rows(Page(answer)) == ["third", "submit_rider_details", "greet_rider", "remind_rider"]
    orders = dict(Action.objects.filter(version=broken, node=third.node, parent=None).values_list("name", "order"))
    assert orders == {"third": 1, "submit_rider_details": 2, "remind_rider": 3}
    before = broken.revision
    broken.refresh_from_db()
    assert broken.revision == before + 1


def test_moving_past_the_end_changes_nothing(client_of, broken):
    client = client_of("PROCESS_EDIT")
    client.post(address(broken, f"{TAB}/submit_rider_details/move"), {"by": "-1"})
    client.post(address(broken, f"{TAB}/submit_rider_details/move"), {"by": "x"})
    before = broken.revision
    broken.refresh_from_db()
    assert broken.revision == before


def test_a_duplicate_gets_a_name_and_a_place_of_its_own(client_of, draft):
    client = client_of("PROCESS_EDIT")
    client.post(address(draft, f"{TAB}/submit_rider_details/duplicate"))
    client.post(address(draft, f"{TAB}/submit_rider_details/duplicate"))
    copies = Action.objects.filter(version=draft, name__startswith="submit_rider_details_").order_by("order")
    assert [(copy.name, copy.order, copy.parent) for copy in copies] == [
        ("submit_rider_details_2", 2, None),
        ("submit_rider_details_3", 3, None),
    ]
    assert len({copy.key for copy in copies}) == 2


def test_d018_deleting_asks_first_naming_children_and_references_then_deletes_them(client_of, draft):
    headers = '{"processInstanceId": ${processInstanceId}, "callbacksForAction": "submit_rider_details"}'
    params = [{"key": "headers", "value": headers, "replaceValues": True}]
    add(draft, "ask", 2, type="KAFKA_SEND", params=params)
    grandchild = add(draft, "deep", 1, parent=Action.objects.get(version=draft, name="greet_rider"))
    client = client_of("PROCESS_EDIT")
    url = address(draft, f"{TAB}/submit_rider_details/delete")
    page = Page(client.get(url))
    assert page["delete-action.children"].words == "greet_rider deep"
    assert (
        page["delete-action.references"].words
        == "ask names submit_rider_details as the action whose children run on its reply."
    )
    assert Action.objects.filter(version=draft, name="submit_rider_details").exists()
    answer = client.post(url)
    assert answer["Location"] == address(draft, TAB)
    left = set(Action.objects.filter(version=draft).values_list("name", flat=True))
    assert not left & {"submit_rider_details", "greet_rider", grandchild.name}
    assert "ask" in left


def test_an_action_that_is_not_there_is_answered_404(client_of, draft):
    client = client_of("PROCESS_EDIT")
    assert client.post(address(draft, f"{TAB}/nothing/move"), {"by": "1"}).status_code == 404


def test_d126_an_actions_markup_is_text(client_of, draft):
    Action.objects.filter(version=draft, name="submit_rider_details").update(keys=["<b>x</b>"])
    text = client_of("PROCESS_EDIT").get(f"/admin/processes/{LEASING}/v/2/{TAB}").content.decode()
    assert "<b>x</b>" not in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text
