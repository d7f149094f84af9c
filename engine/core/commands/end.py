"""Terminate and Dismiss: end an instance by hand, with its subprocesses (engine 2.7)."""

from __future__ import annotations

from engine.core import flow
from engine.core.state import InstanceStatus
from engine.core.stimuli import Dismiss, Refusal, Terminate
from engine.core.turn import Turn


def terminate(turn: Turn, stimulus: Terminate) -> dict[str, object]:
    if turn.state.ended:
        raise Refusal(409, f"Already {turn.state.state}.", code="OPS-002")
    _end_tree(turn, InstanceStatus.TERMINATED, event="Update state", reason=stimulus.reason)
    return {"uuid": str(turn.state.uuid), "state": str(turn.state.state)}


def dismiss(turn: Turn, stimulus: Dismiss) -> dict[str, object]:
    if turn.state.relation != "SUBPROCESS":
        raise Refusal(409, "Only subprocesses can be dismissed.")
    if turn.state.ended:
        raise Refusal(409, f"Already {turn.state.state}.", code="OPS-002")
    _end_tree(turn, InstanceStatus.DISMISSED, event="Dismiss", reason=stimulus.reason)
    return {"uuid": str(turn.state.uuid), "state": str(turn.state.state)}


def _end_tree(turn: Turn, status: InstanceStatus, *, event: str, reason: str) -> None:
    before = str(turn.state.state)
    for child in turn.world.subprocesses(turn.state):
        if not child.ended:
            inner = Turn(turn.world, child)
            inner.user = turn.user
            _end_tree(inner, status, event=event, reason=reason)
            inner.closing_frames()
    flow.end_instance(turn, status)
    turn.entry(
        event, subject="Process Instance", details={"reason": reason, "before": before, "after": str(turn.state.state)}
    )
