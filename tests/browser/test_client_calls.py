"""client.js in a real browser: calls that are repeated safely, RunAction in many tabs, credentials (engine 8.4, 14)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page, Route

from engine.models import FailedStart, Instance
from engine.starting import actor_of
from tests.api.conftest import make_user
from tests.browser.tab import Tab, log_in, token_of
from tests.builders import Published, Running, process, save_data, websocket_send
from tests.live import LiveSite

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rider(live_site: LiveSite, browser_context: BrowserContext) -> User:
    """A user whom the browser is logged in as."""
    user = make_user("rider", "flowx-users")
    log_in(browser_context, live_site, user)
    return user


@pytest.fixture
def advice(rider: User) -> Published:
    """The process that the pushed action starts."""
    web = process().start("Web", startCondition="web").user_task("Form", save_data("submit")).end("E1")
    return web.start("Shop", startCondition="shop").end("E2").publish()


@pytest.fixture
def running(rider: User, advice: Published) -> Running:
    """An instance that offers to start the advice when `offer` is run."""
    message = (
        f'{{"type": "START_PROCESS_INHERIT", "processName": "{advice.name}", "clientDataKeys": ["webAppKeys", "none"],'
        ' "params": {"startCondition": "web", "paramsToCopy": ["client", "note"], "withoutParams": ["client.age"]}}'
    )
    offer = websocket_send("offer", message, messageType="Action", manual=True, optional=True, repeatable=True)
    note = save_data("note", ["note"], optional=True, repeatable=True)
    published = process().start().user_task("Form", offer, note, save_data("submit")).end().publish()
    return published.start({"client": {"name": "Ada", "age": 36}, "note": "n", "other": 1}, actor=actor_of(rider))


def made_by(advice: Published) -> list[Running]:
    rows = Instance.objects.filter(process_name=advice.name).order_by("id")
    return [Running(advice, row.uuid) for row in rows]


# -- RunAction ---------------------------------------------------------------------------------------------------------


def test_e154_e155_the_client_starts_what_a_run_action_names_with_the_values_it_names(
    live_site: LiveSite, page: Page, running: Running, advice: Published
) -> None:
    tab = Tab(page, live_site, clientData={"webAppKeys": {"tab": 1}})
    tab.follow(running.uuid)
    tab.wait_until_open()
    running.execute("offer")
    tab.wait_for("log.actions.length === 1")
    (made,) = made_by(advice)
    assert tab.log("actions") == [str(made.uuid)]
    assert made.params == {
        "startCondition": "web",
        "client": {"name": "Ada"},
        "note": "n",
        "webAppKeys": {"tab": 1},
    }
    assert (made.row.relation, made.row.parent_uuid) == ("INHERITED", running.row.uuid)
    tab.wait_for_frame(made.uuid, made.row.frame_seq)  # the run of the new instance has a socket of its own
    assert tab.frames(made.uuid) == list(range(1, made.row.frame_seq + 1))


def test_e238_two_tabs_start_one_process_and_both_get_its_run(
    live_site: LiveSite, browser_context: BrowserContext, running: Running, advice: Published
) -> None:
    tabs = [Tab(browser_context.new_page(), live_site) for _ in range(2)]
    for tab in tabs:
        tab.follow(running.uuid)
        tab.wait_until_open()
    running.execute("offer")
    for tab in tabs:
        tab.wait_for("log.actions.length === 1")
    (made,) = made_by(advice)
    assert [tab.log("actions") for tab in tabs] == [[str(made.uuid)]] * 2
    assert not FailedStart.objects.exists()


def test_e238_a_run_action_whose_call_a_reload_cut_off_is_performed_after_it(
    live_site: LiveSite, page: Page, running: Running, advice: Published
) -> None:
    tab = Tab(page, live_site)
    tab.follow(running.uuid)
    tab.wait_until_open()
    loads = [1]

    def unanswered_before_the_reload(route: Route) -> None:
        if len(loads) > 1:
            route.continue_()

    page.route("**/inheritFrom/**", unanswered_before_the_reload)
    with page.expect_request("**/inheritFrom/**"):
        running.execute("offer")
    tab.load()
    loads.append(2)
    tab.follow(running.uuid)
    tab.wait_for("log.actions.length === 1")
    assert tab.log("actions") == [str(made.uuid) for made in made_by(advice)]


def test_without_auto_run_the_frame_is_handed_over_and_can_be_performed_by_hand(
    live_site: LiveSite, page: Page, running: Running, advice: Published
) -> None:
    tab = Tab(page, live_site, autoRun=False)
    tab.follow(running.uuid)
    tab.wait_until_open()
    running.execute("offer")
    tab.wait_for("log.actions.length === 1")
    assert tab.log("actions") == [None]
    assert made_by(advice) == []
    uuid = page.evaluate("async () => (await run.perform(log.frames.at(-1))).uuid")
    assert [str(made.uuid) for made in made_by(advice)] == [uuid]


def test_a_run_action_that_may_not_be_performed_is_told_as_an_error(
    live_site: LiveSite, page: Page, running: Running, advice: Published
) -> None:
    from engine.models import SwimlanePermission

    SwimlanePermission.objects.filter(process_name=advice.name).delete()
    tab = Tab(page, live_site)
    tab.follow(running.uuid)
    tab.wait_until_open()
    running.execute("offer")
    tab.wait_for("log.errors.length === 1")
    assert tab.log("errors")[0]["status"] == 403
    assert tab.log("actions") == []


# -- calls -------------------------------------------------------------------------------------------------------------


def answer_lost(page: Page, pattern: str) -> list[str]:
    """The first call reaches the server, but its answer never comes back. Collects the keys of all calls."""
    keys: list[str] = []

    def handle(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(pattern, handle)
    return keys


def test_e239_an_execute_whose_answer_was_lost_is_repeated_and_runs_once(
    live_site: LiveSite, page: Page, running: Running
) -> None:
    tab = Tab(page, live_site)
    tab.follow(running.uuid)
    keys = answer_lost(page, "**/execute")
    token = str(running.token.uuid)
    answer = page.evaluate("(token) => run.execute(token, 'note', {note: 'new'})", token)
    assert answer["tokenUuid"] == token
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(running.journal("Execute action")) == 1
    assert running.params["note"] == "new"


def test_e239_a_start_whose_answer_was_lost_makes_one_instance(
    live_site: LiveSite, page: Page, advice: Published
) -> None:
    tab = Tab(page, live_site)
    keys = answer_lost(page, "**/start")
    uuid = tab.start(advice.name, {"startCondition": "web"})
    assert len(keys) == 2
    assert [str(made.uuid) for made in made_by(advice)] == [uuid]


def refuse_first(page: Page, pattern: str, refuse: Callable[[Route], None], times: int) -> list[int]:
    """Answer the first calls in the server's place."""
    calls: list[int] = []

    def handle(route: Route) -> None:
        calls.append(1)
        if len(calls) <= times:
            refuse(route)
        else:
            route.continue_()

    page.route(pattern, handle)
    return calls


