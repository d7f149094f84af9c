"""Making tokens: the first one, branches, side tokens, and those that replace another (engine 3)."""

from __future__ import annotations

from engine.core.graph import Node
from engine.core.state import NodeStatus, Token, TokenState
from engine.core.turn import Turn


def make(
    turn: Turn, node: Node, *, origin: Token | None = None, came_from: str = "", parent_id: int | None = None
) -> Token:
    """A new ACTIVE token set on `node`, not yet entered; it goes on in the swimlane and stage of `origin`."""
    token = Token(
        id=next(turn.world.ids),
        uuid=turn.world.new_uuid(),
        parent_token_id=parent_id,
        state=TokenState.ACTIVE,
        status=NodeStatus.ARRIVED,
        start_node_id=node.id if origin is None else origin.start_node_id,
        node_id=node.id,
        node_name=came_from or node.name,
        swimlane="" if origin is None else origin.swimlane,
        stage="" if origin is None else origin.stage,
        created_at=turn.now,
        updated_at=turn.now,
        version=-1,
    )
    turn.state.tokens[token.id] = token
    return token
