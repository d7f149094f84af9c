"""The status page in a real browser: the painted diagram, live parts, operations in dialogs, reveal, keyboard, phones."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from designer import sample
from engine.core.stimuli import Actor
from engine.models import AuditEntry, PublishedProcess
from flowx_site.first_run import set_up
from tests.browser.designer_site import DesignerSite
from tests.builders import Published, Running, process
from tests.operate.processes import asking, delayed, mend, status_address, stuck_now, waiting

LEASING = "bicycle_leasing_request"
RIDER = Actor("rider app", None)
REPLIES = "ai.flowx.dev.engine.receive.bike.reserved.v1"


@pytest.fixture
def staff(live_site, browser_context) -> DesignerSite:
    """A tab of a superuser."""
    set_up()
    return DesignerSite(live_site, browser_context, User.objects.create_superuser("mira", "mira@example.com", "pw"))


@pytest.fixture(autouse=True)
def nothing_complains(request):
    """No page may cause a report of the policy or a script error."""
    yield
    staff = request.node.funcargs.get("staff")
    assert staff is None or staff.complaints == []


def within_a_second(page: Page, place: Locator, text: str) -> None:
    """`place` says `text` before the page's stopped clock has gone on for a second, however slow the machine is.

    Playwright may tell of a frame before the page has handled it, so the clock goes on in small steps.
    """
    for _ in range(19):
        page.clock.run_for(50)
        try:
            expect(place).to_contain_text(text, timeout=500)
        except AssertionError:
            continue
        return
    page.clock.run_for(50)
    expect(place).to_contain_text(text)


def lease(body: dict | None = None) -> Running:
    """An instance of the shipped sample, which has a drawing; with a body, past its form."""
    sample.load_sample()
    snapshot = PublishedProcess.objects.get(name_key=LEASING).snapshot
    running = Published(process(LEASING), snapshot.id).start({}, RIDER)
    if body is not None:
        running.execute("submit_rider_details", body, RIDER)
    return running


def show(staff: DesignerSite, running: Running, query: str = "") -> None:
    staff.visit(f"{status_address(running)}{query}")


def node_marks(staff: DesignerSite) -> dict[str, str]:
    """Node name -> the marker class of its state, as drawn."""
    return staff.page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('.djs-element.djs-shape[aria-label]')].map(shape => [
            shape.getAttribute('aria-label').split(',')[0],
            [...shape.classList].find(name => name.startsWith('st-')) ?? '',
        ]))"""
    )


def drawn(staff: DesignerSite) -> None:
    staff.page.locator(".status-canvas[data-drawn] .djs-element.st-future").first.wait_for()


def test_e054_the_diagram_is_painted_with_colour_symbol_and_words(staff: DesignerSite) -> None:
    show(staff, lease({"application": {"client": {"firstName": "Ada"}}}))
    drawn(staff)
    marks = node_marks(staff)
    assert marks["Rider details"] == "st-passed"
    assert marks["Bike reserved"] == "st-wait"
    assert marks["Sign lease"] == "st-future"
    assert marks["Cooling-off"] == "st-future"
    page = staff.page
    stroke = page.locator(".djs-element.st-passed .djs-visual > rect").first.evaluate(
        "rect => getComputedStyle(rect).stroke"
    )
    assert stroke == "rgb(35, 147, 90)"
    assert page.locator(".ov-mark.ok svg").count() == 3
    assert page.locator(".ov-ring").count() == 1
    assert page.locator(".ov-mark.wait").get_attribute("title") == "Bike reserved: waiting, token here"
    for word in ("passed", "token here", "waiting", "not reached"):
        expect(page.locator(".status-canvas > .legend")).to_contain_text(word)
    assert page.locator(".djs-connection.st-passed").count() == 3
    expect(page.locator(".bjs-powered-by")).to_be_visible()