def test_calls_are_tried_three_times_on_502_and_on_429_after_retry_after(
    live_site: LiveSite, page: Page, advice: Published
) -> None:
    tab = Tab(page, live_site)
    calls = refuse_first(page, "**/start", lambda route: route.fulfill(status=502, body="<html>"), 2)
    tab.start(advice.name, {"startCondition": "web"})
    assert len(calls) == 3
    page.unroute("**/start")
    calls = refuse_first(page, "**/start", lambda route: route.fulfill(status=429, headers={"Retry-After": "1"}), 1)
    took = page.evaluate(
        "async (name) => { const began = performance.now(); await flowx.start(name, {startCondition: 'web'});"
        " return performance.now() - began; }",
        advice.name,
    )
    assert took >= 1000
    assert len(calls) == 2
    page.unroute("**/start")
    calls = refuse_first(page, "**/start", lambda route: route.abort("connectionreset"), 9)
    assert refused(page, f"flowx.start('{advice.name}')")["status"] == 0
    assert len(calls) == 3


def refused(page: Page, call: str) -> dict:
    script = (
        f"async () => {{ try {{ await {call}; }} catch (e) {{ return {{...e, name: e.name, message: e.message}}; }} }}"
    )
    found: dict = page.evaluate(script)
    return found


def test_other_refusals_reject_at_once_with_a_flowx_error(live_site: LiveSite, page: Page, running: Running) -> None:
    tab = Tab(page, live_site)
    tab.follow(running.uuid)
    error = refused(page, "flowx.start('nothing')")
    assert (error["name"], error["status"]) == ("FlowxError", 400)
    assert error["message"] == "Process definition not found."
    assert error["errorKey"] == "error.validation.process_instance.process_def_not_found"
    again = refused(page, f"run.execute('{running.token.uuid}', 'nothing')")
    assert (again["status"], again["message"]) == (400, "Action not found on the current node.")


def test_data_and_status_are_read_and_the_v1_address_gives_the_same_library(
    live_site: LiveSite, page: Page, running: Running
) -> None:
    tab = Tab(page, live_site)
    tab.follow(running.uuid)
    node = running.token.current_node_id
    assert page.evaluate("(node) => run.data(node)", node)["data"]["note"] == "n"
    assert page.evaluate("() => run.status()")["uuid"] == str(running.uuid)
    script = "async (path) => { window.connects = [...(window.connects ?? []), (await import(path)).connect]; }"
    for path in ("/static/flowx/client.js", "/static/flowx/v1/client.js"):
        page.evaluate(script, path)
    assert page.evaluate("() => connects[0] === connects[1]")
    for path in ("client.js", "v1/client.js", "http.js", "run.js"):
        answer = page.request.get(f"{live_site.url}/static/flowx/{path}")
        assert answer.headers["access-control-allow-origin"] == "*"


def test_e239_a_refused_token_is_asked_for_anew_once_for_calls(
    live_site: LiveSite, page: Page, running: Running, rider: User, browser_context: BrowserContext
) -> None:
    browser_context.clear_cookies()
    tab = Tab(page, live_site, tokens=["stale", token_of(rider)])
    tab.follow(running.uuid)
    tab.wait_until_open()  # by a ticket
    assert page.evaluate("() => asked") == [None, "stale"]
    assert page.evaluate("() => run.status()")["uuid"] == str(running.uuid)
    assert page.evaluate("() => asked.length") == 2
