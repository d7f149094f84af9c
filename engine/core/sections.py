"""The parallel sections of a graph: which gateway closes which, and what lies between them (engine 3.5)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.core.kinds import BOUNDARY_TYPES

if TYPE_CHECKING:
    from engine.core.graph import Node


@dataclass(frozen=True, slots=True)
class Sections:
    """The parallel sections of a graph (engine 3.5).

    `closing` maps each opening gateway to the gateway that closes it, None when every branch ends before; `inside` maps each
    node to the innermost opening gateway around it, absent at the top.
    """

    closing: Mapping[int, int | None]
    inside: Mapping[int, int]


def find_sections(nodes: Mapping[int, Node]) -> Sections:
    """Pair opening with closing gateways, nesting included: inner sections are stepped over by their own closing gateway."""
    closing: dict[int, int | None] = {}
    inside: dict[int, int] = {}

    def close(opening: Node, above: frozenset[int]) -> int | None:
        if opening.id in closing:
            return closing[opening.id]
        found: int | None = None
        body: set[int] = set()
        waiting = list(opening.outgoing)
        while waiting:
            node = nodes[waiting.pop()]
            if node.id in body or node.id == opening.id:
                continue
            if node.joins:
                found = node.id if found is None else found
                continue
            body.add(node.id)
            if node.splits and node.id not in above:
                behind = close(node, above | {opening.id})
                if behind is not None:
                    body.add(behind)
                    waiting.extend(nodes[behind].outgoing)
                continue
            waiting.extend(node.outgoing)
        closing[opening.id] = found
        for node_id in body:
            inside.setdefault(node_id, opening.id)
        return found

    for node in nodes.values():
        if node.splits:
            close(node, frozenset())
    return Sections(closing, inside | _ways_out(nodes, inside))


def _ways_out(nodes: Mapping[int, Node], inside: Mapping[int, int]) -> dict[int, int]:
    """Nodes that only an interrupting event leads to lie in its host's section; a side token is in none (engine 3.6, 3.8)."""
    starts = (node.id for node in nodes.values() if not node.incoming and node.type not in BOUNDARY_TYPES)
    main = _reachable(nodes, starts, frozenset())
    found: dict[int, int] = {}
    hosts = {node.key: inside[node.id] for node in nodes.values() if node.id in inside}
    for node in nodes.values():
        if node.type in BOUNDARY_TYPES and node.interrupting and node.attached_to in hosts:
            for way in _reachable(nodes, [node.id], main):
                found.setdefault(way, hosts[node.attached_to])
    return found


def _reachable(nodes: Mapping[int, Node], starts: Iterable[int], but: Collection[int]) -> set[int]:
    """The nodes that sequences lead to from these, the ones in `but` and behind them left out."""
    found: set[int] = set()
    waiting = list(starts)
    while waiting:
        node_id = waiting.pop()
        if node_id not in found and node_id not in but:
            found.add(node_id)
            waiting.extend(nodes[node_id].outgoing)
    return found
