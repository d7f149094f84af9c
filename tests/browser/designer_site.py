"""A logged-in designer in a real browser: pages of a version by address, elements by test id, and every report of the
Content-Security-Policy or of a script error, which a test may never see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from designer.models import Version

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

    from tests.live import LiveSite


class DesignerSite:
    """One tab of one user. `complaints` collects policy reports and script errors."""

    def __init__(self, site: LiveSite, context: BrowserContext, user: User) -> None:
        self.site = site
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie.value, "url": site.url}])
        self.complaints: list[str] = []
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda message: self._heard(message.text) if message.type == "error" else None)
        self.page: Page = context.new_page()

    def _heard(self, text: str) -> None:
        if "Content Security Policy" in text or "Uncaught" in text:
            self.complaints.append(text)

    def open(self, version: Version, rest: str = "") -> Page:
        """Open a page of this version and wait until its canvas, if it has one, is drawn."""
        self.page.goto(f"{self.site.url}/admin/processes/{version.process.name}/v/{version.number}/{rest}")
        if self.page.get_by_test_id("canvas").count():
            self.page.locator(".djs-element[role=button]").first.wait_for()
        return self.page

    def visit(self, path: str) -> Page:
        self.page.goto(f"{self.site.url}{path}")
        return self.page

    def one(self, test_id: str) -> Locator:
        """The element with this test id."""
        return self.page.get_by_test_id(test_id)

    def path(self) -> str:
        """The address without the host."""
        return self.page.evaluate("location.pathname + location.search + location.hash")

    @contextmanager
    def checked_live(self) -> Iterator[None]:
        """Wait for the answer of the form's live check that what happens inside causes."""
        with self.page.expect_response(lambda response: response.url.endswith("/config/check")):
            yield
