"""Version rows -> the snapshot that the engine runs (engine 1.2): plain JSON under the stored names, with a format number.
The same rows give the same snapshot, so that a test start of an unchanged draft is stored once."""

from __future__ import annotations

from typing import Any

from designer.catalog.values import ActionValues
from designer.design import Design
from designer.models import DataModelAttribute, Node
from engine.core.graph import FORMAT


def compile_version(design: Design) -> dict[str, Any]:
    """The snapshot of a version, whatever its state. The caller has refused blockers before."""
    version = design.version
    return {
        "format": FORMAT,
        "definitionId": version.pk,
        "name": version.process.name,
        "version": version.number,
        "generalData": version.general_data,
        "expiryTime": version.expiry_time,
        "useInReporting": version.use_in_reporting,
        "useInTaskManagement": version.use_in_task_management,
        "mandatoryParams": list(version.mandatory_params),
        "sensitiveKeys": sensitive_keys(design.attributes),
        "searchKeys": list(version.search_keys),
        "swimlanes": [lane.name for lane in design.swimlanes],
        "nodes": [node_json(design, node) for node in design.nodes],
        "sequences": [
            {"id": each.pk, "sourceNode": each.source_id, "targetNode": each.target_id} for each in design.sequences
        ],
    }


def sensitive_keys(attributes: list[DataModelAttribute]) -> list[str]:
    """The topmost sensitive paths: a flag goes down to everything below it (designer 3.4)."""
    flagged = sorted(each.path for each in attributes if each.sensitive)
    return [path for path in flagged if not any(path.startswith(f"{other}.") for other in flagged)]


def node_json(design: Design, node: Node) -> dict[str, Any]:
    """One node with its actions by order, under the names of engine 1.3. No field of an event can stand in for another."""
    lanes = {lane.pk: lane.name for lane in design.swimlanes}
    return {
        **node.config,
        "id": node.pk,
        "key": node.key,
        "name": node.name,
        "type": node.type,
        "swimlane": lanes.get(node.swimlane_id or 0, design.swimlanes[0].name if design.swimlanes else "Default"),
        "stage": node.stage or None,
        "canGoBack": node.can_go_back,
        "flowNames": list(node.flow_names),
        "startCondition": node.start_condition,
        "responseTimeout": node.response_timeout,
        "dataStreamTopics": list(node.data_stream_topics),
        "inputKeys": list(node.input_keys),
        "updateTaskManagement": node.update_task_management,
        "rules": list(node.rules),
        "actions": [action_json(each) for each in design.actions_by_node.get(node.pk, [])],
    }


def action_json(action: ActionValues) -> dict[str, Any]:
    """One action under the names of engine 4.2. Values that only manual actions have are left out of automatic ones."""
    manual_only = {
        "allowTokenReset": action.allow_token_reset,
        "restartFromSnapshot": action.restart_from_snapshot,
        "keysForRestart": list(action.keys_for_restart),
        "keys": [key.strip() for key in action.keys],
    }
    return {
        "id": action.id,
        "key": action.key,
        "name": action.name,
        "order": action.order,
        "type": action.type,
        "manual": action.manual,
        "optional": action.optional,
        "repeatable": action.repeatable,
        "autoRunChildren": action.auto_run_children,
        "parentName": action.parent_name or None,
        "timerExpression": action.timer_expression.strip(),
        **(manual_only if action.manual else {}),
        "actionParams": action.stored_params(),
        "actionRuleDefinitions": list(action.rule_definitions),
    }
