"""The action form in a real browser: it is checked while one types and nothing typed is lost, the editor marks faults, switches
ask, keys save. Every test ends with no policy report and no script error."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Route, expect

from designer import sample, versions
from designer.models import Action, Version
from flowx_site.first_run import set_up
from tests.browser.designer_site import DesignerSite

KAFKA = "node/reserve_bike/actions/reserve_bike"
SAVE = "node/rider_details/actions/submit_rider_details"
OFFER = "node/offer_other_bike/actions/offer_other_bike"


@pytest.fixture
def draft(live_site) -> Version:
    """A draft of the sample."""
    set_up()
    published = next(each for each in sample.load_sample() if each.process.name == "bicycle_leasing_request")
    return versions.create_draft(published)


@pytest.fixture
def form(live_site, browser_context):
    """A designer's tab."""
    site = DesignerSite(live_site, browser_context, User.objects.create_superuser("mira"))
    yield site
    assert site.complaints == []


def type_at_end(form: DesignerSite, test_id: str, text: str) -> None:
    """Put text before the last line of an editor."""
    editor = form.one(f"{test_id}.editor")
    editor.click()
    form.page.keyboard.press("Control+End")
    form.page.keyboard.press("ArrowUp")
    form.page.keyboard.press("End")
    form.page.keyboard.insert_text(text)


def test_d150_the_form_is_checked_300_ms_after_the_last_key_and_keeps_what_is_typed(form: DesignerSite, draft: Version):
    page = form.open(draft, KAFKA)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.post_data or "") if request.method == "POST" else None)
    form.one("action.edit.name").press_sequentially(" x", delay=20)
    form.one("action.edit.timer").press_sequentially("P30S", delay=20)
    expect(form.one("action.edit.name.error")).to_contain_text("' ' cannot be used in an action name.")
    expect(form.one("action.edit.timer.error")).to_have_attribute("data-code", "TMR-003")
    assert len(requests) <= 3
    assert form.one("action.edit.timer").input_value() == "P30S"
    expect(form.one("action.edit.timer")).to_be_focused()
    expect(form.one("action.unsaved")).to_be_visible()
    assert page.title().startswith("• ")
    assert Action.objects.get(version=draft, key="reserve_bike").name == "reserve_bike"


def test_a_fix_mends_the_field_in_one_click_and_ctrl_s_saves(form: DesignerSite, draft: Version):
    page = form.open(draft, KAFKA)
    form.one("action.edit.timer").fill("P48H")
    form.one("action.edit.timer.fix[TMR-003]").click()
    expect(form.one("action.edit.timer")).to_have_value("PT48H")
    expect(form.one("action.edit.timer.echo")).to_contain_text("48 hours after the action is triggered")
    page.keyboard.press("Control+s")
    expect(form.one("action.saved")).to_be_visible()
    expect(form.one("action.save")).to_have_text("Saved")
    assert Action.objects.get(version=draft, key="reserve_bike").timer_expression == "PT48H"
    assert not page.title().startswith("• ")


def test_the_editor_marks_a_fault_and_the_preview_follows(form: DesignerSite, draft: Version):
    form.open(draft, KAFKA)
    expect(form.one("action.preview")).to_contain_text("TRAIL-300")
    type_at_end(form, "action.params.kafka.message", ',\n  "mail": "${application.clent.email}"')
    expect(form.one("action.params.kafka.message.error")).to_contain_text(
        "Line 6, column 12: 'application.clent.email'"
    )
    expect(form.page.locator(".cm-editor .sq-warn")).to_have_text("${application.clent.email}")
    expect(form.one("action.preview")).to_contain_text('"mail": ""')
    form.one("action.params.kafka.message.fix[KEY-101]").first.click()
    expect(form.one("action.params.kafka.message.editor")).to_contain_text("${application.client.email}")
    expect(form.one("action.preview")).to_contain_text("tamsin@vell.example")


