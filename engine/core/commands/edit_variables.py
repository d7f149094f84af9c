"""Edit variables: remove paths, then set values; no node runs and nothing is pushed (engine 13.3)."""

from __future__ import annotations

from typing import Any

from engine.core import jsonio, paths
from engine.core.commands.checks import check_version
from engine.core.state import InstanceStatus
from engine.core.stimuli import EditVariables, Refusal
from engine.core.turn import Turn


def run(turn: Turn, stimulus: EditVariables) -> dict[str, Any]:
    if turn.state.state not in (InstanceStatus.STARTED, InstanceStatus.ON_HOLD):
        raise Refusal(409, "Variables can be edited only while the instance is started or on hold.")
    check_version(stimulus.version, turn.state.revision)
    params = turn.state.params
    before = {path: _shown(turn, path) for path in (*stimulus.remove, *stimulus.set)}
    try:
        for path in stimulus.remove:
            params = paths.remove(params, path)
        for path, value in stimulus.set.items():
            params = paths.put(params, path, value)
    except paths.PathError as error:
        raise Refusal(400, str(error)) from error
    size, limit = jsonio.size_bytes(params), turn.world.limits.params
    if size > limit:
        raise Refusal(400, f"The data would have {size / 1024:,.0f} kB; the limit is {limit / 1024:,.0f} kB.")
    turn.state.params = params
    after = {path: _shown(turn, path) for path in before}
    turn.entry(
        "Update",
        subject="Process Instance",
        details={"command": "edit-variables", "reason": stimulus.reason, "before": before, "after": after},
    )
    return {"uuid": str(turn.state.uuid), "changed": sorted(before)}


def _shown(turn: Turn, path: str) -> str | None:
    """The value at a path as JSON text for the journal, masked when the path is sensitive (engine 15.9)."""
    value = paths.get(turn.state.params, path)
    if isinstance(value, paths.Missing):
        return None
    parts = paths.parse(path)
    for sensitive in turn.graph.sensitive_keys:
        flagged = paths.parse(sensitive)
        if parts[: len(flagged)] == flagged or flagged[: len(parts)] == parts:
            return "***"
    return jsonio.dumps(value)[:2000]
