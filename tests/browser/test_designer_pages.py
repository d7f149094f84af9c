"""The designer's other pages in a real browser: list, dialogs, problems, theme, phones, no JavaScript, the security policy."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from designer import sample, versions
from designer.models import Action, Process, Version
from flowx_site.first_run import set_up
from tests.browser.designer_site import DesignerSite

LEASING = "bicycle_leasing_request"


@pytest.fixture
def published(live_site) -> Version:
    set_up()
    return next(each for each in sample.load_sample() if each.process.name == LEASING)


@pytest.fixture
def draft(published) -> Version:
    """A draft with an error, a blocker and a warning."""
    draft = versions.create_draft(published)
    params = [
        {"key": "topicName", "value": "notify.rider.v1", "replaceValues": True},
        {"key": "message", "value": '{ "to": "${application.client.firstNam}" }', "replaceValues": True},
        {"key": "headers", "value": '{"processInstanceId": ${processInstanceId}}', "replaceValues": True},
    ]
    Action.objects.create(
        version=draft,
        node=draft.nodes.get(key="rider_details"),
        key="remind",
        name="remind_rider",
        order=2,
        type="KAFKA_SEND",
        timer_expression="P48H",
        params=params,
    )
    gateway = draft.nodes.get(type="EXCLUSIVE_GATEWAY")
    gateway.rules = gateway.rules[:1]
    gateway.save()
    return draft


@pytest.fixture
def mira(live_site) -> User:
    return User.objects.create_superuser("mira", first_name="Mira", last_name="Okell")


@pytest.fixture
def designer(live_site, browser_context, mira):
    """A designer with every right; the tab may never have caused a policy report or a script error."""
    site = DesignerSite(live_site, browser_context, mira)
    yield site
    assert site.complaints == []


PAGES = [
    "",
    "?view=outline",
    "node/rider_details/config",
    "node/rider_details/actions",
    "problems?at=2",
    "publish",
    "start",
]


def test_d151_no_page_causes_a_report_of_the_security_policy(designer, draft):
    page = designer.visit("/admin/processes/")
    for path in PAGES:
        designer.open(draft, path)
    for path in ("processes/new", "processes/import", "", "auth/user/", "password_change/", "runtime/instances/"):
        page = designer.visit(f"/admin/{path}")
        page.wait_for_load_state("networkidle")
    assert designer.complaints == []


def test_d151_pages_that_are_not_for_staff_have_the_strict_policy(live_site, page):
    strict = page.request.get(f"{live_site.url}/healthz").headers["content-security-policy"]
    assert "script-src 'self';" in strict
    staff = page.request.get(f"{live_site.url}/admin/login/").headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-eval';" in staff
    assert "unsafe-inline" not in staff.split("script-src")[1].split(";")[0]


def test_a_new_process_is_named_in_a_dialog_and_opens_its_canvas(designer):
    page = designer.visit("/admin/processes/")
    designer.one("processes.empty.new").click()
    name = designer.one("new-process.name")
    expect(name).to_be_focused()
    name.fill("bike return")
    page.keyboard.press("Enter")
    expect(designer.one("new-process.name.error")).to_contain_text("PRC-003")
    expect(designer.one("new-process.name")).to_have_value("bike return")
    designer.one("new-process.name").fill("bike_return")
    page.keyboard.press("Enter")
    page.locator(".djs-element[role=button]").first.wait_for()
    assert designer.path() == "/admin/processes/bike_return/v/1/"
    expect(designer.one("canvas.node[start]")).to_have_attribute("aria-label", re.compile("goes to End"))


def test_escape_closes_a_dialog_and_focus_returns_to_its_opener(designer, published):
    page = designer.visit("/admin/processes/")
    designer.one("processes.new").click()
    expect(designer.one("new-process")).to_be_visible()
    page.keyboard.press("Escape")
    expect(designer.one("new-process")).to_have_count(0)
    expect(designer.one("processes.new")).to_be_focused()


def test_d002_typing_a_name_filters_the_list_and_the_address_keeps_it(designer, published):
    page = designer.visit("/admin/processes/")
    designer.one("processes.filter.text").press_sequentially("advice")
    expect(designer.one(f"processes.list.row[{LEASING}]")).to_have_count(0)
    expect(designer.one("processes.list.row[bike_advice]")).to_be_visible()
    expect(page.locator("#foot")).to_contain_text("1 process")
    assert designer.path() == "/admin/processes/?q=advice"
    page.reload()
    expect(designer.one("processes.filter.text")).to_have_value("advice")


def test_publishing_through_the_dialog(designer, published):
    draft = versions.create_draft(published)
    Action.objects.filter(version=draft, name="tell_rider").update(timer_expression="PT6S")
    designer.open(draft)
    designer.one("version.publish").click()
    expect(designer.one("publish.changes")).to_contain_text("PT5S PT6S 6 seconds")
    designer.one("publish.message").fill("Slower")
    designer.one("publish.confirm").click()
    expect(designer.one("version.state")).to_have_text("Published")
    expect(designer.one("shell.toast")).to_contain_text(f"{LEASING} v2 is published.")
    expect(designer.one("version.read-only")).to_contain_text("v2 is published and cannot be edited.")
    draft.refresh_from_db()
    assert (draft.state, draft.message) == ("PUBLISHED", "Slower")


def test_blockers_keep_the_publish_button_off_with_their_reason(designer, draft):
    page = designer.open(draft)
    designer.one("version.publish").click()
    expect(designer.one("publish.why")).to_contain_text("Fix 2 problems before publishing.")
    designer.one("publish.confirm").dispatch_event("click")
    expect(designer.one("publish")).to_be_visible()
    page.keyboard.press("Escape")
    expect(designer.one("version.publish")).to_be_focused()


def test_d062_go_to_opens_the_panel_of_the_problem_and_focuses_its_field(designer, draft):
    page = designer.open(draft, "problems")
    designer.one("problems.row[2].go").click()
    expect(page.locator("#field-rules")).to_be_focused()
    expect(designer.one("node.config.rules.error")).to_contain_text("an else rule is missing")


def test_d062_of_two_problems_on_one_action_each_leads_to_its_own_field(designer, draft):
    page = designer.open(draft, "problems")
    designer.one("problems.row[1].go").click()
    expect(page.locator("#field-timerExpression")).to_be_focused()
    designer.open(draft, "problems")
    designer.one("problems.row[3].go").click()
    page.wait_for_function("document.activeElement.closest('[id^=\"field-message\"], .cm-frame') !== null")


def test_f8_steps_through_the_problems_and_the_canvas_follows(designer, draft):
    page = designer.open(draft)
    page.keyboard.press("F8")
    expect(designer.one("problems.number")).to_have_text("1 of 3")
    page.locator(".djs-element[role=button]").first.wait_for()
    expect(designer.one("canvas.node[rider_details]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("F8")
    expect(designer.one("problems.number")).to_have_text("2 of 3")
    page.locator(".djs-element[role=button]").first.wait_for()
    expect(designer.one("canvas.node[bike_available]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Shift+F8")
    expect(designer.one("problems.number")).to_have_text("1 of 3")


def test_d063_a_fix_in_the_list_is_one_click(designer, draft):
    designer.open(draft, "problems")
    designer.one("fix.TMR-003").click()
    expect(designer.one("fix.TMR-003")).to_have_count(0)
    assert Action.objects.get(name="remind_rider").timer_expression == "PT48H"


def test_the_theme_holds_over_reloads_and_on_the_themes_own_pages(designer, published):
    page = designer.visit("/admin/processes/")
    designer.one("shell.user").click()
    designer.one("shell.theme.dark").click()
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    designer.visit("/admin/auth/user/")
    expect(page.locator("html")).to_have_class(re.compile("dark"))


def test_the_sidebar_is_closed_on_a_workbench_open_on_a_list_and_a_drawer_on_a_phone(designer, draft):
    page = designer.visit("/admin/processes/")
    expect(page.locator("#side")).to_be_visible()
    designer.one("shell.sidebar").click()
    expect(page.locator("#side")).to_be_hidden()
    page.reload()
    expect(page.locator("#side")).to_be_hidden()
    designer.open(draft)
    expect(page.locator("#side")).to_be_hidden()
    designer.one("shell.sidebar").click()
    expect(page.locator("#side")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    expect(page.locator("#side")).to_be_hidden()
    designer.one("shell.sidebar").click()
    expect(designer.one("shell.nav.definitions")).to_be_visible()


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
@pytest.mark.parametrize("path", ["", "node/rider_details/actions", "problems?at=1"])
def test_the_watermark_is_seen_whole_and_nothing_lies_over_it(designer, draft, size, path):
    page = designer.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    designer.open(draft, path)
    corners = """() => {
      const box = document.querySelector('.bjs-powered-by').getBoundingClientRect();
      const at = [[2, 2], [box.width - 2, 2], [2, box.height - 2], [box.width / 2, box.height / 2]];
      return at.every(([x, y]) => document.elementFromPoint(box.left + x, box.top + y)?.closest('.bjs-powered-by'));
    }"""
    assert page.evaluate(corners)


NARROW = ["?view=outline", "node/bike_reserved/config", "node/rider_details/actions", "problems", "publish", "start"]


@pytest.mark.parametrize("zoom", [1, 2], ids=["320px", "200%"])
def test_d121_at_320_px_and_at_200_percent_no_page_scrolls_sideways_and_forms_save(designer, draft, zoom):
    """200 % on 640 px is what a browser's zoom makes of it: 320 CSS pixels, letters twice as large."""
    page = designer.page
    page.set_viewport_size({"width": 320, "height": 640})
    page.emulate_media(reduced_motion="reduce")
    if zoom == 2:
        page.context.new_cdp_session(page).send(
            "Emulation.setDeviceMetricsOverride",
            {"width": 320, "height": 320, "deviceScaleFactor": 2, "mobile": False},
        )
    for path in ("", "new", "import"):
        designer.visit(f"/admin/processes/{path}")
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 320, path
    for path in NARROW:
        designer.open(draft, path)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 320, path
    designer.open(draft, "node/bike_reserved/config")
    designer.one("node.config.name").fill("Answer came")
    designer.one("node.config.save").click()
    expect(designer.one("node.config.state")).to_have_text("Saved")
    designer.visit("/admin/processes/?q=leasing")
    expect(designer.one(f"processes.list.row[{LEASING}]")).to_contain_text("v2")


