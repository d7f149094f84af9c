"""JSON answers that the core itself gives: tokens, the start answer, the execute answer (engine 2.4, 3.2, 4.5)."""

from __future__ import annotations

from typing import Any

from engine.core.graph import Graph
from engine.core.state import InstanceState, Token
from engine.core.turn import timestamp


def token_json(token: Token) -> dict[str, Any]:
    """The token as the start answer shows it (engine 2.4)."""
    return {
        "id": token.id,
        "uuid": str(token.uuid),
        "startNodeId": None,
        "currentNodeId": token.node_id,
        "currentNodeName": None,
        "state": str(token.state),
        "statusCurrentNode": str(token.status),
        "dateUpdated": timestamp(token.updated_at),
    }


def start_answer(state: InstanceState, graph: Graph, token: Token, websocket_path: str) -> dict[str, Any]:
    """The documented key set of a start; the first token is still on its start node (engine 2.4)."""
    return {
        "processDefinitionName": graph.name,
        "uuid": state.uuid_text,
        "state": str(state.state),
        "tokens": [token_json(token)],
        "templateConfig": [],
        "generalData": graph.general_data,
        "backCounter": state.back_counter,
        "startedByActionId": state.started_by_action_id,
        "subProcesses": None,
        "subprocessesUuids": None,
        "baseUrl": None,
        "webSocketPath": websocket_path,
    }


def execute_answer(token: Token, *, reset: bool = False) -> dict[str, Any]:
    """The documented key set of a manual execution (engine 4.5); after a reset `token` is the new one (engine 9.3)."""
    return {
        "tokenUuid": str(token.uuid),
        "currentNodeId": token.node_id,
        "templatesSequence": None,
        "backAction": reset,
        "resetToken": reset,
    }
