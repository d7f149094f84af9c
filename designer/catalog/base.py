"""What every action type declares. A type is one module of this package: its words, where it may stand, which trigger it is
bound to, its parameters and its checks. Adding a type adds a file; nothing else names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from designer.catalog.values import ActionValues, Param
from engine.core.paths import Path

if TYPE_CHECKING:
    from designer.design import Design
    from designer.lint.problem import Problem

ACTIVITIES = ("TASK", "USER_TASK")


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """One parameter: its stored key, its label, the value of a new action, and for a choice the stored values with their
    words. `testid`: its test hook after `action.` (designer 0.6). `replaces`: it has a Replace values switch."""

    key: str
    label: str
    default: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    testid: str = ""
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class ActionType:
    """One action type (designer 1.4). `locked_manual`: None = free, False = always Automatic, True = always Manual.

    `check` yields the findings of the type's own parameters, `paths_read` the key paths that they read. `place` sorts the
    list of types. `purpose` says in one sentence what it does. `template` is the part of the form under *Parameters*. `carry`
    is the parameter whose text may be taken over when the type changes.
    """

    type: str
    label: str
    icon: str
    place: int
    node_types: tuple[str, ...]
    params: tuple[ParamSpec, ...]
    check: Callable[[Design, ActionValues], Iterator[Problem]]
    paths_read: Callable[[ActionValues], list[Path]]
    template: str
    short: str = ""
    purpose: str = ""
    suggested_name: str = "action"
    locked_manual: bool | None = None
    carry: str = ""

    def spec(self, key: str) -> ParamSpec | None:
        """The declaration of one parameter."""
        return next((each for each in self.params if each.key == key), None)

    def defaults(self) -> dict[str, Param]:
        """The parameters of a new action of this type."""
        return {each.key: Param(each.default) for each in self.params}
