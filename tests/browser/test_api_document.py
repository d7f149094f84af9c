"""The page of the OpenAPI document works under the strict policy, without anything from elsewhere (designer 5.3, style)."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.api.conftest import make_user
from tests.browser.tab import log_in
from tests.builders import process
from tests.live import LiveSite

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_document_page_shows_the_calls_and_starts_a_process(
    live_site: LiveSite, page: Page, browser_context: BrowserContext
) -> None:
    rider = make_user("rider", "flowx-users")
    name = process().start().end().publish().name
    log_in(browser_context, live_site, rider)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    foreign: list[str] = []
    page.on("request", lambda sent: None if sent.url.startswith((live_site.url, "data:")) else foreign.append(sent.url))
    page.goto(f"{live_site.url}/api/docs")
    start = page.locator(".opblock", has_text="Start the published version")
    start.click()
    start.get_by_role("button", name="Try it out").click()
    start.get_by_placeholder("definitionName").fill(name)
    start.locator("textarea").fill("{}")
    with page.expect_response("**/start") as answered:
        start.get_by_role("button", name="Execute").click()
    assert answered.value.status == 200
    expect(start.locator(".live-responses-table tbody .response-col_status")).to_contain_text("200")
    assert complaints == []
    assert foreign == []
