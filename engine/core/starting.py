"""Starting an instance: which START node, what must be given, the first token (engine 1.6, 2.4, 2.6)."""

from __future__ import annotations

from typing import Any

from engine.core import durations, flow, jsonio, paths, schedules
from engine.core.answers import start_answer
from engine.core.graph import Graph, Node
from engine.core.state import InstanceState, InstanceStatus, NodeStatus, Timer, TimerKind, Token, TokenState
from engine.core.stimuli import Done, Refusal, Start
from engine.core.turn import Turn, World

ERROR_KEYS = "error.validation.process_instance."


def select_start(graph: Graph, start_condition: str | None) -> Node:
    """The START node that a start request picks (engine 1.6). Raises `Refusal` with the documented texts of engine 2.6."""
    starts = graph.starts()
    if not starts:
        raise _no_start_node()
    if len(starts) == 1:
        only = starts[0]
        if start_condition and only.start_condition and start_condition != only.start_condition:
            raise _no_start_node()
        return only
    if not start_condition:
        raise Refusal(
            400,
            "Multiple start nodes found, but start condition not specified.",
            ERROR_KEYS + "start_condition_missing",
        )
    for node in starts:
        if node.start_condition == start_condition:
            return node
    raise _no_start_node()


def _no_start_node() -> Refusal:
    return Refusal(
        400, "Start node for process definition not found.", ERROR_KEYS + "start_node_for_process_def_missing"
    )


def check_start(graph: Graph, params: dict[str, Any], limit_bytes: int) -> None:
    """Mandatory values are there and the data is not too large. Raises `Refusal`."""
    if any(paths.get(params, path) in (paths.MISSING, None) for path in graph.mandatory_params):
        raise Refusal(400, "Some mandatory params are missing.", ERROR_KEYS + "mandatory_params_missing")
    size = jsonio.size_bytes(params)
    if size > limit_bytes:
        raise Refusal(413, f"The start values have {size / 1024:,.0f} kB; the limit is {limit_bytes / 1024:,.0f} kB.")


def start(world: World, stimulus: Start) -> Done:
    """Make an instance and run its first token (engine 2.4)."""
    graph = world.graph(stimulus.snapshot_id)
    node = select_start(graph, stimulus.start_condition)
    params = dict(stimulus.params)
    check_start(graph, params, world.limits.params)
    state = _new_instance(world, stimulus, params)
    turn = Turn(world, state)
    turn.user = stimulus.actor.name
    token = _first_token(turn, node)
    event = "Start with inherit" if stimulus.relation == "INHERITED" else "Start"
    turn.entry(event, token=token, node=node, subject="Process Instance")
    _arm_expiry(turn)
    answer = start_answer(state, graph, token, world.websocket_path)
    turn.moved.clear()
    flow.advance(turn, token)
    if token.state is TokenState.ACTIVE and token.node_id == node.id and turn.has_incident:
        state.state = InstanceStatus.CREATED
        answer["state"] = str(state.state)
    turn.moved[token.id] = token
    turn.closing_frames()
    return Done(state.uuid, answer)


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
    token = Token(
        id=next(turn.world.ids),
        uuid=turn.world.new_uuid(),
        parent_token_id=None,
        state=TokenState.ACTIVE,
        status=NodeStatus.ARRIVED,
        start_node_id=node.id,
        node_id=node.id,
        node_name=node.name,
        swimlane=node.swimlane,
        created_at=turn.now,
        updated_at=turn.now,
        version=-1,
    )
    turn.state.tokens[token.id] = token
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
