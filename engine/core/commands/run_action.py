"""Execute action and Skip action, by an operator (engine 13.5)."""

from __future__ import annotations

from typing import Any

from engine.core import back, flow, jsonio, paths, sequence
from engine.core.commands.checks import running_token
from engine.core.graph import Action, Node, NodeType
from engine.core.state import ActionState, ActionStatus, NodeStatus, Token, Visit
from engine.core.stimuli import ExecuteByOperator, Refusal, SkipAction
from engine.core.turn import Turn


def execute(turn: Turn, stimulus: ExecuteByOperator) -> dict[str, Any]:
    """Run any action of the current node now; trigger, parent and delay are overridden, Repeatable is not."""
    token, visit = running_token(turn, stimulus.token_uuid, stimulus.version)
    node = turn.graph.nodes[token.node_id]
    action = node.action_named(stimulus.action_name)
    target = None if action is not None else back.find_target(turn, token, stimulus.action_name)
    if target is not None:
        back.check_allowed(turn, token, target)
    elif action is None:
        text = f"'{stimulus.action_name}' is not on the current node."
        raise Refusal(400, text, code="OPS-004", entity="action")
    elif not action.repeatable and _completed(visit, action):
        text = f"'{action.name}' has already run and is not repeatable."
        raise Refusal(409, text, code="OPS-005", entity="action")
    turn.entry(
        "Execute action",
        token=token,
        action=action or (target.action if target else None),
        subject="Task",
        details={"command": "execute-action", "reason": stimulus.reason, "byHand": True},
    )
    if target is not None:
        token, node, action = back.reset(turn, token, target), target.node, target.action
    assert action is not None
    back.remember(turn, action)
    dropped = paths.dropped_keys(dict(stimulus.body), action.keys)
    turn.state.params = _merged(turn, action, stimulus)
    rest = _rest_of(turn, sequence.visit_of(token), action)
    _cancel_delay(turn, sequence.visit_of(token), action)
    states = sequence.visit_of(token).actions
    state = states.setdefault(action.id, ActionState(action.name, ActionStatus.EXECUTING))
    state.runs += 1
    if sequence.execute(turn, token, node, action, run=state.runs, rest=rest) is sequence.Ran.DONE:
        sequence.run_queue(turn, token, node, sequence.actions_of(node, rest))
    flow.advance(turn, token)
    return {"tokenUuid": str(token.uuid), "currentNodeId": token.node_id, "dropped": dropped}


def skip(turn: Turn, stimulus: SkipAction) -> dict[str, Any]:
    """Count an action as done without running it; later automatic actions follow, then the advance check."""
    token, visit = running_token(turn, stimulus.token_uuid, stimulus.version)
    node = turn.graph.nodes[token.node_id]
    if not stimulus.action_name:
        return _skip_timer_node(turn, token, node, stimulus)
    action = node.action_named(stimulus.action_name)
    if action is None:
        text = f"'{stimulus.action_name}' is not on the current node."
        raise Refusal(400, text, code="OPS-004", entity="action")
    state = visit.actions.get(action.id)
    failed = state is not None and state.state is ActionStatus.FAILED
    if (action.optional and not failed) or (state is not None and (state.done or state.waits_for)):
        raise Refusal(409, f"'{action.name}' need not be skipped.", code="OPS-012", entity="action")
    before = "not run" if state is None else str(state.state)
    state = visit.actions.setdefault(action.id, ActionState(action.name, ActionStatus.SKIPPED))
    rest = _rest_of(turn, visit, action)
    _cancel_delay(turn, visit, action)
    state.state = ActionStatus.SKIPPED
    turn.changed_visit(visit)
    sequence.close_incidents_of(turn, visit, action, "skipped")
    turn.entry(
        "Update",
        token=token,
        action=action,
        subject="Task",
        details={"command": "skip-action", "reason": stimulus.reason, "before": before, "after": "SKIPPED"},
    )
    sequence.run_queue(turn, token, node, sequence.actions_of(node, rest))
    flow.advance(turn, token)
    return {"tokenUuid": str(token.uuid), "currentNodeId": token.node_id}


def _skip_timer_node(turn: Turn, token: Token, node: Node, stimulus: SkipAction) -> dict[str, Any]:
    """A timer node whose timer was cancelled is passed (engine 13.5, 13.6)."""
    if node.type is not NodeType.TIMER_INTERMEDIATE or turn.pending_timers(token.visit):
        raise Refusal(409, f"'{node.name}' need not be skipped.", code="OPS-012", entity="token")
    turn.entry("Update", token=token, details={"command": "skip-action", "reason": stimulus.reason, "after": "SKIPPED"})
    for incident in turn.open_incidents(token.visit):
        turn.close_incident(incident, "skipped")
    token.status = NodeStatus.WAITING_TIMER_EVENT
    flow.advance(turn, token)
    return {"tokenUuid": str(token.uuid), "currentNodeId": token.node_id}


def _completed(visit: Visit, action: Action) -> bool:
    state = visit.actions.get(action.id)
    return state is not None and (state.completed > 0 or state.state is ActionStatus.EXECUTING)


def _merged(turn: Turn, action: Action, stimulus: ExecuteByOperator) -> dict[str, Any]:
    merged = paths.merge(turn.state.params, paths.keep_keys(dict(stimulus.body), action.keys))
    if jsonio.size_bytes(merged) > turn.world.limits.params:
        raise Refusal(400, "With these values the instance's data would be larger than allowed.")
    return merged


def _cancel_delay(turn: Turn, visit: Visit, action: Action) -> None:
    for timer in turn.pending_timers(visit):
        if timer.action_id == action.id:
            turn.cancel_timer(timer)


def _rest_of(turn: Turn, visit: Visit, action: Action) -> tuple[int, ...]:
    """What was to follow the delayed or failed run of this action."""
    rests = [timer.rest for timer in turn.pending_timers(visit) if timer.action_id == action.id]
    rests += [incident.rest for incident in turn.open_incidents(visit) if incident.action_id == action.id]
    return tuple(rests[-1]) if rests else ()
