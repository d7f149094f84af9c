"""The main job as people do it in browsers: a designer changes a message and publishes, a rider leases a bicycle and sees it
arrive, an operator looks at the instance. Told on the embedded parts and, in `tests/services`, on real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from playwright.sync_api import expect

from designer.sample import load_sample
from flowx_site.demo.people import PEOPLE
from flowx_site.demo.prepare import make_person
from flowx_site.first_run import set_up

if TYPE_CHECKING:
    from types import TracebackType

    from playwright.sync_api import Browser, Locator, Page

    from tests.live import LiveSite

PASSWORD = "spoke-and-wheel-7"
PROCESS = "bicycle_leasing_request"
GREETING = '{ "name": "${application.client.firstName}", "note": "For you: ${application.client.bikeModel}" }'
LIMIT_MS = 60_000  # for what other processes have to do first


def prepare() -> None:
    """Groups, the demo's people and the published samples."""
    set_up()
    for person in PEOPLE:
        make_person(person, PASSWORD)
    load_sample()


class Person:
    """A person with a browser of their own, logged in by typing name and password. Ends with an assertion that no page
    broke the Content-Security-Policy or threw."""

    def __init__(self, browser: Browser, site: LiveSite, name: str, way_in: str, *, width: int = 1280) -> None:
        self.site = site
        self._context = browser.new_context(viewport={"width": width, "height": 800}, locale="en-US")
        self._context.set_default_timeout(LIMIT_MS)
        self.complaints: list[str] = []
        self._context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self._context.on("console", lambda message: self._heard(message.type, message.text))
        self.page: Page = self._context.new_page()
        self.page.goto(site.url + way_in)
        self.page.locator("[name=username]").fill(name)
        self.page.locator("[name=password]").fill(PASSWORD)
        self.page.locator("[name=password]").press("Enter")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._context.close()
        if kind is None:
            assert self.complaints == []

    def _heard(self, kind: str, text: str) -> None:
        if kind == "error" and ("Content Security Policy" in text or "Uncaught" in text):
            self.complaints.append(text)

    def one(self, test_id: str) -> Locator:
        """The element with this test id."""
        return self.page.get_by_test_id(test_id)


class Designer(Person):
    """Starts on the list of processes."""

    def __init__(self, browser: Browser, site: LiveSite) -> None:
        super().__init__(browser, site, "designer", "/admin/login/?next=/admin/processes/")

    def create_draft(self) -> None:
        """Open the sample and make a draft of its published version."""
        self.page.get_by_role("link", name=PROCESS, exact=True).click()
        self.one("version.create-draft").click()
        self.one("create-draft.create").click()
        self.page.wait_for_url("**/v/2/")

    def change_greeting(self, message: str) -> None:
        """From the canvas to the action form; give the action another message, save and close."""
        self.page.locator(".djs-element", has_text="Rider details").first.click()
        self.one("panel.tab.actions").click()
        self.one("actions.row[greet_rider].open").click()
        self.page.locator(".cm-content").first.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(message)
        expect(self.one("action.unsaved")).to_be_visible()
        self.one("action.save-close").click()
        self.page.wait_for_url("**/actions")

    def publish(self) -> None:
        """Publish the draft; the dialog shows what changes."""
        self.one("version.publish").click()
        expect(self.one("publish.changes")).to_contain_text("greet_rider")
        self.one("publish.message").fill("A warmer greeting")
        self.one("publish.confirm").click()
        expect(self.one("version.read-only")).to_contain_text("v2 is published", timeout=LIMIT_MS)


