"""Append Params to Parent: merge an object into the parent's data at a key path (engine 10.3)."""

from __future__ import annotations

from uuid import UUID

from engine.core import jsonio, paths
from engine.core.actions.run import ActionFailed, ActionRun
from engine.core.actions.start_subprocess import target_instance
from engine.core.stimuli import AppendParams
from engine.core.turn import Turn


def run(action_run: ActionRun) -> None:
    """Merge now for a parent of the same tree, by a stored stimulus for one of another. Raises `ActionFailed`."""
    turn = action_run.turn
    text = action_run.json_text("params", root="object", what="values to append")
    value = jsonio.loads(text)
    if not isinstance(value, dict):
        raise ActionFailed(f"The values that '{action_run.action.name}' appends are not a JSON object.")
    if turn.state.parent_uuid is None:
        raise ActionFailed("Parent process not found.", kind="Definition")
    destination = action_run.action.text("destination").strip()
    parent = target_instance(action_run, "${parentProcessInstanceId}")
    if parent is None:
        turn.world.changes.elsewhere.append(
            AppendParams(turn.state.parent_uuid, destination, text, action_run.action.name, turn.state.uuid)
        )
        return
    if parent.ended:
        raise ActionFailed(f"The parent process has ended ({parent.state}).", kind="Definition")
    try:
        parent.params = merged(parent.params, destination, value, turn.world.limits.params)
    except paths.PathError as error:
        raise ActionFailed(f"The values cannot be put at '{destination}': {error}") from error
    tell(Turn(turn.world, parent), destination, text, action_run.action.name, turn.state.uuid)


def tell(turn: Turn, destination: str, text: str, action_name: str, origin: UUID | None) -> None:
    """The journal of the instance whose data has grown: what came, to which path, from whom."""
    details = {"destination": destination, "from": None if origin is None else str(origin), "action": action_name}
    turn.entry("Update", subject="Process Instance", details=details, payload=text)


def merged(
    data: dict[str, jsonio.Json], destination: str, value: dict[str, jsonio.Json], limit_bytes: int
) -> dict[str, jsonio.Json]:
    """`value` merged into `data` at a path, missing levels created; an empty path is the top level.

    Raises `PathError` when it cannot be put there, or the data would be larger than the limit.
    """
    there = paths.get(data, destination) if destination else data
    together = paths.merge(there, value) if isinstance(there, dict) else value
    made = paths.put(data, destination, together) if destination else together
    size = jsonio.size_bytes(made)
    if size > limit_bytes:
        raise paths.PathError(f"the data would have {size / 1024:,.0f} kB; the limit is {limit_bytes / 1024:,.0f} kB")
    return made
