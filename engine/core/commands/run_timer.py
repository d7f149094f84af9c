"""Run timer now: a pending timer fires at once (engine 13.6)."""

from __future__ import annotations

from engine.core import firing
from engine.core.state import InstanceStatus, TimerStatus
from engine.core.stimuli import Refusal, RunTimer
from engine.core.turn import Turn


def run(turn: Turn, stimulus: RunTimer) -> dict[str, object]:
    timer = turn.state.timers.get(stimulus.timer_id)
    if timer is None or timer.state not in (TimerStatus.PENDING, TimerStatus.HELD):
        raise Refusal(409, "This timer has fired or was cancelled.", code="OPS-011", entity="timer")
    if turn.state.state is not InstanceStatus.STARTED:
        raise Refusal(409, "Process instance is not running.")
    turn.entry(
        "Run scheduled action",
        subject="Task",
        details={"reason": stimulus.reason, "timer": timer.id, "due": timer.due_at.isoformat(), "byHand": True},
    )
    timer.state = TimerStatus.PENDING
    firing.fire(turn, timer)
    return {"uuid": str(turn.state.uuid), "timer": timer.id, "state": str(timer.state)}
