"""The order in which actions run (engine 4.4, 4.6): by `order`, none left out, children right after their parent.

The journal tells what ran; this tells what should have. A token that an operator has touched is free of it until it goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sized
from dataclasses import dataclass, field
from uuid import UUID

from engine.core.graph import Action, Node
from engine.core.state import Entry, InstanceState

Place = tuple[UUID, int]
"""An instance and one of its tokens."""

Completed = Counter[tuple[UUID, int | None, int]]


@dataclass
class Order:
    """Which tokens are free of the order, and which children the step at hand must run."""

    waiting: Mapping[tuple[UUID, int | None, int], Sized] = field(default_factory=dict)  # runs with a subprocess
    free: set[Place] = field(default_factory=set)
    expected: list[tuple[Place, Action, Action]] = field(default_factory=list)
    failed: set[Place] = field(default_factory=set)  # where a run of this step has failed: what was to follow does not
    cut: list[UUID] = field(default_factory=list)

    def by_hand(self, state: InstanceState) -> None:
        """An operator runs, skips, retries or cancels something of this instance."""
        self.free |= {(state.uuid, number) for number in state.tokens}

    def check_run(self, place: Place, node: Node, action: Action, completed: Completed, called: bool) -> None:
        """A run has completed: its turn had come."""
        if action.auto_run_children:
            self.expect(place, node, action, completed)
        if place in self.free or called or action.manual or action.optional:
            return
        for other in _siblings(node, action.parent_name):
            if other.id == action.id:
                break
            assert completed[*place, other.id], f"'{action.name}' ran before '{other.name}'"

    def check_delayed(self, place: Place, node: Node, action: Action, completed: Completed) -> None:
        """A delayed child has run: the next one follows (engine 4.6)."""
        if action.parent_name is None or not action.runs_by_parent or place in self.free:
            return
        behind = _siblings(node, action.parent_name)
        self._expect(place, action, behind[behind.index(action) + 1 :], completed)

    def expect(self, place: Place, node: Node, parent: Action, completed: Completed) -> None:
        """The first child is to run in this step, unless it has run, or waits."""
        if place not in self.free:
            self._expect(place, parent, _siblings(node, parent.name), completed)

    def _expect(self, place: Place, after: Action, actions: list[Action], completed: Completed) -> None:
        first = actions[0] if actions else None
        if first is None or first.timer_expression:
            return
        key = (*place, first.id)
        if first.repeatable or not (completed[key] or self.waiting.get(key)):
            self.expected.append((place, after, first))

    def check_children(self, fresh: list[tuple[int, Entry]], ended: Container[UUID]) -> None:
        """At the end of a step: who was to run has run, and subprocesses that nobody waits for any more were cut off."""
        named = {entry.action_name for _, entry in fresh}
        for place, after, first in self.expected:
            assert first.name in named or place in self.failed, f"'{first.name}' did not run after '{after.name}'"
        assert all(child in ended for child in self.cut), "the token has gone on without its subprocess, which runs on"
        self.expected.clear()
        self.cut.clear()
        self.failed.clear()

    def check_left(self, place: Place, node: Node, completed: Completed) -> None:
        """A token goes on only when all mandatory actions are done (engine 3.4)."""
        if place in self.free:
            return
        for action in node.actions:
            done = action.parent_name is not None or action.optional or completed[*place, action.id]
            assert done, f"the token has left '{node.name}' before '{action.name}' was done"


def _siblings(node: Node, parent_name: str | None) -> list[Action]:
    """The actions that run by themselves below one parent, or at the top, in their order (engine 4.2)."""
    found = [each for each in node.actions if each.parent_name == parent_name and each.runs_by_parent]
    return sorted(found, key=lambda each: (each.order, each.id))
