"""What the canvas and the outline show of a version, as plain values: nodes with their actions, marks and spoken names.

Works on a loaded design and its problems; makes no query.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from designer import wording
from designer.catalog.values import ActionValues
from designer.design import Design
from designer.lint import Problem, Severity, by_severity, count
from designer.models import Node
from designer.nodetypes import node_kind

SEVERITY_WORDS = {Severity.ERROR: "Error", Severity.BLOCKER: "Blocker", Severity.WARNING: "Warning"}
SEVERITY_ICONS = {Severity.ERROR: "error", Severity.BLOCKER: "block", Severity.WARNING: "warning"}
SEVERITY_CLASSES = {Severity.ERROR: "e", Severity.BLOCKER: "bl", Severity.WARNING: "w"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the outline: a node, or one of its actions (`action` set). `depth` counts indents."""

    node: Node
    depth: int
    action: ActionValues | None = None
    words: str = ""
    goes_to: str = ""
    lane: str = ""
    icon: str = ""
    counts: Mapping[str, int] | None = None


def problems_by_node(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    """Problems under the key of their node, worst first; those of the process itself under the empty key."""
    grouped: dict[str, list[Problem]] = defaultdict(list)
    for problem in by_severity(list(problems)):
        grouped[problem.node].append(problem)
    return grouped


def marks(design: Design, problems: Sequence[Problem]) -> dict[str, dict[str, Any]]:
    """For each shape id: what the canvas lays over the node, and what a screen reader says (designer 1.2, 6.4)."""
    grouped = problems_by_node(problems)
    order = {node.pk: position for position, (node, _) in enumerate(walk(design))}
    return {
        f"node_{node.pk}": {
            "key": node.key,
            "name": node.name,
            "order": order[node.pk],
            "label": spoken(design, node, grouped.get(node.key, [])),
            "actions": len(design.actions_by_node.get(node.pk, [])),
            "icons": face_icons(design.actions_by_node.get(node.pk, [])),
            "mark": worst_mark(design, grouped.get(node.key, [])),
            "next": [f"node_{target.pk}" for target in targets_of(design, node)],
            "previous": [f"node_{source.pk}" for source in sources_of(design, node)],
        }
        for node in design.nodes
    }


def face_icons(actions: Iterable[ActionValues]) -> list[str]:
    """The symbols of a node's action pill: bolt = somebody runs one, envelope = Kafka, waves = Websocket, clock = timer."""
    listed = list(actions)
    found = {
        "bolt": any(action.manual for action in listed),
        "sensors": any(action.type == "WEBSOCKET_SEND" for action in listed),
        "mail": any(action.type == "KAFKA_SEND" for action in listed),
        "schedule": any(action.timer_expression.strip() for action in listed),
    }
    return [icon for icon, shown in found.items() if shown]


def worst_mark(design: Design, problems: Sequence[Problem]) -> dict[str, str] | None:
    """The mark at the corner of a node: its worst problem, in words, and how many there are."""
    if not problems:
        return None
    worst = problems[0]
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    return {
        "severity": worst.severity.value,
        "word": SEVERITY_WORDS[worst.severity],
        "action": worst.action,
        "text": worst.message,
        "more": more.strip(),
    }


def spoken(design: Design, node: Node, problems: Sequence[Problem]) -> str:
    """'Rider details, user task, swimlane Rider, 4 actions, 1 error, goes to Reserve bike.'"""
    lane = next((lane.name for lane in design.swimlanes if lane.pk == node.swimlane_id), "")
    parts = [node.name, node_kind(node.type).label]
    if node_kind(node.type).is_boundary:
        parts += [f"on {host.name}" for host in (host_of(design, node),) if host]
        parts.append("ends it" if node.config.get("interrupting") is not False else "leaves it running")
    if lane:
        parts.append(f"swimlane {lane}")
    if node_kind(node.type).takes_actions:
        parts.append(plural(len(design.actions_by_node.get(node.pk, [])), "action"))
    parts += [plural(number, severity) for severity, number in count(list(problems)).items() if number]
    before = [source.name for source in design.incoming.get(node.pk, [])]
    after = [target.name for target in targets_of(design, node)]
    if before:
        parts.append(f"comes from {' and '.join(before)}")
    if after:
        parts.append(f"goes to {' and '.join(after)}")
    return ", ".join(parts)


def plural(number: int, word: str) -> str:
    """'1 action', '3 actions'."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def host_of(design: Design, node: Node) -> Node | None:
    """The node that a boundary event sits on, named by its key."""
    key = node.config.get("attachedTo")
    return next((each for each in design.nodes if key and each.key == key and each.pk != node.pk), None)


def sources_of(design: Design, node: Node) -> list[Node]:
    """The nodes one comes from: those whose sequences lead here, and the host of a boundary event."""
    host = host_of(design, node) if node_kind(node.type).is_boundary else None
    return [*([host] if host else []), *design.incoming.get(node.pk, [])]


def walk(design: Design) -> list[tuple[Node, int]]:
    """Nodes in reading order with their indent: along the sequences from the starts, branches one step in, boundary events
    right below their host and what follows them after what follows the host."""
    seen: set[int] = set()
    found: list[tuple[Node, int]] = []
    sitting: dict[str, list[Node]] = defaultdict(list)
    for node in design.nodes:
        if node_kind(node.type).is_boundary:
            sitting[str(node.config.get("attachedTo"))].append(node)

    def visit(node: Node, depth: int) -> None:
        waiting = [(node, depth)]
        while waiting:
            current, indent = waiting.pop(0)
            if current.pk in seen:
                continue
            seen.add(current.pk)
            found.append((current, indent))
            targets = targets_of(design, current)
            inner = indent + (1 if len(targets) > 1 else 0)
            onward = [(target, inner) for target in targets]
            for event in sitting[current.key]:
                if event.pk not in seen:
                    seen.add(event.pk)
                    found.append((event, indent + 1))
                    onward += [(target, indent + 1) for target in targets_of(design, event)]
            waiting = [each for each in onward if each[0].pk not in seen] + waiting

    for node in design.nodes:
        if node_kind(node.type).is_start:
            visit(node, 0)
    for node in design.nodes:
        if node.pk not in seen:
            visit(node, 0)
    return found


def targets_of(design: Design, node: Node) -> list[Node]:
    """The nodes that follow, for a gateway in the order of its rules."""
    order = {rule.get("nextNodeName"): position for position, rule in enumerate(node.rules)}
    return sorted(design.outgoing.get(node.pk, []), key=lambda target: order.get(target.name, len(order)))


def outline(design: Design, problems: Sequence[Problem]) -> list[Line]:
    """The whole graph as lines: each node, then its actions in the order they run, children below their parent."""
    grouped = problems_by_node(problems)
    lanes = {lane.pk: lane.name for lane in design.swimlanes}
    lines: list[Line] = []
    for node, depth in walk(design):
        found = grouped.get(node.key, [])
        own = [problem for problem in found if not problem.action]
        kind = node_kind(node.type)
        lines.append(
            Line(
                node,
                depth,
                words=short_type(node.type),
                goes_to=goes_to(design, node),
                lane=lanes.get(node.swimlane_id or 0, ""),
                icon=wording.node_icon(node.type),
                counts=count(own if kind.takes_actions else found),
            )
        )
        lines += [
            Line(
                node,
                depth + 2 + level,
                action=action,
                words=outline_words(design, action),
                icon=wording.type_icon(action.type),
                counts=count([problem for problem in found if problem.action == action.name]),
            )
            for action, level in in_running_order(design, node)
        ]
    return lines


def short_type(type_name: str) -> str:
    """A node type as a column shows it: 'Send message', 'Gateway', 'Timer'."""
    label = node_kind(type_name).label
    return {"exclusive gateway": "Gateway", "timer intermediate": "Timer"}.get(
        label, label.removesuffix(" task") if "message" in label else label
    ).capitalize()


def in_running_order(design: Design, node: Node) -> list[tuple[ActionValues, int]]:
    """A node's actions by order with children under their parent, and how deep each stands. Strays of a loop come last."""
    actions = design.actions_by_node.get(node.pk, [])
    found: list[tuple[ActionValues, int]] = []

    def visit(parent_name: str, level: int) -> None:
        for action in actions:
            if action.parent_name == parent_name and all(action is not done for done, _ in found):
                found.append((action, level))
                visit(action.name, level + 1)

    visit("", 0)
    placed = {id(action) for action, _ in found}
    return found + [(action, 1) for action in actions if id(action) not in placed]


def outline_words(design: Design, action: ActionValues) -> str:
    """'1 · Kafka Send, Automatic, after 30 seconds'."""
    timing = wording.delay(action.timer_expression)
    when = wording.runs_when(design, action) if timing is None else timing.words
    if timing is not None and timing.unreadable:
        when = "delay cannot be read"
    trigger = "Manual" if action.manual else "Automatic"
    return f"{action.order} · {wording.type_words(action.type)}, {trigger}, {when}"


def goes_to(design: Design, node: Node) -> str:
    """'→ Reserve bike', or for a gateway each condition with its node: 'reservation.error == null → Tell rider; else → Offer'."""
    targets = [target.name for target in targets_of(design, node)]
    if not node_kind(node.type).is_gateway or len(targets) < 2:
        return "; ".join(f"→ {name}" for name in targets)
    words = {rule.get("nextNodeName"): rule.get("expression") or "else" for rule in node.rules}
    return "; ".join(f"{words.get(name, 'no condition').replace('input.', '')} → {name}" for name in targets)
