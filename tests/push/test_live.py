"""Sockets of the running site: handshake, origins, cookies, close codes, and frames of real processes (engine 8.5-8.7)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from engine import bearer
from engine.models import Instance
from engine.push import tickets
from tests.builders import Running, action, process, save_data, websocket_send
from tests.live import LiveSite
from tests.push.stored import make_user

pytestmark = pytest.mark.django_db(transaction=True)
FRONTEND = "https://app.example.com"


@pytest.fixture
def rider(transactional_db: None) -> User:
    return make_user("rider", "flowx-users")


@pytest.fixture
def running(rider: User) -> Running:
    """A process of the rider that waits on a form, and greets by websocket when it is sent."""
    form = process().start().user_task("Form", save_data("submit", ["name"], autoRunChildren=True))
    form.nodes[-1]["actions"].append(websocket_send("greet", parentName="submit", order=1))
    return form.user_task("Next", save_data("more")).end().publish().start(actor=_actor(rider))


def _actor(user: User) -> Any:
    from engine.starting import actor_of

    return actor_of(user)


def cookie(user: User) -> str:
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"


def open_socket(site: LiveSite, uuid: object, *, query: str = "", **headers: str) -> ClientConnection:
    origin = headers.pop("origin", None)
    url = f"{site.ws_url}/ws/updates/process/{uuid}/{query}"
    return connect(url, origin=origin, additional_headers=headers, open_timeout=10)  # type: ignore[arg-type]


def close_code(socket: ClientConnection) -> int:
    """The code of the close that comes next, past any texts."""
    try:
        while True:
            socket.recv(timeout=10)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


def texts(socket: ClientConnection) -> Iterator[dict[str, Any]]:
    while True:
        yield json.loads(socket.recv(timeout=10))


def bearer_of(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {bearer.issue(user, 'test')[1]}"}


def test_e162_the_close_codes_reach_the_client(live_site: LiveSite, running: Running) -> None:
    with open_socket(live_site, running.uuid) as socket:
        assert close_code(socket) == 4401
    other = bearer_of(make_user("other"))
    for named in (running.uuid, "not-a-uuid"):
        with open_socket(live_site, named, **other) as socket:
            assert close_code(socket) == 4404


def test_e225_a_foreign_origin_is_refused_with_403_before_the_handshake(
    live_site: LiveSite, running: Running, rider: User
) -> None:
    for origin in (FRONTEND, "https://evil.example", "null", f"http://127.0.0.1:{live_site.port + 1}"):
        with pytest.raises(InvalidStatus) as refused:
            open_socket(live_site, running.uuid, origin=origin, **bearer_of(rider))
        assert refused.value.response.status_code == 403


def test_e225_the_session_cookie_counts_on_the_own_origin_only_and_a_listed_frontend_uses_a_ticket(
    live_site: LiveSite, running: Running, rider: User
) -> None:
    with open_socket(live_site, running.uuid, origin=live_site.url, Cookie=cookie(rider)) as socket:
        socket.send('{"type": "ready", "lastSeq": {}}')
        assert next(texts(socket))["event"]
    with override_settings(CORS_ALLOWED_ORIGINS=[FRONTEND]):
        with open_socket(live_site, running.uuid, origin=FRONTEND, Cookie=cookie(rider)) as socket:
            assert close_code(socket) == 4401
        ticket = f"?ticket={tickets.issue(rider)}"
        with open_socket(live_site, running.uuid, query=ticket, origin=FRONTEND) as socket:
            socket.send('{"type": "ready", "lastSeq": {}}')
            assert next(texts(socket))["event"]


def test_another_address_is_no_socket(live_site: LiveSite) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{live_site.ws_url}/ws/nothing/", open_timeout=10)
    assert refused.value.response.status_code == 403


def test_e158_e222_frames_of_a_process_arrive_live_in_order_without_gaps_at_every_socket(
    live_site: LiveSite, running: Running, rider: User
) -> None:
    key = str(running.uuid)
    with open_socket(live_site, key, **bearer_of(rider)) as one, open_socket(live_site, key, **bearer_of(rider)) as two:
        for socket in (one, two):
            socket.send(json.dumps({"type": "ready", "lastSeq": {key: 0}}))
        streams = [texts(one), texts(two)]
        seen: list[list[dict[str, Any]]] = [[], []]
        for frames, stream in zip(seen, streams, strict=True):
            for text in stream:
                if text["type"] == "ready":
                    break
                frames.append(text)
        running.execute("submit", {"name": "Ada"})
        for frames, stream in zip(seen, streams, strict=True):
            while len(frames) < running.row.frame_seq:
                frames.append(next(stream))
    assert seen[0] == seen[1]
    assert [frame["seq"] for frame in seen[0]] == list(range(1, len(seen[0]) + 1))
    assert len({frame["id"] for frame in seen[0]}) == len(seen[0])
    assert [frame["data"] for frame in seen[0] if frame["type"] == "data"] == [{"name": "Ada"}]
    progress = [frame["progressUpdateDTO"] for frame in seen[0] if frame["type"] == "progress"]
    assert set(progress[-1]) == {"processInstanceUuid", "tokenUuid", "currentNodeId"}
    states = [frame["state"] for frame in seen[0] if frame["type"] == "state"]
    assert states
    assert all(set(state) == {"state", "readOnly", "incident"} and state["readOnly"] is False for state in states)


def test_e222_a_state_frame_tells_of_an_open_incident_without_details(live_site: LiveSite, rider: User) -> None:
    fails = process().start().user_task("Form", websocket_send("tell", targetProcess="PARENT", manual=True))
    running = fails.end().publish().start(actor=_actor(rider))
    with open_socket(live_site, running.uuid, **bearer_of(rider)) as socket:
        socket.send(json.dumps({"type": "ready", "lastSeq": {str(running.uuid): 0}}))
        states = (text["state"] for text in texts(socket) if text["type"] == "state")
        assert next(states) == {"state": "STARTED", "readOnly": False, "incident": False}
        running.execute("tell")
        assert next(states) == {"state": "STARTED", "readOnly": False, "incident": True}


def test_e159_a_subprocess_uses_the_sockets_of_its_parent_from_its_first_frame(
    live_site: LiveSite, rider: User
) -> None:
    child = (
        process().start().user_task("C", websocket_send("hello", '{"from": "child"}'), save_data("x")).end().publish()
    )
    spawn = action("spawn", "START_SUBPROCESS", {"processName": child.name, "startedAsync": "true"})
    parent = process().start().user_task("Form", save_data("go")).task("Spawn", spawn).user_task("Wait", save_data("y"))
    running = parent.end().publish().start(actor=_actor(rider))
    with open_socket(live_site, running.uuid, **bearer_of(rider)) as socket:
        socket.send(json.dumps({"type": "ready", "lastSeq": {str(running.uuid): 0}}))
        stream = texts(socket)
        while next(stream)["type"] != "ready":
            pass
        running.execute("go")
        row = Instance.objects.get(parent_uuid=running.uuid)
        heard = []
        while len(heard) < row.frame_seq:
            text = next(stream)
            if text["processInstanceUuid"] == str(row.uuid):
                heard.append(text)
    assert [text["seq"] for text in heard] == list(range(1, row.frame_seq + 1))
    assert [text["data"] for text in heard if text["type"] == "data"] == [{"from": "child"}]


def test_e223_present_frames_of_a_real_process_end_with_where_its_token_rests(
    live_site: LiveSite, running: Running, rider: User
) -> None:
    running.execute("submit", {"name": "Ada"})
    with open_socket(live_site, running.uuid, **bearer_of(rider)) as socket:
        socket.send('{"type": "ready", "lastSeq": {}}')
        heard = []
        for text in texts(socket):
            if text["type"] == "ready":
                break
            heard.append(text)
    assert sorted(frame["type"] for frame in heard) == ["progress", "state"]
    (progress,) = [frame["progressUpdateDTO"] for frame in heard if frame["type"] == "progress"]
    assert progress["currentNodeId"] == running.published.definition.node("Next")["id"]


def test_e189_a_user_without_right_on_the_new_swimlane_sees_it_read_only_until_the_token_returns(
    live_site: LiveSite, rider: User
) -> None:
    desk = process().start().user_task("Form", save_data("submit"), swimlane="Desk")
    desk.user_task("Check", save_data("approve"), swimlane="Back").user_task("Sign", save_data("sign"), swimlane="Desk")
    lanes = {"Default": ["flowx-users"], "Desk": ["flowx-users"], "Back": ["checkers"]}
    published = desk.end().publish({lane: {"execute": groups} for lane, groups in lanes.items()})
    running = published.start(actor=_actor(rider))
    with open_socket(live_site, running.uuid, **bearer_of(rider)) as socket:
        socket.send(json.dumps({"type": "ready", "lastSeq": {str(running.uuid): 0}}))
        states = (text["state"]["readOnly"] for text in texts(socket) if text["type"] == "state")
        assert next(states) is False
        running.execute("submit")
        assert next(states) is True
        running.execute("approve")
        assert next(states) is False


def test_e226_a_restart_of_the_server_closes_with_1012(transactional_db: None, running: Running, rider: User) -> None:
    with LiveSite() as site:
        socket = open_socket(site, running.uuid, **bearer_of(rider))
        socket.send('{"type": "ready", "lastSeq": {}}')
        assert next(texts(socket))
    assert close_code(socket) == 1012
