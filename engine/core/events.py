"""Boundary events: armed while a token is on their host, fired into the token's own way or a side token's (engine 3.6, 3.8)."""

from __future__ import annotations

from engine.core import sequence
from engine.core.actions import ActionFailed
from engine.core.graph import Node, NodeType
from engine.core.state import NodeStatus, Token, TokenState
from engine.core.turn import Turn


def arm_boundaries(turn: Turn, token: Token, host: Node) -> None:
    """Arm the timers of the events on a node where a token has just arrived (engine 3.4, step 1)."""
    for node in turn.graph.boundaries(host):
        if node.type is NodeType.TIMER_BOUNDARY:
            arm_boundary(turn, token, node)


def arm_boundary(turn: Turn, token: Token, node: Node) -> None:
    """Arm one boundary timer in the token's visit; an incident when its expression gives no moment."""
    try:
        sequence.arm_node_timer(turn, token, node, even_if_due=True)
    except ActionFailed as failure:
        turn.open_incident("Engine", "Node", failure.message, token=token, node=node, cause=failure.cause)


def side_token(turn: Turn, host: Token, node: Node) -> Token:
    """A token of its own on a non-interrupting event; it takes part in no join (engine 3.6)."""
    made = Token(
        id=next(turn.world.ids),
        uuid=turn.world.new_uuid(),
        parent_token_id=None,
        state=TokenState.ACTIVE,
        status=NodeStatus.ARRIVED,
        start_node_id=host.start_node_id,
        node_id=node.id,
        node_name=host.node_name,
        swimlane=node.swimlane,
        created_at=turn.now,
        updated_at=turn.now,
        version=-1,
    )
    turn.state.tokens[made.id] = made
    return made
