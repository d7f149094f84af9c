"""Where an instance is now and why, for a row of a list: from the columns that the runtime keeps on the instance for this.

No statement is asked here; the caller brings the open incidents of its page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core import jsonio
from engine.core.graph import Node, NodeType
from engine.core.state import InstanceStatus, NodeStatus
from engine.models import Incident, Instance
from engine.queries.words import Words, at, mono, say

WAITING = frozenset(
    {
        NodeStatus.WAITING_MESSAGE,
        NodeStatus.WAITING_MESSAGE_EVENT,
        NodeStatus.WAITING_TIMER_EVENT,
        NodeStatus.EXECUTED_PARTIAL,
    }
)
"""Statuses of a token that rests until something comes."""

STUCK, MESSAGE, PERSON, TIMER, RUN, ENDED = "stuck", "message", "person", "timer", "run", "ended"


@dataclass(frozen=True, slots=True)
class Where:
    """The cell "Where it is now": what kind of waiting, on which node, in words, and how many more tokens there are."""

    kind: str
    node: str
    detail: Words = ()
    more: int = 0


def where_is(instance: Instance, incidents: Sequence[Incident]) -> Where:
    """Where `instance` is; `incidents` are its open ones, the newest first."""
    places = places_of(instance)
    if instance.state not in (InstanceStatus.CREATED, InstanceStatus.STARTED, InstanceStatus.ON_HOLD):
        ended = say("Ended ", at(instance.finished_at)) if instance.finished_at else say("Ended")
        return Where(ENDED, "", ended)
    if instance.open_incidents:
        newest = incidents[0] if incidents else None
        node = newest.node_name if newest else (places[0].get("nodeName", "") if places else "")
        text = newest.message if newest else instance.incident_text
        return Where(STUCK, node or "Exception", say(first_line(text)), max(0, len(places) - 1))
    if not places:
        return Where(RUN, "", say("Runs now"))
    place = min(places, key=importance)
    kind, detail = waiting(place, instance)
    return Where(kind, str(place.get("nodeName", "")), detail, len(places) - 1)


def importance(place: Mapping[str, Any]) -> int:
    """Of several tokens a row tells of the one that waits for the outside, then of one that waits at all."""
    status = place.get("status")
    return 0 if status == NodeStatus.WAITING_MESSAGE else 1 if status in WAITING else 2


def places_of(instance: Instance) -> list[Mapping[str, Any]]:
    """The open tokens as the list column holds them."""
    found = jsonio.loads(instance.where or "[]")
    return [place for place in found if isinstance(place, dict)] if isinstance(found, list) else []


def waiting(place: Mapping[str, Any], instance: Instance) -> tuple[str, Words]:
    """Which kind of waiting, and the small line under the node's name."""
    status = place.get("status")
    if status == NodeStatus.WAITING_MESSAGE:
        topics = [str(topic) for topic in place.get("topics") or ()]
        return MESSAGE, say("Message on ", mono(topics[0])) if topics else say("Waits for a message")
    if status == NodeStatus.WAITING_MESSAGE_EVENT:
        return MESSAGE, say("Waits for a message event")
    if status == NodeStatus.WAITING_TIMER_EVENT and instance.next_due_at is not None:
        return TIMER, say("Until ", at(instance.next_due_at))
    if status in WAITING and place.get("nodeType") == NodeType.SUBPROCESS_RUN:
        return MESSAGE, say("Waits for its subprocess")
    if status in (NodeStatus.EXECUTED_PARTIAL, NodeStatus.MESSAGE_RECEIVED, NodeStatus.MESSAGE_RESPONSE_TIMED_OUT):
        if place.get("nodeType") == NodeType.USER_TASK:
            return PERSON, say(str(place.get("swimlane") or "A person"))
        if instance.next_due_at is not None:
            return TIMER, say("Until ", at(instance.next_due_at))
        return PERSON, say("A manual action is due")
    return RUN, say("Runs now")


def waits_for_person(node: Node | None) -> bool:
    """Whether a token that rests on the node with actions undone rests there for a person."""
    return node is not None and (
        node.type is NodeType.USER_TASK or any(action.manual and not action.optional for action in node.top_level())
    )


def first_line(text: str) -> str:
    """The first line of a message, for a cell."""
    return text.strip().splitlines()[0] if text.strip() else ""