def test_d094_the_page_updates_by_push_and_pauses(staff: DesignerSite) -> None:
    running = lease({"application": {"client": {"firstName": "Ada"}}})
    page = staff.page
    page.clock.install()
    with page.expect_websocket() as opened:
        show(staff, running)
    drawn(staff)
    expect(staff.one("status.sentence")).to_contain_text("for a message on")
    staff.one("status.tab.tokens").click()
    expect(staff.one("status.panel")).to_contain_text("WAITING_MESSAGE")
    page.clock.pause_at(timezone.now() + timedelta(seconds=5))  # from here on only what a frame causes happens
    with page.expect_response(lambda answer: "x-fragment" in answer.request.headers):
        page.clock.run_for(4000)  # the regular look is over; the next one is three seconds away
    with opened.value.expect_event("framereceived", lambda frame: "progress" in frame):
        running.reply({"error": "none left"}, topic=REPLIES)
    within_a_second(page, staff.one("status.sentence"), "on Offer other bike for a person in")
    page.clock.resume()
    expect(staff.one("status.panel")).to_contain_text("EXECUTED_PARTIAL")
    page.wait_for_function("document.querySelector('.ov-mark.wait')?.title.startsWith('Offer other bike')")
    assert node_marks(staff)["Bike reserved"] == "st-passed"

    staff.one("status.live.pause").click()
    with opened.value.expect_event("framereceived", lambda frame: "FINISHED" in frame):
        running.execute("offer_other_bike", {}, RIDER)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(60_000)
    assert asked == []
    expect(staff.one("status.sentence")).to_contain_text("Offer other bike")
    staff.one("status.live.pause").click()
    expect(staff.one("status.state")).to_have_text("Finished")


def test_d096_a_stuck_instance_is_retried_after_a_fix(staff: DesignerSite) -> None:
    running = stuck_now()
    show(staff, running)
    expect(staff.one("status.sentence")).to_contain_text("Stuck since")
    opener = staff.one("status.incident.retry")
    opener.click()
    expect(staff.one("operate.dialog")).to_contain_text("No value for topic placeholder region.")
    expect(staff.one("operate.question")).to_contain_text("with version 1.")
    staff.page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    mend()
    opener.click()
    staff.one("operate.confirm").click()
    expect(staff.one("operate.reason.error")).to_have_text("Enter a reason.")
    expect(staff.one("operate.reason")).to_be_focused()
    staff.one("operate.reason").fill("Region is set")
    staff.page.keyboard.press("Enter")
    expect(staff.one("shell.toast")).to_contain_text("Retried")
    expect(staff.page.locator("#toasts")).to_have_attribute("aria-live", "polite")
    expect(staff.one("status.state")).to_have_text("Finished")
    expect(staff.one("status.incident.retry")).to_have_count(0)
    assert running.state == "FINISHED"


def test_d101_a_double_click_runs_once(staff: DesignerSite) -> None:
    running = waiting()
    show(staff, running)
    staff.one("status.hold").click()
    staff.one("operate.reason").fill("Stock check")
    staff.one("operate.confirm").dblclick()
    expect(staff.one("status.state")).to_have_text("On hold")
    assert len(running.journal("Hold")) == 1


def test_a_timer_is_run_now_from_its_tab(staff: DesignerSite) -> None:
    running = delayed()
    show(staff, running, "?tab=timers")
    staff.one(f"status.timers.run[{running.timers()[0].id}]").click()
    staff.one("operate.reason").fill("The rider waits")
    staff.one("operate.confirm").click()
    expect(staff.one("status.state")).to_have_text("Finished")
    expect(staff.one("status.panel")).to_contain_text("Done")


def test_a_sensitive_value_is_revealed_in_its_row(staff: DesignerSite) -> None:
    show(staff, asking())
    expect(staff.one("status.variables.masked")).to_have_text("•••")
    staff.one("status.variables.reveal[rider.email]").click()
    expect(staff.one("status.variables.row[rider.email]")).to_contain_text("ada@example.com")
    assert AuditEntry.objects.get(event="View").details == {"path": "rider.email"}
    staff.one("status.tab.audit").click()
    expect(staff.one("status.audit")).to_contain_text("View")


