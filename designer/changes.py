"""What differs between two versions, node by node, in the words of the publish dialog (designer 3.1, 3.2).

Compares what the engine would run (`designer.compile`), so ids and other database facts never count; where a node is drawn is
told apart. Pure over two loaded designs.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from designer import wording
from designer.canvas import host_of
from designer.compile import action_json, node_json
from designer.design import Design
from designer.models import Node
from designer.nodetypes import node_kind

ADDED, CHANGED, REMOVED = "add", "mod", "del"
SIGNS = {ADDED: "+", CHANGED: "~", REMOVED: "–"}

FIELD_WORDS = {
    "name": "Name",
    "type": "Type",
    "order": "Order",
    "swimlane": "Swimlane",
    "stage": "Stage",
    "canGoBack": "Can go back",
    "flowNames": "Flow names",
    "startCondition": "Start condition",
    "responseTimeout": "Response timeout",
    "dataStreamTopics": "Data stream topics",
    "inputKeys": "Input keys",
    "updateTaskManagement": "Update task management",
    "rules": "Gateway rules",
    "goes to": "Goes to",
    "timerExpression": "Timer expression",
    "timer": "Timer",
    "manual": "Trigger type",
    "optional": "Required type",
    "repeatable": "Repeatable",
    "autoRunChildren": "Autorun Children",
    "parentName": "Parent action",
    "allowTokenReset": "Allow BACK",
    "restartFromSnapshot": "Restart from snapshot",
    "keysForRestart": "Keys for restart",
    "keys": "Data to send",
    "topicName": "Topics",
    "message": "Message",
    "headers": "Headers",
    "messageKey": "Message key",
    "messageType": "Message type",
    "targetProcess": "Target process",
    "source": "Custom or From Integration",
    "integration": "System",
    "scenario": "Scenario",
    "actions": "Actions",
    "sequences": "Sequences",
    "messageName": "Message name",
    "correlationKey": "Correlation key",
    "attachedTo": "Attached to",
    "interrupting": "Interrupting",
    "startTime": "Start time",
    "endTime": "End time",
    "data": "Data",
    "receiveDataKey": "Store received data under",
    "outputKey": "Output key",
    "expiryTime": "Expiry time",
    "environment": "Environment",
}
SWITCH_WORDS = {"manual": ("Automatic", "Manual"), "optional": ("Mandatory", "Optional")}


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a text: kept (no sign), added or removed."""

    kind: str
    text: str

    @property
    def sign(self) -> str:
        return SIGNS.get(self.kind, "")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field: old and new value in words, or lines for a text of several lines. `added` and `removed` for lists."""

    label: str
    was: str = ""
    now: str = ""
    note: str = ""
    lines: tuple[DiffLine, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionChange:
    kind: str
    name: str
    words: str
    fields: tuple[FieldChange, ...] = ()

    @property
    def sign(self) -> str:
        return SIGNS[self.kind]


@dataclass(frozen=True, slots=True)
class NodeChange:
    kind: str
    key: str
    name: str
    type_label: str
    icon: str
    fields: tuple[FieldChange, ...] = ()
    actions: tuple[ActionChange, ...] = ()

    @property
    def sign(self) -> str:
        return SIGNS[self.kind]


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that differs. `moved` counts nodes that only stand elsewhere."""

    nodes: tuple[NodeChange, ...]
    settings: tuple[FieldChange, ...] = ()
    moved: int = 0

    @property
    def nothing(self) -> bool:
        return not self.nodes and not self.settings and not self.moved

    def total(self, kind: str) -> int:
        """How many nodes, actions and fields were added, changed or removed."""
        return sum(
            (node.kind == kind and kind != CHANGED)
            + (len(node.fields) if kind == CHANGED and node.kind == CHANGED else 0)
            + sum(action.kind == kind for action in node.actions if node.kind == CHANGED)
            for node in self.nodes
        ) + (len(self.settings) if kind == CHANGED else 0)

    @property
    def added(self) -> int:
        return self.total(ADDED)

    @property
    def changed(self) -> int:
        return self.total(CHANGED)

    @property
    def removed(self) -> int:
        return self.total(REMOVED)


def compare(before: Design, after: Design) -> Changes:
    """What `after` has that `before` has not, has no more, or has otherwise. Nodes and actions are known by their keys."""
    old = {node.key: node for node in before.nodes}
    new = {node.key: node for node in after.nodes}
    found = [_node_change(before, after, old.get(node.key), node) for node in after.nodes]
    found += [_gone(node) for key, node in old.items() if key not in new]
    moved = sum(1 for key, node in new.items() if key in old and _place(node) != _place(old[key]))
    nodes = tuple(change for change in found if change is not None)
    return Changes(nodes, tuple(_settings(before, after)), moved)


def _place(node: Node) -> tuple[int, int, int, int]:
    return node.x, node.y, node.width, node.height


def _gone(node: Node) -> NodeChange:
    return NodeChange(REMOVED, node.key, node.name, node_kind(node.type).label, wording.node_icon(node.type))


