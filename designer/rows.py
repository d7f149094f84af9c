"""Writes the rows of a version from a checked export document: imports, new drafts and duplicates all come in here, with a
fixed number of bulk statements. The caller opens the transaction."""

from __future__ import annotations

import json
import uuid
from typing import Any

from designer.models import Action, DataModelAttribute, Node, Sequence, Swimlane, Version
from engine.core import jsonio

DEFAULT_SWIMLANE = "Default"


def write_rows(version: Version, document: dict[str, Any]) -> None:
    """Fill an empty version. The document has passed the schema and names nothing twice."""
    lanes = _swimlanes(version, document.get("swimlanes") or [{"key": "default", "name": DEFAULT_SWIMLANE}])
    nodes = _nodes(version, document["nodes"], lanes)
    Sequence.objects.bulk_create(
        Sequence(
            version=version,
            key=row.get("key") or f"{row['sourceNode']}__{row['targetNode']}"[:100],
            source=nodes[row["sourceNode"]],
            target=nodes[row["targetNode"]],
            waypoints=row.get("waypoints") or [],
        )
        for row in document["sequences"]
    )
    _actions(version, document["actions"], nodes)
    DataModelAttribute.objects.bulk_create(_attribute(version, row) for row in document.get("dataModel") or [])


def apply_settings(version: Version, settings: dict[str, Any]) -> None:
    """Put the process settings of a document on a version, without saving it."""
    version.general_data = plain(settings.get("generalData"))
    version.expiry_time = settings.get("expiryTime") or ""
    version.use_in_reporting = settings.get("useInReporting", False)
    version.use_in_task_management = settings.get("useInTaskManagement", False)
    version.mandatory_params = settings.get("mandatoryParams") or []
    version.search_keys = settings.get("searchKeys") or []
    version.strict_keys = settings.get("strictKeys", False)


def plain(value: Any) -> Any:
    """The value with exact decimals turned into floats, as example values and general data are stored."""
    return json.loads(jsonio.dumps(value))


def new_action_key() -> str:
    """A key for a new action; it stays the same through renaming and in later versions."""
    return uuid.uuid4().hex[:12]


def _swimlanes(version: Version, rows: list[dict[str, Any]]) -> dict[str, Swimlane]:
    made = [
        Swimlane(version=version, key=row["key"], name=row["name"], order=row.get("order") or position, **_bounds(row))
        for position, row in enumerate(rows, start=1)
    ]
    return {lane.key: lane for lane in Swimlane.objects.bulk_create(made)}


def _bounds(row: dict[str, Any]) -> dict[str, int]:
    bounds: dict[str, int] = row.get("bounds") or {}
    return bounds


def _nodes(version: Version, rows: list[dict[str, Any]], lanes: dict[str, Swimlane]) -> dict[str, Node]:
    default = next(iter(lanes.values()))
    by_name = {lane.name: lane for lane in lanes.values()}
    made = [
        Node(
            version=version,
            key=row["key"],
            name=row["name"],
            type=row["type"],
            swimlane=lanes.get(row.get("swimlane") or "") or by_name.get(row.get("swimlane") or "") or default,
            stage=row.get("stage") or "",
            can_go_back=row.get("canGoBack", True),
            start_condition=row.get("startCondition") or "",
            flow_names=row.get("flowNames") or [],
            response_timeout=row.get("responseTimeout") or "",
            data_stream_topics=row.get("dataStreamTopics") or [],
            input_keys=row.get("inputKeys") or [],
            update_task_management=row.get("updateTaskManagement", False),
            rules=row.get("rules") or [],
            config=plain(row.get("config") or {}),
            label=row.get("label"),
            **_bounds(row),
        )
        for row in rows
    ]
    return {node.key: node for node in Node.objects.bulk_create(made)}


def _actions(version: Version, rows: list[dict[str, Any]], nodes: dict[str, Node]) -> None:
    made = [_action(version, nodes[row["node"]], row) for row in rows]
    Action.objects.bulk_create(made)
    by_name = {action.name: action for action in made}
    children = []
    for action, row in zip(made, rows, strict=True):
        if row.get("parentName"):
            action.parent = by_name[row["parentName"]]
            children.append(action)
    Action.objects.bulk_update(children, ["parent"])


def _action(version: Version, node: Node, row: dict[str, Any]) -> Action:
    return Action(
        version=version,
        node=node,
        key=row.get("key") or new_action_key(),
        name=row["name"],
        order=row.get("order") or 1,
        type=row["type"],
        timer_expression=row.get("timerExpression") or "",
        manual=row.get("manual", False),
        optional=row.get("optional", False),
        repeatable=row.get("repeatable", False),
        auto_run_children=row.get("autoRunChildren", False),
        allow_token_reset=row.get("allowTokenReset", False),
        restart_from_snapshot=row.get("restartFromSnapshot", False),
        keys_for_restart=row.get("keysForRestart") or [],
        keys=row.get("keys") or [],
        params=[stored_param(param) for param in row.get("actionParams") or []],
        rule_definitions=plain(row.get("actionRuleDefinitions") or []),
    )


def stored_param(row: dict[str, Any]) -> dict[str, Any]:
    """A parameter as it is stored; `jsonDTOMessage` is read as `message` and never written (designer 3.3)."""
    key = "message" if row["key"] == "jsonDTOMessage" else row["key"]
    return {"key": key, "value": row["value"], "replaceValues": row.get("replaceValues", True)}


def _attribute(version: Version, row: dict[str, Any]) -> DataModelAttribute:
    return DataModelAttribute(
        version=version,
        path=row["path"],
        type=row["type"],
        item_type=row.get("itemType") or "",
        values=row.get("values") or [],
        sensitive=row.get("sensitive", False),
        use_in_reporting=row.get("useInReporting", False),
        example=plain(row.get("example")),
        description=row.get("description") or "",
    )
