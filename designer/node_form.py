"""The Node Config form (designer 1.3): which fields each type has, reading what was posted, checking it and saving it.

A posted form is put into a copy of the node inside a copy of the design, so that the checks of `designer.lint` are the only
ones. Fields that a type does not have are never read, so they stay as they are stored.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.http import QueryDict
from django.utils import timezone

from designer import lint
from designer.changes import FIELD_WORDS
from designer.design import Design
from designer.lint import Problem, problem
from designer.models import Node, Version
from designer.nodetypes import node_kind
from designer.renaming import rename_node

PLACE = ("name", "swimlane", "stage")
COMMON = ("name", "canGoBack", "swimlane", "stage")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "START": (*COMMON, "startCondition"),
    "END": PLACE,
    "TASK": (*COMMON, "responseTimeout", "dataStreamTopics", "flowNames", "updateTaskManagement"),
    "USER_TASK": (*COMMON, "responseTimeout", "dataStreamTopics", "inputKeys", "flowNames", "updateTaskManagement"),
    "MESSAGE_EVENT_SEND": (*COMMON, "flowNames"),
    "MESSAGE_EVENT_RECEIVE": (*COMMON, "responseTimeout", "dataStreamTopics", "flowNames"),
    "EXCLUSIVE_GATEWAY": (*COMMON, "rules"),
    "PARALLEL_GATEWAY": PLACE,
    "MILESTONE_START": PLACE,
    "MILESTONE_END": PLACE,
    "TIMER_START": (*PLACE, "timerExpression", "startTime", "endTime"),
    "TIMER_INTERMEDIATE": (*COMMON, "timerExpression"),
    "TIMER_BOUNDARY": (*PLACE, "attachedTo", "interrupting", "timerExpression"),
    "MESSAGE_THROW": (*COMMON, "messageName", "correlationKey", "data"),
    "MESSAGE_CATCH_INTERMEDIATE": (*COMMON, "messageName", "correlationKey", "receiveDataKey"),
    "MESSAGE_CATCH_START": (*PLACE, "messageName", "correlationKey", "receiveDataKey"),
    "MESSAGE_CATCH_BOUNDARY": (
        *PLACE,
        "attachedTo",
        "interrupting",
        "messageName",
        "correlationKey",
        "receiveDataKey",
    ),
}
"""The fields of each node type, in the order of the form. A type that is not listed is read-only."""

COLUMNS = {
    "name": "name",
    "canGoBack": "can_go_back",
    "stage": "stage",
    "startCondition": "start_condition",
    "flowNames": "flow_names",
    "responseTimeout": "response_timeout",
    "dataStreamTopics": "data_stream_topics",
    "inputKeys": "input_keys",
    "updateTaskManagement": "update_task_management",
    "rules": "rules",
}
"""The column of the row that holds each field; the swimlane is a reference and apart."""

IN_CONFIG: Mapping[str, Any] = {
    "timerExpression": "",
    "startTime": "",
    "endTime": "",
    "attachedTo": "",
    "interrupting": True,
    "messageName": "",
    "correlationKey": "",
    "data": "",
    "receiveDataKey": "",
}
"""Fields that stand in `Node.config`, with the value of one that is not there."""


def fields_of(node: Node) -> tuple[str, ...]:
    return FIELDS.get(node.type, ())


def value_of(node: Node, name: str) -> Any:
    """The stored value of one field."""
    if name == "swimlane":
        return node.swimlane.key if node.swimlane else ""
    if name in IN_CONFIG:
        return node.config.get(name, IN_CONFIG[name])
    return getattr(node, COLUMNS[name])


def values_of(node: Node) -> dict[str, Any]:
    """All fields of the node's type with their values, as the form starts with them."""
    return {name: value_of(node, name) for name in fields_of(node)}


# ---------- reading what was posted ----------


def read(node: Node, posted: QueryDict) -> dict[str, Any]:
    """The values of a posted form; rows that are wholly empty are left out."""
    readers: dict[str, Callable[[QueryDict], Any]] = {
        "canGoBack": lambda data: "canGoBack" in data,
        "flowNames": lambda data: _lines(data.get("flowNames", "")),
        "dataStreamTopics": _streams,
        "inputKeys": lambda data: _lines(data.get("inputKeys", "")),
        "updateTaskManagement": lambda data: "updateTaskManagement" in data,
        "rules": _rules,
        "interrupting": lambda data: "interrupting" in data,
        "data": lambda data: data.get("data", "").replace("\r\n", "\n").strip(),
    }
    return {name: readers[name](posted) if name in readers else _line(posted, name) for name in fields_of(node)}


def _line(posted: QueryDict, name: str) -> str:
    return posted.get(name, "").strip()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in re.split(r"[\n,]", text) if line.strip()]


def _streams(posted: QueryDict) -> list[dict[str, str]]:
    rows = zip(posted.getlist("topicName"), posted.getlist("keyName"), strict=False)
    return [{"topicName": topic.strip(), "keyName": key.strip()} for topic, key in rows if topic.strip() or key.strip()]


