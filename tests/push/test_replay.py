"""What a socket sends after `ready`: stored frames, then live ones, once and in order (engine 8.6)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.idempotency import Call, claim
from engine.push.stream import in_thread
from tests.push.sockets import Client, token_of
from tests.push.stored import add_frame, add_token, hint, make_instance, make_user, permit

pytestmark = pytest.mark.django_db(transaction=True)


def seqs(texts: list[dict[str, Any]]) -> list[int]:
    return [text["seq"] for text in texts if "event" in text]


async def test_e160_nothing_is_sent_before_ready_then_all_frames_above_last_seq_in_order_then_live_ones() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    for _ in range(3):
        await in_thread(add_frame, instance)
    async with Client(instance, await token_of(owner)) as client:
        assert await client.is_silent()
        await client.ready({str(instance.uuid): 1})
        heard = await client.frames_until("ready")
        assert seqs(heard) == [2, 3]
        for _ in range(2):
            await hint(await in_thread(add_frame, instance))
        assert [(await client.hear())["seq"] for _ in range(2)] == [4, 5]


async def test_e160_last_seq_0_gives_all_frames_also_of_descendants_not_named() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    child = await in_thread(make_instance, owner, parent=instance)
    grandchild = await in_thread(make_instance, owner, parent=child)
    for one in (instance, child, grandchild, child):
        await in_thread(add_frame, one)
    async with Client(instance, await token_of(owner)) as client:
        await client.ready({str(instance.uuid): 0})
        heard = await client.frames_until("ready")
    assert [(text["processInstanceUuid"], text["seq"]) for text in heard[:-1]] == [
        (str(instance.uuid), 1),
        (str(child.uuid), 1),
        (str(grandchild.uuid), 1),
        (str(child.uuid), 2),
    ]


async def test_e160_many_stored_frames_come_whole() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    for _ in range(230):
        await in_thread(add_frame, instance)
    async with Client(instance, await token_of(owner)) as client:
        await client.ready({str(instance.uuid): 0})
        assert seqs(await client.frames_until("ready")) == list(range(1, 231))


async def test_e223_without_last_seq_come_last_progress_of_active_tokens_unperformed_actions_and_last_state() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    first, second, gone = [
        await in_thread(add_token, instance, state=state) for state in ("ACTIVE", "ACTIVE", "INACTIVE")
    ]
    await in_thread(add_frame, instance, "progress", token=first)  # 1
    await in_thread(add_frame, instance, "state")  # 2
    await in_thread(add_frame, instance, "progress", token=second)  # 3
    await in_thread(add_frame, instance, "progress", token=gone)  # 4
    performed = await in_thread(add_frame, instance, "action")  # 5
    await in_thread(add_frame, instance, "action")  # 6
    await in_thread(add_frame, instance, "progress", token=first)  # 7
    await in_thread(add_frame, instance, "state", {"state": "STARTED", "readOnly": False, "incident": False})  # 8
    await in_thread(add_frame, instance)  # 9
    key = await in_thread(_frame_id, performed.text)
    await in_thread(claim, Call(f"action:{instance.uuid}", "POST", "RunAction", key))
    async with Client(instance, await token_of(owner)) as client:
        await client.ready()
        heard = await client.frames_until("ready")
        assert seqs(heard) == [3, 6, 7, 8]
        assert heard[-1]["lastSeq"] == {str(instance.uuid): 9}
        await hint(await in_thread(add_frame, instance))
        assert (await client.hear())["seq"] == 10


def _frame_id(text: str) -> str:
    return str(json.loads(text)["id"])


async def test_e224_the_servers_ready_names_the_newest_frame_and_ready_again_mends_a_gap() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    for _ in range(2):
        await in_thread(add_frame, instance)
    async with Client(instance, await token_of(owner)) as client:
        await client.ready({str(instance.uuid): 0})
        assert (await client.frames_until("ready"))[-1] == {"type": "ready", "lastSeq": {str(instance.uuid): 2}}
        await client.ready({str(instance.uuid): 1})  # as a client does that missed number 2
        heard = await client.frames_until("ready")
        assert seqs(heard) == [2]
        assert heard[-1]["lastSeq"] == {str(instance.uuid): 2}


async def test_e160_a_hint_that_is_doubled_late_or_lost_neither_doubles_nor_loses_a_frame() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    async with Client(instance, await token_of(owner)) as client:
        await client.ready({str(instance.uuid): 0})
        await client.frames_until("ready")
        one, two, three = [await in_thread(add_frame, instance) for _ in range(3)]
        await hint(two)
        await hint(one)
        await hint(one, two, three)
        await in_thread(add_frame, instance)  # nobody tells of the fourth
        assert [(await client.hear())["seq"] for _ in range(4)] == [1, 2, 3, 4]
        assert await client.is_silent()


async def test_e159_a_socket_carries_subprocesses_the_user_may_view_and_never_inherited_instances() -> None:
    owner = await in_thread(make_user, "rider")
    other = await in_thread(make_user, "other", "agents")
    instance = await in_thread(make_instance, owner)
    seen = await in_thread(make_instance, owner, parent=instance)
    hidden = await in_thread(make_instance, other, parent=instance, name="secret")
    inherited = await in_thread(make_instance, owner, parent=instance, relation="INHERITED")
    for one in (instance, seen, hidden, inherited):
        await in_thread(add_frame, one)
    async with Client(instance, await token_of(owner)) as client:
        await client.ready({str(instance.uuid): 0})
        heard = await client.frames_until("ready")
        assert {text["processInstanceUuid"] for text in heard[:-1]} == {str(instance.uuid), str(seen.uuid)}
        for one in (hidden, inherited, seen):
            await hint(await in_thread(add_frame, one))
        assert (await client.hear())["processInstanceUuid"] == str(seen.uuid)
        assert await client.is_silent()


async def test_e159_a_subprocess_started_while_connected_is_carried_from_its_first_frame() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    async with Client(instance, await token_of(owner)) as client:
        await client.ready({str(instance.uuid): 0})
        await client.frames_until("ready")
        child = await in_thread(make_instance, owner, parent=instance)
        await in_thread(add_frame, child)
        await in_thread(add_frame, child)
        heard = [await client.hear() for _ in range(2)]
        assert [(text["processInstanceUuid"], text["seq"]) for text in heard] == [
            (str(child.uuid), 1),
            (str(child.uuid), 2),
        ]


async def test_e222_a_state_frame_tells_each_user_whether_the_instance_is_read_only_for_them() -> None:
    owner = await in_thread(make_user, "rider")
    agent = await in_thread(make_user, "agent", "agents")
    await in_thread(permit, "lease", "Back office", "execute", "agents")
    instance = await in_thread(make_instance, owner)
    body = {"state": "STARTED", "readOnly": False, "incident": False}
    await in_thread(add_frame, instance, "state", body, lanes=["Default"])
    await in_thread(add_frame, instance, "state", body, lanes=["Back office"])
    told = {}
    for user in (owner, agent):
        async with Client(instance, await token_of(user)) as client:
            await client.ready({str(instance.uuid): 0})
            told[user.username] = [text["state"]["readOnly"] for text in (await client.frames_until("ready"))[:-1]]
    assert told == {"rider": [True, True], "agent": [True, False]}
