"""The list of instances in a real browser: filters without a button, live rows, selection, bulk dialogs, phones."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from engine.models import Instance
from tests.browser.designer_site import DesignerSite
from tests.operate.builders import instance
from tests.operate.processes import asking, stuck_now, waiting

LIST = "/admin/runtime/instances/"


@pytest.fixture
def staff(live_site, browser_context) -> DesignerSite:
    """A tab of a superuser."""
    return DesignerSite(live_site, browser_context, User.objects.create_superuser("mira", "mira@example.com", "pw"))


@pytest.fixture(autouse=True)
def nothing_complains(request):
    """No page may cause a report of the policy or a script error."""
    yield
    staff = request.node.funcargs.get("staff")
    assert staff is None or staff.complaints == []


def keys(staff: DesignerSite) -> list[str]:
    return staff.page.locator("#rows tr").evaluate_all("rows => rows.map(row => row.dataset.key)")


def test_filters_act_without_a_button_and_stand_in_the_address(staff: DesignerSite) -> None:
    mine, other = instance(process_name="returns", state="ON_HOLD"), instance()
    page = staff.visit(LIST)
    staff.one("instances.state.ON_HOLD").click()
    expect(page).to_have_url(re.compile(r"\?state=ON_HOLD$"))
    expect(page.locator("#rows tr")).to_have_count(1)
    staff.one("instances.filter").click()
    staff.one("instances.filter.process").press_sequentially("returns")
    expect(page).to_have_url(re.compile(r"\?state=ON_HOLD&process=returns$"))
    expect(staff.one("instances.filter.process")).to_be_focused()
    assert keys(staff) == [str(mine.uuid)]
    page.keyboard.press("Escape")
    page.reload()
    assert keys(staff) == [str(mine.uuid)]
    staff.one("instances.chip.process").click()
    expect(staff.one("instances.chip.process")).to_have_count(0)
    page.go_back()
    expect(staff.one("instances.chip.process")).to_be_visible()
    staff.one("instances.clear").click()
    expect(page.locator("#rows tr")).to_have_count(2)
    assert set(keys(staff)) == {str(mine.uuid), str(other.uuid)}


def test_many_pasted_uuids_are_found(staff: DesignerSite) -> None:
    rows = [instance() for _ in range(3)]
    page = staff.visit(LIST)
    page.evaluate(
        """text => {
            const box = document.getElementById('find'), data = new DataTransfer();
            data.setData('text', text);
            box.focus();
            box.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
        }""",
        f"{rows[0].uuid}\n{rows[2].uuid}\n",
    )
    expect(page.locator("#rows tr")).to_have_count(2)
    assert keys(staff) == [str(rows[2].uuid), str(rows[0].uuid)]


def test_rows_refresh_themselves_but_the_one_under_the_pointer_stays(staff: DesignerSite) -> None:
    first = asking()
    page = staff.visit(LIST)
    row = page.locator(f"tr[data-key='{first.uuid}']")
    page.mouse.move(5, 5)
    second = asking()
    expect(page.locator("#rows tr")).to_have_count(2, timeout=9000)
    assert keys(staff)[0] == str(second.uuid)

    row.hover()
    place = row.bounding_box()
    first.execute("submit_details", {})
    third = asking()
    expect(row).to_contain_text("Bike reserved", timeout=9000)  # its words are renewed where it stands
    expect(staff.one("instances.fresh")).to_have_text("1 more row, show")
    assert row.bounding_box() == place
    assert str(third.uuid) not in keys(staff)
    page.mouse.move(5, 5)
    expect(page.locator("#rows tr")).to_have_count(3, timeout=9000)
    expect(page.locator("[data-count=STARTED]")).to_have_text("3")


def test_pause_stops_the_refresh_and_goes_on(staff: DesignerSite) -> None:
    instance()
    staff.page.clock.install()
    page = staff.visit(LIST)
    page.mouse.move(5, 5)
    pause = staff.one("instances.live.pause")
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")
    expect(staff.one("instances.live")).to_contain_text("Paused")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    instance()
    page.clock.run_for(60_000)
    assert asked == []
    pause.click()
    expect(page.locator("#rows tr")).to_have_count(2)


def test_enter_on_the_check_box_of_a_row_opens_the_row(staff: DesignerSite) -> None:
    run = asking()
    page = staff.visit(LIST)
    page.locator(f"tr[data-key='{run.uuid}'] input").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(rf"/{run.uuid}/$"))


def test_several_are_terminated_after_reason_and_number(staff: DesignerSite) -> None:
    runs = [asking(), waiting(), asking()]
    page = staff.visit(LIST)
    expect(staff.one("instances.bulk")).to_be_hidden()
    for run in runs[:2]:
        page.locator(f"tr[data-key='{run.uuid}'] input").check()
    expect(staff.one("instances.bulk")).to_contain_text("2 selected")
    opener = staff.one("instances.bulk.terminate")
    opener.click()
    expect(staff.one("operate.dialog")).to_contain_text("Terminate 2 instances?")
    expect(staff.one("operate.reason")).to_be_focused()
    page.keyboard.press("Escape")
    expect(staff.one("operate.dialog")).to_have_count(0)
    expect(opener).to_be_focused()
    opener.click()
    staff.one("operate.reason").fill("Shop is closed")
    staff.one("operate.confirm").click()
    expect(staff.one("operate.number.error")).to_have_text("Type 2 to confirm.")
    staff.one("operate.number").fill("2")
    staff.one("operate.confirm").click()
    expect(staff.one("shell.toast")).to_contain_text("Terminated 2 instances.")
    expect(page.locator(f"tr[data-key='{runs[0].uuid}']")).to_contain_text("Terminated")
    assert [run.state for run in runs] == ["TERMINATED", "TERMINATED", "STARTED"]


def test_the_whole_page_is_selected_and_cleared_by_one_box(staff: DesignerSite) -> None:
    for _ in range(3):
        instance()
    staff.visit(LIST)
    staff.one("instances.select.all").check()
    expect(staff.one("instances.bulk")).to_contain_text("3 selected")
    staff.page.get_by_role("button", name="Clear selection").click()
    expect(staff.one("instances.bulk")).to_be_hidden()


def test_times_are_shown_local_utc_or_relative(staff: DesignerSite) -> None:
    instance()
    page = staff.visit(LIST)
    time = page.locator("#rows time").first
    staff.one("operate.clock").click()
    page.get_by_role("menuitemradio", name="Relative").click()
    expect(time).to_have_text(re.compile(r"\d+ days ago"))
    page.reload()
    expect(page.locator("#rows time").first).to_have_text(re.compile(r"\d+ days ago"))
    staff.one("operate.clock").click()
    page.get_by_role("menuitemradio", name="UTC").click()
    expect(page.locator("#rows time").first).to_have_text(re.compile(r"\d+ \w{3} \d{4} \d\d:\d\d"))


def test_without_javascript_filters_pages_and_operations_work(live_site, browser) -> None:
    running = waiting()
    user = User.objects.create_superuser("mira", "mira@example.com", "pw")
    context = browser.new_context(java_script_enabled=False)
    staff = DesignerSite(live_site, context, user)
    page = staff.visit(LIST)
    staff.one("instances.state.STARTED").click()
    expect(page).to_have_url(re.compile(r"state=STARTED"))
    page.locator("#rows input[name=id]").first.check()
    staff.one("instances.bulk.hold").click()
    staff.one("operate.reason").fill("Stock check")
    staff.one("operate.confirm").click()
    expect(staff.one("shell.toast")).to_contain_text("Put on hold 1 instance.")
    assert running.state == "ON_HOLD"
    context.close()


@pytest.mark.parametrize("query", ["", "?process=leasing&state=STARTED&error=value"])
def test_d121_the_list_works_at_320_pixels_and_with_large_text(staff: DesignerSite, query: str) -> None:
    stuck_now()
    Instance.objects.update(process_name="leasing")
    staff.page.set_viewport_size({"width": 320, "height": 640})
    page = staff.visit(f"{LIST}{query}")
    for large in (False, True):
        if large:
            page.add_style_tag(content="html { font-size: 200% } body { font-size: 26px; line-height: 1.5 }")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        expect(page.locator("#rows tr").first).to_contain_text("Tell the shop")
        expect(page.locator("#rows a.mono").first).to_be_in_viewport()
        expect(staff.one("instances.older").or_(page.locator(".pager [aria-disabled]").last)).to_be_visible()
    page.locator("#rows a.mono").first.click()
    expect(staff.one("status.sentence")).to_be_visible()
