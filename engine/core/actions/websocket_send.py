"""Websocket Send: stores a frame for this instance or its parent; it changes no data (engine 8)."""

from __future__ import annotations

from engine.core.actions.run import ActionFailed, ActionRun
from engine.core.stimuli import PushFrame
from engine.core.turn import Turn

ENVELOPE_BYTES = 260
"""At most what a frame adds to its body: event, type, id, seq, uuid, timestamp."""


def run(action_run: ActionRun) -> None:
    """Make the frame. Raises `ActionFailed` for a body that is no object or too large, and for a parent that is not there."""
    frame_type = "action" if action_run.action.text("messageType", "data").lower() == "action" else "data"
    text = action_run.json_text("message", root="object", what="message")
    if not text.startswith("{"):
        raise ActionFailed(f"The message of '{action_run.action.name}' is not a JSON object. Write it as one.")
    size, limit = len(text.encode()) + ENVELOPE_BYTES, action_run.turn.world.limits.frame
    if size > limit:
        raise ActionFailed(
            f"The frame has {size / 1024:,.0f} kB; at most {limit / 1024:,.0f} kB are pushed. "
            "Make its values smaller or leave them out of the message, then retry."
        )
    if _target(action_run) == "PARENT":
        _to_parent(action_run, frame_type, text)
    else:
        action_run.turn.frame(frame_type, text, action_name=action_run.action.name, details=_origin(action_run))


def _target(action_run: ActionRun) -> str:
    param = action_run.action.params.get("targetProcess")
    if param is None:
        return "ACTIVE"
    text, _ = action_run.plain_text(param, what="target process")
    target = text.strip().upper() or "ACTIVE"
    if target not in ("ACTIVE", "PARENT"):
        raise ActionFailed(f"'{text}' is not a valid target process. Choose ACTIVE or PARENT.")
    return target


def _to_parent(action_run: ActionRun, frame_type: str, text: str) -> None:
    turn = action_run.turn
    if turn.state.parent_uuid is None:
        raise ActionFailed("Parent process not found.", kind="Definition")
    parent = turn.world.instances.get(turn.state.parent_uuid)
    if parent is not None and parent.root_id == turn.state.root_id:
        Turn(turn.world, parent).frame(
            frame_type, text, action_name=action_run.action.name, details=_origin(action_run)
        )
        return
    turn.world.changes.elsewhere.append(
        PushFrame(turn.state.parent_uuid, frame_type, text, action_run.action.name, turn.state.uuid)
    )


def _origin(action_run: ActionRun) -> dict[str, str]:
    return {"node": action_run.node.name, "instance": action_run.turn.state.uuid_text}
