"""How the diagram of an instance is painted (engine 2.10, designer 4.2): a state for each node, passed flows, tokens, outline.

Green passed, red stuck, amber waiting, blue a token runs here, grey dashed not reached; each with a symbol and a word.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from engine.core.graph import NodeType
from engine.core.state import InstanceStatus, TokenState
from engine.models import Token
from engine.queries.status import InstanceStatus as Status
from engine.queries.whereabouts import WAITING

WORDS = {
    "passed": "passed",
    "stuck": "stuck",
    "wait": "waiting",
    "here": "token here",
    "ended": "ended here",
    "future": "not reached",
}
ICONS = {"passed": "check", "stuck": "close", "wait": "hourglass_top", "here": "play_arrow", "ended": "stop_circle"}
TYPE_WORDS = {
    NodeType.START: "start",
    NodeType.END: "end",
    NodeType.TASK: "task",
    NodeType.USER_TASK: "user task",
    NodeType.MESSAGE_EVENT_SEND: "send message task",
    NodeType.MESSAGE_EVENT_RECEIVE: "receive message task",
    NodeType.EXCLUSIVE_GATEWAY: "exclusive gateway",
    NodeType.PARALLEL_GATEWAY: "parallel gateway",
    NodeType.MILESTONE_START: "milestone start",
    NodeType.MILESTONE_END: "milestone end",
    NodeType.SUBPROCESS_RUN: "subprocess",
    NodeType.TIMER_INTERMEDIATE: "timer",
    NodeType.TIMER_BOUNDARY: "boundary timer",
    NodeType.TIMER_START: "timer start",
    NodeType.MESSAGE_THROW: "message throw",
    NodeType.MESSAGE_CATCH_INTERMEDIATE: "message catch",
    NodeType.MESSAGE_CATCH_BOUNDARY: "boundary message catch",
    NodeType.MESSAGE_CATCH_START: "message start",
}


@dataclass(frozen=True, slots=True)
class NodeState:
    """One node: its state with symbol and words, how many tokens are on it, how often it was visited, where it leads."""

    id: int
    key: str
    name: str
    type: str
    swimlane: str
    state: str
    icon: str
    words: str
    tokens: int
    visits: int
    leads_to: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Painting:
    """The nodes in the order of the version, the pairs of nodes that a token passed between, and the whole in one sentence."""

    nodes: list[NodeState]
    passed: list[tuple[int, int]]
    label: str

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script paints by."""
        return {"nodes": [asdict(node) for node in self.nodes], "passed": self.passed, "label": self.label}

    @property
    def legend(self) -> list[str]:
        """The states that occur, in a fixed order."""
        present = {node.state for node in self.nodes}
        tokens = {"here"} if any(node.tokens for node in self.nodes) else set()
        return [state for state in ("passed", "stuck", "here", "wait", "ended", "future") if state in present | tokens]


def paint(status: Status) -> Painting:
    """The painting of an instance; nothing where its version is no longer kept."""
    if status.graph is None:
        return Painting([], [], "")
    stuck = {incident.node_id for incident in status.open_incidents if incident.token_id}
    tokens_on: dict[int, list[Token]] = {}
    for token in status.open_tokens:
        tokens_on.setdefault(token.current_node_id, []).append(token)
    visits: dict[int, int] = {}
    left: set[int] = set()
    stopped: set[int] = set()
    open_tokens = {token.id for token in status.open_tokens}
    last_visit = {visit.token_id: visit for visit in status.visits}
    ended_badly = status.ended and status.instance.state != InstanceStatus.FINISHED
    for visit in status.visits:
        visits[visit.node_id] = visits.get(visit.node_id, 0) + 1
        is_last = last_visit[visit.token_id] is visit
        if is_last and visit.token_id not in open_tokens and ended_badly:
            stopped.add(visit.node_id)
        elif visit.left_at is not None or (is_last and visit.token_id not in open_tokens):
            left.add(visit.node_id)
    nodes = []
    for node in status.graph.nodes.values():
        here = tokens_on.get(node.id, [])
        state = (
            "stuck"
            if node.id in stuck
            else state_of_tokens(here)
            if here
            else "ended"
            if node.id in stopped
            else "passed"
            if node.id in left
            else "future"
        )
        words = say_state(state, len(here), visits.get(node.id, 0))
        nodes.append(
            NodeState(
                node.id,
                node.key,
                node.name,
                TYPE_WORDS.get(node.type, str(node.type)),
                node.swimlane,
                state,
                ICONS.get(state, ""),
                words,
                len(here),
                visits.get(node.id, 0),
                node.outgoing,
            )
        )
    return Painting(nodes, passed_between(status), label_of(nodes))


def state_of_tokens(tokens: list[Token]) -> str:
    """The state of a node with tokens and no open incident."""
    return "wait" if any(token.status in WAITING or token.state == TokenState.ON_HOLD for token in tokens) else "here"


def say_state(state: str, tokens: int, visits: int) -> str:
    words = WORDS[state]
    if tokens > 1:
        words += f", {tokens} tokens here"
    elif tokens and state != "here":
        words += ", token here"
    return f"{words}, visited {visits} times" if visits > 1 else words


def passed_between(status: Status) -> list[tuple[int, int]]:
    """Pairs of nodes that one token visited one after the other."""
    last: dict[int, int] = {}
    found: dict[tuple[int, int], None] = {}
    for visit in status.visits:
        if visit.token_id in last:
            found[last[visit.token_id], visit.node_id] = None
        last[visit.token_id] = visit.node_id
    return list(found)


def label_of(nodes: list[NodeState]) -> str:
    """The diagram in words, for those who do not see it."""
    parts = []
    for state in ("passed", "stuck", "wait", "here", "ended"):
        names = [node.name for node in nodes if node.state == state]
        if names:
            parts.append(f"{', '.join(names)} {WORDS[state]}")
    return "; ".join(parts) or "Nothing reached yet"
