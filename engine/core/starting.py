"""Starting an instance: which START node, what must be given, the first token (engine 1.6, 2.4, 2.6)."""

from __future__ import annotations

from typing import Any

from engine.core import durations, flow, schedules, tokens
from engine.core.answers import start_answer
from engine.core.entry import check_start, select_start
from engine.core.graph import Node
from engine.core.state import InstanceState, InstanceStatus, Timer, TimerKind, Token, TokenState
from engine.core.stimuli import Done, Start
from engine.core.turn import Turn, World


def start(world: World, stimulus: Start) -> Done:
    """Make an instance and run its first token (engine 2.4)."""
    graph = world.graph(stimulus.snapshot_id)
    node = select_start(graph, stimulus.start_condition) if stimulus.node_id is None else graph.nodes[stimulus.node_id]
    params = dict(stimulus.params)
    check_start(graph, params, world.limits.params)
    state = _new_instance(world, stimulus, params)
    by = stimulus.by or stimulus.actor
    return Done(state.uuid, begin(world, state, node, by.name, reason=stimulus.reason))


def begin(world: World, state: InstanceState, node: Node, user: str, *, reason: str = "") -> dict[str, Any]:
    """Put the first token on its START node and let it go; gives the start answer, with the token still ARRIVED there."""
    turn = Turn(world, state)
    turn.user = user
    token = _first_token(turn, node)
    event = "Start with inherit" if state.relation == "INHERITED" else "Start"
    turn.entry(event, token=token, node=node, subject="Process Instance", details=_origin(state, reason))
    _arm_expiry(turn)
    answer = start_answer(state, turn.graph, token, world.websocket_path)
    flow.advance(turn, token)
    if token.state is TokenState.ACTIVE and token.node_id == node.id and turn.has_incident:
        state.state = InstanceStatus.CREATED
        answer["state"] = str(state.state)
    turn.closing_frames()
    return answer


def _origin(state: InstanceState, reason: str) -> dict[str, Any]:
    """What the journal says of a start that repeats an earlier one (engine 13.7)."""
    details: dict[str, Any] = {"reason": reason} if reason else {}
    if state.restarted_from_uuid is not None:
        details["restartedFrom"] = str(state.restarted_from_uuid)
    return details


def _new_instance(world: World, stimulus: Start, params: dict[str, Any]) -> InstanceState:
    instance_id = next(world.ids)
    state = InstanceState(
        id=instance_id,
        uuid=stimulus.uuid,
        root_id=instance_id,
        snapshot_id=stimulus.snapshot_id,
        state=InstanceStatus.STARTED,
        params=params,
        start_params=params,
        started_at=world.now,
        updated_at=world.now,
        owner_id=stimulus.actor.id,
        owner_name=stimulus.actor.name,
        parent_id=stimulus.parent_id,
        parent_uuid=stimulus.parent_uuid,
        relation=stimulus.relation,
        test=stimulus.test,
        restarted_from_uuid=stimulus.restarted_from,
        start_message_id=stimulus.message_id,
    )
    world.instances[state.uuid] = state
    return state


def _first_token(turn: Turn, node: Node) -> Token:
    token = tokens.make(turn, node)
    flow.enter(turn, token, node)
    return token


def _arm_expiry(turn: Turn) -> None:
    """The instance's expiry counts from its start (engine 2.7)."""
    expression = turn.graph.expiry_time
    if not expression:
        return
    try:
        due_at = schedules.expiry_of(expression, turn.now, turn.world.zone)
    except durations.TimerError:
        turn.open_incident(
            "Definition",
            "Process Definition",
            f"The expiry time '{expression}' is neither a duration nor a six-field cron. Correct it and publish.",
        )
        return
    turn.state.expires_at = due_at
    timer = Timer(
        id=next(turn.world.ids), kind=TimerKind.EXPIRY, due_at=due_at, created_at=turn.now, expression=expression
    )
    turn.state.timers[timer.id] = timer
    turn.changed_timer(timer)
