"""Deliver a message by hand, or attach a stored one, to a token that is on a node with its topic (engine 13.4)."""

from __future__ import annotations

from typing import Any

from engine.core import firing, flow, records
from engine.core.commands.checks import running_token
from engine.core.state import NodeStatus, Token
from engine.core.stimuli import Deliver, Refusal
from engine.core.turn import Turn


def run(turn: Turn, stimulus: Deliver) -> dict[str, Any]:
    token, _ = running_token(turn, stimulus.token_uuid, stimulus.version)
    node = turn.graph.nodes[token.node_id]
    message = stimulus.message
    if not message.topic:
        return _catch(turn, token, stimulus)
    if node.stream(message.topic, turn.world.scenarios) is None:
        raise Refusal(409, f"'{node.name}' does not listen on {message.topic}.", entity="token")
    if not _takes(turn, token):
        raise Refusal(409, f"'{node.name}' takes no message now.", entity="token")
    try:
        records.check(turn, node, message)
    except records.RecordFailed as failure:
        raise Refusal(400, str(failure)) from failure
    turn.entry(
        "Message Receive",
        token=token,
        node=node,
        details={
            "command": "attach" if stimulus.attach else "deliver",
            "reason": stimulus.reason,
            "topic": message.topic,
            "manual": True,
        },
    )
    if records.apply(turn, token, node, message):
        flow.advance(turn, token)
    return {"tokenUuid": str(token.uuid), "currentNodeId": token.node_id}


def _catch(turn: Turn, token: Token, stimulus: Deliver) -> dict[str, Any]:
    """A message event for this token, whatever its value: its own node's, else that of a boundary event on it."""
    waiting = [each for each in turn.state.subscriptions.values() if each.token_id == token.id]
    waiting.sort(key=lambda each: (each.node_id != token.node_id, each.id))
    if not waiting:
        raise Refusal(409, f"'{token.node_name}' waits for no message event.", entity="token")
    node = turn.graph.nodes[waiting[0].node_id]
    turn.entry(
        "Message Receive",
        token=token,
        node=node,
        details={
            "command": "deliver",
            "reason": stimulus.reason,
            "messageName": waiting[0].message_name,
            "manual": True,
        },
    )
    firing.catch(turn, waiting[0], stimulus.message.raw.decode())
    return {"tokenUuid": str(token.uuid), "currentNodeId": token.node_id}


def _takes(turn: Turn, token: Token) -> bool:
    node = turn.graph.nodes[token.node_id]
    return token.status is NodeStatus.WAITING_MESSAGE or not node.waits_for_message
