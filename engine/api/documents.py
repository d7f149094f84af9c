"""Instances, exceptions and actions as the JSON of answers (engine 2.2, 2.4, 2.8, 4.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from django.contrib.auth.models import User

from engine import rights, snapshots
from engine.core import jsonio
from engine.core.graph import Action, Node
from engine.core.turn import timestamp
from engine.models import Incident, Instance, Token, Visit
from engine.queries.masking import Mask
from engine.queries.tokens import token_documents
from flowx_site.config import config

MASKED = "***"
Row = TypeVar("Row", Token, Visit, Incident)


def status_documents(instance: Instance, user: User) -> dict[str, Any]:
    """The status answer of an instance with those subprocesses that the user may view; seven statements, whatever it holds."""
    tree = list(Instance.objects.filter(root_id=instance.root_id).defer("start_params").order_by("started_at", "id"))
    viewable = {one.id for one in rights.may_view(user, tree)}
    family: dict[int | None, list[Instance]] = defaultdict(list)
    for one in tree:
        if one.id in viewable:
            family[one.parent_id].append(one)
    shown = [instance]
    for one in shown:  # grows while it is walked
        shown.extend(family[one.id])
    ids = [one.id for one in shown]
    parts = _Parts(
        tokens=_by_instance(Token.objects.filter(instance_id__in=ids).order_by("id")),
        visits=_by_instance(Visit.objects.filter(instance_id__in=ids).order_by("number")),
        incidents=_by_instance(Incident.objects.filter(instance_id__in=ids).order_by("-id")),
        family=family,
        details=rights.may_see_all(user),
    )
    document = parts.status_of(instance)
    values = jsonio.loads(instance.params)
    document["params"] = Mask.of(snapshots.graph(instance.snapshot_id)).hide(values, sign=MASKED)
    return document


class _Parts:
    """What belongs to the instances of one answer."""

    def __init__(
        self,
        *,
        tokens: Mapping[int, list[Token]],
        visits: Mapping[int, list[Visit]],
        incidents: Mapping[int, list[Incident]],
        family: Mapping[int | None, list[Instance]],
        details: bool,
    ) -> None:
        self.tokens = tokens
        self.visits = visits
        self.incidents = incidents
        self.family = family
        self.details = details

    def status_of(self, instance: Instance) -> dict[str, Any]:
        """The status answer without `params`, which only the asked instance shows."""
        graph = snapshots.graph(instance.snapshot_id)
        children = self.family.get(instance.id, [])
        tokens, visits = self.tokens.get(instance.id, []), self.visits.get(instance.id, [])
        return {
            "processDefinitionId": instance.definition_id,
            "processDefinitionName": instance.process_name,
            "version": instance.version,
            "revision": instance.revision,
            "uuid": str(instance.uuid),
            "state": instance.state,
            "dateStarted": timestamp(instance.started_at),
            "dateFinished": timestamp(instance.finished_at) if instance.finished_at else None,
            "tokens": token_documents(tokens, visits, graph),
            "templateConfig": [],
            "generalData": graph.general_data,
            "backCounter": instance.back_counter,
            "startedByActionId": instance.started_by_action_id,
            "subProcesses": [self.status_of(child) for child in children] or None,
            "subprocessesUuids": [str(child.uuid) for child in children] or None,
            "baseUrl": None,
            "webSocketPath": config.websocket_path,
            "exceptions": [
                exception_document(incident, details=self.details) for incident in self.incidents.get(instance.id, [])
            ],
        }


def _by_instance(rows: Iterable[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.instance_id].append(row)
    return found


def exception_document(incident: Incident, *, details: bool) -> dict[str, Any]:
    """An incident with the documented fields; the stack trace is for those who may read logs."""
    moment = timestamp(incident.opened_at)
    return {
        "id": incident.id,
        "state": "closed" if incident.closed_at else "open",
        "closedBy": incident.closed_by,
        "closedHow": incident.closed_how,
        "processDefinition": incident.process_name,
        "source": incident.source,
        "message": incident.message,
        "type": incident.type,
        "causeType": incident.cause_type,
        "processInstanceUuid": str(incident.instance_uuid),
        "parentProcessInstanceUuid": str(incident.parent_instance_uuid) if incident.parent_instance_uuid else None,
        "tokenUuid": str(incident.token_uuid) if incident.token_uuid else None,
        "timestamp": f"{moment[:-4]}Z",  # milliseconds, as documented for exceptions
        "details": incident.details if details else "",
    }


def action_document(action: Action, node: Node) -> dict[str, Any]:
    """An action with the documented properties, its children inside (engine 4.2)."""
    children = [action_document(child, node) for child in node.children(action)]
    return {
        "id": action.id,
        "name": action.name,
        "order": action.order,
        "timerExpression": action.timer_expression,
        "type": str(action.type),
        "manual": action.manual,
        "optional": action.optional,
        "repeatable": action.repeatable,
        "autoRunChildren": action.auto_run_children,
        "parentName": action.parent_name,
        "callbackActions": children or None,
        "allowTokenReset": action.allow_token_reset,
        "restartFromSnapshot": action.restart_from_snapshot,
        "keysForRestart": list(action.keys_for_restart),
        "keys": list(action.keys),
        "actionParams": [
            {
                "id": None,
                "key": param.key,
                "value": param.value,
                "replaceValues": param.replace_values,
                "actionDefinitionId": action.id,
            }
            for param in action.params.values()
        ],
        "actionRuleDefinitions": [],
    }
