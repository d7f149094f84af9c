"""Boundary and message events: armed while a token is there, thrown to other trees, caught by value (engine 1.8, 3.6, 3.8)."""

from __future__ import annotations

from engine.core import jsonio, paths, sequence, template, tokens
from engine.core.actions import ActionFailed
from engine.core.graph import Node, NodeType
from engine.core.lookup import lookup_for
from engine.core.state import NodeStatus, Subscription, Token
from engine.core.stimuli import Throw
from engine.core.turn import Turn


def arm_boundaries(turn: Turn, token: Token, host: Node) -> None:
    """Arm the timers of the events on a node where a token has just arrived (engine 3.4, step 1)."""
    for node in turn.graph.boundaries(host):
        arm(turn, token, node)


def arm(turn: Turn, token: Token, node: Node) -> None:
    """Arm one boundary event in the token's visit; an incident when it has no moment, or no value to compare."""
    if node.type is not NodeType.TIMER_BOUNDARY:
        listen(turn, token, node)
        return
    try:
        sequence.arm_node_timer(turn, token, node, even_if_due=True)
    except ActionFailed as failure:
        turn.open_incident("Engine", "Node", failure.message, token=token, node=node, cause=failure.cause)


def side_token(turn: Turn, host: Token, node: Node) -> Token:
    """A token of its own on a non-interrupting event; it takes part in no join (engine 3.6)."""
    return tokens.make(turn, node, origin=host, came_from=host.node_name)


def listen(turn: Turn, token: Token, node: Node) -> bool:
    """Wait for the node's message event; false after an incident when there is no value to compare (engine 1.8)."""
    visit = sequence.visit_of(token)
    if any((each.visit_id, each.node_id) == (visit.id, node.id) for each in turn.state.subscriptions.values()):
        return True
    correlation = correlation_of(turn, token, node)
    if correlation is None:
        return False
    turn.subscribe(
        Subscription(
            id=next(turn.world.ids),
            token_id=token.id,
            visit_id=visit.id,
            node_id=node.id,
            message_name=node.message_name,
            correlation=correlation,
        )
    )
    return True


def throw(turn: Turn, token: Token, node: Node) -> bool:
    """Throw the node's event: a stored stimulus, applied next; false after an incident."""
    if token.status is NodeStatus.EXECUTED_COMPLETE:
        return True  # thrown before; the way on failed then
    correlation = correlation_of(turn, token, node)
    if correlation is None:
        return False
    try:
        lookup = lookup_for(turn.world, turn.state)
        text = template.compile_json(node.data, root="object").render(lookup) if node.data.strip() else "{}"
    except (template.TemplateError, template.RenderError) as error:
        turn.open_incident("Engine", "Node", f"The data of '{node.name}' is not valid: {error}", token=token, node=node)
        return False
    turn.world.changes.elsewhere.append(Throw(turn.state.uuid, node.message_name, correlation, text))
    turn.entry("Message Send", token=token, node=node, details={"messageName": node.message_name})
    token.status = NodeStatus.EXECUTED_COMPLETE
    return True


def correlation_of(turn: Turn, token: Token, node: Node) -> str | None:
    """The value at the node's correlation key as text to compare; None after an incident."""
    value = paths.get(turn.state.params, node.correlation_key) if node.correlation_key else paths.MISSING
    if value is None or isinstance(value, paths.Missing):
        turn.open_incident(
            "Engine",
            "Node",
            f"'{node.name}' has no value at '{node.correlation_key}' to compare. Set it, then retry.",
            token=token,
            node=node,
        )
        return None
    return jsonio.dumps(value)


def store_data(turn: Turn, token: Token, node: Node, text: str) -> bool:
    """Store the data of a caught event under the node's key; false after an incident, and the token still waits."""
    data = turn.state.params
    try:
        if node.receive_data_key:
            data = paths.put(data, node.receive_data_key, jsonio.loads(text))
        if jsonio.size_bytes(data) > turn.world.limits.params:
            raise paths.PathError("The instance's data would be larger than allowed.")
    except paths.PathError as error:
        turn.open_incident(
            "Engine", "Node", f"The event that '{node.name}' caught was not stored: {error}", token=token, node=node
        )
        return False
    turn.state.params = data
    turn.entry(
        "Message Receive", token=token, node=node, user="", details={"messageName": node.message_name}, payload=text
    )
    return True
