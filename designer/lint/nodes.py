"""Checks of one node: its name, its fields, its rules and what its type needs (NOD codes of a single node, EXP codes)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from designer.design import Design
from designer.lint.events import event_checks
from designer.lint.expression import check_expression
from designer.lint.keys import check_key_list
from designer.lint.problem import Fix, Problem, problem
from designer.lint.timer import check_timer
from designer.models import Node
from designer.nodetypes import node_kind
from engine.core import paths
from flowx_site.config import config

NAME_LENGTH = 100


def node_checks(design: Design, node: Node) -> Iterator[Problem]:
    """Everything that is decided by the node, its actions and its sequences."""
    kind = node_kind(node.type)
    yield from name_checks(design, node)
    if kind.has_timeout:
        yield from check_timer(design, node.response_timeout, "responseTimeout")
    if kind.has_streams:
        yield from _streams(node)
    if kind.has_screen:
        yield from check_key_list(design, node.input_keys, "inputKeys")
    if node.type == "EXCLUSIVE_GATEWAY":
        yield from _rules(design, node)
    yield from event_checks(design, node)
    yield from _actions(design, node)


def name_checks(design: Design, node: Node) -> Iterator[Problem]:
    """NOD-001: empty, too long, unprintable, or taken."""
    name = node.name
    if not name.strip() or len(name) > NAME_LENGTH or not name.isprintable():
        yield problem("NOD-001", "name")
    elif any(other.pk != node.pk for other in design.nodes_by_name[name]):
        yield problem("NOD-001", "name", variant="taken", n=name)


def _streams(node: Node) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    if node_kind(node.type).waits and not node.data_stream_topics:
        yield problem("NOD-015", "dataStreamTopics", n=node.name, field="a data stream topic")
    for row in node.data_stream_topics:
        topic, key = str(row.get("topicName", "")).strip(), str(row.get("keyName", "")).strip()
        if not config.receives(topic):
            yield problem("NOD-006", "dataStreamTopics", t=topic, p=config.kafka_topic_pattern)
        if not _is_path(key):
            yield problem("NOD-007", "dataStreamTopics") if not key else problem("DTS-002", "dataStreamTopics", k=key)
        if (topic, key) in seen:
            yield problem("NOD-007", "dataStreamTopics", variant="twice", t=topic)
        seen.add((topic, key))


def _is_path(text: str) -> bool:
    try:
        return bool(paths.parse(text))
    except paths.PathError:
        return False


def _rules(design: Design, node: Node) -> Iterator[Problem]:
    targets = {each.name for each in design.outgoing.get(node.pk, [])}
    rules: list[dict[str, Any]] = sorted(node.rules, key=lambda rule: rule.get("order", 0))
    conditions = [str(rule.get("expression") or "") for rule in rules]
    if len(targets) > 1 or rules:
        if not rules or conditions[-1].strip():
            late = any(not each.strip() for each in conditions)
            reason = "the else rule must stand last" if late else "an else rule is missing"
            yield problem("NOD-005", "rules", n=node.name, reason=reason)
        for position, condition in enumerate(conditions[:-1], start=1):
            if not condition.strip():
                yield problem("NOD-005", "rules", n=node.name, reason=f"rule {position} has no condition")
    for rule in rules:
        following = str(rule.get("nextNodeName", ""))
        if following not in targets:
            reason = f"'{following}' is not connected to it"
            yield problem("NOD-005", "rules", n=node.name, reason=reason)
    for rule, condition in zip(rules, conditions, strict=True):
        if condition.strip():
            language = str(rule.get("language") or "ZEN")
            yield from check_expression(design, condition, "rules", language=language)


def _actions(design: Design, node: Node) -> Iterator[Problem]:
    actions = design.actions_by_node.get(node.pk, [])
    add = Fix("Add action", "add_action")
    if node.type == "MESSAGE_EVENT_SEND" and not any(each.type == "KAFKA_SEND" for each in actions):
        yield problem("NOD-008", "actions", n=node.name, fix=add)
    holds = any(each.manual and not each.optional and not each.parent_name for each in actions)
    if node_kind(node.type).has_screen and not holds:
        yield problem("NOD-009", "actions", n=node.name, fix=add)