def test_topics_are_chips_added_by_enter_and_removed(form: DesignerSite, draft: Version):
    form.open(draft, KAFKA)
    form.one("action.params.kafka.topics.add").press_sequentially("audit.bikes.v1")
    form.page.keyboard.press("Enter")
    expect(form.one("action.params.kafka.topics.row[audit.bikes.v1]")).to_be_visible()
    expect(form.one("action.params.kafka.topics.add")).to_be_focused()
    expect(form.one("action.params.kafka.topics.add")).to_have_value("")
    form.one("action.params.kafka.topics.remove[warehouse.bike.reserve.v1]").click()
    expect(form.one("action.params.kafka.topics.row[warehouse.bike.reserve.v1]")).to_have_count(0)
    form.one("action.save").click()
    expect(form.one("action.saved")).to_be_visible()
    assert Action.objects.get(version=draft, key="reserve_bike").param("topicName") == "audit.bikes.v1"


def test_keys_are_pasted_one_per_line(form: DesignerSite, draft: Version):
    page = form.open(draft, SAVE)
    form.one("action.data.keys.add").click()
    page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.setData("text", "bike.model\\nbike.frame\\n");
            const options = { clipboardData: data, bubbles: true, cancelable: true };
            document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
        }"""
    )
    expect(form.one("action.data.keys.row[bike.frame]")).to_be_visible()
    expect(form.one("action.data.keys").locator("li")).to_have_count(3)


def test_d023_switching_to_automatic_asks_and_escape_keeps_manual(form: DesignerSite, draft: Version):
    page = form.open(draft, SAVE)
    page.get_by_text("Automatic", exact=True).click()
    expect(form.one("action.ask")).to_be_visible()
    page.keyboard.press("Escape")
    expect(form.one("action.ask")).to_have_count(0)
    expect(form.one("action.edit.trigger[Manual]")).to_be_checked()
    expect(form.one("action.data.keys.row[application.client]")).to_be_visible()
    page.get_by_text("Automatic", exact=True).click()
    form.one("action.ask.apply").click()
    expect(form.one("action.data.keys")).to_have_count(0)
    page.get_by_text("Manual", exact=True).click()
    expect(form.one("action.data.keys.row[application.client]")).to_be_visible()


def test_the_helper_writes_into_the_editor_and_reads_what_is_typed(form: DesignerSite, draft: Version):
    form.open(draft, OFFER)
    form.one("action.params.websocket.helper.without").press_sequentially("reservation.price")
    form.page.keyboard.press("Enter")
    editor = form.one("action.params.websocket.message.editor")
    expect(editor).to_contain_text('"withoutParams": ["reservation.price"]')
    expect(form.one("action.params.websocket.message.error")).to_contain_text("Both lists are set")


def test_f8_walks_the_problems_and_focuses_the_field(form: DesignerSite, draft: Version):
    page = form.open(draft, KAFKA)
    form.one("action.edit.timer").fill("soon")
    expect(form.one("action.edit.timer.error")).to_be_visible()
    form.one("action.edit.name").focus()
    page.keyboard.press("F8")
    expect(form.one("action.edit.timer")).to_be_focused()


def test_an_address_with_a_field_opens_its_fold_and_focuses_it(form: DesignerSite, draft: Version):
    form.open(draft, f"{KAFKA}#field-messageKey")
    expect(form.one("action.params.kafka.key")).to_be_focused()


def test_a_stale_save_shows_what_changed_and_saving_again_overwrites(form: DesignerSite, draft: Version):
    form.open(draft, KAFKA)
    Action.objects.filter(version=draft, key="reserve_bike").update(
        timer_expression="PT9S", revision=7, edited_by="noor"
    )
    form.one("action.edit.timer").fill("PT1M")
    form.one("action.save").click()
    expect(form.one("action.conflict")).to_contain_text("noor changed this action")
    expect(form.one("action.edit.timer")).to_have_value("PT1M")
    form.one("action.save").click()
    expect(form.one("action.saved")).to_be_visible()
    assert Action.objects.get(version=draft, key="reserve_bike").timer_expression == "PT1M"


def test_a_conflict_stays_in_sight_when_the_save_was_pressed_in_the_field_that_was_typed_in(
    form: DesignerSite, draft: Version
):
    page = form.open(draft, KAFKA)
    Action.objects.filter(version=draft, key="reserve_bike").update(
        timer_expression="PT9S", revision=7, edited_by="noor"
    )
    form.one("action.edit.timer").press_sequentially("PT1M")
    page.keyboard.press("Control+s")
    expect(form.one("action.conflict")).to_be_focused()
    form.one("action.edit.order").fill("0")
    form.one("action.edit.name").focus()  # the checks that follow leave the conflict alone
    expect(form.one("action.edit.order.error")).to_be_visible()
    form.one("action.edit.order").fill("1")
    expect(form.one("action.edit.order.error")).to_have_count(0)
    expect(form.one("action.conflict")).to_contain_text("noor changed this action")
    page.keyboard.press("Control+s")
    expect(form.one("action.saved")).to_be_visible()
    expect(form.one("action.conflict")).to_have_count(0)


def test_what_is_typed_before_the_forms_module_has_come_is_checked_all_the_same(form: DesignerSite, draft: Version):
    held: list[Route] = []
    form.page.route("**/actions/form.js", lambda route: held.append(route))
    form.page.goto(
        f"{form.site.url}/admin/processes/{draft.process.name}/v/{draft.number}/{KAFKA}", wait_until="commit"
    )
    form.one("action.edit.timer").press_sequentially("P48H")
    form.one("action.edit.name").focus()
    held[0].continue_()
    expect(form.one("action.edit.timer.error")).to_be_visible()
    expect(form.page).to_have_title(re.compile("^• "))


def test_the_focus_goes_on_in_the_field_that_a_fix_has_filled(form: DesignerSite, draft: Version):
    page = form.open(draft, KAFKA)
    form.one("action.edit.timer").fill("P48H")
    form.one("action.edit.name").focus()
    form.one("action.edit.timer.fix[TMR-003]").focus()
    page.keyboard.press("Enter")
    expect(form.one("action.edit.timer")).to_have_value("PT48H")
    expect(form.one("action.edit.timer")).to_be_focused()


def test_d003_the_form_works_without_javascript(live_site, browser, draft: Version):
    context = browser.new_context(java_script_enabled=False)
    form = DesignerSite(live_site, context, User.objects.create_superuser("nojs"))
    form.open(draft, KAFKA)
    form.one("action.edit.timer").fill("P30S")
    form.one("action.params.kafka.topics.add").fill("audit.v1")
    form.one("action.update").click()
    expect(form.one("action.edit.timer.error")).to_contain_text("Hours, minutes and seconds come after 'T'.")
    expect(form.one("action.params.kafka.topics.row[audit.v1]")).to_be_visible()
    form.one("action.edit.timer.fix[TMR-003]").click()
    expect(form.one("action.edit.timer")).to_have_value("PT30S")
    form.one("action.save").click()
    expect(form.page).to_have_url(re.compile(r"/actions/reserve_bike$"))
    assert (
        Action.objects.get(version=draft, key="reserve_bike").param("topicName") == "warehouse.bike.reserve.v1,audit.v1"
    )
    context.close()


@pytest.mark.parametrize("width", [320, 390])
def test_nothing_is_wider_than_a_phone(form: DesignerSite, draft: Version, width: int):
    form.page.set_viewport_size({"width": width, "height": 844})
    for rest in (KAFKA, SAVE, OFFER):
        form.open(draft, rest)
        form.one("action.title").wait_for()
        assert form.page.evaluate("document.documentElement.scrollWidth") <= width
