"""Stored JSON of earlier releases -> the shape of today (engine 15.8): one function a step, applied when a text is read.

Columns are the business of migrations; this is for what stands inside a text: action states of a visit, a stored effect, a
snapshot. A text of format 1 carries no number; later ones carry `format`. A row is written in today's format whenever it is
written at all, so old and new ones stand side by side, and no release has to rewrite a table.

To change a shape: append a step to its list. It takes the object as the release before wrote it, without `format`, and gives the
new one. Steps are never changed or removed; `tests/engine/stored/` holds rows of each format, which a test loads and runs on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Stored = dict[str, Any]
Step = Callable[[Stored], Stored]

VISIT: list[Step] = []
"""Action states of a visit: {action id: {name, state, runs, completed, lastExecutedDate, waitsFor, rest, upload}}."""

EFFECT: list[Step] = []
"""An effect on another tree, in `PendingStimulus.body`: the fields of its dataclass in `engine.core.stimuli`."""

SNAPSHOT: list[Step] = []
"""A published snapshot; its format is the number of `engine.core.graph` and stands in the snapshot itself."""


class StoredByNewerRelease(ValueError):
    """A text was written by a newer release than this one: install that release, or a newer one."""


def upgraded(stored: Stored, steps: Sequence[Step]) -> Stored:
    """The object in today's shape, without `format`. Raises `StoredByNewerRelease`."""
    shape = {key: value for key, value in stored.items() if key != "format"}
    since = stored.get("format", 1)
    if since > len(steps) + 1:
        raise StoredByNewerRelease(f"format {since} is stored; this release reads up to {len(steps) + 1}")
    for step in steps[since - 1 :]:
        shape = step(shape)
    return shape


def tagged(shape: Stored, steps: Sequence[Step]) -> Stored:
    """The object as it is stored today: with its format, unless that is the first one."""
    return {**shape, "format": len(steps) + 1} if steps else shape


def upgraded_snapshot(stored: Stored) -> Stored:
    """A snapshot as the graph reads it today, whichever release published it."""
    return {**upgraded(stored, SNAPSHOT), "format": len(SNAPSHOT) + 1}