def test_letters_of_twice_the_size_do_not_hide_a_control(designer, draft):
    page = designer.open(draft, "node/bike_reserved/config")
    page.add_style_tag(
        content=":root { --fs-12: 24px; --lh-12: 32px; --fs-13: 26px; --lh-13: 40px; --fs-14: 28px; --ctl: 56px; }"
    )
    for control in ("node.config.name", "node.config.responseTimeout", "node.config.save"):
        designer.one(control).scroll_into_view_if_needed()
        expect(designer.one(control)).to_be_in_viewport()


def test_without_javascript_processes_are_made_edited_and_published(live_site, browser, mira, published):
    context = browser.new_context(java_script_enabled=False)
    try:
        designer = DesignerSite(live_site, context, mira)
        page = designer.visit("/admin/processes/")
        designer.one("processes.new").click()
        designer.one("new-process.name").fill("plain")
        designer.one("new-process.create").click()
        assert page.url.endswith("/admin/processes/plain/v/1/")
        page.get_by_role("link", name="The outline").click()
        page.get_by_role("link", name="Start", exact=True).first.click()
        designer.one("node.config.name").fill("Opened")
        designer.one("node.config.save").click()
        expect(designer.one("node.config.name")).to_have_value("Opened")
        designer.one("version.publish").click()
        designer.one("publish.message").fill("First")
        designer.one("publish.confirm").click()
        expect(designer.one("version.state")).to_have_text("Published")
        assert Process.objects.get(name="plain").versions.get().state == "PUBLISHED"
        page.goto(f"{live_site.url}/admin/processes/")
        designer.one("processes.filter.state").click()
        designer.one("processes.filter.state.never").click()
        expect(designer.one("processes.no-match")).to_be_visible()
    finally:
        context.close()


def test_the_json_editor_writes_what_is_typed_into_its_field(designer, draft):
    Action.objects.filter(name="remind_rider").delete()
    gateway = draft.nodes.get(type="EXCLUSIVE_GATEWAY")
    gateway.rules = [
        *gateway.rules,
        {"order": 2, "language": "ZEN", "expression": "", "nextNodeName": "Offer other bike"},
    ]
    gateway.save()
    page = designer.open(draft, "start")
    editor = designer.one("start-instance.params.editor")
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text('{"price": ')
    designer.one("start-instance.start").click()
    expect(designer.one("start-instance.params.error")).to_contain_text("Line 1")
    expect(editor).to_contain_text('{"price":')
    page.keyboard.press("Tab")
