"""What a version refers to outside itself, by name: for the `requires` block of an export and the report of an import."""

from __future__ import annotations

from designer.catalog import ActionValues, action_type
from designer.catalog.websocket_send import is_open, message_value
from designer.design import Design
from engine.core import paths


def paths_read(action: ActionValues) -> list[paths.Path]:
    """The key paths that the parameters of an action read; none for a type that is not installed."""
    known = action_type(action.type)
    return known.paths_read(action) if known else []


def parameters_read(design: Design) -> set[str]:
    """Keys of generic parameters that actions read."""
    read = {paths.format(path) for action in design.actions for path in paths_read(action)}
    return read & design.parameters.keys()


def processes_started(design: Design) -> set[str]:
    """Processes that Action messages name."""
    found = set()
    for action in design.actions:
        if action.type == "WEBSOCKET_SEND" and action.text("messageType") == "action":
            name = (message_value(action) or {}).get("processName")
            if isinstance(name, str) and name and not is_open(name):
                found.add(name)
    return found
