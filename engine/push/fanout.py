"""The channel-layer groups of live frames: one per instance (engine 8.6), and what is sent on them.

Used by the sender after a commit and by the hub of each web process. What goes over a group is a hint: the frames ride along so
that they need not be read again, and a message lost on the way is mended by the hub's poll.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from engine.push.frames import Frame

MAX_BYTES = 512 * 1024
"""Texts over this size in all are left out: the receiver reads them from the database."""


def group_of(instance: UUID | str) -> str:
    """The group of an instance's frames."""
    return f"instance.{instance}"


def message(instance: UUID, frames: Sequence[Frame]) -> dict[str, Any]:
    """The message for an instance's group."""
    whole = sum(len(frame.text) for frame in frames) <= MAX_BYTES
    rows = [[frame.seq, frame.type, frame.text, list(frame.lanes)] for frame in frames] if whole else []
    return {"type": "frames", "instance": str(instance), "frames": rows}


def parse(sent: dict[str, Any]) -> tuple[UUID, list[Frame]]:
    """Instance and frames of a message; the frames' `instance_id` is 0, since the sender names the instance by uuid."""
    rows: Iterable[Any] = sent.get("frames", ())
    return UUID(sent["instance"]), [Frame(0, seq, kind, text, tuple(lanes)) for seq, kind, text, lanes in rows]
