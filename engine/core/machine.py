"""The machine: (world with states and graphs, stimulus) -> outcome, with everything to store in the world's `Changes`.

Deterministic and without side effects beyond the world it is given: time, ids and uuids come with it. A `Refusal` is raised
before anything has changed. Any other exception leaves the world unusable: the runtime drops it and rolls back.
"""

from __future__ import annotations

from typing import Any

from engine.core import firing, flow, jsonio, paths, records, sequence
from engine.core.actions import ActionFailed
from engine.core.answers import execute_answer, start_answer
from engine.core.commands import end, hold, retry, run_timer
from engine.core.graph import Action, ActionType, Graph, Node
from engine.core.lookup import lookup_for
from engine.core.state import (
    ActionState,
    ActionStatus,
    InstanceState,
    InstanceStatus,
    NodeStatus,
    Timer,
    TimerKind,
    Token,
    TokenState,
)
from engine.core.stimuli import (
    INSTANCE_NOT_FOUND,
    TOKEN_NOT_FOUND,
    Dismiss,
    Done,
    Execute,
    Hold,
    MessageReceived,
    PushFrame,
    Refusal,
    Retry,
    RunTimer,
    Start,
    Stimulus,
    Terminate,
    TimerDue,
    Unhold,
)
from engine.core.turn import Turn, World

ERROR_KEYS = "error.validation.process_instance."


def step(world: World, stimulus: Stimulus) -> Done:
    """Apply one stimulus.

    Raises `Refusal` for a call that is wrong, `records.RecordFailed` for a record that cannot be applied.
    """
    if isinstance(stimulus, Start):
        return start(world, stimulus)
    state = world.instances.get(stimulus.instance_uuid)
    if state is None:
        raise Refusal(404, INSTANCE_NOT_FOUND)
    turn = Turn(world, state)
    actor = getattr(stimulus, "actor", None)
    turn.user = "" if actor is None else actor.name
    done = _apply(turn, stimulus)
    turn.closing_frames()
    state.updated_at = turn.now
    return done


def _apply(turn: Turn, stimulus: Stimulus) -> Done:
    match stimulus:
        case Execute():
            return execute(turn, stimulus)
        case MessageReceived():
            return receive(turn, stimulus)
        case TimerDue():
            timer = turn.state.timers.get(stimulus.timer_id)
            return _done(turn, {"fired": timer is not None and firing.fire(turn, timer)})
        case PushFrame():
            origin = {"instance": str(stimulus.from_uuid)}
            turn.frame(stimulus.frame_type, stimulus.text, action_name=stimulus.action_name, details=origin)
            return _done(turn, {})
        case Retry():
            return _done(turn, retry.run(turn, stimulus))
        case Terminate():
            return _done(turn, end.terminate(turn, stimulus))
        case Dismiss():
            return _done(turn, end.dismiss(turn, stimulus))
        case Hold():
            return _done(turn, hold.hold(turn, stimulus))
        case Unhold():
            return _done(turn, hold.unhold(turn, stimulus))
        case RunTimer():
            return _done(turn, run_timer.run(turn, stimulus))
    raise TypeError(f"not a stimulus: {stimulus!r}")


def _done(turn: Turn, answer: dict[str, Any]) -> Done:
    return Done(turn.state.uuid, answer)


def disarm(world: World, stimulus: TimerDue, error: str) -> Done:
    """Put aside a timer whose firing fails for an unknown reason: an incident on its token, and it never fires again."""
    state = world.instances.get(stimulus.instance_uuid)
    timer = None if state is None else state.timers.get(stimulus.timer_id)
    if state is None or timer is None:
        raise Refusal(404, INSTANCE_NOT_FOUND)
    turn = Turn(world, state)
    turn.cancel_timer(timer)
    token = state.tokens.get(timer.token_id or 0)
    node = None if token is None else turn.graph.nodes[token.node_id]
    action = None if node is None else node.action(timer.action_id or 0)
    message = f"The timer failed when it was due: {error}. Report this, then retry."
    if token is not None and node is not None and action is not None and token.visit is not None:
        sequence.fail(turn, token, node, action, ActionFailed(message))
    else:
        turn.open_incident("Engine", "Node", message, token=token, node=node)
    turn.closing_frames()
    return Done(state.uuid, {"fired": False, "error": error})


