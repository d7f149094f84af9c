"""Save Data: the body was filtered and merged before the action runs; there is nothing more to do (engine 4.5)."""

from __future__ import annotations

from engine.core.actions.run import ActionRun


def run(action_run: ActionRun) -> None:
    """Has no effect beyond the merge."""