def _rules(posted: QueryDict) -> list[dict[str, Any]]:
    rows = [
        (condition.strip(), target)
        for condition, target in zip(posted.getlist("expression"), posted.getlist("nextNodeName"), strict=False)
        if condition.strip() or target
    ]
    if posted.get("else"):
        rows.append(("", posted.get("else", "")))
    return [
        {"order": order, "language": "ZEN", "expression": condition, "nextNodeName": target}
        for order, (condition, target) in enumerate(rows, start=1)
    ]


# ---------- checking ----------


def put(design: Design, node: Node, values: Mapping[str, Any]) -> tuple[Design, Node]:
    """Copies of the design and the node with these values; other nodes follow a new name, as a save would make them."""
    edited = copy.copy(node)
    for name, value in values.items():
        if name == "swimlane":
            edited.swimlane = next((lane for lane in design.swimlanes if lane.key == value), node.swimlane)
        elif name in IN_CONFIG:
            edited.config = {**edited.config, name: value}
        else:
            setattr(edited, COLUMNS[name], value)
    nodes = [edited if each.pk == node.pk else _following(each, node.name, edited.name) for each in design.nodes]
    changed = copy.copy(design)
    changed.nodes = nodes
    for cached in ("node_by_id", "node_by_name", "outgoing", "incoming"):
        changed.__dict__.pop(cached, None)
    return changed, edited


def _following(node: Node, before: str, after: str) -> Node:
    if before == after or not any(rule.get("nextNodeName") == before for rule in node.rules):
        return node
    follower = copy.copy(node)
    follower.rules = renamed_rules(node.rules, before, after)
    return follower


def renamed_rules(rules: list[dict[str, Any]], before: str, after: str) -> list[dict[str, Any]]:
    return [{**rule, "nextNodeName": after} if rule.get("nextNodeName") == before else rule for rule in rules]


def check(design: Design, node: Node, values: Mapping[str, Any]) -> list[Problem]:
    """What a save of these values would answer, worst first."""
    changed, edited = put(design, node, values)
    found = [each for each in lint.check_node(changed, edited) if not each.action]
    shown = {*fields_of(node), "name"}
    return lint.by_severity([each for each in found if each.field in shown or not each.field or not each.blocks_saving])


# ---------- saving ----------


@dataclass(frozen=True, slots=True)
class Conflict:
    """Somebody saved first: each field that changed meanwhile, with the value the form began with and the one stored now."""

    fields: tuple[tuple[str, str, str], ...]
    by: str
    at: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What a save came to. `saved` is None when nothing was stored."""

    saved: Node | None
    problems: list[Problem] = field(default_factory=list)
    conflict: Conflict | None = None


@transaction.atomic
def save(design: Design, node: Node, values: Mapping[str, Any], *, revision: int, base: str, user: Any) -> Answer:
    """Store the values, unless they hold an error, the version is no draft, or the node has a newer revision.

    `revision` and `base` are what the form was made from. Renaming follows in gateway rules and literal `destinationId`s.
    """
    version = Version.objects.select_for_update().select_related("process").get(pk=node.version_id)
    if not version.editable:
        return Answer(None, [problem("ACT-017", n=version.number, state=version.get_state_display().lower())])
    stored = Node.objects.select_for_update().select_related("swimlane").get(pk=node.pk)
    if stored.revision != revision:
        return Answer(None, conflict=_conflict(stored, base, version))
    found = check(design, node, values)
    if any(each.blocks_saving for each in found):
        return Answer(None, found)
    _, edited = put(design, node, values)
    if edited.name != node.name:
        rename_node(version, node.name, edited.name)
        edited.rules = renamed_rules(edited.rules, node.name, edited.name)
    edited.revision = revision + 1
    edited.save()
    touch(version, user)
    return Answer(edited, found)


def touch(version: Version, user: Any) -> None:
    """Note on the version that something of it was changed, by whom and when."""
    version.revision += 1
    version.edited_at = timezone.now()
    version.edited_by = user if user is not None and user.pk else None
    version.save(update_fields=["revision", "edited_at", "edited_by"])


def _conflict(stored: Node, base: str, version: Version) -> Conflict:
    try:
        began = json.loads(base)
    except ValueError:
        began = {}
    now = values_of(stored)
    changed = tuple(
        (FIELD_WORDS.get(name, "Node name" if name == "name" else name), words(began.get(name)), words(value))
        for name, value in now.items()
        if began.get(name) != value
    )
    by = version.edited_by
    return Conflict(changed, (by.get_full_name() or by.get_username()) if by else "Somebody", version.edited_at)


def words(value: Any) -> str:
    """A value of a field as the conflict shows it."""
    if value is None or value in ("", [], {}):
        return "empty"
    if isinstance(value, bool):
        return "on" if value else "off"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def base_of(node: Node) -> str:
    """What the form was made from, to name what changed meanwhile when a save comes too late."""
    return json.dumps(values_of(node), ensure_ascii=False)


def takes_actions(node: Node) -> bool:
    return node_kind(node.type).takes_actions
