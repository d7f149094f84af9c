"""Subprocesses and their parents: first tokens of children, ends that reach the parent, children cut off (engine 10).

Everything here happens inside one process tree, so inside one lock and one transition.
"""

from __future__ import annotations

from typing import Any

from engine.core import flow, paths, sequence, starting
from engine.core.actions import ActionFailed
from engine.core.actions.start_subprocess import store_output
from engine.core.entry import select_start
from engine.core.graph import Action, Node
from engine.core.state import ActionState, ActionStatus, InstanceState, InstanceStatus, Token, TokenState
from engine.core.turn import Turn, World


def settle(world: World) -> None:
    """Run what a turn has started or ended until nothing is left to do."""
    while world.newborn or world.ended:
        if world.newborn:
            child = world.newborn.pop(0)
            if not child.ended:
                _begin(world, child)
        else:
            _tell_parent(world, world.ended.pop(0))


def _begin(world: World, child: InstanceState) -> None:
    condition = child.params.get("startCondition")
    graph = world.graph(child.snapshot_id)
    starting.begin(world, child, select_start(graph, condition if isinstance(condition, str) else None), "")


def _tell_parent(world: World, child: InstanceState) -> None:
    parent = world.instance_with_id(child.parent_id)
    if parent is None or parent.ended or parent.state is InstanceStatus.ON_HOLD:
        return
    turn = Turn(world, parent)
    for token in list(parent.tokens.values()):
        if token.state is TokenState.ACTIVE and token.visit is not None:
            _finish_waiting(turn, token, child.id)
    turn.closing_frames()


def resume_waiting(turn: Turn) -> None:
    """After a hold: ends of subprocesses that came meanwhile take effect now (engine 2.7)."""
    for token in list(turn.state.tokens.values()):
        if token.state is TokenState.ACTIVE and token.visit is not None:
            for state in list(token.visit.actions.values()):
                for child_id in state.waits_for:
                    _finish_waiting(turn, token, child_id)


def _finish_waiting(turn: Turn, token: Token, child_id: int) -> None:
    """Complete or fail the run that waits for this child, once all its children have ended."""
    node = turn.graph.nodes[token.node_id]
    for action_id, state in list(sequence.visit_of(token).actions.items()):
        action = node.action(action_id)
        if action is None or child_id not in state.waits_for or state.state is not ActionStatus.EXECUTING:
            continue
        children = [turn.world.instance_with_id(waited) for waited in state.waits_for]
        known = [child for child in children if child is not None]
        if all(child.ended for child in known):
            _conclude(turn, token, node, action, state, known)
            flow.advance(turn, token)


def _conclude(
    turn: Turn, token: Token, node: Node, action: Action, state: ActionState, children: list[InstanceState]
) -> None:
    failed = [child for child in children if child.state in (InstanceStatus.EXPIRED, InstanceStatus.TERMINATED)]
    rest, state.waits_for, state.rest = state.rest, (), ()
    if failed:
        name = turn.world.graph(failed[0].snapshot_id).name
        text = f"The subprocess '{name}' was {str(failed[0].state).lower()}. Retry starts a new one."
        sequence.fail(turn, token, node, action, ActionFailed(text, kind="Subprocess"), rest)
        return
    output = _output(action, children)
    try:
        if output is not None:
            store_output(turn, action.text("outputKey"), output)
    except ActionFailed as failure:
        sequence.fail(turn, token, node, action, failure, rest)
        return
    if sequence.complete(turn, token, node, action) is sequence.Ran.DONE:
        sequence.run_queue(turn, token, node, sequence.actions_of(node, rest))


def _output(action: Action, children: list[InstanceState]) -> Any:
    """What lands under the output key: the child's data, or each child's `result` in collection order (engine 10.1, 10.2)."""
    if action.text("collectionKey"):
        ordered = sorted(children, key=lambda child: child.item_index or 0)
        results = [paths.get(child.params, "result") for child in ordered]
        return [None if isinstance(result, paths.Missing) else result for result in results]
    child = children[-1]
    return child.params if child.state is InstanceStatus.FINISHED else None


def abort(world: World, children: list[InstanceState], user: str) -> None:
    """Cut subprocesses off, with their own: their parent's token has gone back, was moved or interrupted (engine 3.8, 9.3)."""
    for child in children:
        if child.ended:
            continue
        abort(world, world.subprocesses(child), user)
        turn = Turn(world, child)
        turn.user = user
        flow.end_instance(turn, InstanceStatus.ABORTED)
        turn.entry("Abort", subject="Process Instance")
        turn.closing_frames()
