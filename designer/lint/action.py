"""Checks of an action that hold for every type: Action Edit, Back in steps, Data to send (designer 1.5, 1.8, 1.13)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from designer.catalog import action_type, action_types, types_for
from designer.catalog.values import ActionValues
from designer.design import Design, same_action
from designer.lint.keys import check_key_list
from designer.lint.problem import Fix, Problem, problem
from designer.lint.timer import check_timer
from designer.lint.words import either
from designer.nodetypes import node_kind

NAME_LENGTH = 100
_ILLEGAL = re.compile(r"[^A-Za-z0-9_.-]")

MANUAL_ONLY = {
    "allowTokenReset": "Allow BACK on this action",
    "restartFromSnapshot": "Restart from snapshot",
    "keysForRestart": "Keys for restart",
    "keys": "Keys",
}
"""Fields that only a Manual action may have, with their labels (ACT-011)."""


def common_checks(design: Design, action: ActionValues) -> Iterator[Problem]:
    """Everything but the parameters of the action's type."""
    yield from _name(design, action)
    yield from _order(design, action)
    yield from _type(design, action)
    yield from _trigger(action)
    yield from _parent(design, action)
    yield from _running(design, action)
    yield from check_timer(design, action.timer_expression, "timerExpression")
    yield from _back(design, action)
    if action.manual:
        yield from check_key_list(design, action.keys, "keys")


def clean_name(name: str) -> str:
    """The name with every character replaced that may not stand in it, at most 100 characters long."""
    return re.sub(r"_+", "_", _ILLEGAL.sub("_", name.strip()))[:NAME_LENGTH] or "action"


def free_name(design: Design, name: str) -> str:
    """The name, or the first of name_2, name_3 ... that no action of the version has."""
    taken = {each.name for each in design.actions}
    number, free = 2, name
    while free in taken:
        free, number = f"{name[: NAME_LENGTH - 5]}_{number}", number + 1
    return free


def _name(design: Design, action: ActionValues) -> Iterator[Problem]:
    name = action.name
    if not name.strip():
        yield problem("ACT-001", "name")
        return
    if len(name) > NAME_LENGTH:
        yield problem("ACT-002", "name", n=len(name), fix=Fix(f"Use {name[:20]}…", "set", "name", name[:NAME_LENGTH]))
    if illegal := _ILLEGAL.search(name):
        clean = clean_name(name)
        yield problem("ACT-003", "name", c=illegal.group(), fix=Fix(f"Use {clean}", "set", "name", clean))
    alike_named = design.actions_by_lower_name.get(name.lower(), [])
    others = [each for each in alike_named if not same_action(each, action) and each is not action]
    if taken := next((each for each in others if each.name == name), None):
        free = free_name(design, name)
        node = design.node_by_id[taken.node_id].name
        yield problem("ACT-004", "name", name=name, node=node, fix=Fix(f"Rename to {free}", "set", "name", free))
    elif alike := next((each for each in others if _is_later(action, each)), None):
        yield problem("ACT-022", "name", a=name, b=alike.name)


def _is_later(action: ActionValues, other: ActionValues) -> bool:
    """So that a pair is reported once: on the one added later."""
    return action.id is None or (other.id is not None and other.id < action.id)


def _order(design: Design, action: ActionValues) -> Iterator[Problem]:
    free = str(_free_order(design, action))
    use_free = Fix(f"Use {free}", "set", "order", free)
    if action.order is None or action.order < 1:
        yield problem("ACT-005", "order", fix=use_free)
        return
    other = next((each for each in design.siblings(action) if each.order == action.order), None)
    if other is not None:
        swap = Fix(f"Swap with {other.name}", "swap", "order", other.name)
        yield problem("ACT-006", "order", n=action.order, other=other.name, fix=(use_free, swap))


def _free_order(design: Design, action: ActionValues) -> int:
    return max((each.order or 0 for each in design.siblings(action)), default=0) + 1


def _type(design: Design, action: ActionValues) -> Iterator[Problem]:
    node = design.node_by_id[action.node_id]
    kind = node_kind(node.type)
    known = action_type(action.type)
    if not kind.takes_actions:
        yield problem("ACT-018", "type", nodeType=kind.label)
    elif known is not None and node.type not in known.node_types:
        yield problem("ACT-008", "type", type=known.label, nodeType=kind.label)
    if known is None:
        if action.id is not None and "type" not in action.invalid:
            yield problem("ACT-021", "type", type=action.type, name=action.name)
        else:
            offered = types_for(node.type) or list(action_types().values())
            yield problem("ACT-007", "type", v=action.type, list=either(each.label for each in offered))


