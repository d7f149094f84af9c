"""The registry of action types: every module here that defines `TYPE` is one (designer 1.4, "each comes from the catalogue")."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from designer.catalog.base import ActionType, ParamSpec
from designer.catalog.values import ActionValues, Param

__all__ = ["ActionType", "ActionValues", "Param", "ParamSpec", "action_type", "action_types", "types_for"]


@cache
def action_types() -> dict[str, ActionType]:
    """All installed types by stored name, in the order in which they are offered."""
    found = []
    for module in pkgutil.iter_modules(__path__):
        declared = getattr(importlib.import_module(f"{__name__}.{module.name}"), "TYPE", None)
        if isinstance(declared, ActionType):
            found.append(declared)
    return {each.type: each for each in sorted(found, key=lambda each: each.place)}


def action_type(name: str) -> ActionType | None:
    """The type of that stored name, or None when it is not installed."""
    return action_types().get(name)


def types_for(node_type: str) -> list[ActionType]:
    """The types that may be added to a node of that type, in order (ACT-008)."""
    return [each for each in action_types().values() if node_type in each.node_types]
