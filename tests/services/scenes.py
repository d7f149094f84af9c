"""Instances by the hundred, for fights: started in batches, with their tokens and timers read in a few statements."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine import runtime
from engine.core.stimuli import Actor, Done, Start, Stimulus
from engine.models import Instance, Timer, Token
from tests.builders import USER, Published

ROUNDS = int(os.environ.get("CONFLICT_ROUNDS", "1000"))
"""How many rounds each setting is fought; the tests' time limits grow with it."""

LIMIT = max(300, ROUNDS // 2)
AT_ONCE = 50


@dataclass(slots=True)
class Place:
    """An instance, where its newest token is, and what is due there."""

    uuid: uuid.UUID
    id: int
    revision: int = 0
    state: str = ""
    item: int | None = None
    action: int | None = None
    """The action of the parent that started it."""
    tokens: dict[str, uuid.UUID] = field(default_factory=dict)
    """By the name of the node; of several tokens there the newest."""
    timers: list[tuple[int, datetime]] = field(default_factory=list)
    node: str = ""
    """Where the newest token is."""
    process: str = ""
    parent: int | None = None

    @property
    def token(self) -> uuid.UUID:
        return self.tokens[self.node]


def start_many(published: Published, params: Sequence[dict[str, Any]], **fields: Any) -> list[Place]:
    """One instance for each of these start values."""
    stimuli = [Start(uuid.uuid4(), published.snapshot_id, each, USER, **fields) for each in params]
    apply_all(stimuli)
    return places([stimulus.uuid for stimulus in stimuli])


def apply_all(stimuli: Sequence[Stimulus]) -> None:
    """Apply stimuli that must all be done."""
    for first in range(0, len(stimuli), AT_ONCE):
        outcomes = runtime.apply(stimuli[first : first + AT_ONCE])
        assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes


def places(uuids: Sequence[uuid.UUID]) -> list[Place]:
    """Where these instances are now, in this order."""
    found = _read(Instance.objects.filter(uuid__in=uuids))
    by_uuid = {place.uuid: place for place in found}
    return [by_uuid[each] for each in uuids]


def below(parents: Iterable[Place]) -> dict[int, list[Place]]:
    """The children of each of these, by the parent's id."""
    children: dict[int, list[Place]] = {parent.id: [] for parent in parents}
    for child in _read(Instance.objects.filter(parent_id__in=list(children))):
        children[child.parent or 0].append(child)
    return children


def _read(rows: Any) -> list[Place]:
    found = {
        row.id: Place(
            row.uuid,
            row.id,
            row.revision,
            row.state,
            row.item_index,
            row.started_by_action_id,
            process=row.process_name,
            parent=row.parent_id,
        )
        for row in rows.order_by("id")
    }
    for token in Token.objects.filter(instance_id__in=list(found)).order_by("id"):
        found[token.instance_id].tokens[token.current_node_name] = token.uuid
        found[token.instance_id].node = token.current_node_name
    for timer in Timer.objects.filter(instance_id__in=list(found), state__in=["PENDING", "HELD"]).order_by("id"):
        found[timer.instance_id].timers.append((timer.id, timer.due_at))
    return list(found.values())


def actor(*words: object) -> Actor:
    """A name of its own for a stimulus, by which the journal tells what it did."""
    return Actor(" ".join(map(str, words)))
