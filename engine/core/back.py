"""Going back: a manual action of an earlier node is executed, and the token starts again from there (engine 9)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from engine.core import paths, replacing
from engine.core.graph import Action, Node
from engine.core.state import InstanceState, Token, Visit
from engine.core.stimuli import Refusal
from engine.core.subprocess import abort
from engine.core.turn import Turn


@dataclass(frozen=True, slots=True)
class Target:
    """Where a reset leads: the visit, its node, and the action that is executed there."""

    visit: Visit
    node: Node
    action: Action


def find_target(turn: Turn, token: Token, action_name: str) -> Target | None:
    """The latest earlier visit whose node has a manual action of that name with Allow BACK (engine 9.2)."""
    for visit in reversed(turn.state.history(token)):
        if visit is token.visit:
            continue
        node = turn.graph.nodes[visit.node_id]
        action = node.action_named(action_name)
        if action is not None and action.manual and action.allow_token_reset:
            return Target(visit, node, action)
    return None


def check_allowed(turn: Turn, token: Token, target: Target) -> None:
    """Every node from the target up to the one before the current allows going back. Raises `Refusal`."""
    passed = [visit for visit in turn.state.history(token) if visit.number >= target.visit.number]
    for visit in passed:
        if visit is not token.visit and not turn.graph.nodes[visit.node_id].can_go_back:
            raise Refusal(400, "Going back is not allowed.", code="OPS-008", entity="action")


def reset(turn: Turn, token: Token, target: Target) -> Token:
    """End the token and make one that has just arrived on the target's node (engine 9.3, steps 1 to 6)."""
    since = turn.state.history(token)
    tokens = {visit.token_id for visit in since}
    ids = {action.id for visit in since if visit.number >= target.visit.number for action in _actions_of(turn, visit)}
    children = [
        child
        for child in turn.world.subprocesses(turn.state)
        if child.started_by_token_id in tokens and child.started_by_action_id in ids and _started_since(child, target)
    ]
    fresh = replacing.replace(turn, token, target.node, history_until=target.visit.number)
    if fresh.visit is not None:
        for action in target.node.actions:
            known = target.visit.actions.get(action.id)
            if known is not None and known.done and action.order < target.action.order:
                fresh.visit.actions[action.id] = replace(known)
    abort(turn.world, children, turn.user)
    turn.state.back_counter += 1
    _restore(turn, target.action)
    return fresh


def _actions_of(turn: Turn, visit: Visit) -> tuple[Action, ...]:
    return turn.graph.nodes[visit.node_id].actions


def _started_since(child: InstanceState, target: Target) -> bool:
    """Whether the subprocess was started on the target's node or behind it, in this round (engine 9.3, step 2)."""
    return child.started_at >= target.visit.arrived_at


def _restore(turn: Turn, action: Action) -> None:
    """The data after a reset, by `restartFromSnapshot` and `keysForRestart` (engine 9.3, step 5)."""
    if not action.restart_from_snapshot or action.name not in turn.state.restarts:
        return
    before = turn.state.params
    restored = turn.state.restarts[action.name]
    for key in action.keys_for_restart:
        value = paths.get(before, key)
        if isinstance(value, paths.Missing):
            continue
        with suppress(paths.PathError):  # an entry of a list that was shorter then: it has no place
            restored = paths.put(restored, key, value)
    turn.state.params = restored


def remember(turn: Turn, action: Action) -> None:
    """Keep the data from before the first run of an action with Restart from snapshot (engine 9.3)."""
    if action.restart_from_snapshot and action.name not in turn.state.restarts:
        turn.state.restarts[action.name] = turn.state.params
        turn.world.changes.restarts.append((turn.state, action.name))
