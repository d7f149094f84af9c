"""Change or cancel a pending timer (engine 13.6)."""

from __future__ import annotations

from typing import Any

from engine.core import firing, flow, sequence
from engine.core.graph import NodeType
from engine.core.state import ActionStatus, InstanceStatus, NodeStatus, Timer, TimerKind, TimerStatus, Token
from engine.core.stimuli import ChangeTimer, Refusal
from engine.core.turn import Turn


def run(turn: Turn, stimulus: ChangeTimer) -> dict[str, Any]:
    timer = turn.state.timers.get(stimulus.timer_id)
    if timer is None or timer.state not in (TimerStatus.PENDING, TimerStatus.HELD):
        raise Refusal(409, "This timer has fired or was cancelled.", code="OPS-011", entity="timer")
    if turn.state.state not in (InstanceStatus.STARTED, InstanceStatus.ON_HOLD):
        raise Refusal(409, "Process instance is not running.")
    due = stimulus.due_at
    turn.entry(
        "Update",
        subject="Task",
        details={
            "command": "cancel-timer" if due is None else "change-timer",
            "reason": stimulus.reason,
            "timer": timer.id,
            "before": timer.due_at.isoformat(),
            "after": None if due is None else due.isoformat(),
        },
    )
    if due is None:
        _cancel(turn, timer)
    else:
        timer.due_at, timer.state = due, TimerStatus.PENDING
        if timer.kind is TimerKind.EXPIRY:
            turn.state.expires_at = due
        turn.changed_timer(timer)
        if due <= turn.now:
            firing.fire(turn, timer)
    return {"uuid": str(turn.state.uuid), "timer": timer.id, "state": str(timer.state)}


def _cancel(turn: Turn, timer: Timer) -> None:
    """What a cancelled timer means depends on what it was for (the table of engine 13.6)."""
    turn.cancel_timer(timer)
    if timer.kind is TimerKind.EXPIRY:
        turn.state.expires_at = None
        return
    token = turn.state.tokens.get(timer.token_id or 0)
    if token is None or token.visit is None:
        return
    if timer.kind is TimerKind.ACTION:
        _cancel_action(turn, timer, token)
    elif timer.kind is TimerKind.NODE and timer.node_id == token.node_id:
        _stop(turn, timer, token)


def _cancel_action(turn: Turn, timer: Timer, token: Token) -> None:
    node = turn.graph.nodes[token.node_id]
    action = node.action(timer.action_id or 0)
    if action is None:
        return
    visit = sequence.visit_of(token)
    visit.actions[action.id].state = ActionStatus.CANCELLED
    turn.changed_visit(visit)
    if action.parent_name is None and not action.optional:
        _stop(turn, timer, token)
        return
    if turn.state.state is InstanceStatus.ON_HOLD:
        visit.actions[action.id].rest = timer.rest  # later siblings go on when the hold ends
    else:
        sequence.run_queue(turn, token, node, sequence.actions_of(node, timer.rest))
        flow.advance(turn, token)


def _stop(turn: Turn, timer: Timer, token: Token) -> None:
    """A cancelled mandatory timer leaves the token with an incident: Retry arms it again, Skip goes on."""
    node = turn.graph.nodes[token.node_id]
    if node.type is NodeType.TIMER_INTERMEDIATE:
        token.status = NodeStatus.ARRIVED
        turn.changed_token(token)
    turn.open_incident(
        "Engine",
        "Action" if timer.action_id else "Node",
        f"The timer of '{timer.action_name or timer.node_name}' was cancelled by {turn.user}. "
        "Retry arms it again, Skip goes on without it.",
        token=token,
        node=node,
        action=node.action(timer.action_id or 0),
        cause=sequence.TIMER_CAUSE,
        rest=timer.rest,
    )
