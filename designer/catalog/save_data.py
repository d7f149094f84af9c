"""Save Data (designer 1.14): stores what Data to send lets in; it has no parameters of its own."""

from __future__ import annotations

from collections.abc import Iterator

from designer.catalog.base import ACTIVITIES, ActionType
from designer.catalog.values import ActionValues
from designer.design import Design
from designer.lint.problem import Problem, problem
from engine.core import paths


def check(design: Design, action: ActionValues) -> Iterator[Problem]:
    """SAV-001 and 002: an action that stores nothing. A button that only runs its children stores nothing on purpose."""
    if not action.manual:
        yield problem("SAV-001", "manual")
    elif not action.keys:
        yield problem("SAV-002", "keys", name=action.name)


def paths_read(action: ActionValues) -> list[paths.Path]:
    """Save Data reads nothing."""
    return []


TYPE = ActionType(
    type="SAVE_DATA",
    label="Save Data",
    short="Save Data",
    purpose="Stores what the app sends with the action.",
    icon="save",
    place=3,
    node_types=ACTIVITIES,
    suggested_name="submit",
    params=(),
    check=check,
    paths_read=paths_read,
    template="designer/actions/save_data.html",
)