class Rider(Person):
    """Starts on the rider's page."""

    def __init__(self, browser: Browser, site: LiveSite, *, width: int = 1280) -> None:
        super().__init__(browser, site, "rider", "/demo/rider/", width=width)
        self.one("rider.start").wait_for()

    @property
    def uuid(self) -> str:
        """The instance of the lease, from the page's address."""
        return self.page.url.partition("#")[2]

    def lease(self, model: str = "TRAIL-300", first_name: str = "Tamsin") -> None:
        """Start the process and send the form."""
        self.one("rider.start").click()
        self.one(f"rider.form.bikeModel.{model}").check(force=True)
        for field, value in {"firstName": first_name, "lastName": "Vell", "heightCm": "174"}.items():
            self.one(f"rider.form.{field}").fill(value)
        self.one("rider.form.submit").click()

    def sign(self, name: str = "Tamsin Vell") -> None:
        """Sign the lease that is offered."""
        self.one("rider.sign.signedBy").fill(name)
        self.one("rider.sign.submit").click()

    def cools_off(self) -> None:
        """Until the page says that the lease becomes active in two weeks, and when."""
        rest = self.one("rider.rest")
        expect(rest).to_contain_text("You have signed. Your lease becomes active in 14 days, on ", timeout=LIMIT_MS)
        expect(self.one("rider.again")).to_be_visible()

    def lines(self, kind: str | None = None) -> Locator:
        """The lines of the list of messages, the newest first."""
        return self.one("rider.log").locator(f"[data-kind={kind}]" if kind else "[data-kind]")

    def numbers(self, process: str = PROCESS) -> list[int]:
        """The `seq` of the frames shown of an instance, oldest first."""
        uuid = self.one(f"rider.run[{process}]").get_attribute("data-uuid")
        shown = self.page.locator(f'[data-uuid="{uuid}"] .seq').all_inner_texts()
        return [int(text) for text in reversed(shown) if text.isdecimal()]

    def waits_for(self, process: str, state: str) -> None:
        """Until the card of a process shows this state."""
        badge = self.one(f"rider.run[{process}]").get_by_test_id("rider.run.state")
        expect(badge).to_have_text(state, timeout=LIMIT_MS)


class Operator(Person):
    """Starts on the list of instances."""

    def __init__(self, browser: Browser, site: LiveSite) -> None:
        super().__init__(browser, site, "operator", "/admin/login/?next=/admin/runtime/instances/")

    def open(self, uuid: str) -> None:
        """The page of an instance."""
        self.page.goto(f"{self.site.url}/admin/runtime/instances/{uuid}/")

    def run_timer(self, reason: str) -> None:
        """Let the pending timer of the instance fire at once."""
        self.one("status.operations").click()
        self.one("status.menu.run-timer").click()
        self.one("operate.reason").fill(reason)
        self.one("operate.confirm").click()


def tell(browser: Browser, site: LiveSite) -> None:
    """Designer edits, publishes; rider starts, frames arrive, the rider signs; the operator lets the cooling-off period be over;
    rider and operator see that the lease is active."""
    prepare()
    with Designer(browser, site) as designer:
        designer.create_draft()
        designer.change_greeting(GREETING)
        designer.publish()
    with Rider(browser, site) as rider:
        rider.lease()
        messages = rider.one("rider.run.messages")
        expect(messages).to_contain_text("Hello, Tamsin.", timeout=LIMIT_MS)
        expect(messages).to_contain_text("For you: TRAIL-300")
        expect(messages).to_contain_text("Tamsin, your Trail 300 is reserved.", timeout=LIMIT_MS)
        rider.sign()
        rider.cools_off()
        rider.waits_for(PROCESS, "Started")
        with Operator(browser, site) as operator:
            operator.open(rider.uuid)
            expect(operator.one("status.sentence")).to_contain_text("Cooling-off, 14 days")
            operator.run_timer("The shop lets the lease begin at once")
            rider.waits_for(PROCESS, "Finished")
        expect(rider.one("rider.rest")).to_contain_text("Your lease is active.")
        expect(rider.lines("data")).to_have_count(2)
        assert rider.numbers() == list(range(1, len(rider.numbers()) + 1))
        uuid = rider.uuid
    with Operator(browser, site) as operator:
        operator.open(uuid)
        expect(operator.one("status.sentence")).to_contain_text("Lease active")
        expect(operator.one("status.variables")).to_contain_text("signedBy")
        expect(operator.one("status.facts")).to_contain_text("1 sent, 1 received")
        expect(operator.one("status.timeline")).to_contain_text("greet_rider")
        expect(operator.one("status.definition")).to_contain_text(PROCESS)
