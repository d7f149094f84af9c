"""The rider's page as a web app on the engine's client: it logs in, resumes, obeys action messages, and says faults in words."""

import json

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import Browser, expect

from designer import versions
from designer.models import Version
from engine.core.stimuli import Actor, RunTimer, Terminate
from engine.models import Instance, Timer
from tests import story
from tests.builders import apply
from tests.live import LiveSite
from tests.story import PROCESS, Rider

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def site(live_site: LiveSite) -> LiveSite:
    """The site with the demo's people and the samples."""
    story.prepare()
    return live_site


@pytest.mark.django_db
def test_the_page_asks_for_a_login_and_takes_any_user(client: Client) -> None:
    story.prepare()
    page = client.get("/demo/rider/", follow=True)
    assert page.redirect_chain == [("/demo/login/?next=/demo/rider/", 302)]
    refused = client.post("/demo/login/", {"username": "rider", "password": "wrong"})
    assert "do not belong together" in refused.content.decode()
    accepted = client.post("/demo/login/", {"username": "rider", "password": story.PASSWORD})
    assert accepted.headers["Location"] == "/demo/rider/"
    page = client.get("/demo/rider/")
    assert "'unsafe-eval'" not in page.headers["Content-Security-Policy"]
    assert client.post("/demo/logout/").headers["Location"] == "/demo/login/"


def test_e155_the_other_branch_starts_a_second_process_with_values_of_the_first(
    site: LiveSite, gateway: None, bike_stock: None, browser: Browser
) -> None:
    with Rider(browser, site) as rider:
        rider.lease("CARGO-500", first_name='Ada <b>"${x}"</b>')
        expect(rider.one("rider.offer")).to_contain_text("Cargo 500 is out of stock.", timeout=story.LIMIT_MS)
        rider.one("rider.offer.submit").click()
        advice = rider.one("rider.run[bike_advice]")
        expect(advice).to_contain_text('Ada <b>"${x}"</b>, how about the City 120?', timeout=story.LIMIT_MS)
        rider.waits_for("bike_advice", "Finished")
        rider.waits_for(PROCESS, "Finished")
        expect(rider.lines("action")).to_have_count(1)
        first = Instance.objects.get(process_name=PROCESS)
        second = Instance.objects.get(process_name="bike_advice")
        assert (second.relation, second.parent_uuid) == ("INHERITED", first.uuid)
        values = json.loads(second.params)
        assert values["webAppKeys"] == {"app": "rider", "language": "en-US"}
        assert values["application"]["client"]["bikeModel"] == "CARGO-500"
        assert values["reservation"]["error"] == "Cargo 500 is out of stock."


def test_e237_reloads_lose_nothing_and_show_nothing_twice(
    site: LiveSite, gateway: None, bike_stock: None, browser: Browser
) -> None:
    with Rider(browser, site) as rider:
        rider.one("rider.start").click()
        rider.one("rider.form.firstName").fill("Tamsin")
        rider.page.reload()
        expect(rider.one("rider.form.firstName")).to_have_value("Tamsin")
        rider.one("rider.form.lastName").fill("Vell")
        rider.one("rider.form.heightCm").fill("174")
        rider.one("rider.form.submit").click()
        expect(rider.lines("data").first).to_be_visible()
        rider.page.reload()
        expect(rider.one("rider.run.messages")).to_contain_text("is reserved.", timeout=story.LIMIT_MS)
        rider.one("rider.sign.signedBy").fill("Tamsin V")
        rider.page.reload()
        expect(rider.one("rider.sign.signedBy")).to_have_value("Tamsin V")
        rider.sign()
        rider.cools_off()
        rider.page.reload()
        rider.cools_off()
        run_timer()
        rider.waits_for(PROCESS, "Finished")
        newest = Instance.objects.get().frame_seq
        for _ in range(2):
            expect(rider.lines("state").first).to_contain_text("finished")
            assert rider.numbers() == list(range(1, newest + 1))
            rider.page.reload()
        rider.one("rider.again").click()
        rider.one("rider.form").wait_for()
        expect(rider.lines("call")).to_have_count(1)


