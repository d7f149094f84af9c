"""The actions of the nodes where tokens are now: due, done, skipped, failed, and when the next run is due (designer 4.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.core.graph import Action, Node
from engine.core.state import ActionStatus
from engine.models import Timer, Token
from engine.queries.events import TYPE_WORDS
from engine.queries.status import InstanceStatus as Status
from engine.queries.tokens import action_states


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action of a current node; `tone` and `icon` belong to its word."""

    node: str
    name: str
    type: str
    depth: int
    how: str
    word: str
    tone: str
    icon: str
    runs: int = 0
    last: datetime | None = None
    due: datetime | None = None


WORDS: Mapping[str, tuple[str, str, str]] = {
    ActionStatus.SCHEDULED: ("Due later", "wait", "schedule"),
    ActionStatus.EXECUTING: ("Runs now", "here", "play_arrow"),
    ActionStatus.COMPLETED: ("Done", "ok", "check"),
    ActionStatus.FAILED: ("Failed", "stop", "cancel"),
    ActionStatus.CANCELLED: ("Cancelled", "", "block"),
    ActionStatus.SKIPPED: ("Skipped", "", "skip_next"),
}


def current_actions(status: Status) -> list[ActionRow]:
    """Rows for each open token's node, in the order the actions run, children below their parent."""
    found: list[ActionRow] = []
    for token in status.open_tokens:
        node = status.graph.nodes.get(token.current_node_id) if status.graph else None
        if node is not None:
            visit = status.open_visit(token)
            states = action_states(visit) if visit else {}
            found += rows_of(node, states, timers_by_action(status, token))
    return found


def timers_by_action(status: Status, token: Token) -> dict[int, Timer]:
    return {timer.action_id: timer for timer in status.pending_timers if timer.token_id == token.id and timer.action_id}


def rows_of(node: Node, states: Mapping[str, Mapping[str, Any]], timers: Mapping[int, Timer]) -> Iterator[ActionRow]:
    for action, depth in in_order(node):
        state = states.get(str(action.id), {})
        word, tone, icon = WORDS.get(str(state.get("state", "")), not_run(action))
        timer = timers.get(action.id)
        yield ActionRow(
            node=node.name,
            name=action.name,
            type=TYPE_WORDS.get(action.type, str(action.type)),
            depth=depth,
            how=f"{'Manual' if action.manual else 'Automatic'}, {'optional' if action.optional else 'mandatory'}",
            word=word,
            tone=tone,
            icon=icon,
            runs=int(state.get("runs") or 0),
            last=moment(state.get("lastExecutedDate")),
            due=timer.due_at if timer else None,
        )


def not_run(action: Action) -> tuple[str, str, str]:
    """The word for an action without a state."""
    if action.parent_name is not None:
        return "After its parent", "", "subdirectory_arrow_right"
    if action.manual:
        return "Due by hand", "wait", "touch_app"
    return "Not yet run", "", "circle"


def in_order(node: Node) -> Iterator[tuple[Action, int]]:
    """Top-level actions by order, each followed by its children, as deep as they go."""

    def below(parent: Action, depth: int) -> Iterator[tuple[Action, int]]:
        yield parent, depth
        for child in node.children(parent):
            yield from below(child, depth + 1)

    for action in node.top_level():
        yield from below(action, 0)


def moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
