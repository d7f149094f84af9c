"""Where a token goes from a node: sequences, gateway rules, flow names (engine 1.5, 1.7)."""

from __future__ import annotations

from engine.core import expressions, paths
from engine.core.graph import Node, NodeType
from engine.core.state import Token
from engine.core.turn import MAX_STEPS, Turn


def next_node(turn: Turn, token: Token, node: Node) -> Node | None:
    """The node behind, nodes of other flows passed over; None after an incident (engine 1.5, 1.7)."""
    return skip(turn, token, _behind(turn, token, node))


def skip(turn: Turn, token: Token, target: Node | None) -> Node | None:
    """The target, or the first node behind it that takes part in the instance's flow (engine 1.7)."""
    while target is not None and not takes_part(turn, target):
        turn.count_step()
        if not turn.may_go_on:
            too_many_steps(turn, token, turn.graph.nodes[token.node_id])
            return None
        target = _behind(turn, token, target)
    return target


def too_many_steps(turn: Turn, token: Token, node: Node) -> None:
    """Stop a token that would run without end (engine 3.4)."""
    turn.open_incident(
        "Engine",
        "Node",
        f"{MAX_STEPS:,} nodes were entered without a wait, and the token was stopped on '{node.name}'. "
        "Put a wait into the loop and publish, or retry to go on.",
        token=token,
        node=node,
    )


def takes_part(turn: Turn, node: Node) -> bool:
    """Whether the node belongs to the instance's flow (engine 1.7)."""
    return not node.flow_names or paths.get(turn.state.params, "flowName") in node.flow_names


def _behind(turn: Turn, token: Token, node: Node) -> Node | None:
    if node.type is NodeType.EXCLUSIVE_GATEWAY and (node.rules or len(node.outgoing) != 1):
        return _choose(turn, token, node)
    if not node.outgoing:
        turn.open_incident(
            "Node",
            "Node",
            f"'{node.name}' has no outgoing sequence. Connect it in the designer and publish; this instance stays here.",
            token=token,
            node=node,
        )
        return None
    return turn.graph.nodes[node.outgoing[0]]


def _choose(turn: Turn, token: Token, node: Node) -> Node | None:
    """The first true rule decides, else the rule without an expression; later ones are not evaluated (engine 1.5)."""
    for rule in node.rules:
        try:
            if rule.expression is not None and not _holds(turn, rule.language, rule.expression):
                continue
        except (expressions.ExpressionError, expressions.EvaluationError) as error:
            return _gateway_incident(turn, token, node, f"Rule {rule.order} of '{node.name}' failed: {error}")
        target = turn.graph.node_named(rule.next_node_name)
        if target is None or target.id not in node.outgoing:
            return _gateway_incident(
                turn,
                token,
                node,
                f"Rule {rule.order} of '{node.name}' leads to '{rule.next_node_name}', which is not connected. "
                "Correct the rule in the designer and publish.",
            )
        return target
    return _gateway_incident(
        turn,
        token,
        node,
        f"No rule of '{node.name}' is true and there is no else. Add an else in the designer, or change the data and retry.",
    )


def _holds(turn: Turn, language: str, expression: str) -> bool:
    if language != "ZEN":
        raise expressions.EvaluationError(f"{language} does not run here. Rewrite it in ZEN.")
    return expressions.compile_expression(expression).evaluate_bool(turn.state.params, dict(turn.world.config))


def _gateway_incident(turn: Turn, token: Token, node: Node, message: str) -> Node | None:
    turn.open_incident("Gateway Evaluation", "Node", message, token=token, node=node)
    return None
