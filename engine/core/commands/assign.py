"""Assign and Unassign: who is to do the tasks of an instance in a swimlane; it limits nobody (engine 2.7)."""

from __future__ import annotations

from engine.core.state import Token
from engine.core.stimuli import Assign, Refusal
from engine.core.turn import Turn


def run(turn: Turn, stimulus: Assign) -> dict[str, object]:
    """Set the assignee of the open tokens in the swimlane; a token that has it already is left alone."""
    if turn.state.ended:
        raise Refusal(409, f"Already {turn.state.state}.", code="OPS-002")
    for token in _tokens(turn, stimulus.swimlane):
        if token.assignee == stimulus.assignee:
            continue
        before, token.assignee = token.assignee, stimulus.assignee
        turn.changed_token(token)
        turn.entry(
            "Assign" if stimulus.assignee else "Unassign",
            token=token,
            subject="Task",
            details={
                "reason": stimulus.reason,
                "swimlane": token.swimlane,
                "before": before,
                "after": stimulus.assignee,
            },
        )
    return {"uuid": str(turn.state.uuid), "state": str(turn.state.state)}


def _tokens(turn: Turn, swimlane: str) -> list[Token]:
    """The open tokens in the swimlane. Raises `Refusal` when there is none, or no telling which one is meant."""
    tokens = turn.state.open_tokens()
    lanes = {token.swimlane for token in tokens}
    if not swimlane and len(lanes) > 1:
        raise Refusal(400, f"Name the swimlane: the instance is in {', '.join(sorted(lanes))}.", entity="token")
    chosen = [token for token in tokens if token.swimlane == swimlane or not swimlane]
    if not chosen:
        raise Refusal(409, f"The instance has no token in the swimlane '{swimlane}'.", entity="token")
    return chosen
