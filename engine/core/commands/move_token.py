"""Move token: abort a token and set a new one on another node of the same parallel section (engine 13.2)."""

from __future__ import annotations

from typing import Any

from engine.core import flow, jsonio, paths, replacing, subprocess
from engine.core.commands.checks import running_token
from engine.core.graph import Node, NodeType
from engine.core.kinds import RUNS_ACTIONS
from engine.core.stimuli import MoveToken, Refusal
from engine.core.turn import Turn

TARGETS = RUNS_ACTIONS | {
    NodeType.MESSAGE_EVENT_RECEIVE,
    NodeType.TIMER_INTERMEDIATE,
    NodeType.MESSAGE_THROW,
    NodeType.MESSAGE_CATCH_INTERMEDIATE,
}


def run(turn: Turn, stimulus: MoveToken) -> dict[str, Any]:
    token, visit = running_token(turn, stimulus.token_uuid, stimulus.version)
    target = _target(turn, turn.graph.nodes[token.node_id], stimulus.target_node_id)
    merged = paths.merge(turn.state.params, dict(stimulus.variables))
    if jsonio.size_bytes(merged) > turn.world.limits.params:
        raise Refusal(400, "With these values the instance's data would be larger than allowed.")
    turn.entry(
        "Update",
        token=token,
        details={
            "command": "move-token",
            "reason": stimulus.reason,
            "before": {"node": token.node_name},
            "after": {"node": target.name, "set": sorted(stimulus.variables)},
        },
    )
    turn.state.params = merged
    waited = {child for state in visit.actions.values() for child in state.waits_for}
    subprocess.abort(
        turn.world, [child for child in turn.world.subprocesses(turn.state) if child.id in waited], turn.user
    )
    fresh = replacing.replace(turn, token, target, history_until=visit.number + 1)
    flow.advance(turn, fresh)
    return {"tokenUuid": str(fresh.uuid), "currentNodeId": fresh.node_id, "state": str(turn.state.state)}


def _target(turn: Turn, here: Node, target_id: int) -> Node:
    target = turn.graph.nodes.get(target_id)
    if target is None:
        raise _refused("an unknown node", "this version has no such node")
    if target.type not in TARGETS:
        raise _refused(f"'{target.name}'", f"a {target.type} takes no moved token")
    inside = turn.graph.sections.inside
    if inside.get(here.id) != inside.get(target.id):
        raise _refused(f"'{target.name}'", "it lies in another parallel section")
    return target


def _refused(where: str, why: str) -> Refusal:
    return Refusal(400, f"Cannot move into {where}: {why}.", code="OPS-003", entity="token")
