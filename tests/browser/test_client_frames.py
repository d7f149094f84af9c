"""client.js in a real browser: each frame once and in order, over reconnect, gap, reload and lost last frames (engine 14)."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, Page

from engine.starting import actor_of
from tests.api.conftest import make_user
from tests.browser.tab import Tab, log_in, token_of
from tests.builders import Running, process, save_data, websocket_send
from tests.live import LiveSite

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rider(live_site: LiveSite, browser_context: BrowserContext) -> User:
    """A user whom the browser is logged in as."""
    user = make_user("rider", "flowx-users")
    log_in(browser_context, live_site, user)
    return user


@pytest.fixture
def running(rider: User) -> Running:
    """An instance that pushes a message each time `say` is run."""
    say = websocket_send("say", '{"text": "${text}"}', manual=True, optional=True, repeatable=True, keys=["text"])
    return process().start().user_task("Form", say, save_data("submit")).end().publish().start(actor=actor_of(rider))


def say(running: Running, *texts: str) -> int:
    """Push messages; gives the number of the newest frame."""
    for text in texts:
        running.execute("say", {"text": text})
    return running.row.frame_seq


def test_a_run_that_was_started_gets_all_frames_from_the_first(
    live_site: LiveSite, page: Page, running: Running
) -> None:
    tab = Tab(page, live_site)
    uuid = tab.start(running.published.name)
    tab.wait_until_open()
    newest = Running(running.published, uuid).row.frame_seq  # type: ignore[arg-type]
    tab.wait_for_frame(uuid, newest)
    assert tab.frames(uuid) == list(range(1, newest + 1))
    assert tab.log("errors") == []


def test_e237_frames_come_once_and_in_order_over_a_reconnect(live_site: LiveSite, page: Page, running: Running) -> None:
    tab = Tab(page, live_site)
    tab.intercept_sockets()
    tab.load()
    tab.follow(running.uuid)
    tab.wait_until_open()
    first = say(running, "one")
    tab.wait_for_frame(running.uuid, first)
    for times, code in enumerate((1012, 1006, 4408), 2):
        tab.cut(code if code != 1006 else 1011)
        newest = say(running, "two", "three")  # while the socket is away
        tab.wait_until_open(times)
        tab.wait_for_frame(running.uuid, newest)
    newest = say(running, "four")
    tab.wait_for_frame(running.uuid, newest)
    assert tab.frames(running.uuid)[-8:] == list(range(newest - 7, newest + 1))
    assert len(set(tab.frames(running.uuid))) == len(tab.frames(running.uuid))


def test_e237_a_gap_is_mended_by_ready_again(live_site: LiveSite, page: Page, running: Running) -> None:
    tab = Tab(page, live_site)
    tab.intercept_sockets()
    tab.load()
    tab.follow(running.uuid)
    tab.wait_until_open()
    start = running.row.frame_seq
    tab.drop_frames(start + 2, start + 3)
    newest = say(running, "one", "two", "three", "four")
    tab.wait_for_frame(running.uuid, newest)
    assert tab.frames(running.uuid)[-4:] == [start + 1, start + 2, start + 3, start + 4]
    assert len(tab.sockets) == 1


def test_e237_e224_a_lost_last_frame_is_noticed_by_the_ping(live_site: LiveSite, page: Page, running: Running) -> None:
    tab = Tab(page, live_site)
    tab.intercept_sockets()
    tab.load()
    tab.follow(running.uuid)
    tab.wait_until_open()
    tab.drop_frames(running.row.frame_seq + 1)
    newest = say(running, "lost")
    tab.say({"type": "ping", "lastSeq": {str(running.uuid): newest}})
    tab.wait_for_frame(running.uuid, newest)
    assert tab.frames(running.uuid).count(newest) == 1


def test_e237_a_reload_goes_on_after_the_last_frame(live_site: LiveSite, page: Page, running: Running) -> None:
    tab = Tab(page, live_site)
    tab.follow(running.uuid)
    tab.wait_until_open()
    seen = say(running, "one", "two")
    tab.wait_for_frame(running.uuid, seen)
    tab.load()
    newest = say(running, "three")
    tab.follow(running.uuid)
    tab.wait_for_frame(running.uuid, newest)
    assert tab.frames(running.uuid) == [seen + 1]


def test_e237_doubles_are_dropped_and_silence_counts_as_lost(live_site: LiveSite, page: Page, running: Running) -> None:
    tab = Tab(page, live_site, timing={"firstRetryMs": 20, "readyMs": 20, "silenceMs": 300})
    tab.intercept_sockets()
    tab.load()
    tab.follow(running.uuid)
    tab.wait_until_open()
    newest = say(running, "one")
    tab.wait_for_frame(running.uuid, newest)
    (frame,) = [each for each in tab.log("frames") if each["seq"] == newest]
    tab.say(frame)
    tab.wait_until_open(2)  # nothing came for 0.3 s, so the client opened a new socket
    assert tab.frames(running.uuid).count(newest) == 1


def test_a_follower_without_a_past_gets_the_present_only(live_site: LiveSite, page: Page, running: Running) -> None:
    say(running, "one", "two")
    tab = Tab(page, live_site)
    tab.follow(running.uuid)
    tab.wait_until_open()
    assert {frame["type"] for frame in tab.log("frames")} == {"progress", "state"}
    newest = say(running, "three")
    tab.wait_for_frame(running.uuid, newest)
    assert [frame["data"] for frame in tab.log("frames") if frame["type"] == "data"] == [{"text": "three"}]


def test_handlers_added_late_get_what_came_before_and_a_cancelled_one_nothing(
    live_site: LiveSite, page: Page, running: Running
) -> None:
    tab = Tab(page, live_site)
    script = """async (uuid) => {
      const run = flowx.follow(uuid); window.late = []; window.cancelled = [];
      const cancel = run.onData((frame) => cancelled.push(frame.seq)); cancel();
      await new Promise((resolve) => run.onConnection(({state}) => state === "open" && resolve()));
      window.run = run;
    }"""
    page.evaluate(script, str(running.uuid))
    newest = say(running, "early")
    page.wait_for_function(
        "(key) => Object.values(JSON.parse(sessionStorage.getItem(key)) ?? {})[0] >= 1", arg=storage(tab, running)
    )
    page.wait_for_function(
        "([key, seq]) => Object.values(JSON.parse(sessionStorage.getItem(key)))[0] === seq",
        arg=[storage(tab, running), newest],
    )
    page.evaluate("() => { run.onData((frame) => late.push(frame.seq)); }")
    page.wait_for_function("() => late.length === 1")
    assert page.evaluate("() => [late, cancelled]") == [[newest], []]


def storage(tab: Tab, running: Running) -> str:
    return f"flowx.seq:{tab.page.evaluate('() => location.origin')}:{running.uuid}"


def test_e239_a_refused_login_is_renewed_once_by_a_new_token(
    live_site: LiveSite, page: Page, running: Running, rider: User
) -> None:
    tab = Tab(page, live_site, tokens=[token_of(rider), token_of(rider), token_of(rider)])
    tab.intercept_sockets()
    tab.load()
    tab.follow(running.uuid)
    tab.wait_until_open()
    first = page.evaluate("() => asked.length")
    tab.cut(4401)
    tab.wait_until_open(2)
    assert page.evaluate("() => asked.length") == first + 1
    newest = say(running, "still here")
    tab.wait_for_frame(running.uuid, newest)
    assert tab.log("errors") == []


def test_e239_4404_and_4403_and_an_ended_session_are_told_and_not_tried_again(
    live_site: LiveSite, page: Page, running: Running
) -> None:
    tab = Tab(page, live_site)
    tab.intercept_sockets()
    tab.load()
    tab.follow("8a4c3bb0-0000-4000-8000-000000000000")
    tab.wait_for("log.errors.length === 1")
    assert tab.log("errors")[0]["status"] == 4404
    assert len(tab.sockets) == 1
    for number, code in enumerate((4403, 4401), 2):
        tab.follow(running.uuid)
        tab.wait_until_open(number - 1)
        assert len(tab.sockets) == number  # the refused ones were not opened again meanwhile
        tab.cut(code)
        tab.wait_for("log.errors.length === argument", number)
        assert tab.log("errors")[-1]["status"] == code
        assert tab.log("connection")[-1] == {"state": "closed", "code": code}


def test_e226_after_a_flood_the_client_waits_before_it_comes_again(
    live_site: LiveSite, page: Page, running: Running
) -> None:
    tab = Tab(page, live_site)
    tab.intercept_sockets()
    tab.load()
    tab.follow(running.uuid)
    tab.wait_until_open()
    tab.cut(4429)
    tab.wait_until_open(2)
    waits = [each["retryInMs"] for each in tab.log("connection") if each["state"] == "waiting"]
    assert waits == [100]  # `floodMs` of these tests; 30 s otherwise
