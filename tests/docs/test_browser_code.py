"""The documentation's browser code: each block compiles, and the page of the how-to runs on the sample as it is printed."""

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from designer.sample import load_sample
from engine import runtime
from engine.core.stimuli import Actor, RunTimer
from engine.models import Instance, Timer
from flowx_site.first_run import set_up
from tests.docs.pages import blocks
from tests.live import LiveSite

LIMIT_MS = 30_000
COMPILE = "(text) => { new (Object.getPrototypeOf(async function () {}).constructor)(text); }"


def test_javascript_compiles(page: Page) -> None:
    found = blocks("js")
    assert len(found) > 5
    for block in found:
        lines = [line for line in block.text.splitlines() if not line.startswith("import ")]
        page.evaluate(COMPILE, "\n".join(lines))


def test_the_page_of_the_how_to_leases_a_bicycle(
    live_site: LiveSite, gateway: None, bike_stock: None, browser: Browser
) -> None:
    set_up()
    load_sample()
    rider = User.objects.create_user("rider")
    rider.groups.add(Group.objects.get(name="flowx-users"))
    client = Client()
    client.force_login(rider)
    client.get("/demo/rider/")  # a page of the engine's origin, for the CSRF cookie
    [block] = blocks("html")
    # The page takes the place of one of the site, whose policy forbids scripts inside a page.
    with browser.new_context(bypass_csp=True) as context:
        names = (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
        context.add_cookies(
            [{"name": name, "value": client.cookies[name].value, "url": live_site.url} for name in names]
        )
        page = context.new_page()
        page.goto(f"{live_site.url}/healthz")
        page.set_content(block.text)
        expect(page.locator("#greeting")).to_have_text("Hello, Tamsin.", timeout=LIMIT_MS)
        expect(page.locator("#messages")).to_contain_text('"reservationId":"R-', timeout=LIMIT_MS)
        expect(page.locator("#messages")).to_contain_text("waits until 2", timeout=LIMIT_MS)
        timer = Timer.objects.get(kind="NODE", state="PENDING")
        runtime.apply([RunTimer(Instance.objects.get().uuid, timer.pk, Actor("operator"), "let the lease begin")])
        expect(page.locator("#messages")).to_contain_text("state: FINISHED", timeout=LIMIT_MS)
        expect(page.locator("#messages")).not_to_contain_text("error: ")