# -- start -------------------------------------------------------------------------------------------------------------


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
        delay = sequence.resolve_duration(expression, lookup_for(turn.world, turn.state), "the expiry time")
        due_at = sequence.due(delay, turn, turn.world.zone)
    except ActionFailed as failure:
        turn.open_incident("Definition", "Process Definition", failure.message)
        return
    turn.state.expires_at = due_at
    timer = Timer(
        id=next(turn.world.ids), kind=TimerKind.EXPIRY, due_at=due_at, created_at=turn.now, expression=expression
    )
    turn.state.timers[timer.id] = timer
    turn.changed_timer(timer)


# -- execute -----------------------------------------------------------------------------------------------------------


def execute(turn: Turn, stimulus: Execute) -> Done:
    """Run a manual action (engine 4.5), after the checks of engine 4.7 that need the state."""
    token, node, action = _executable(turn, stimulus)
    accepted = paths.keep_keys(dict(stimulus.body), action.keys)
    merged = paths.merge(turn.state.params, accepted)
    visit = sequence.visit_of(token)
    before = {incident.id for incident in turn.open_incidents(visit)}
    size = jsonio.size_bytes(merged)
    if size > turn.world.limits.params:
        _too_large(turn, token, node, action, size)
    else:
        turn.state.params = merged
        sequence.trigger(turn, token, node, action)
    failed = [
        incident
        for incident in turn.open_incidents(visit)
        if incident.action_id == action.id and incident.id not in before
    ]
    flow.advance(turn, token)
    if failed:
        return Done(turn.state.uuid, {}, incident_id=failed[0].id, incident_message=failed[0].message)
    return _done(turn, execute_answer(token))


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


def _executable(turn: Turn, stimulus: Execute) -> tuple[Token, Node, Action]:
    """The checks of engine 4.7, in its order, from the token on."""
    token = turn.state.token_with_uuid(stimulus.token_uuid)
    if token is None:
        raise Refusal(404, TOKEN_NOT_FOUND, entity="token")
    if turn.state.state is not InstanceStatus.STARTED:
        raise Refusal(409, "Process instance is not running.")
    if token.state is not TokenState.ACTIVE:
        raise Refusal(409, "Token is not active.", entity="token")
    node = turn.graph.nodes[token.node_id]
    action = node.action_named(stimulus.action_name)
    if action is None:
        raise Refusal(400, "Action not found on the current node.", entity="action")
    if not action.manual:
        raise Refusal(400, "Only manual actions can be executed.", entity="action")
    if action.type not in EXECUTE_TYPES:
        raise Refusal(400, "Action type does not match the endpoint.", entity="action")
    states = sequence.visit_of(token).actions
    if action.parent_name is not None:
        parent = node.action_named(action.parent_name)
        parent_state = None if parent is None else states.get(parent.id)
        if parent_state is None or not parent_state.completed:
            raise Refusal(409, "Parent action was not executed yet.", entity="action")
    known = states.get(action.id)
    if known is not None and not action.repeatable and sequence.has_run(known):
        raise Refusal(409, "Action was already executed.", entity="action")
    return token, node, action


EXECUTE_TYPES = frozenset(ActionType)


# -- records -----------------------------------------------------------------------------------------------------------


def receive(turn: Turn, message: MessageReceived) -> Done:
    """A Kafka record for this instance (engine 6.6)."""
    became, token = records.receive(turn, message)
    if token is not None:
        flow.advance(turn, token)
    return _done(turn, {"record": became})