def test_variables_are_searched_folded_and_walked(staff: DesignerSite) -> None:
    show(staff, asking({"application": {"client": {"name": "Ada", "city": "Nordhafen"}}, "other": 1}))
    staff.one("status.variables.find").press_sequentially("nord")
    expect(staff.page.locator("[data-tree] .tr")).to_have_count(3)
    expect(staff.one("status.variables.find")).to_be_focused()
    expect(staff.page).to_have_url(re.compile("find=nord"))
    staff.one("status.variables.find").fill("")
    expect(staff.one("status.variables.row[other]")).to_be_visible()
    first = staff.one("status.variables.row[application]")
    first.focus()
    staff.page.keyboard.press("ArrowLeft")
    expect(first).to_have_attribute("aria-expanded", "false")
    expect(staff.one("status.variables.row[application.client.name]")).to_be_hidden()
    staff.page.keyboard.press("ArrowDown")
    expect(staff.one("status.variables.row[other]")).to_be_focused()


def test_the_timeline_is_filtered_in_place(staff: DesignerSite) -> None:
    show(staff, delayed())
    rows = staff.page.locator(".tl .ev:not(:has(.to-come))")
    staff.one("status.timeline.kind.kafka").click()
    expect(rows).to_have_count(2)
    expect(staff.page).to_have_url(re.compile("kind=kafka"))
    staff.one("status.timeline.failed").click()
    expect(rows).to_have_count(0)
    staff.page.go_back()
    staff.page.go_back()
    expect(staff.one("status.timeline.kind.all")).to_have_attribute("aria-pressed", "true")


def test_the_diagram_is_walked_by_arrow_keys_and_shown_as_a_list(staff: DesignerSite) -> None:
    show(staff, lease({"application": {"client": {"firstName": "Ada"}}}))
    drawn(staff)
    page = staff.page
    page.locator("#diagram").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#announce")).to_have_text("Bike reserved, receive message task, waiting, token here.")
    expect(page.locator(".djs-element.is-cursor").first).to_have_attribute("aria-label", re.compile("^Bike reserved"))
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".djs-element.is-cursor").first).to_have_attribute("aria-label", re.compile("^Reserve bike"))
    expect(staff.one("status.outline")).to_be_hidden()
    staff.one("status.outline.toggle").click()
    expect(staff.one("status.outline")).to_contain_text("waiting, token here")


def test_tabs_are_walked_by_arrow_keys(staff: DesignerSite) -> None:
    show(staff, waiting())
    staff.one("status.tab.variables").focus()
    staff.page.keyboard.press("ArrowRight")
    staff.page.keyboard.press("Enter")
    expect(staff.one("status.tokens")).to_be_visible()
    expect(staff.one("status.tab.tokens")).to_be_focused()


def test_d121_status_and_dialog_work_at_320_pixels_and_with_large_text(staff: DesignerSite) -> None:
    running = lease({"application": {"client": {"firstName": "Ada"}}})
    staff.page.set_viewport_size({"width": 320, "height": 640})
    show(staff, running)
    page = staff.page
    for large in (False, True):
        if large:
            page.add_style_tag(content="html { font-size: 200% } body { font-size: 26px; line-height: 1.5 }")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        for part in ("status.sentence", "status.diagram", "status.variables", "status.timeline"):
            staff.one(part).scroll_into_view_if_needed()
            expect(staff.one(part)).to_be_in_viewport()
    page.evaluate("scrollTo(0, 0)")
    staff.one("status.operations").click()
    staff.one("status.menu.terminate").click()
    staff.one("operate.reason").fill("Rider withdrew")
    expect(staff.one("operate.confirm")).to_be_in_viewport()
    staff.one("operate.confirm").click()
    expect(staff.one("status.state")).to_have_text("Terminated")


@pytest.mark.parametrize("path", ["instances/", "scheduled/", "failed-starts/", "kafka/", "kafka/?direction=received"])
def test_d151_the_operator_pages_cause_no_policy_report(staff: DesignerSite, path: str) -> None:
    stuck_now()
    delayed()
    answer = staff.page.goto(f"{staff.site.url}/admin/runtime/{path}")
    assert answer is not None
    assert answer.status == 200
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-eval'" in policy
    assert "'unsafe-inline'" not in policy.split("style-src")[0]
    staff.page.wait_for_load_state("networkidle")
    assert staff.complaints == []
