"""Parallel sections: splitting a token into children and joining them again (engine 3.5).

The parent waits ON_HOLD on the closing gateway with two counts: how many children there are and how many are done. A branch that
ends early counts as done; when no branch reached the closing gateway the parent ends with the last of them.
"""

from __future__ import annotations

from engine.core import tokens
from engine.core.graph import Node
from engine.core.state import NodeStatus, Token, TokenState
from engine.core.turn import Turn


def split(turn: Turn, parent: Token, node: Node) -> list[Token]:
    """One child a sequence, each set on the first node of its branch; the parent is put ON_HOLD by the caller."""
    parent.status = NodeStatus.EXECUTED_COMPLETE
    targets = [turn.graph.nodes[target_id] for target_id in node.outgoing]
    return [tokens.make(turn, target, origin=parent, came_from=node.name, parent_id=parent.id) for target in targets]


def wait_for_children(turn: Turn, parent: Token, count: int) -> None:
    parent.state = TokenState.ON_HOLD
    parent.sync_count, parent.sync_finished = count, 0
    turn.changed_token(parent)


def all_done(token: Token) -> bool:
    """Whether the token is a parent whose children are all done: it passes its closing gateway."""
    return token.sync_count > 0 and token.sync_finished >= token.sync_count


def join(turn: Turn, child: Token, node: Node) -> bool:
    """A child has reached the closing gateway; false after an incident for a token that has no business there."""
    parent = turn.state.tokens.get(child.parent_token_id or 0)
    if parent is None or parent.node_id != node.id:
        turn.open_incident(
            "Gateway Evaluation",
            "Node",
            f"The token reached '{node.name}', which joins branches, but comes from none of them. "
            "Connect it behind the gateway that opens the branches and publish.",
            token=child,
            node=node,
        )
        return False
    child.state, child.status = TokenState.INACTIVE, NodeStatus.EXECUTED_COMPLETE
    return True


def branch_ended(turn: Turn, child: Token) -> None:
    """Count a child as done; with the last one the parent goes on, or ends when no branch reached its closing gateway."""
    parent = turn.state.tokens.get(child.parent_token_id or 0)
    if parent is None or parent.state is not TokenState.ON_HOLD:
        return
    parent.sync_finished += 1
    turn.changed_token(parent)
    if not all_done(parent):
        return
    if _reached_the_join(turn, parent):
        parent.state = TokenState.ACTIVE
        turn.set_ready(parent)
        return
    parent.state, parent.status = TokenState.INACTIVE, NodeStatus.EXECUTED_COMPLETE
    if parent.visit is not None:
        parent.visit.left_at = turn.now
        turn.changed_visit(parent.visit)
    branch_ended(turn, parent)


def _reached_the_join(turn: Turn, parent: Token) -> bool:
    """Whether a child came to the gateway on which its parent waits, in this round of a loop."""
    since = 0 if parent.visit is None else parent.visit.number
    children = {token.id for token in turn.state.tokens.values() if token.parent_token_id == parent.id}
    return any(
        visit.node_id == parent.node_id and visit.number > since and visit.token_id in children
        for visit in turn.state.visits
    )
