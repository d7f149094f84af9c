"""Tokens as documents (engine 3.2, 3.3): every documented field, `nodesActionStates` and `backSeq` built from the visits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.core import jsonio
from engine.core.graph import ActionType, Graph
from engine.core.turn import timestamp
from engine.models import Token, Visit
from engine.storage import upgrade


def token_documents(
    tokens: Iterable[Token], visits: Iterable[Visit], graph: Graph | None = None
) -> list[dict[str, Any]]:
    """The documents of an instance's tokens, by the visits of that instance; asks no statement."""
    known = {token.id: token for token in tokens}
    of_token: dict[int, list[Visit]] = {}
    for visit in sorted(visits, key=lambda one: one.number):
        of_token.setdefault(visit.token_id, []).append(visit)
    return [token_document(token, history(token, known, of_token), graph) for token in known.values()]


def history(token: Token, known: Mapping[int, Token], of_token: Mapping[int, list[Visit]]) -> list[Visit]:
    """The visits of a token, with those it took over from the tokens it replaced (engine 9.3)."""
    visits = list(of_token.get(token.id, []))
    until, former = token.history_until, known.get(token.replaces_id or 0)
    while former is not None:
        visits = [visit for visit in of_token.get(former.id, []) if visit.number < until] + visits
        until, former = min(until, former.history_until), known.get(former.replaces_id or 0)
    return visits


def token_document(token: Token, visits: Sequence[Visit], graph: Graph | None = None) -> dict[str, Any]:
    """One token; `visits` are its own, oldest first."""
    return {
        "id": token.id,
        "version": token.version,
        "parentTokenId": token.parent_token_id,
        "startNodeId": token.start_node_id,
        "currentNodeId": token.current_node_id,
        "currentNodeName": token.current_node_name,
        "state": token.state,
        "statusCurrentNode": token.status,
        "syncNodeTokensCount": token.sync_count,
        "syncNodeTokensFinished": token.sync_finished,
        "dateUpdated": timestamp(token.updated_at),
        "paramValues": None,
        "processInstanceId": token.instance_id,
        "currentNode": None,
        "nodesActionStates": [visit_document(visit, graph) for visit in visits],
        "backSeq": {"nodes": [visit.node_id for visit in visits]},
        "uuid": str(token.uuid),
    }


def visit_document(visit: Visit, graph: Graph | None = None) -> dict[str, Any]:
    """One arrival; `actionStateData` is null until an action of the node has a state."""
    states = {key: action_document(state) for key, state in action_states(visit).items()}
    nest_callbacks(states, visit, graph)
    return {
        "nodeId": visit.node_id,
        "name": visit.node_name,
        "arrivedDate": timestamp(visit.arrived_at),
        "actionStateData": states or None,
    }


def action_states(visit: Visit) -> dict[str, Mapping[str, Any]]:
    """Action id -> what the visit holds of it: name, state, runs, completed, lastExecutedDate."""
    found = jsonio.loads(visit.actions or "{}")
    if not isinstance(found, dict):
        return {}
    states = upgrade.upgraded(found, upgrade.VISIT)
    return {key: state for key, state in states.items() if isinstance(state, dict)}


def action_document(state: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {"name": state.get("name"), "state": state.get("state")}
    if state.get("lastExecutedDate"):
        document["lastExecutedDate"] = as_timestamp(state["lastExecutedDate"])
    return document


def as_timestamp(value: Any) -> str:
    """The stored moment in the one form of engine 0."""
    try:
        return timestamp(datetime.fromisoformat(str(value)))
    except ValueError:
        return str(value)


def nest_callbacks(states: dict[str, dict[str, Any]], visit: Visit, graph: Graph | None) -> None:
    """Children of a Kafka Send ran as its callbacks: they stand inside its entry (engine 3.3)."""
    node = graph.nodes.get(visit.node_id) if graph else None
    for action in node.actions if node else ():
        entry = states.get(str(action.id))
        if node is None or entry is None or action.type is not ActionType.KAFKA_SEND:
            continue
        ran = {str(child.id): states[str(child.id)] for child in node.children(action) if str(child.id) in states}
        if ran:
            entry["callbackActions"] = ran
            for key in ran:
                del states[key]
