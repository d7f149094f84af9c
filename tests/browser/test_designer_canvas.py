"""The designer's canvas and panel in a real browser: opening, addresses, keys, live check, saving (screens 01 and 01b)."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Route, expect

from designer import sample, versions
from designer.models import Action, Node, Version
from flowx_site.first_run import set_up
from tests.browser.designer_site import DesignerSite

PANEL = "node/rider_details"


@pytest.fixture
def draft(live_site) -> Version:
    set_up()
    leasing = next(each for each in sample.load_sample() if each.process.name == "bicycle_leasing_request")
    return versions.create_draft(leasing)


@pytest.fixture
def designer(live_site, browser_context, draft):
    """A designer with every right; the tab may never have caused a policy report or a script error."""
    user = User.objects.create_superuser("mira", first_name="Mira", last_name="Okell")
    site = DesignerSite(live_site, browser_context, user)
    yield site
    assert site.complaints == []


def focused(designer: DesignerSite) -> str:
    return designer.page.evaluate("document.activeElement.dataset.testid || document.activeElement.id || ''")


def test_d120_nodes_are_buttons_that_say_type_connections_and_problems(designer, draft):
    draft.nodes.filter(type="EXCLUSIVE_GATEWAY").update(rules=[])
    page = designer.open(draft)
    node = page.get_by_role("button", name=re.compile("^Rider details, user task, swimlane Rider, 2 actions"))
    expect(node).to_have_attribute("aria-label", re.compile("comes from Request opened, goes to Reserve bike"))
    gateway = page.get_by_role("button", name=re.compile(r"^Bike available\?, exclusive gateway"))
    expect(gateway).to_have_attribute("aria-label", re.compile("1 blocker"))


def test_a_click_on_a_node_opens_its_panel_and_back_closes_it(designer, draft):
    page = designer.open(draft)
    designer.one("canvas.node[bike_reserved]").click()
    expect(designer.one("node.config.name")).to_have_value("Bike reserved")
    assert designer.path().endswith("/v/2/node/bike_reserved/config")
    designer.one("canvas.node[rider_details]").click()
    expect(designer.one("node.config.name")).to_have_value("Rider details")
    designer.one("panel.tab.actions").click()
    expect(designer.one("actions.list")).to_be_visible()
    assert designer.path().endswith("/node/rider_details/actions")
    page.go_back()
    expect(designer.one("node.config.name")).to_have_value("Rider details")
    page.go_back()
    expect(designer.one("node.config.name")).to_have_value("Bike reserved")
    page.go_back()
    expect(designer.one("panel")).to_be_hidden()


def test_d002_a_reload_restores_node_and_tab(designer, draft):
    page = designer.open(draft, f"{PANEL}/actions")
    page.reload()
    expect(designer.one("actions.list")).to_be_visible()
    expect(designer.one("canvas.node[rider_details]")).to_have_attribute("aria-pressed", "true")


def test_arrow_keys_walk_enter_opens_and_escape_returns_to_the_node(designer, draft):
    page = designer.open(draft)
    designer.one("canvas.node[request_opened]").focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert focused(designer) == "canvas.node[bike_available]"
    page.keyboard.press("ArrowRight")
    assert focused(designer) == "canvas.node[sign_lease]"
    page.keyboard.press("ArrowDown")
    assert focused(designer) == "canvas.node[offer_other_bike]"
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(designer.one("panel")).to_be_hidden()
    assert focused(designer) == "canvas.node[offer_other_bike]"


def test_typing_is_checked_fixed_saved_and_shown_on_the_canvas(designer, draft):
    page = designer.open(draft, "node/bike_reserved/config")
    timeout = designer.one("node.config.responseTimeout")
    with designer.checked_live():
        timeout.fill("P30S")
    error = designer.one("node.config.responseTimeout.error")
    expect(error).to_contain_text("Hours, minutes and seconds come after 'T'.")
    expect(timeout).to_be_focused()
    expect(designer.one("node.config.state")).to_have_text("Unsaved changes")
    with designer.checked_live():
        designer.one("node.config.responseTimeout.fix").click()
    expect(error).to_have_count(0)
    expect(designer.one("node.config.responseTimeout.echo")).to_contain_text("30 seconds after the wait begins")
    designer.one("node.config.name").fill("Answer came")
    page.keyboard.press("Control+s")
    expect(designer.one("node.config.state")).to_have_text("Saved")
    expect(page.locator("#panel-title")).to_have_text("Answer came")
    expect(designer.one("canvas.node[bike_reserved]")).to_have_attribute("aria-label", re.compile("^Answer came,"))
    node = draft.nodes.get(key="bike_reserved")
    assert (node.name, node.response_timeout) == ("Answer came", "PT30S")


def test_what_is_typed_while_a_check_is_under_way_is_kept(designer, draft):
    page = designer.open(draft, "node/bike_reserved/config")
    held: list[Route] = []
    page.route("**/config/check", lambda route: route.continue_() if held else held.append(route))
    name = designer.one("node.config.name")
    with page.expect_request("**/config/check"):
        name.fill("")
    name.press_sequentially("Typed on")
    with designer.checked_live():
        held[0].continue_()
    expect(name).to_have_value("Typed on")
    expect(designer.one("node.config.name.error")).to_have_count(0)


def test_d150_the_live_check_is_asked_once_300_ms_after_the_last_key_and_says_what_a_save_says(designer, draft):
    page = designer.open(draft, "node/bike_reserved/config")
    page.evaluate("""() => {
      window.keys = []; window.asked = [];
      document.addEventListener('input', () => keys.push(performance.now()), true);
      document.addEventListener('htmx:beforeRequest', () => asked.push(performance.now()));
    }""")
    with designer.checked_live():
        designer.one("node.config.responseTimeout").press_sequentially("x9", delay=20)
    times = page.evaluate("({keys, asked})")
    assert len(times["keys"]) == 2
    for asked in times["asked"]:
        assert asked - max(key for key in times["keys"] if key <= asked) >= 299
    live = designer.one("node.config.responseTimeout.error").inner_text()
    designer.one("node.config.save").click()
    expect(designer.one("node.config.summary")).to_be_visible()
    assert designer.one("node.config.responseTimeout.error").inner_text() == live


def test_leaving_a_form_with_typed_text_asks_and_stay_keeps_it(designer, draft):
    page = designer.open(draft, "node/bike_reserved/config")
    with designer.checked_live():
        designer.one("node.config.name").fill("Typed")
    designer.one("canvas.node[rider_details]").click()
    expect(designer.one("unsaved")).to_be_visible()
    page.get_by_role("button", name="Stay").click()
    expect(designer.one("node.config.name")).to_have_value("Typed")
    designer.one("panel.close").click()
    page.get_by_role("button", name="Discard").click()
    expect(designer.one("panel")).to_be_hidden()
    assert draft.nodes.get(key="bike_reserved").name == "Bike reserved"


def test_a_conflict_keeps_the_text_and_saving_again_overwrites(designer, draft):
    designer.open(draft, "node/bike_reserved/config")
    designer.one("node.config.name").fill("Mine")
    draft.nodes.filter(key="bike_reserved").update(stage="Theirs", revision=2)
    designer.one("node.config.save").click()
    expect(designer.one("node.config.conflict")).to_contain_text("Stage")
    expect(designer.one("node.config.name")).to_have_value("Mine")
    designer.one("node.config.save").click()
    expect(designer.one("node.config.state")).to_have_text("Saved")
    assert draft.nodes.get(key="bike_reserved").name == "Mine"


def names(designer: DesignerSite) -> list[str]:
    return designer.page.locator(".act:not(.child) a.nm").all_text_contents()


@pytest.fixture
def three(draft):
    node = draft.nodes.get(key="rider_details")
    for order, name in ((2, "second"), (3, "third")):
        Action.objects.create(version=draft, node=node, key=name, name=name, order=order, type="WEBSOCKET_SEND")


def test_d017_actions_are_reordered_by_keys_by_menu_and_by_dragging_one_save_each(designer, draft, three):
    page = designer.open(draft, f"{PANEL}/actions")
    designer.one("actions.row[third].open").focus()
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".act:not(.child) a.nm")).to_have_text(["submit_rider_details", "third", "second"])
    assert focused(designer) == "actions.row[third].open"
    designer.one("actions.row[third].menu").click()
    designer.one("actions.row[third].up").click()
    expect(page.locator(".act:not(.child) a.nm")).to_have_text(["third", "submit_rider_details", "second"])
    hand = designer.one("actions.row[third]").locator(".hand").bounding_box()
    below = designer.one("actions.row[second]").bounding_box()
    page.mouse.move(hand["x"] + 5, hand["y"] + 5)
    page.mouse.down()
    page.mouse.move(hand["x"] + 5, below["y"] + below["height"] - 5, steps=5)
    page.mouse.up()
    expect(page.locator(".act:not(.child) a.nm")).to_have_text(["submit_rider_details", "second", "third"])
    draft.refresh_from_db()
    assert draft.revision == 4


def test_d018_the_delete_dialog_names_the_children_and_focus_returns(designer, draft):
    page = designer.open(draft, f"{PANEL}/actions")
    designer.one("actions.row[submit_rider_details].menu").click()
    designer.one("actions.row[submit_rider_details].delete").click()
    expect(designer.one("delete-action.children")).to_have_text("greet_rider")
    page.keyboard.press("Escape")
    expect(designer.one("delete-action")).to_have_count(0)
    expect(designer.one("actions.row[submit_rider_details].menu")).to_be_focused()
    page.keyboard.press("Enter")
    designer.one("actions.row[submit_rider_details].delete").click()
    designer.one("delete-action.confirm").click()
    expect(designer.one("actions.empty")).to_be_visible()
    expect(designer.one("delete-action")).to_have_count(0)


def test_the_outline_walks_by_keys_and_opens_the_same_panel(designer, draft):
    page = designer.open(draft, "?view=outline")
    page.locator(".outline [data-node=request_opened]").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(designer.one("node.config.name")).to_have_value("Rider details")
    assert designer.path().endswith("/node/rider_details/config?view=outline")
    page.keyboard.press("Escape")
    expect(page.locator(".outline [data-node=rider_details]")).to_be_focused()


def test_the_panels_width_is_kept_for_the_next_visit(designer, draft):
    page = designer.open(draft, f"{PANEL}/config")
    designer.page.locator("#grip").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    width = page.evaluate("document.getElementById('panel').offsetWidth")
    assert width == 452 + 72
    page.reload()
    assert page.evaluate("document.getElementById('panel').offsetWidth") == width


def test_d139_a_timer_is_picked_said_in_words_mended_and_saved(designer, draft):
    page = designer.open(draft)
    page.locator(".djs-element", has_text="Cooling-off").first.click()
    timer = designer.one("node.config.timerExpression")
    expect(timer).to_have_value("P14D")
    with designer.checked_live():
        designer.one("node.config.timerExpression.pick[P7D]").click()
    expect(designer.one("node.config.timerExpression.echo")).to_contain_text("7 days after arrival (now → ")
    with designer.checked_live():
        timer.fill("P30S")
    expect(designer.one("node.config.timerExpression.error")).to_have_attribute("data-code", "TMR-003")
    with designer.checked_live():
        designer.one("node.config.timerExpression.fix").click()
    expect(timer).to_have_value("PT30S")
    page.keyboard.press("Control+s")
    expect(designer.one("node.config.state")).to_contain_text("Saved")
    assert draft.nodes.get(key="cooling_off").config == {"timerExpression": "PT30S"}


def test_boundary_events_sit_on_their_host_on_the_canvas(designer, draft):
    sign = draft.nodes.get(key="sign_lease")
    config = {"attachedTo": "sign_lease", "interrupting": False, "timerExpression": "P1D"}
    place = {"x": sign.x + 82, "y": sign.y + 62, "width": 36, "height": 36}
    Node.objects.create(
        version=draft, key="late", name="Late", type="TIMER_BOUNDARY", swimlane=sign.swimlane, config=config, **place
    )
    designer.open(draft)
    event = designer.one("canvas.node[late]")
    expect(event).to_have_attribute("aria-label", re.compile("^Late, timer boundary, on Sign lease, leaves it running"))
    assert event.locator("circle").count() == 3  # two rings and the face of the clock
    event.click()
    expect(designer.one("node.config.attachedTo")).to_have_value("sign_lease")
    expect(designer.one("node.config.interrupting")).not_to_be_checked()
