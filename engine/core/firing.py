"""A timer is due (engine 5.4). What is no longer pending, or belongs to another stay of the token, does nothing."""

from __future__ import annotations

from engine.core import events, flow, sequence, subprocess
from engine.core.graph import Node, NodeType
from engine.core.state import (
    ActionStatus,
    InstanceStatus,
    NodeStatus,
    Subscription,
    Timer,
    TimerKind,
    TimerStatus,
    Token,
    TokenState,
)
from engine.core.turn import Turn


def fire(turn: Turn, timer: Timer) -> bool:
    """Fire a timer once; false when it has no effect."""
    if timer.state is not TimerStatus.PENDING or turn.state.ended:
        return False
    if turn.state.state is InstanceStatus.ON_HOLD:
        timer.state = TimerStatus.HELD
        turn.changed_timer(timer)
        return False
    timer.state = TimerStatus.FIRED
    turn.changed_timer(timer)
    if timer.kind is TimerKind.EXPIRY:
        _expire(turn)
        return True
    token = turn.state.tokens.get(timer.token_id or 0)
    if token is None or token.state is not TokenState.ACTIVE or token.visit is None or token.visit.id != timer.visit_id:
        return False
    if timer.kind is TimerKind.RESPONSE:
        return _time_out(turn, token, timer)
    if timer.kind is TimerKind.NODE:
        return _timer_node(turn, token, timer)
    return _run_delayed(turn, token, timer)


def _expire(turn: Turn) -> None:
    """The instance expires, by the setting with its subprocesses (engine 2.7)."""
    for child in turn.world.subprocesses(turn.state) if turn.world.expire_subprocesses else []:
        if not child.ended:
            inner = Turn(turn.world, child)
            _expire(inner)
            inner.closing_frames()
    flow.end_instance(turn, InstanceStatus.EXPIRED)
    turn.entry("Expire", subject="Process Instance", user="")


def _timer_node(turn: Turn, token: Token, timer: Timer) -> bool:
    """An intermediate timer lets its token go on; a boundary timer fires its event (engine 5.4)."""
    node = turn.graph.nodes.get(timer.node_id or 0)
    if node is None:
        return False
    if node.type is NodeType.TIMER_INTERMEDIATE:
        flow.advance(turn, token)
    else:
        fire_boundary(turn, token, node)
    return True


def fire_boundary(turn: Turn, token: Token, node: Node) -> None:
    """Interrupting: the host ends and its token leaves by the event. Else a side token does, and the host goes on."""
    if node.interrupting:
        waited = {child for state in sequence.visit_of(token).actions.values() for child in state.waits_for}
        subprocess.abort(
            turn.world, [child for child in turn.world.subprocesses(turn.state) if child.id in waited], turn.user
        )
        flow.leave(turn, token)
        flow.enter(turn, token, node)
        flow.advance(turn, token)
        return
    side = events.side_token(turn, token, node)
    flow.enter(turn, side, node)
    flow.advance(turn, side)


def catch(turn: Turn, subscription: Subscription, text: str) -> bool:
    """A message event for a waiting token; kept while the instance is on hold (engine 1.8, 2.7)."""
    token = turn.state.tokens.get(subscription.token_id)
    if turn.state.ended or token is None or token.visit is None or token.visit.id != subscription.visit_id:
        return False
    if turn.state.state is InstanceStatus.ON_HOLD:
        subscription.held = text
        turn.subscribe(subscription)
        return True
    node = turn.graph.nodes[subscription.node_id]
    if not events.store_data(turn, token, node, text):
        return False
    if node.type is NodeType.MESSAGE_CATCH_BOUNDARY:
        fire_boundary(turn, token, node)
        return True
    turn.drop_subscription(subscription)
    token.status = NodeStatus.MESSAGE_RECEIVED
    flow.advance(turn, token)
    return True


def _time_out(turn: Turn, token: Token, timer: Timer) -> bool:
    """The reply did not come: the token moves on, on a user task only the status changes (engine 6.7)."""
    node = turn.graph.nodes[token.node_id]
    if node.type is not NodeType.USER_TASK and token.status is not NodeStatus.WAITING_MESSAGE:
        return False
    token.status = NodeStatus.MESSAGE_RESPONSE_TIMED_OUT
    turn.changed_token(token)
    turn.entry(
        "Warning",
        token=token,
        node=node,
        status="failure",
        user="",
        details={"message": f"No reply within {timer.expression}.", "topics": node.topics(turn.world.scenarios)},
    )
    if node.type is not NodeType.USER_TASK:
        flow.advance(turn, token)
    return True


def _run_delayed(turn: Turn, token: Token, timer: Timer) -> bool:
    node = turn.graph.nodes[token.node_id]
    action = node.action(timer.action_id or 0)
    state = sequence.visit_of(token).actions.get(timer.action_id or 0)
    if action is None or state is None:
        return False
    if state.state is not ActionStatus.SCHEDULED and not action.repeatable:
        return False
    rest = tuple(timer.rest)
    ran = sequence.execute(turn, token, node, action, run=timer.run, rest=rest, event="Run scheduled action")
    if ran is sequence.Ran.DONE:
        sequence.run_queue(turn, token, node, sequence.actions_of(node, rest))
    flow.advance(turn, token)
    return True