def run_timer() -> None:
    """What staff do: the pending timer of the only instance fires at once."""
    running, timer = Instance.objects.get(), Timer.objects.get(state="PENDING")
    operator = User.objects.get(username="operator")
    apply(RunTimer(running.uuid, timer.pk, Actor("operator", operator.pk), "let it begin"))


def test_who_signs_before_the_message_came_is_told_so_and_cannot_sign_twice(
    site: LiveSite, gateway: None, bike_stock: None, browser: Browser
) -> None:
    draft = versions.create_draft(Version.objects.get(process__name=PROCESS))
    draft.actions.filter(name="tell_rider").update(timer_expression="PT1H")
    versions.publish(draft)
    with Rider(browser, site) as rider:
        rider.lease()
        expect(rider.one("rider.sign")).to_contain_text("You lease the Trail 300. It costs 59.90 a month.")
        rider.sign('Ada <b>"${x}"</b>')
        expect(rider.one("rider.rest")).to_contain_text(
            "You have signed. The message about your bike comes after the delay"
        )
        expect(rider.one("rider.sign")).to_have_count(0)
        run_timer()
        rider.cools_off()
        expect(rider.one("rider.run.messages")).to_contain_text("your Trail 300 is reserved.")
        assert json.loads(Instance.objects.get().params)["lease"] == {"signedBy": 'Ada <b>"${x}"</b>'}


def test_a_second_window_follows_the_same_instance(site: LiveSite, browser: Browser) -> None:
    with Rider(browser, site) as rider:
        rider.one("rider.start").click()
        rider.one("rider.form").wait_for()
        other = rider.page.context.new_page()
        other.goto(rider.page.url)
        expect(other.get_by_test_id("rider.run.path")).to_contain_text("Rider details")
        expect(other.get_by_test_id("rider.connection")).to_have_text("Connected")


def test_faults_are_said_in_words(site: LiveSite, browser: Browser) -> None:
    with Rider(browser, site) as rider:
        trouble = rider.one("rider.error")
        rider.page.context.set_offline(True)
        rider.one("rider.start").click()
        expect(trouble).to_contain_text("The server cannot be reached.", timeout=story.LIMIT_MS)
        rider.page.context.set_offline(False)

        Group.objects.get(name="flowx-users").user_set.clear()
        rider.one("rider.start").click()
        expect(trouble).to_contain_text("You have no right to do this step.")

        rider.page.context.clear_cookies()
        rider.one("rider.start").click()
        expect(trouble).to_contain_text("Your login has ended.")
        rider.page.get_by_role("link", name="Log in again").click()
        rider.one("rider.login").wait_for()


def test_a_failed_step_is_said_in_words_and_what_staff_do_is_seen(site: LiveSite, browser: Browser) -> None:
    draft = versions.create_draft(Version.objects.get(process__name=PROCESS))
    greeting = draft.actions.get(name="greet_rider")
    greeting.params = [
        param | {"value": "PARENT"} if param["key"] == "targetProcess" else param for param in greeting.params
    ]
    greeting.save()
    versions.publish(draft)
    with Rider(browser, site) as rider:
        rider.lease()
        rider.waits_for(PROCESS, "Waits for a repair")
        expect(rider.one("rider.rest")).to_contain_text("A step has failed.")
        rider.page.reload()
        rider.waits_for(PROCESS, "Waits for a repair")
        stuck = Instance.objects.get()
        operator = User.objects.get(username="operator")
        apply(Terminate(stuck.uuid, actor=Actor("operator", operator.pk), reason="no parent"))
        rider.waits_for(PROCESS, "Terminated")
        expect(rider.one("rider.rest")).to_contain_text("This request has ended: terminated.")


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone_and_switches_its_theme(site: LiveSite, browser: Browser, dark: bool) -> None:
    with Rider(browser, site, width=390) as rider:
        if dark:
            rider.one("rider.theme").click()
        rider.one("rider.start").click()
        rider.one("rider.form").wait_for()
        assert rider.page.evaluate("document.documentElement.scrollWidth") == 390
        assert rider.page.evaluate("document.documentElement.classList.contains('dark')") == dark
        line = rider.lines("call").first
        line.locator("summary").click()
        expect(line.locator("pre")).to_contain_text('"process": "bicycle_leasing_request"')
        assert rider.page.evaluate("document.documentElement.scrollWidth") == 390
