"""Reads stored frames and the instances whose frames a socket carries (engine 8.5, 8.6). Functions of the database, no state.

A frame is a journal entry with a `frame_seq`; its payload is the text as sent. A process tree shares `root_id`, so one statement
finds an instance with all its SUBPROCESS descendants; INHERITED instances are roots of their own and never among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db.models import Max, Q, QuerySet

from engine.idempotency import performed_actions
from engine.models import Instance, JournalEntry, Token

CHUNK = 100  # frames read at a time: at most 25 MiB
ROOTS_AT_ONCE = 500


class Member(NamedTuple):
    """An instance of a followed tree, with what its view right depends on and its newest frame number."""

    id: int
    uuid: UUID
    parent_id: int | None
    root_id: int
    owner_id: int | None
    process_name: str
    frame_seq: int


class Frame(NamedTuple):
    """A stored frame. `lanes`, of state frames only: the swimlanes of the open tokens at that moment."""

    instance_id: int
    seq: int
    type: str
    text: str
    lanes: tuple[str, ...] = ()


def _members(rows: QuerySet[Instance]) -> list[Member]:
    return [Member(*row) for row in rows.order_by("id").values_list(*Member._fields)]


def member(uuid: UUID) -> Member | None:
    """The instance of this uuid, or None."""
    found = _members(Instance.objects.filter(uuid=uuid))
    return found[0] if found else None


def trees(root_ids: Iterable[int]) -> dict[int, list[Member]]:
    """The members of each tree, by its root's id; one statement for every 500 trees."""
    roots = list(root_ids)
    found: dict[int, list[Member]] = {root: [] for root in roots}
    for start in range(0, len(roots), ROOTS_AT_ONCE):
        for one in _members(Instance.objects.filter(root_id__in=roots[start : start + ROOTS_AT_ONCE])):
            found[one.root_id].append(one)
    return found


def branch(tree: Sequence[Member], top_id: int) -> list[Member]:
    """Of a tree: the instance `top_id` and its descendants, parents first."""
    children: dict[int | None, list[Member]] = {}
    for one in tree:
        children.setdefault(one.parent_id, []).append(one)
    found = [one for one in tree if one.id == top_id]
    for one in found:  # grows while it is walked
        found.extend(children.get(one.id, ()))
    return found


def after(positions: Mapping[int, int], limit: int = CHUNK) -> list[Frame]:
    """The oldest frames above the given number of each instance, in the order they were made, at most `limit`."""
    by_number: dict[int, list[int]] = {}
    for instance_id, seq in positions.items():
        by_number.setdefault(seq, []).append(instance_id)
    wanted = Q(pk__in=[])
    for seq, ids in by_number.items():
        wanted |= Q(instance_id__in=ids, frame_seq__gt=seq)
    return _frames(JournalEntry.objects.filter(wanted), limit)


def present(members: Sequence[Member]) -> list[Frame]:
    """What a client needs that only wants the present: of each instance the last progress frame of each active token, the
    RunActions that nobody has performed yet, and the last state frame, in the order they were made."""
    ids = [one.id for one in members]
    numbered = JournalEntry.objects.filter(instance_id__in=ids, frame_seq__isnull=False)
    active = Token.objects.filter(instance_id__in=ids, state="ACTIVE").values("id")
    progress = numbered.filter(frame_type="progress", token_id__in=active).values("token_id").annotate(last=Max("id"))
    state = numbered.filter(frame_type="state").values("instance_id").annotate(last=Max("id"))
    wanted = {row["last"] for row in [*progress, *state]}
    actions = dict(numbered.filter(frame_type="action").values_list("id", "frame_id"))
    if actions:
        performed = performed_actions(one.uuid for one in members)
        wanted |= {entry for entry, frame_id in actions.items() if frame_id not in performed}
    newest = {one.id: one.frame_seq for one in members}
    found = _frames(JournalEntry.objects.filter(pk__in=wanted), None)
    return [frame for frame in found if frame.seq <= newest[frame.instance_id]]  # newer ones are sent as live ones


def _frames(rows: QuerySet[JournalEntry], limit: int | None) -> list[Frame]:
    fields = rows.order_by("id").values_list("instance_id", "frame_seq", "frame_type", "payload", "details")[:limit]
    return [
        Frame(instance_id, seq or 0, kind, text or "{}", tuple(details.get("swimlanes", ())))
        for instance_id, seq, kind, text, details in fields
    ]
