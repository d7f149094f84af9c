"""Who may connect, what the clock does, and what ends a socket (engine 8.6, 8.7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from engine import bearer
from engine.models import ApiToken, SocketTicket, SwimlanePermission
from engine.push import tickets
from engine.push.stream import in_thread
from flowx_site.demo.private_redis import PrivateRedis
from tests.push.sockets import FAST, Client, token_of
from tests.push.stored import add_frame, add_token, hint, make_instance, make_user, permit

pytestmark = pytest.mark.django_db(transaction=True)


async def test_e162_the_handshake_is_accepted_then_closed_with_4401_for_nobody() -> None:
    instance = await in_thread(make_instance)
    for token in ("", "fxa_unknown"):
        async with Client(instance, token) as client:
            assert await client.close_code() == 4401


async def test_e162_an_unknown_instance_and_one_of_another_user_both_close_with_4404() -> None:
    rider = await in_thread(make_user, "rider")
    other = await in_thread(make_user, "other")
    theirs = await in_thread(make_instance, other)
    for instance in (theirs, str(uuid4())):
        async with Client(instance, await token_of(rider)) as client:
            assert await client.close_code() == 4404


async def test_e163_the_owner_gets_frames_without_a_view_right_and_so_do_viewers_and_operators() -> None:
    owner = await in_thread(make_user, "rider")
    viewer = await in_thread(make_user, "viewer", "viewers")
    await in_thread(permit, "lease", "Default", "view", "viewers")
    instance = await in_thread(make_instance, owner)
    await in_thread(add_frame, instance)
    for user in (owner, viewer):
        async with Client(instance, await token_of(user)) as client:
            await client.ready({str(instance.uuid): 0})
            assert (await client.hear())["seq"] == 1


async def test_e225_a_ticket_opens_one_socket_only_and_only_for_60_seconds() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    ticket = await in_thread(tickets.issue, owner)
    assert not await in_thread(SocketTicket.objects.filter(ticket_hash=ticket).exists)  # only its hash is stored
    async with Client(instance, query=f"ticket={ticket}") as client:
        await client.ready()
        await client.frames_until("ready")
    async with Client(instance, query=f"ticket={ticket}") as client:
        assert await client.close_code() == 4401
    late = await in_thread(tickets.issue, owner)
    row = await in_thread(SocketTicket.objects.get)
    assert timedelta(seconds=55) < row.expires_at - timezone.now() <= timedelta(seconds=60)
    await in_thread(SocketTicket.objects.update, expires_at=timezone.now())
    async with Client(instance, query=f"ticket={late}") as client:
        assert await client.close_code() == 4401


async def test_e225_a_bearer_token_in_the_address_is_not_accepted() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    token = await token_of(owner)
    for name in ("token", "access_token", "ticket", "authorization"):
        async with Client(instance, query=f"{name}={token}") as client:
            assert await client.close_code() == 4401


async def test_e226_a_socket_without_ready_closes_with_4408() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    async with Client(instance, await token_of(owner), timing=replace(FAST, ready_s=0.1)) as client:
        assert await client.close_code() == 4408


async def test_e226_more_than_ten_texts_a_second_or_one_over_64_kib_close_with_4429() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    async with Client(instance, await token_of(owner)) as client:
        for _ in range(11):
            await client.ready()
        assert await client.close_code() == 4429
    async with Client(instance, await token_of(owner)) as client:
        await client.say('{"type": "ready", "lastSeq": {}, "more": "' + "x" * 65536 + '"}')
        assert await client.close_code() == 4429


async def test_e160_any_other_client_text_is_answered_with_an_error_and_the_socket_stays() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    async with Client(instance, await token_of(owner)) as client:
        for text in (
            "hello",
            "[]",
            '{"type": "hello"}',
            '{"type": "ready", "lastSeq": {"x": -1}}',
            '{"type":"ready","lastSeq":[1]}',
        ):
            await client.say(text)
            assert await client.hear() == {"type": "error", "message": "Unsupported message."}
        await client.ready()
        assert (await client.hear())["type"] == "ready"


async def test_e224_the_ping_names_the_newest_frame_and_needs_no_answer() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    await in_thread(add_frame, instance)
    async with Client(instance, await token_of(owner), timing=replace(FAST, ping_s=0.1)) as client:
        assert await client.is_silent()  # not before ready
        await client.ready({str(instance.uuid): 1})
        for _ in range(2):
            assert (await client.frames_until("ping"))[-1] == {"type": "ping", "lastSeq": {str(instance.uuid): 1}}


async def test_e226_a_lost_right_closes_with_4403_and_a_lost_login_with_4401() -> None:
    viewer = await in_thread(make_user, "viewer", "viewers")
    await in_thread(permit, "lease", "Default", "view", "viewers")
    instance = await in_thread(make_instance)
    often = replace(FAST, recheck_s=0.1)
    async with Client(instance, await token_of(viewer), timing=often) as client:
        await client.ready()
        await client.frames_until("ready")
        await in_thread(SwimlanePermission.objects.all().delete)
        assert await client.close_code() == 4403
    await in_thread(permit, "lease", "Default", "view", "viewers")
    async with Client(instance, await token_of(viewer), timing=often) as client:
        await client.ready()
        await client.frames_until("ready")
        await in_thread(ApiToken.objects.update, revoked_at=timezone.now())
        assert await client.close_code() == 4401


async def test_e226_rights_are_read_again_when_a_state_frame_tells_of_another_swimlane() -> None:
    viewer = await in_thread(make_user, "viewer", "viewers")
    await in_thread(permit, "lease", "Default", "view", "viewers")
    instance = await in_thread(make_instance)
    async with Client(instance, await token_of(viewer)) as client:
        await client.ready({str(instance.uuid): 0})
        await client.frames_until("ready")
        await in_thread(SwimlanePermission.objects.all().delete)
        body = {"state": "STARTED", "readOnly": False, "incident": False}
        await hint(await in_thread(add_frame, instance, "state", body, lanes=["Back office"]))
        assert await client.close_code() == 4403


async def test_e226_an_expired_token_that_was_renewed_does_not_cut_the_socket() -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    often = replace(FAST, recheck_s=0.1)
    async with Client(instance, await token_of(owner), timing=often) as client:
        await client.ready()
        await client.frames_until("ready")
        await in_thread(bearer.verify, await token_of(owner))
        old = await in_thread(ApiToken.objects.earliest, "pk")
        await in_thread(ApiToken.objects.filter(pk=old.pk).update, expires_at=timezone.now())
        assert await client.is_silent()
        await in_thread(ApiToken.objects.exclude(pk=old.pk).delete)
        assert await client.close_code() == 4401


async def test_frames_arrive_although_redis_was_emptied_and_was_away(redis_server: PrivateRedis) -> None:
    owner = await in_thread(make_user, "rider")
    instance = await in_thread(make_instance, owner)
    await in_thread(add_token, instance)
    async with Client(instance, await token_of(owner)) as client:
        await client.ready({str(instance.uuid): 0})
        await client.frames_until("ready")
        await in_thread(redis_server.empty)
        await in_thread(add_frame, instance)
        assert (await client.hear())["seq"] == 1
        await in_thread(redis_server.stop)
        await in_thread(add_frame, instance)
        assert (await client.hear())["seq"] == 2
    async with Client(instance, await token_of(owner)) as client:  # connecting needs no Redis either
        await client.ready({str(instance.uuid): 0})
        assert [text["seq"] for text in (await client.frames_until("ready"))[:-1]] == [1, 2]
        await in_thread(add_frame, instance)
        assert (await client.hear())["seq"] == 3
