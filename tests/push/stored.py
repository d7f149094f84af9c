"""Instances and frames as rows, for tests of what sockets read: they need no process behind them."""

from __future__ import annotations

import itertools
import json
from typing import Any
from uuid import uuid4

from channels.layers import get_channel_layer
from django.contrib.auth.models import Group, User
from django.utils import timezone

from engine.models import Instance, JournalEntry, SwimlanePermission, Token
from engine.push.frames import Frame
from engine.push.stream import in_thread
from engine.wakeups import group_message

_ids = itertools.count(1)


def make_user(name: str, *groups: str) -> User:
    """An active user in these groups, with the password `secret`."""
    user = User.objects.create_user(name, password="secret")
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return user


def permit(process: str, lane: str, operation: str, group: str) -> None:
    """One swimlane permission."""
    SwimlanePermission.objects.create(process_name=process, swimlane=lane, operation=operation, group=group)


def make_instance(
    owner: User | None = None, *, parent: Instance | None = None, relation: str = "", name: str = "lease"
) -> Instance:
    """A started instance; with `parent`, a SUBPROCESS descendant unless `relation` says INHERITED."""
    number = next(_ids)
    relation = relation or ("SUBPROCESS" if parent else "")
    now = timezone.now()
    return Instance.objects.create(
        id=number,
        uuid=uuid4(),
        root_id=parent.root_id if parent and relation == "SUBPROCESS" else number,
        parent_id=parent.id if parent else None,
        parent_uuid=parent.uuid if parent else None,
        relation=relation,
        snapshot_id=1,
        definition_id=1,
        process_name=name,
        version=1,
        state="STARTED",
        params="{}",
        start_params="{}",
        owner_id=owner.pk if owner else None,
        started_at=now,
        updated_at=now,
    )


def add_token(instance: Instance, lane: str = "Default", state: str = "ACTIVE") -> Token:
    """A token of the instance in a swimlane."""
    now = timezone.now()
    return Token.objects.create(
        id=next(_ids),
        uuid=uuid4(),
        instance_id=instance.id,
        state=state,
        status="EXECUTED_PARTIAL",
        current_node_id=7,
        current_node_name="Form",
        swimlane=lane,
        created_at=now,
        updated_at=now,
    )


BODIES: dict[str, tuple[str, str]] = {
    "data": ("Data", "data"),
    "action": ("RunAction", "action"),
    "progress": ("ProcessMetadata", "progressUpdateDTO"),
    "state": ("ProcessMetadata", "state"),
}


def add_frame(
    instance: Instance,
    kind: str = "data",
    body: dict[str, Any] | None = None,
    *,
    token: Token | None = None,
    lanes: list[str] | None = None,
) -> Frame:
    """Store the next frame of an instance, as the runtime does."""
    instance.refresh_from_db()
    instance.frame_seq += 1
    instance.journal_seq += 1
    instance.save()
    event, member = BODIES[kind]
    frame_id = uuid4()
    frame = {"event": event, "type": kind, "id": str(frame_id), "seq": instance.frame_seq}
    frame |= {"processInstanceUuid": str(instance.uuid), "timestamp": "2026-01-01T00:00:00.000000Z", member: body or {}}
    text = json.dumps(frame, separators=(",", ":"))
    JournalEntry.objects.create(
        instance_id=instance.id,
        number=instance.journal_seq,
        at=timezone.now(),
        event="Frame",
        payload=text,
        frame_seq=instance.frame_seq,
        frame_id=frame_id,
        frame_type=kind,
        token_id=token.id if token else None,
        details={"swimlanes": lanes} if lanes is not None else {},
    )
    return Frame(instance.id, instance.frame_seq, kind, text, tuple(lanes or ()))


async def hint(*frames: Frame) -> None:
    """What the runtime's wake-ups publish after a commit."""
    uuids = dict(await in_thread(lambda: list(Instance.objects.values_list("id", "uuid"))))
    for frame in frames:
        group, message = group_message((uuids[frame.instance_id], frame.seq, frame.text))
        await get_channel_layer().group_send(group, message)
