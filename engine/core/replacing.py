"""A new token in the place of an old one, for going back and for moving: the old one is ABORTED (engine 9.3, 13.2)."""

from __future__ import annotations

from engine.core import flow, tokens
from engine.core.graph import Node
from engine.core.state import Token, TokenState
from engine.core.turn import Turn


def replace(turn: Turn, token: Token, target: Node, *, history_until: int) -> Token:
    """End `token` and make one that has just arrived on `target`, with the same parent and the visits below `history_until`."""
    came_from = token.node_name
    flow.leave(turn, token)
    token.state = TokenState.ABORTED
    turn.changed_token(token)
    turn.entry("Abort", token=token, node=turn.graph.nodes[token.node_id])
    fresh = tokens.make(turn, target, origin=token, came_from=came_from, parent_id=token.parent_token_id)
    fresh.replaces_id, fresh.history_until = token.id, history_until
    turn.moved.pop(token.id, None)
    flow.enter(turn, fresh, target)
    return fresh
