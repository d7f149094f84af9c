"""A manual action executed by a caller (engine 4.5), after the checks of engine 4.7 that need the state."""

from __future__ import annotations

from collections.abc import Mapping

from engine.core import back, flow, jsonio, paths, sequence
from engine.core.actions import ActionFailed
from engine.core.answers import execute_answer
from engine.core.graph import Action, ActionType, Node
from engine.core.state import ActionState, ActionStatus, InstanceStatus, Token, TokenState
from engine.core.stimuli import TOKEN_NOT_FOUND, Done, Execute, Refusal
from engine.core.turn import Turn


def execute(turn: Turn, stimulus: Execute) -> Done:
    """Run a manual action, or go back to one of an earlier node (engine 4.5, 9.3)."""
    token, node, action, target = _executable(turn, stimulus)
    if target is not None:
        token = back.reset(turn, token, target)
    back.remember(turn, action)
    accepted = paths.keep_keys(dict(stimulus.body), action.keys)
    merged = paths.merge(turn.state.params, accepted)
    visit = sequence.visit_of(token)
    before = {incident.id for incident in turn.open_incidents(visit)}
    size = jsonio.size_bytes(merged)
    if size > turn.world.limits.params:
        _too_large(turn, token, node, action, size)
    else:
        turn.state.params = merged
        sequence.trigger(turn, token, node, action, upload=stimulus.upload or "")
        _tell_of_delay(turn, token, node, action)
    failed = [
        incident
        for incident in turn.open_incidents(visit)
        if incident.action_id == action.id and incident.id not in before
    ]
    flow.advance(turn, token)
    if failed:
        return Done(turn.state.uuid, {}, incident_id=failed[0].id, incident_message=failed[0].message)
    return Done(turn.state.uuid, execute_answer(token, reset=target is not None))


def _tell_of_delay(turn: Turn, token: Token, node: Node, action: Action) -> None:
    """A call whose action is to run later has changed the data already: the journal names who called, and when it is due."""
    visit = sequence.visit_of(token)
    if visit.actions[action.id].state is not ActionStatus.SCHEDULED:
        return
    due = max(timer.due_at for timer in turn.pending_timers(visit) if timer.action_id == action.id)
    details = {"type": str(action.type), "due": due.isoformat()}
    turn.entry("Schedule action", token=token, node=node, action=action, subject="Task", details=details)


def _too_large(turn: Turn, token: Token, node: Node, action: Action, size: int) -> None:
    """The step would make the data too large: nothing is merged, the action fails (engine 2.2)."""
    state = sequence.visit_of(token).actions.setdefault(action.id, ActionState(action.name, ActionStatus.EXECUTING))
    state.runs += 1
    limit = turn.world.limits.params
    failure = ActionFailed(
        f"With these values the instance's data would have {size / 1024:,.0f} kB; the limit is {limit / 1024:,.0f} kB. "
        "Send less, then run the action again."
    )
    sequence.fail(turn, token, node, action, failure)


def _executable(turn: Turn, stimulus: Execute) -> tuple[Token, Node, Action, back.Target | None]:
    """The checks of engine 4.7 and 9.2, in their order, from the token on; a target means going back."""
    token = turn.state.token_with_uuid(stimulus.token_uuid)
    if token is None:
        raise Refusal(404, TOKEN_NOT_FOUND, entity="token")
    node = turn.graph.nodes[token.node_id]
    action = node.action_named(stimulus.action_name)
    target = None if action is not None else back.find_target(turn, token, stimulus.action_name)
    lane = token.swimlane if target is None else target.node.swimlane
    if stimulus.lanes is not None and lane not in stimulus.lanes:
        raise Refusal(403, f"You may not run actions in the swimlane '{lane}'.", entity="token")
    if turn.state.state is not InstanceStatus.STARTED:
        raise Refusal(409, "Process instance is not running.")
    if token.state is not TokenState.ACTIVE:
        raise Refusal(409, "Token is not active.", entity="token")
    if target is not None:
        _check_endpoint(target.action, stimulus)
        back.check_allowed(turn, token, target)
        return token, target.node, target.action, target
    if action is None:
        raise Refusal(400, "Action not found on the current node.", entity="action")
    if not action.manual:
        raise Refusal(400, "Only manual actions can be executed.", entity="action")
    _check_endpoint(action, stimulus)
    _check_callable(node, action, sequence.visit_of(token).actions)
    return token, node, action, None


def _check_callable(node: Node, action: Action, states: Mapping[int, ActionState]) -> None:
    if action.parent_name is not None:
        parent = node.action_named(action.parent_name)
        parent_state = None if parent is None else states.get(parent.id)
        if parent_state is None or not parent_state.completed:
            raise Refusal(409, "Parent action was not executed yet.", entity="action")
    known = states.get(action.id)
    if known is not None and not action.repeatable and sequence.has_run(known):
        raise Refusal(409, "Action was already executed.", entity="action")


def _check_endpoint(action: Action, stimulus: Execute) -> None:
    """An upload action needs a file, and no other takes one (engine 4.7)."""
    if (action.type is ActionType.UPLOAD_FILE) != (stimulus.upload is not None):
        raise Refusal(400, "Action type does not match the endpoint.", entity="action")
