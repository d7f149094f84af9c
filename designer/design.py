"""A whole version in memory: what checks, forms, compile, export and pictures read. Loading makes a fixed number of
queries, however many nodes and actions there are; nothing here writes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from django.db.models import TextField
from django.db.models.functions import Cast

from designer.catalog.values import ActionValues
from designer.models import (
    Action,
    DataModelAttribute,
    GenericParameter,
    Node,
    ParameterKind,
    Sequence,
    Swimlane,
    Version,
    VersionState,
)
from engine import publishing
from flowx_site.config import config

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """What an action needs to know of another process: its published version and that version's start conditions."""

    name: str
    published: int | None
    start_conditions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A generic parameter as checks see it."""

    key: str
    value: str
    secret: bool


@dataclass
class Design:
    """One version with all its rows, indexed. `actions` hold every action as values; the form puts an edited one in place
    with `with_action`."""

    version: Version
    swimlanes: list[Swimlane]
    nodes: list[Node]
    sequences: list[Sequence]
    actions: list[ActionValues]
    attributes: list[DataModelAttribute]
    parameters: dict[str, Parameter] = field(default_factory=dict)

    @cached_property
    def node_by_id(self) -> dict[int, Node]:
        return {node.pk: node for node in self.nodes}

    @cached_property
    def actions_by_lower_name(self) -> dict[str, list[ActionValues]]:
        """Actions whose names are equal apart from capitals, so that a check of one looks at few others."""
        grouped: dict[str, list[ActionValues]] = defaultdict(list)
        for action in self.actions:
            grouped[action.name.lower()].append(action)
        return grouped

    @cached_property
    def node_by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def nodes_by_name(self) -> dict[str, list[Node]]:
        """All nodes of each name: one, unless something is wrong (NOD-001)."""
        grouped: dict[str, list[Node]] = defaultdict(list)
        for node in self.nodes:
            grouped[node.name].append(node)
        return grouped

    @cached_property
    def actions_by_node(self) -> dict[int, list[ActionValues]]:
        """Actions of each node by order, then id (engine 4.2)."""
        grouped: dict[int, list[ActionValues]] = defaultdict(list)
        for action in sorted(self.actions, key=lambda each: (each.order or 0, each.id or 0)):
            grouped[action.node_id].append(action)
        return grouped

    @cached_property
    def outgoing(self) -> dict[int, list[Node]]:
        """The nodes that the sequences of each node lead to."""
        grouped: dict[int, list[Node]] = defaultdict(list)
        for sequence in self.sequences:
            grouped[sequence.source_id].append(self.node_by_id[sequence.target_id])
        return grouped

    @cached_property
    def incoming(self) -> dict[int, list[Node]]:
        """The nodes whose sequences lead to each node."""
        grouped: dict[int, list[Node]] = defaultdict(list)
        for sequence in self.sequences:
            grouped[sequence.target_id].append(self.node_by_id[sequence.source_id])
        return grouped

    @cached_property
    def processes(self) -> dict[str, ProcessFacts]:
        """Every process that is not deleted, by name; two queries, made only when an action names a process."""
        conditions: dict[int, list[str]] = defaultdict(list)
        starts = Node.objects.filter(version__state=VersionState.PUBLISHED, type="START")
        for process_id, condition in starts.values_list("version__process_id", "start_condition"):
            conditions[process_id].append(condition)
        versions = Version.objects.filter(process__deleted=False).values_list(
            "process_id", "process__name", "number", "state"
        )
        facts: dict[str, ProcessFacts] = {}
        for process_id, name, number, state in versions:
            published = number if state == VersionState.PUBLISHED else None
            if published is not None or name not in facts:
                facts[name] = ProcessFacts(name, published, tuple(conditions[process_id]))
        return facts

    @cached_property
    def may_have_parent(self) -> bool:
        """Whether any definition starts this process as a subprocess or by an Action message (WS-009); one query."""
        name = self.version.process.name
        texts = Action.objects.filter(type__in=("WEBSOCKET_SEND", "START_SUBPROCESS"), version__process__deleted=False)
        return texts.annotate(text=Cast("params", TextField())).filter(text__contains=name).exists()

    @cached_property
    def executors(self) -> dict[str, list[str]]:
        """The groups that may execute in each swimlane, read live from the engine (PRC-006); one query."""
        permissions = publishing.swimlane_permissions(self.version.process.name)
        return {lane: operations.get("execute", []) for lane, operations in permissions.items()}

    def siblings(self, action: ActionValues) -> list[ActionValues]:
        """Actions on the same node under the same parent, without the action itself."""
        named = self.children_by_parent.get((action.node_id, action.parent_name), [])
        return [each for each in named if not same_action(each, action)]

    def children(self, action: ActionValues) -> list[ActionValues]:
        """Direct children of an action, by order."""
        return self.children_by_parent.get((action.node_id, action.name), []) if action.name else []

    def descendants(self, action: ActionValues) -> Iterable[ActionValues]:
        """All actions below an action; ends even where parents form a loop."""
        seen = {action.name}
        waiting = list(self.children(action))
        while waiting:
            child = waiting.pop(0)
            if child.name not in seen:
                seen.add(child.name)
                yield child
                waiting.extend(self.children(child))

    @cached_property
    def children_by_parent(self) -> dict[tuple[int, str], list[ActionValues]]:
        """Actions by node and name of their parent, in order; top-level ones under the empty name."""
        grouped: dict[tuple[int, str], list[ActionValues]] = defaultdict(list)
        for node_id, actions in self.actions_by_node.items():
            for action in actions:
                grouped[node_id, action.parent_name].append(action)
        return grouped

    def action_named(self, name: str) -> ActionValues | None:
        return next((each for each in self.actions_by_lower_name.get(name.lower(), []) if each.name == name), None)

    def next_order(self, node_id: int, parent_name: str = "") -> int:
        """One more than the highest order among the children of that parent (designer 1.5)."""
        orders = [each.order or 0 for each in self.actions_by_node.get(node_id, []) if each.parent_name == parent_name]
        return max(orders, default=0) + 1

    def with_action(self, edited: ActionValues) -> Design:
        """This design with the edited action in place of the stored one; children follow a new name of their parent."""
        before = next((each for each in self.actions if same_action(each, edited)), None)
        actions = [each for each in self.actions if each is not before]
        if before is not None and before.name != edited.name:
            actions = [_renamed_parent(each, before, edited) for each in actions]
        changed = Design(
            self.version,
            self.swimlanes,
            self.nodes,
            self.sequences,
            [*actions, edited],
            self.attributes,
            self.parameters,
        )
        for name in ("processes", "may_have_parent", "executors"):
            if name in self.__dict__:
                changed.__dict__[name] = self.__dict__[name]
        return changed


def _renamed_parent(child: ActionValues, before: ActionValues, edited: ActionValues) -> ActionValues:
    if child.node_id != before.node_id or child.parent_name != before.name:
        return child
    renamed = child.copy()
    renamed.parent_name = edited.name
    return renamed


def same_action(one: ActionValues, other: ActionValues) -> bool:
    """Whether both are the same stored action; unsaved ones are the same only as objects."""
    return one is other or (one.id is not None and one.id == other.id)


def load(version: Version) -> Design:
    """Read a version with everything in it: six queries, and at most four more when a check asks for other processes."""
    rows = list(Action.objects.filter(version=version))
    names = {row.pk: row.name for row in rows}
    return Design(
        version=version,
        swimlanes=list(Swimlane.objects.filter(version=version)),
        nodes=list(Node.objects.filter(version=version).select_related(None)),
        sequences=list(Sequence.objects.filter(version=version)),
        actions=[ActionValues.from_row(row, parent_name=names.get(row.parent_id or 0, "")) for row in rows],
        attributes=list(DataModelAttribute.objects.filter(version=version)),
        parameters=generic_parameters(),
    )


def generic_parameters() -> dict[str, Parameter]:
    """Generic parameters in force for this environment; an exact environment wins. One query."""
    found: dict[str, Parameter] = {}
    for row in GenericParameter.objects.filter(environment__in=("", config.environment)).order_by("environment"):
        found[row.key] = Parameter(row.key, row.value, row.kind == ParameterKind.SECRET)
    return found