def _trigger(action: ActionValues) -> Iterator[Problem]:
    choices = {
        "manual": ("Trigger type", "Automatic or Manual"),
        "optional": ("Required type", "Mandatory or Optional"),
    }
    for name, (label, listed) in choices.items():
        if name in action.invalid:
            yield problem("ACT-013", name, v=action.invalid[name], field=label, list=listed)
    known = action_type(action.type)
    if known is not None and known.locked_manual is not None and action.manual != known.locked_manual:
        trigger = "Manual" if known.locked_manual else "Automatic"
        yield problem(
            "ACT-009", "manual", type=known.label, trigger=trigger,
            fix=Fix(f"Use {trigger}", "set", "manual", "true" if known.locked_manual else "false"),
        )  # fmt: skip
    if not action.manual and action.optional:
        yield problem("ACT-010", "optional", fix=Fix("Use Mandatory", "set", "optional", "false"))
    if not action.manual:
        filled = {
            "allowTokenReset": action.allow_token_reset,
            "restartFromSnapshot": action.restart_from_snapshot,
            "keysForRestart": action.keys_for_restart,
            "keys": action.keys,
        }
        for name, value in filled.items():
            if value:
                yield problem("ACT-011", name, field=MANUAL_ONLY[name], fix=Fix("Remove it", "clear", name))


def _parent(design: Design, action: ActionValues) -> Iterator[Problem]:
    if not action.parent_name:
        return
    on_node = {each.name: each for each in design.actions_by_node.get(action.node_id, [])}
    none = Fix("Use no parent", "set", "parentName", "")
    if action.parent_name not in on_node and action.parent_name != action.name:
        yield problem("ACT-014", "parentName", node=design.node_by_id[action.node_id].name, fix=none)
        return
    chain = [action.name]
    above = action.parent_name
    while above and above not in chain:
        chain.append(above)
        above = on_node[above].parent_name if above in on_node else ""
    if above == action.name:
        yield problem("ACT-015", "parentName", a=action.name, loop=" → ".join([*chain, above]), fix=none)


def _running(design: Design, action: ActionValues) -> Iterator[Problem]:
    children = design.children(action)
    if action.auto_run_children and not any(not each.manual and not each.optional for each in children):
        yield problem("ACT-019", "autoRunChildren", fix=Fix("Turn it off", "set", "autoRunChildren", "false"))
    holds = action.manual and not action.optional and not action.parent_name
    if holds and not node_kind(design.node_by_id[action.node_id].type).has_screen:
        yield problem("ACT-020", "manual", name=action.name)
    parent = design.action_named(action.parent_name) if action.parent_name else None
    if parent is not None and parent.repeatable and not action.manual and not action.repeatable:
        turn_on = Fix("Make it repeatable", "set", "repeatable", "true")
        yield problem("ACT-023", "repeatable", parent=parent.name, child=action.name, fix=turn_on)


def _back(design: Design, action: ActionValues) -> Iterator[Problem]:
    if not action.manual:
        return
    if not action.allow_token_reset:
        turn_on = Fix("Turn on Allow BACK", "set", "allowTokenReset", "true")
        if action.restart_from_snapshot or action.keys_for_restart:
            field = "restartFromSnapshot" if action.restart_from_snapshot else "keysForRestart"
            yield problem("BCK-001", field, fix=turn_on)
        return
    if action.keys_for_restart and not action.restart_from_snapshot:
        turn_on = Fix("Turn on Restart from snapshot", "set", "restartFromSnapshot", "true")
        yield problem("BCK-002", "keysForRestart", fix=turn_on)
    yield from check_key_list(design, action.keys_for_restart, "keysForRestart", allow_index=True)
    for name in closed_ways_back(design, action.node_id):
        yield problem("BCK-003", "allowTokenReset", n=name)


def closed_ways_back(design: Design, node_id: int) -> list[str]:
    """The first nodes on each path from the node on, itself included, that have Can go back off (engine 9.2)."""
    closed: list[str] = []
    seen = {node_id}
    waiting = [design.node_by_id[node_id]]
    while waiting:
        node = waiting.pop(0)
        if not node.can_go_back and not node_kind(node.type).is_end:
            closed.append(node.name)
            continue
        for following in design.outgoing.get(node.pk, []):
            if following.pk not in seen:
                seen.add(following.pk)
                waiting.append(following)
    return closed