def _node_change(before: Design, after: Design, old: Node | None, new: Node) -> NodeChange | None:
    label, icon = node_kind(new.type).label, wording.node_icon(new.type)
    if old is None:
        return NodeChange(ADDED, new.key, new.name, label, icon)
    was, now = _node_facts(before, old), _node_facts(after, new)
    fields = tuple(_fields(was, now))
    actions = tuple(_action_changes(before, after, old, new))
    if not fields and not actions:
        return None
    return NodeChange(CHANGED, new.key, new.name, label, icon, fields, actions)


def _node_facts(design: Design, node: Node) -> dict[str, Any]:
    facts = {key: value for key, value in node_json(design, node).items() if key not in ("id", "key", "actions")}
    if "timerExpression" in facts:
        facts["timer"] = facts.pop("timerExpression")
    if node_kind(node.type).is_boundary:
        host = host_of(design, node)
        facts["attachedTo"] = host.name if host else facts.get("attachedTo")
        facts["interrupting"] = "on" if facts.get("interrupting") is not False else "off"
    facts["goes to"] = [target.name for target in design.outgoing.get(node.pk, [])]
    facts["rules"] = [f"{rule.get('expression') or 'else'} → {rule.get('nextNodeName', '')}" for rule in node.rules]
    facts["dataStreamTopics"] = [f"{row.get('topicName')} → {row.get('keyName')}" for row in node.data_stream_topics]
    return facts


def _action_changes(before: Design, after: Design, old: Node, new: Node) -> list[ActionChange]:
    was = {action.key: action for action in before.actions_by_node.get(old.pk, [])}
    now = {action.key: action for action in after.actions_by_node.get(new.pk, [])}
    changes = []
    for key, action in now.items():
        if key not in was:
            changes.append(ActionChange(ADDED, action.name, _action_words(after, action)))
        elif fields := tuple(_fields(_action_facts(was[key]), _action_facts(action))):
            changes.append(ActionChange(CHANGED, action.name, "", fields))
    gone = [action for key, action in was.items() if key not in now]
    return changes + [ActionChange(REMOVED, action.name, wording.type_words(action.type)) for action in gone]


def _action_words(design: Design, action: Any) -> str:
    timing = wording.delay(action.timer_expression)
    when = timing.words if timing else wording.runs_when(design, action)
    return f"{wording.type_words(action.type)}, order {action.order}, {when}"


def _action_facts(action: Any) -> dict[str, Any]:
    facts = {key: value for key, value in action_json(action).items() if key not in ("id", "key", "actionParams")}
    for param in action.stored_params():
        facts[param["key"]] = param["value"]
        if not param["replaceValues"]:
            facts[f"{param['key']} · Replace values"] = False
    return facts


def _settings(before: Design, after: Design) -> list[FieldChange]:
    was = {"Mandatory parameters": before.version.mandatory_params, "Expiry time": before.version.expiry_time}
    now = {"Mandatory parameters": after.version.mandatory_params, "Expiry time": after.version.expiry_time}
    was["Data model"] = [f"{each.path}: {each.type}" for each in before.attributes]
    now["Data model"] = [f"{each.path}: {each.type}" for each in after.attributes]
    was["Swimlanes"] = [lane.name for lane in before.swimlanes]
    now["Swimlanes"] = [lane.name for lane in after.swimlanes]
    return _fields(was, now)


def _fields(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[FieldChange]:
    keys = [*now, *(key for key in was if key not in now)]
    return [_field(key, was.get(key), now.get(key)) for key in keys if _plain(was.get(key)) != _plain(now.get(key))]


def _plain(value: Any) -> Any:
    """Empty values of every kind count as the same: an unset field is not a change."""
    return None if value in (None, "", [], {}, False) else value


def _field(key: str, was: Any, now: Any) -> FieldChange:
    label = FIELD_WORDS.get(key, key)
    if isinstance(was or now, list) and all(isinstance(item, str) for item in [*(was or []), *(now or [])]):
        added = tuple(item for item in now or [] if item not in (was or []))
        removed = tuple(item for item in was or [] if item not in (now or []))
        if added or removed:
            return FieldChange(label, added=added, removed=removed)
    old, new = _text(key, was), _text(key, now)
    if "\n" in old or "\n" in new:
        return FieldChange(label, lines=_lines(old, new))
    return FieldChange(label, old or _empty(key), new or _empty(key), _note(key, now))


def _text(key: str, value: Any) -> str:
    if key in SWITCH_WORDS:
        return SWITCH_WORDS[key][bool(value)]
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)


def _empty(key: str) -> str:
    return {"timerExpression": "empty, at once", "responseTimeout": "empty, no limit"}.get(key, "empty")


def _note(key: str, value: Any) -> str:
    timing = (
        wording.delay(value)
        if key in ("timerExpression", "timer", "responseTimeout") and isinstance(value, str)
        else None
    )
    return timing.words.removeprefix("after ") if timing and not timing.unreadable else ""


def _lines(old: str, new: str) -> tuple[DiffLine, ...]:
    """The changed lines with one line around them."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=1, lineterm="")
    kinds = {"+": ADDED, "-": REMOVED, " ": ""}
    return tuple(DiffLine(kinds[line[0]], line[1:]) for line in list(lines)[2:] if line[:2] != "@@")
