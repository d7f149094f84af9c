"""Checks of timer, message event and subprocess nodes, whose fields stand in `Node.config` (designer 1.3: NOD-013, 015, 017,
TMR codes)."""

from __future__ import annotations

from collections.abc import Iterator

from designer.design import Design
from designer.lint.keys import check_key_list
from designer.lint.problem import Problem, problem
from designer.lint.template import check_json
from designer.lint.timer import check_node_timer
from designer.models import Node
from designer.nodetypes import node_kind
from engine.core.graph import NodeType

NEEDS: dict[str, tuple[tuple[str, str], ...]] = {
    "TIMER_START": (("timerExpression", "a timer"),),
    "TIMER_INTERMEDIATE": (("timerExpression", "a timer"),),
    "TIMER_BOUNDARY": (("timerExpression", "a timer"), ("attachedTo", "a node to sit on")),
    "MESSAGE_THROW": (("messageName", "a message name"), ("correlationKey", "a correlation key")),
    "MESSAGE_CATCH_INTERMEDIATE": (("messageName", "a message name"), ("correlationKey", "a correlation key")),
    "MESSAGE_CATCH_START": (("messageName", "a message name"),),
    "MESSAGE_CATCH_BOUNDARY": (
        ("messageName", "a message name"),
        ("correlationKey", "a correlation key"),
        ("attachedTo", "a node to sit on"),
    ),
}
"""The fields that each event node must have, with their names in a sentence."""

TIMERS = frozenset({"TIMER_START", "TIMER_INTERMEDIATE", "TIMER_BOUNDARY"})
MESSAGE_HOSTS = ("TASK", "USER_TASK", "MESSAGE_EVENT_RECEIVE", "SUBPROCESS_RUN")
RUN_HERE = frozenset(each.value for each in NodeType)
HOSTS = {"TIMER_BOUNDARY": (*MESSAGE_HOSTS, "MESSAGE_EVENT_SEND"), "MESSAGE_CATCH_BOUNDARY": MESSAGE_HOSTS}


def event_checks(design: Design, node: Node) -> Iterator[Problem]:
    """What an event or subprocess node lacks or has wrong, and a type that this engine does not run yet."""
    yield from _filled(design, node)
    for name, words in NEEDS.get(node.type, ()):
        if not str(node.config.get(name) or "").strip():
            yield problem("NOD-015", name, n=node.name, field=words)
    host_key = str(node.config.get("attachedTo") or "")  # the key: it stays when a node is renamed
    host = next((each for each in design.nodes if each.key == host_key), None)
    if node.type in HOSTS and host_key and host is None:
        yield problem("NOD-015", "attachedTo", n=node.name, field=f"a node to sit on; there is no '{host_key}'")
    if node.type in HOSTS and host is not None and host.type not in HOSTS[node.type]:
        yield problem("NOD-015", "attachedTo", variant="host", n=node.name, nodeType=node_kind(host.type).label)
    if node.type == "SUBPROCESS_RUN" and not node.config.get("startedAsync") and not node.config.get("outputKey"):
        yield problem("NOD-013", "outputKey", n=node.name)
    if node.type not in RUN_HERE:
        yield problem(
            "NOD-015", "type", n=node.name, field=f"a newer engine: {node_kind(node.type).label} nodes do not run here"
        )


def _filled(design: Design, node: Node) -> Iterator[Problem]:
    """The fields that are there: timers by their place, keys as paths, the data of a throw as a template."""
    if node.type in TIMERS:
        yield from check_node_timer(design, node)
    if node.type not in NEEDS or node.type in TIMERS:
        return
    if key := str(node.config.get("correlationKey") or ""):
        yield from check_key_list(design, [key], "correlationKey", allow_index=True)
    if node.type == "MESSAGE_THROW":
        text = str(node.config.get("data") or "")
        yield from check_json(design, text, "data", label="data", required=False, target="other processes")
    elif key := str(node.config.get("receiveDataKey") or ""):
        yield from check_key_list(design, [key], "receiveDataKey", in_model=False)


def side_token_checks(design: Design) -> Iterator[Problem]:
    """NOD-017: user tasks that a token of a non-interrupting event can reach."""
    starts = [
        node for node in design.nodes if node_kind(node.type).is_boundary and node.config.get("interrupting") is False
    ]
    seen: set[int] = set()
    waiting = [node.pk for node in starts]
    while waiting:
        for following in design.outgoing.get(waiting.pop(), []):
            if following.pk not in seen:
                seen.add(following.pk)
                waiting.append(following.pk)
    for node in design.nodes:
        if node.pk in seen and node.type == "USER_TASK":
            yield problem("NOD-017", "type", on_node=node.key, n=node.name)
