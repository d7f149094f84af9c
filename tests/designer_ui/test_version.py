"""The designer page of a version: canvas data, outline, problems and their fixes (screens 01, 01b, 04)."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from designer import lint
from designer.design import load
from designer.models import Action, Node, Sequence, Version
from engine.core import jsonio
from tests.designer_ui.conftest import HTMX, LEASING, address
from tests.designer_ui.pages import Page

pytestmark = pytest.mark.django_db


def diagram(client, version: Version) -> dict:
    return json.loads(client.get(address(version, "diagram")).content)


def test_the_short_address_of_a_process_opens_its_draft(client_of, draft):
    answer = client_of("PROCESS_READ").get(f"/admin/processes/{LEASING}/")
    assert answer["Location"] == address(draft)


@pytest.mark.parametrize("path", ["nothing/v/1/", f"{LEASING}/v/9/", f"{LEASING}/v/1/node/nothing/config"])
def test_what_is_not_there_is_answered_404(client_of, published, path):
    assert client_of("PROCESS_READ").get(f"/admin/processes/{path}").status_code == 404


def test_the_header_names_version_state_saving_and_problems(client_of, broken):
    page = Page(client_of("PROCESS_ADMIN").get(address(broken)))
    assert page["version.menu"].words == "Version v2"
    assert page["version.state"].words == "Draft"
    assert page["version.saved"].words.startswith("Saved")
    assert page["version.problems"].words == "Problems errors 1 blockers 1 warnings 1"
    assert page["version.start"].words == "Start test mode"
    assert page["version.menu.v1"].words == "v1 Published Sample process"


def test_d120_a_node_is_read_with_type_state_connections_and_problems(client_of, broken):
    nodes = {node["key"]: node for node in diagram(client_of("PROCESS_READ"), broken)["nodes"].values()}
    assert nodes["rider_details"]["label"] == (
        "Rider details, user task, swimlane Rider, 3 actions, 1 error, 1 warning, comes from Request opened, "
        "goes to Reserve bike"
    )
    assert nodes["bike_available"]["label"] == (
        "Bike available?, exclusive gateway, swimlane Leasing desk, 1 blocker, comes from Bike reserved, "
        "goes to Sign lease and Offer other bike"
    )


def test_a_node_shows_how_many_actions_of_which_kind_and_its_worst_problem(client_of, broken):
    nodes = {node["key"]: node for node in diagram(client_of("PROCESS_READ"), broken)["nodes"].values()}
    assert (nodes["rider_details"]["actions"], nodes["rider_details"]["icons"]) == (
        3,
        ["bolt", "sensors", "mail", "schedule"],
    )
    assert nodes["rider_details"]["mark"] == {
        "severity": "error",
        "word": "Error",
        "action": "remind_rider",
        "text": "Hours, minutes and seconds come after 'T'.",
        "more": "and 1 more",
    }
    assert nodes["reserve_bike"]["mark"] is None


def test_the_outline_lists_nodes_with_their_actions_and_where_they_lead(client_of, broken):
    page = Page(client_of("PROCESS_READ").get(address(broken), {"view": "outline"}))
    rows = [row.removeprefix("outline.row[").removesuffix("]") for row in page.ids("outline.row[")]
    assert rows == [
        "request_opened",
        "rider_details",
        "submit_rider_details",
        "greet_rider",
        "remind_rider",
        "reserve_bike",
        "reserve_bike",
        "bike_reserved",
        "bike_available",
        "sign_lease",
        "tell_rider",
        "sign_lease",
        "cooling_off",
        "lease_active",
        "offer_other_bike",
        "offer_other_bike",
        "request_closed",
    ]
    assert "→ Bike available?" in page["outline.row[bike_reserved]"].words
    assert "2 · Kafka Send, Automatic, delay cannot be read" in page["outline.row[remind_rider]"].words
    assert "errors 1" in page["outline.row[remind_rider]"].words
    assert page["outline.row[cooling_off]"].words == "Cooling-off, 14 days Timer Rider → Lease active"


def test_boundary_events_stand_below_their_host_and_are_spoken_with_it(client_of, draft):
    lane = draft.swimlanes.first()
    late = Node.objects.create(
        version=draft,
        key="late",
        name="Late",
        type="TIMER_BOUNDARY",
        swimlane=lane,
        config={"attachedTo": "rider_details", "interrupting": False, "timerExpression": "PT1H"},
    )
    remind = Node.objects.create(version=draft, key="remind", name="Remind", type="TASK", swimlane=lane)
    Sequence.objects.create(version=draft, key="late__remind", source=late, target=remind)
    client = client_of("PROCESS_READ")
    page = Page(client.get(address(draft), {"view": "outline"}))
    rows = [row.removeprefix("outline.row[").removesuffix("]") for row in page.ids("outline.row[")]
    assert rows[rows.index("rider_details") :][:4] == ["rider_details", "submit_rider_details", "greet_rider", "late"]
    assert rows[-1] == "remind"
    assert page["outline.row[late]"].words.startswith("Late Timer boundary Rider → Remind")
    nodes = {node["key"]: node for node in diagram(client, draft)["nodes"].values()}
    assert nodes["late"]["label"].startswith(
        "Late, timer boundary, on Rider details, leaves it running, swimlane Rider"
    )
    assert nodes["late"]["previous"] == [f"node_{draft.nodes.get(key='rider_details').pk}"]


def test_d002_the_address_restores_node_tab_and_view(client_of, broken):
    client = client_of("PROCESS_READ")
    page = Page(client.get(address(broken, "node/rider_details/actions")))
    assert "canvas" in page
    assert page["panel.tab.actions"].get("aria-current") == "page"
    assert page["panel"].get("aria-label") == "Node: Rider details"
    page = Page(client.get(address(broken, "node/bike_reserved/config"), {"view": "outline"}))
    assert "outline" in page
    assert "sel" in page["outline.row[bike_reserved]"].get("class")
    assert page["panel.tab.config"].get("aria-current") == "page"
    page = Page(client.get(address(broken, "problems"), {"severity": "blocker", "at": "2"}))
    assert page["problems.number"].words == "1 of 1"
    assert [code for code in page.codes() if code] == ["NOD-005"]


def test_for_htmx_the_panel_comes_alone(client_of, draft):
    answer = client_of("PROCESS_EDIT").get(address(draft, "node/rider_details/actions"), **HTMX)
    page = Page(answer)
    assert not page.tags("html")
    assert "actions.list" in page


def test_the_problems_list_shows_every_problem_worst_first_with_its_way(client_of, broken):
    page = Page(client_of("PROCESS_EDIT").get(address(broken, "problems")))
    assert page.codes() == ["TMR-003", "NOD-005", "KEY-101"]
    first = page["problems.row[1]"].words
    assert first.startswith(
        "Error TMR-003 Hours, minutes and seconds come after 'T'. Rider details › remind_rider › Timer"
    )
    assert page["problems.row[1].go"].get("href") == address(
        broken, "node/rider_details/actions/remind_rider#field-timerExpression"
    )
    assert "Gateway 'Bike available?': an else rule is missing." in page["problems.row[2]"].words
    assert page["problems.row[2].go"].get("href") == address(broken, "node/bike_available/config#field-rules")


def test_d123_the_problems_list_says_when_nothing_is_wrong_and_when_nothing_matches(client_of, draft, broken):
    client = client_of("PROCESS_READ")
    nothing = Page(client.get(address(broken, "problems"), {"node": "reserve_bike"}))
    assert "Without this filter there would be 3." in nothing["problems.no-match"].words
    Action.objects.filter(name="remind_rider").delete()
    gateway = broken.nodes.get(type="EXCLUSIVE_GATEWAY")
    gateway.rules = [
        *gateway.rules,
        {"order": 2, "language": "ZEN", "expression": "", "nextNodeName": "Offer other bike"},
    ]
    gateway.save()
    assert "Nothing is wrong" in Page(client.get(address(broken, "problems")))["problems.empty"].words


def test_many_problems_are_listed_a_window_at_a_time(client_of, draft):
    node = draft.nodes.get(key="rider_details")
    Action.objects.bulk_create(
        Action(version=draft, node=node, key=f"x{number}", name=f"x{number}", order=number + 2, type="UNKNOWN")
        for number in range(210)
    )
    client = client_of("PROCESS_READ")
    page = Page(client.get(address(draft, "problems")))
    assert len(page.codes()) == 200
    assert page["problems.window"].words == "Shown are 1–200 of 210. Those after"
    page = Page(client.get(address(draft, "problems"), {"at": "201"}))
    assert len(page.codes()) == 10
    assert page["problems.number"].words == "201 of 210"


def test_d063_a_fix_is_applied_in_one_click_and_the_problem_is_gone(client_of, broken):
    client = client_of("PROCESS_EDIT")
    for code in ("TMR-003", "KEY-101"):
        page = Page(client.get(address(broken, "problems")))
        button = page[f"fix.{code}"]
        form = next(each for each in page.tags("form") if button in each.all())
        fields = {each.get("name"): each.get("value") for each in form.all() if each.tag == "input"}
        answer = client.post(form.get("action"), fields)
        assert answer["Location"] == address(broken, "problems")
    action = Action.objects.get(name="remind_rider")
    assert action.timer_expression == "PT48H"
    assert action.param("message") == '{ "to": "${application.client.firstName}" }'
    assert [problem.code for problem in lint.check(load(broken))] == ["NOD-005"]


def test_a_fix_whose_problem_is_gone_changes_nothing_and_says_so(client_of, draft):
    client = client_of("PROCESS_EDIT")
    fields = {"code": "TMR-003", "node": "rider_details", "action": "x", "field": "timerExpression", "message": "x"}
    client.post(address(draft, "fix"), fields)
    page = Page(client.get(address(draft, "problems")))
    assert page["shell.message"].words == "This problem is not there any more."


def test_a_fix_does_not_lead_to_another_site(client_of, broken):
    answer = client_of("PROCESS_EDIT").post(address(broken, "fix"), {"code": "x", "back": "https://evil.example/"})
    assert answer["Location"] == address(broken, "problems")


def grow(version: Version, count: int) -> None:
    """Add nodes with an action each, one after the other."""
    end = version.nodes.filter(type="END").first()
    before = version.nodes.get(key="sign_lease")
    for number in range(count):
        node = Node.objects.create(
            version=version, key=f"more_{count}_{number}", name=f"More {count} {number}", type="TASK"
        )
        Sequence.objects.create(version=version, key=f"s{count}_{number}", source=before, target=node)
        Action.objects.create(
            version=version, node=node, key=f"a{count}_{number}", name=f"a{count}_{number}", type="WEBSOCKET_SEND"
        )
        before = node
    Sequence.objects.create(version=version, key=f"last_{count}", source=before, target=end)


@pytest.mark.parametrize("path", ["", "?view=outline", "problems", "node/rider_details/actions", "diagram"])
def test_d125_the_statements_of_the_canvas_do_not_grow_with_the_process(client_of, draft, path):
    client = client_of("PROCESS_EDIT")
    grow(draft, 3)
    with CaptureQueriesContext(connection) as few:
        assert client.get(address(draft, path)).status_code == 200
    grow(draft, 40)
    with CaptureQueriesContext(connection) as many:
        assert client.get(address(draft, path)).status_code == 200
    assert len(many) <= len(few)


def test_the_diagram_survives_a_value_that_closes_a_tag(client_of, draft):
    Node.objects.filter(version=draft, key="rider_details").update(name="</div></script><x>")
    answer = client_of("PROCESS_READ").get(address(draft))
    page = Page(answer)
    data = next(each for each in page.root.all() if each.get("id") == "diagram")
    parsed = jsonio.loads("".join(child for child in data.children if isinstance(child, str)))
    assert "</div></script><x>" in {node["name"] for node in parsed["nodes"].values()}
