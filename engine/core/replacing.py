"""A new token in the place of an old one, for going back and for moving: the old one is ABORTED (engine 9.3, 13.2)."""

from __future__ import annotations

from engine.core import flow
from engine.core.graph import Node
from engine.core.state import NodeStatus, Token, TokenState
from engine.core.turn import Turn


def replace(turn: Turn, token: Token, target: Node, *, history_until: int) -> Token:
    """End `token` and make one that has just arrived on `target`, with the same parent and the visits below `history_until`."""
    came_from = token.node_name
    flow.leave(turn, token)
    token.state = TokenState.ABORTED
    turn.changed_token(token)
    turn.entry("Abort", token=token, node=turn.graph.nodes[token.node_id])
    fresh = Token(
        id=next(turn.world.ids),
        uuid=turn.world.new_uuid(),
        parent_token_id=token.parent_token_id,
        state=TokenState.ACTIVE,
        status=NodeStatus.ARRIVED,
        start_node_id=token.start_node_id,
        node_id=target.id,
        node_name=came_from,
        swimlane=token.swimlane,
        stage=token.stage,
        created_at=turn.now,
        updated_at=turn.now,
        version=-1,
        replaces_id=token.id,
        history_until=history_until,
    )
    turn.state.tokens[fresh.id] = fresh
    turn.moved.pop(token.id, None)
    flow.enter(turn, fresh, target)
    return fresh
