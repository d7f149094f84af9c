"""A version as one JSON document (designer 3.3): what is exported, what an import reads, and what a new draft is copied from.

Everything refers by key or name, never by database id, and stands in a stable order, so that files diff well. No secrets, no
instance data. The JSON Schema of the document is `process-export.schema.json` beside this file.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from designer.catalog.values import ActionValues
from designer.design import Design
from designer.models import DataModelAttribute, Node, Sequence, Swimlane
from engine import publishing

FORMAT = "flowx-actions/process"
FORMAT_VERSION = 1
PRODUCT_VERSION = "0.1.0"


def to_text(document: dict[str, Any]) -> str:
    """The document as it is written to a file: two blanks a level, UTF-8, one newline at the end."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def document(design: Design, *, exported_by: str = "", exported_at: datetime | None = None) -> dict[str, Any]:
    """The whole version. `exported_at` defaults to now; all else depends on the version's content only."""
    version = design.version
    moment = (exported_at or datetime.now(UTC)).astimezone(UTC)
    return {
        "format": FORMAT,
        "formatVersion": FORMAT_VERSION,
        "productVersion": PRODUCT_VERSION,
        "exportedAt": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "exportedBy": exported_by,
        "process": {
            "name": version.process.name,
            "version": version.number,
            "generalData": version.general_data,
            "expiryTime": version.expiry_time,
            "useInReporting": version.use_in_reporting,
            "useInTaskManagement": version.use_in_task_management,
            "mandatoryParams": version.mandatory_params,
            "searchKeys": version.search_keys,
            "strictKeys": version.strict_keys,
        },
        "swimlanes": [_swimlane(each) for each in design.swimlanes],
        "nodes": [_node(design, each) for each in sorted(design.nodes, key=lambda node: node.key)],
        "sequences": [_sequence(design, each) for each in sorted(design.sequences, key=lambda flow: flow.key)],
        "actions": [_action(design, each) for each in in_stable_order(design)],
        "dataModel": [_attribute(each) for each in sorted(design.attributes, key=lambda each: each.path)],
        "permissions": publishing.swimlane_permissions(version.process.name),
        "requires": requires(design),
    }


def in_stable_order(design: Design) -> list[ActionValues]:
    """Actions by node key, each parent before its children, siblings by order."""
    ordered: list[ActionValues] = []

    def walk(node: Node, parent_name: str) -> None:
        for action in design.actions_by_node.get(node.pk, []):
            if action.parent_name == parent_name and action not in ordered:
                ordered.append(action)
                walk(node, action.name)

    for node in sorted(design.nodes, key=lambda each: each.key):
        walk(node, "")
    return ordered


def requires(design: Design) -> dict[str, list[str]]:
    """What the version needs from the installation it is imported into, by name."""
    from designer.lint.references import parameters_read, processes_started

    permissions = publishing.swimlane_permissions(design.version.process.name)
    groups = {group for lanes in permissions.values() for members in lanes.values() for group in members}
    return {
        "parameters": sorted(parameters_read(design)),
        "processes": sorted(processes_started(design)),
        "groups": sorted(groups),
    }


def _swimlane(lane: Swimlane) -> dict[str, Any]:
    return {
        "key": lane.key,
        "name": lane.name,
        "order": lane.order,
        "bounds": {"x": lane.x, "y": lane.y, "width": lane.width, "height": lane.height},
    }


def _node(design: Design, node: Node) -> dict[str, Any]:
    lanes = {lane.pk: lane.key for lane in design.swimlanes}
    return {
        "key": node.key,
        "name": node.name,
        "type": node.type,
        "swimlane": lanes.get(node.swimlane_id or 0),
        "stage": node.stage or None,
        "canGoBack": node.can_go_back,
        "startCondition": node.start_condition,
        "flowNames": node.flow_names,
        "responseTimeout": node.response_timeout,
        "dataStreamTopics": node.data_stream_topics,
        "inputKeys": node.input_keys,
        "updateTaskManagement": node.update_task_management,
        "rules": node.rules,
        "config": node.config,
        "bounds": {"x": node.x, "y": node.y, "width": node.width, "height": node.height},
        "label": node.label,
    }


def _sequence(design: Design, flow: Sequence) -> dict[str, Any]:
    return {
        "key": flow.key,
        "sourceNode": design.node_by_id[flow.source_id].key,
        "targetNode": design.node_by_id[flow.target_id].key,
        "waypoints": flow.waypoints,
    }


def _action(design: Design, action: ActionValues) -> dict[str, Any]:
    return {
        "node": design.node_by_id[action.node_id].key,
        "key": action.key,
        "name": action.name,
        "order": action.order,
        "type": action.type,
        "manual": action.manual,
        "optional": action.optional,
        "repeatable": action.repeatable,
        "autoRunChildren": action.auto_run_children,
        "parentName": action.parent_name or None,
        "timerExpression": action.timer_expression,
        "allowTokenReset": action.allow_token_reset,
        "restartFromSnapshot": action.restart_from_snapshot,
        "keysForRestart": action.keys_for_restart,
        "keys": action.keys,
        "actionParams": action.stored_params(),
        "actionRuleDefinitions": action.rule_definitions,
    }


def _attribute(attribute: DataModelAttribute) -> dict[str, Any]:
    return {
        "path": attribute.path,
        "type": attribute.type,
        "itemType": attribute.item_type or None,
        "values": attribute.values,
        "sensitive": attribute.sensitive,
        "useInReporting": attribute.use_in_reporting,
        "example": attribute.example,
        "description": attribute.description,
    }
