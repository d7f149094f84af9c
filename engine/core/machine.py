"""The machine: (world with states and graphs, stimulus) -> outcome, with everything to store in the world's `Changes`.

Deterministic and without side effects beyond the world it is given: time, ids and uuids come with it. A `Refusal` is raised
before anything has changed. Any other exception leaves the world unusable: the runtime drops it and rolls back.
"""

from __future__ import annotations

from typing import Any

from engine.core import firing, flow, jsonio, manual, paths, records, sequence, starting, subprocess
from engine.core.actions import ActionFailed
from engine.core.actions.append_params import merged, tell
from engine.core.actions.start_subprocess import adopt
from engine.core.commands import (
    assign,
    change_timer,
    deliver,
    edit_variables,
    end,
    hold,
    move_token,
    retry,
    run_action,
    run_timer,
)
from engine.core.stimuli import (
    INSTANCE_NOT_FOUND,
    AppendParams,
    Assign,
    ChangeTimer,
    Deliver,
    Dismiss,
    Done,
    EditVariables,
    EventCaught,
    Execute,
    ExecuteByOperator,
    Hold,
    MessageReceived,
    MoveToken,
    PushFrame,
    Refusal,
    Retry,
    RunTimer,
    SkipAction,
    Start,
    StartChild,
    Stimulus,
    Terminate,
    TimerDue,
    Unhold,
)
from engine.core.turn import Turn, World


def step(world: World, stimulus: Stimulus) -> Done:
    """Apply one stimulus.

    Raises `Refusal` for a call that is wrong, `records.RecordFailed` for a record that cannot be applied.
    """
    world.steps.clear()
    world.born = 0
    if isinstance(stimulus, Start):
        done = starting.start(world, stimulus)
        subprocess.settle(world)
        return done
    state = world.instances.get(stimulus.instance_uuid)
    if state is None:
        raise Refusal(404, INSTANCE_NOT_FOUND)
    turn = Turn(world, state)
    actor = getattr(stimulus, "actor", None)
    turn.user = "" if actor is None else actor.name
    done = _apply(turn, stimulus)
    turn.closing_frames()
    subprocess.settle(world)
    return done


def _apply(turn: Turn, stimulus: Stimulus) -> Done:
    match stimulus:
        case Execute():
            return manual.execute(turn, stimulus)
        case MessageReceived():
            return receive(turn, stimulus)
        case TimerDue():
            timer = turn.state.timers.get(stimulus.timer_id)
            put_off = timer is not None and stimulus.due_at is not None and timer.due_at > stimulus.due_at
            return _done(turn, {"fired": timer is not None and not put_off and firing.fire(turn, timer)})
        case PushFrame():
            origin = {"instance": str(stimulus.from_uuid)}
            turn.frame(stimulus.frame_type, stimulus.text, action_name=stimulus.action_name, details=origin)
            return _done(turn, {})
        case EventCaught():
            subscription = turn.state.subscriptions.get(stimulus.subscription_id)
            caught = subscription is not None and firing.catch(turn, subscription, stimulus.text)
            return _done(turn, {"caught": caught})
        case AppendParams():
            return _done(turn, append_params(turn, stimulus))
        case StartChild():
            return _done(turn, {"started": adopt(turn, stimulus)})
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
        case Assign():
            return _done(turn, assign.run(turn, stimulus))
        case RunTimer():
            return _done(turn, run_timer.run(turn, stimulus))
        case ChangeTimer():
            return _done(turn, change_timer.run(turn, stimulus))
        case MoveToken():
            return _done(turn, move_token.run(turn, stimulus))
        case EditVariables():
            return _done(turn, edit_variables.run(turn, stimulus))
        case ExecuteByOperator():
            return _done(turn, run_action.execute(turn, stimulus))
        case SkipAction():
            return _done(turn, run_action.skip(turn, stimulus))
        case Deliver():
            return _done(turn, deliver.run(turn, stimulus))
    raise TypeError(f"not a stimulus: {stimulus!r}")


def append_params(turn: Turn, stimulus: AppendParams) -> dict[str, Any]:
    """Values from another tree; an ended instance, or a place that cannot be written, takes none (engine 10.3)."""
    value = jsonio.loads(stimulus.text)
    if turn.state.ended or not isinstance(value, dict):
        return {"appended": False}
    try:
        turn.state.params = merged(turn.state.params, stimulus.destination, value, turn.world.limits.params)
    except paths.PathError as error:
        turn.open_incident("Engine", "Process Definition", f"Values from a child process were not stored: {error}")
        return {"appended": False}
    tell(turn, stimulus.destination, stimulus.text, stimulus.action_name, stimulus.from_uuid)
    return {"appended": True}


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


def receive(turn: Turn, message: MessageReceived) -> Done:
    """A Kafka record for this instance (engine 6.6)."""
    became, token = records.receive(turn, message)
    if token is not None:
        flow.advance(turn, token)
    return _done(turn, {"record": became})
