"""Runs the checks: of a whole version, of one action, of one node. The same functions serve forms, import and publishing."""

from __future__ import annotations

from designer.catalog import action_type
from designer.catalog.values import ActionValues
from designer.design import Design
from designer.lint.action import common_checks
from designer.lint.flow import flow_checks, process_checks
from designer.lint.nodes import node_checks
from designer.lint.parameters import foreign_parameters
from designer.lint.problem import Problem, by_severity
from designer.models import Node


def check(design: Design) -> list[Problem]:
    """Every finding of a version, errors first. Works on loaded rows only, apart from what other processes say."""
    found = [*process_checks(design), *flow_checks(design)]
    for node in design.nodes:
        found.extend(each.at(node=node.key) for each in node_checks(design, node))
        for action in design.actions_by_node.get(node.pk, []):
            found.extend(check_action(design, action))
    return by_severity(found)


def check_action(design: Design, action: ActionValues) -> list[Problem]:
    """The findings of one action, in the order of its form. `design` holds the action itself (`Design.with_action`)."""
    found = [*common_checks(design, action), *foreign_parameters(action)]
    known = action_type(action.type)
    if known is not None:
        found.extend(known.check(design, action))
    key = design.node_by_id[action.node_id].key
    return [each.at(node=key, action=action.name or action.key) for each in found]


def check_node(design: Design, node: Node) -> list[Problem]:
    """The findings of one node without its actions: what its form shows."""
    found = list(node_checks(design, node))
    found.extend(each for each in (*process_checks(design), *flow_checks(design)) if each.node == node.key)
    return [each.at(node=node.key) for each in found]
