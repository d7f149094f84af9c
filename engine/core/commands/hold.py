"""Hold and Unhold: freeze an instance, then go on with what came due meanwhile, in order of arrival (engine 2.7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from engine.core import firing, flow, records, sequence, subprocess
from engine.core.state import ActionStatus, InstanceStatus, Kept, KeptState, Timer, TimerStatus, TokenState
from engine.core.stimuli import Hold, Refusal, Unhold
from engine.core.turn import Turn

NOT_RUNNING = "Process instance is not running."


def hold(turn: Turn, stimulus: Hold) -> dict[str, object]:
    if stimulus.repeatable and turn.state.state is InstanceStatus.ON_HOLD:
        return {"uuid": str(turn.state.uuid), "state": str(turn.state.state)}
    if turn.state.state is not InstanceStatus.STARTED:
        raise Refusal(409, NOT_RUNNING)
    turn.state.state = InstanceStatus.ON_HOLD
    _tell(turn, "Hold", InstanceStatus.STARTED, stimulus.reason)
    return {"uuid": str(turn.state.uuid), "state": str(turn.state.state)}


def unhold(turn: Turn, stimulus: Unhold) -> dict[str, object]:
    if stimulus.repeatable and turn.state.state is InstanceStatus.STARTED:
        return {"uuid": str(turn.state.uuid), "state": str(turn.state.state)}
    if turn.state.state is not InstanceStatus.ON_HOLD:
        raise Refusal(409, "Process instance is not on hold.")
    turn.state.state = InstanceStatus.STARTED
    _tell(turn, "Unhold", InstanceStatus.ON_HOLD, stimulus.reason)
    go_on(turn)
    for subscription in list(turn.state.subscriptions.values()):
        if subscription.held is not None and subscription.id in turn.state.subscriptions:
            text, subscription.held = subscription.held, None
            turn.subscribe(subscription)
            firing.catch(turn, subscription, text)
    subprocess.resume_waiting(turn)
    _siblings_of_cancelled(turn)
    return {"uuid": str(turn.state.uuid), "state": str(turn.state.state)}


def _siblings_of_cancelled(turn: Turn) -> None:
    """Actions that follow one whose delay was cancelled during the hold (engine 13.6)."""
    for token in [each for each in turn.state.tokens.values() if each.state is TokenState.ACTIVE]:
        visit = token.visit
        for state in [] if visit is None else list(visit.actions.values()):
            if state.state is ActionStatus.CANCELLED and state.rest and visit is token.visit:
                rest, state.rest = state.rest, ()
                node = turn.graph.nodes[token.node_id]
                sequence.run_queue(turn, token, node, sequence.actions_of(node, rest))
                flow.advance(turn, token)


def go_on(turn: Turn) -> None:
    """Let timers and records that came meanwhile take effect, in order of arrival."""
    for _, _, take_effect in sorted(_came_due(turn), key=lambda item: item[:2]):
        take_effect()


def _tell(turn: Turn, event: str, before: InstanceStatus, reason: str) -> None:
    details = {"reason": reason, "before": str(before), "after": str(turn.state.state)}
    turn.entry(event, subject="Process Instance", details=details)


def _came_due(turn: Turn) -> list[tuple[datetime, int, Callable[[], None]]]:
    """What waits for the hold to end: (moment, tie-breaker, how to go on)."""
    due: list[tuple[datetime, int, Callable[[], None]]] = []
    for timer in turn.state.timers.values():
        if timer.state is TimerStatus.HELD:
            due.append((timer.due_at, len(due), _fires(turn, timer)))
    for kept in turn.state.kept:
        if kept.state is KeptState.HELD:
            due.append((kept.message.received_at, len(due), _is_received(turn, kept)))
    return due


def _fires(turn: Turn, timer: Timer) -> Callable[[], None]:
    def take_effect() -> None:
        if timer.state is TimerStatus.HELD:
            timer.state = TimerStatus.PENDING
            firing.fire(turn, timer)

    return take_effect


def _is_received(turn: Turn, kept: Kept) -> Callable[[], None]:
    def take_effect() -> None:
        if kept.state is not KeptState.HELD:
            return
        turn.state.kept.remove(kept)
        before = len(turn.state.kept)
        try:
            became, token = records.receive(turn, kept.message)
        except records.RecordFailed as failure:
            turn.state.kept.append(kept)
            records.fail_kept(turn, kept, failure)
            return
        _replace(turn, kept, became, before)
        if token is not None:
            flow.advance(turn, token)

    return take_effect


def _replace(turn: Turn, kept: Kept, became: str, before: int) -> None:
    """The stored row goes on living in the state that the record has now; no second row is made."""
    for made in turn.state.kept[before:]:
        if made.message is kept.message:
            turn.state.kept.remove(made)
            turn.world.changes.kept[:] = [row for row in turn.world.changes.kept if row[1] is not made]
            kept.reason = made.reason
    turn.state.kept.append(kept)
    records.become(turn, kept, KeptState(became))
