"""Renaming follows (designer 1.2, D-149): a node's new name in `destinationId` headers and gateway rules, an action's new name
in `callbacksForAction` headers; `parentName` follows by itself, since children point at the row. Only literal texts follow."""

from __future__ import annotations

from designer.catalog import ActionValues
from designer.catalog.kafka_send import literal_header, with_header
from designer.models import Action, Node, Version


def headers_with_action(values: ActionValues, old: str, new: str) -> str | None:
    """The headers with the new name of the action they call back, or None when they do not name it."""
    if literal_header(values, "callbacksForAction") != old:
        return None
    return with_header(values, "callbacksForAction", new)


def headers_with_node(values: ActionValues, old: str, new: str) -> str | None:
    """The headers with the new name of the node they are addressed to, or None when they do not name it."""
    if literal_header(values, "destinationId") != old:
        return None
    return with_header(values, "destinationId", new)


def rename_action(version: Version, old: str, new: str) -> int:
    """After an action got a new name: change the headers that name it. Gives how many actions changed."""
    return _rewrite(version, old, new, action=True)


def rename_node(version: Version, old: str, new: str) -> int:
    """After a node got a new name: change the headers and gateway rules that name it. Gives how many rows changed."""
    changed = _rewrite(version, old, new, action=False)
    gateways = []
    for node in Node.objects.filter(version=version, type="EXCLUSIVE_GATEWAY"):
        rules = [{**rule, "nextNodeName": new} if rule.get("nextNodeName") == old else rule for rule in node.rules]
        if rules != node.rules:
            node.rules = rules
            gateways.append(node)
    Node.objects.bulk_update(gateways, ["rules"])
    return changed + len(gateways)


def _rewrite(version: Version, old: str, new: str, *, action: bool) -> int:
    changed = []
    for row in Action.objects.filter(version=version):
        values = ActionValues.from_row(row)
        headers = headers_with_action(values, old, new) if action else headers_with_node(values, old, new)
        if headers is not None:
            row.params = [{**each, "value": headers} if each["key"] == "headers" else each for each in row.params]
            changed.append(row)
    Action.objects.bulk_update(changed, ["params"])
    return len(changed)
