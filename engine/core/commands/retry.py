"""Retry: go on from the failed step of a token with an open incident (engine 3.9)."""

from __future__ import annotations

from engine.core import events, flow, sequence
from engine.core.commands import hold
from engine.core.graph import Node
from engine.core.state import Incident, InstanceStatus, TokenState
from engine.core.stimuli import TOKEN_NOT_FOUND, Refusal, Retry
from engine.core.turn import Turn

NOTHING_TO_RETRY = "Nothing to retry on this token."


def run(turn: Turn, stimulus: Retry) -> dict[str, object]:
    token = turn.state.token_with_uuid(stimulus.token_uuid)
    if token is None:
        raise Refusal(404, TOKEN_NOT_FOUND, entity="token")
    incidents = turn.open_incidents(token.visit)
    running = turn.state.state in (InstanceStatus.STARTED, InstanceStatus.CREATED)
    if not running or token.state is not TokenState.ACTIVE or not incidents:
        raise Refusal(409, NOTHING_TO_RETRY, code="OPS-001", entity="token")
    node = turn.graph.nodes[token.node_id]
    turn.entry("Retry", token=token, node=node, details={"reason": stimulus.reason, "incident": incidents[0].id})
    for incident in incidents:
        if incident.closed_at is not None:
            continue  # the one before has done this step too
        turn.close_incident(incident, "retried")
        if incident.action_id is not None:
            _repeat(turn, token_node=node, incident=incident)
        elif (
            incident.node_id not in (None, node.id) and turn.graph.nodes[incident.node_id or 0].attached_to == node.key
        ):
            events.arm(turn, token, turn.graph.nodes[incident.node_id or 0])
    flow.advance(turn, token)
    if turn.state.state is InstanceStatus.CREATED and token.node_id != token.start_node_id:
        turn.state.state = InstanceStatus.STARTED
        hold.go_on(turn)
    return {"tokenUuid": str(token.uuid), "currentNodeId": token.node_id, "state": str(turn.state.state)}


def _repeat(turn: Turn, *, token_node: Node, incident: Incident) -> None:
    """Run the failed action again, then what was to follow it."""
    token = turn.state.tokens[incident.token_id or 0]
    action = token_node.action(incident.action_id or 0)
    if action is None:
        return
    rest = tuple(incident.rest)
    if incident.cause_type == sequence.TIMER_CAUSE:
        ran = sequence.trigger(turn, token, token_node, action, siblings=rest)
    else:
        state = sequence.visit_of(token).actions[action.id]
        state.runs += 1
        ran = sequence.execute(turn, token, token_node, action, run=state.runs, rest=rest)
    if ran is sequence.Ran.DONE:
        sequence.run_queue(turn, token, token_node, sequence.actions_of(token_node, rest))
