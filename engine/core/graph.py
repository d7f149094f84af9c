"""The published snapshot of a process as frozen dataclasses: what the engine runs.

A snapshot is JSON with a `format` number (engine 1.2); `Graph.from_json` reads it, once per OS process and snapshot. Nothing
here changes after that. Names of JSON members are the stored names of engine 1.1-1.5 and 4.2. The JSON Schema of the format
is `snapshot.schema.json` beside this file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.integrations import INTEGRATION, Scenarios, StreamTopic
from engine.core.kinds import BOUNDARY_TYPES, CATCH_TYPES, ActionType, NodeType
from engine.core.sections import Sections, find_sections

__all__ = ["FORMAT", "Action", "ActionType", "Graph", "Node", "NodeType", "Param", "StreamTopic"]

FORMAT = 1


class UnknownFormat(ValueError):
    """The snapshot has a format this engine does not read."""


@dataclass(frozen=True, slots=True)
class Param:
    """One entry of `actionParams`: placeholders in `value` are filled in only when `replace_values` is true (engine 4.2)."""

    key: str
    value: str
    replace_values: bool = True


@dataclass(frozen=True, slots=True)
class RuleDefinition:
    """One entry of `actionRuleDefinitions`: a ZEN row with its target, or a decision table (engine 4.8)."""

    language: str
    target: str
    message: str


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a node (engine 4.2)."""

    id: int
    name: str
    order: int
    type: ActionType
    manual: bool = False
    optional: bool = False
    repeatable: bool = False
    auto_run_children: bool = False
    parent_name: str | None = None
    timer_expression: str = ""
    allow_token_reset: bool = False
    restart_from_snapshot: bool = False
    keys_for_restart: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    params: Mapping[str, Param] = field(default_factory=dict)
    rules: tuple[RuleDefinition, ...] = ()
    mandatory_properties: tuple[str, ...] = ()

    @property
    def link(self) -> tuple[str, str] | None:
        """System and scenario of a message that is sent from an integration (engine 6.2)."""
        if self.text("source") != INTEGRATION:
            return None
        return self.text("integration"), self.text("scenario")

    @property
    def runs_by_parent(self) -> bool:
        """Whether autorun or a callback runs it as a child: mandatory and automatic (engine 4.6)."""
        return not self.manual and not self.optional

    def text(self, key: str, default: str = "") -> str:
        """The parameter's text as stored, or `default`."""
        param = self.params.get(key)
        return default if param is None else param.value


@dataclass(frozen=True, slots=True)
class GatewayRule:
    """One rule of an exclusive gateway; without an expression it is the else (engine 1.5)."""

    order: int
    language: str
    expression: str | None
    next_node_name: str


@dataclass(frozen=True, slots=True)
class Node:
    """One node with its actions and the nodes its sequences lead to."""

    id: int
    key: str
    name: str
    type: NodeType
    swimlane: str = "Default"
    stage: str | None = None
    can_go_back: bool = True
    flow_names: tuple[str, ...] = ()
    start_condition: str = ""
    response_timeout: str = ""
    streams: tuple[StreamTopic, ...] = ()
    input_keys: tuple[str, ...] = ()
    rules: tuple[GatewayRule, ...] = ()
    actions: tuple[Action, ...] = ()
    outgoing: tuple[int, ...] = ()
    incoming: int = 0
    timer_expression: str = ""
    start_time: str = ""
    end_time: str = ""
    attached_to: str = ""
    interrupting: bool = True
    message_name: str = ""
    correlation_key: str = ""
    data: str = ""
    receive_data_key: str = ""

    @property
    def splits(self) -> bool:
        """A parallel gateway that opens branches; its role is derived (engine 3.5)."""
        return self.type is NodeType.PARALLEL_GATEWAY and len(self.outgoing) > 1

    @property
    def joins(self) -> bool:
        """A parallel gateway that closes branches (engine 3.5)."""
        return self.type is NodeType.PARALLEL_GATEWAY and self.incoming > 1 and len(self.outgoing) <= 1

    @property
    def waits_for_message(self) -> bool:
        """Whether a token stays until a record came: receive tasks, and tasks with stream topics (engine 6.6)."""
        return self.type is NodeType.MESSAGE_EVENT_RECEIVE or (self.type is NodeType.TASK and bool(self.streams))

    def top_level(self) -> Iterator[Action]:
        """Actions without a parent, in the order they run (engine 4.2, 4.4)."""
        return (action for action in self.actions if action.parent_name is None)

    def children(self, parent: Action) -> Iterator[Action]:
        """Direct children of an action, in order (engine 4.6)."""
        return (action for action in self.actions if action.parent_name == parent.name)

    def action(self, action_id: int) -> Action | None:
        return next((action for action in self.actions if action.id == action_id), None)

    def action_named(self, name: str) -> Action | None:
        return next((action for action in self.actions if action.name == name), None)

    def stream(self, topic: str, scenarios: Scenarios) -> StreamTopic | None:
        """The stream with this topic; of a link the topic in force now counts (engine 6.6)."""
        return next((stream for stream in self.streams if topic and stream.topic(scenarios) == topic), None)

    def topics(self, scenarios: Scenarios) -> list[str]:
        """The topics that the node listens on now."""
        return [topic for stream in self.streams if (topic := stream.topic(scenarios))]


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole process version, ready to run."""

    definition_id: int
    name: str
    version: int
    nodes: Mapping[int, Node]
    general_data: Any = None
    expiry_time: str = ""
    mandatory_params: tuple[str, ...] = ()
    sensitive_keys: tuple[str, ...] = ()
    search_keys: tuple[str, ...] = ()
    swimlanes: tuple[str, ...] = ("Default",)
    sections: Sections = field(default_factory=lambda: Sections({}, {}))
    restarts: bool = False
    catches: bool = False
    subprocess_names: frozenset[str] = frozenset()
    attached: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)  # key of a host -> its boundary events

    def node_named(self, name: str) -> Node | None:
        return next((node for node in self.nodes.values() if node.name == name), None)

    def boundaries(self, host: Node) -> tuple[Node, ...]:
        """The boundary events attached to a node, named by its key."""
        return self.attached.get(host.key, ())

    def catch_starts(self) -> list[Node]:
        """Nodes at which a message event starts an instance (engine 1.8)."""
        return [node for node in self.nodes.values() if node.type is NodeType.MESSAGE_CATCH_START]

    def starts(self) -> list[Node]:
        """The START nodes; other kinds of start do not count here (engine 1.6)."""
        return [node for node in self.nodes.values() if node.type is NodeType.START]

    def timer_start(self) -> Node | None:
        """The node whose schedule starts instances (engine 5.4)."""
        return next((node for node in self.nodes.values() if node.type is NodeType.TIMER_START), None)

    def listeners(self, topic: str, scenarios: Scenarios, *, destination: str | None = None) -> list[Node]:
        """Nodes with `topic` among their streams, only the named one when `destination` is given (engine 6.6)."""
        return [
            node
            for node in self.nodes.values()
            if node.stream(topic, scenarios) is not None and (destination is None or node.name == destination)
        ]

    @classmethod
    def from_json(cls, snapshot: Mapping[str, Any]) -> Graph:
        """Build the graph from a snapshot.

        Raises `UnknownFormat` for another format number, `KeyError` or `ValueError` for a snapshot that breaks the schema.
        """
        if snapshot.get("format") != FORMAT:
            raise UnknownFormat(f"This engine reads snapshots of format {FORMAT}, not {snapshot.get('format')!r}.")
        outgoing: dict[int, list[int]] = {}
        incoming: Counter[int] = Counter()
        for sequence in snapshot["sequences"]:
            outgoing.setdefault(sequence["sourceNode"], []).append(sequence["targetNode"])
            incoming[sequence["targetNode"]] += 1
        nodes = {
            raw["id"]: _node(raw, tuple(outgoing.get(raw["id"], ())), incoming[raw["id"]]) for raw in snapshot["nodes"]
        }
        return cls(
            definition_id=snapshot["definitionId"],
            name=snapshot["name"],
            version=snapshot["version"],
            nodes=nodes,
            general_data=snapshot.get("generalData"),
            expiry_time=snapshot.get("expiryTime") or "",
            mandatory_params=tuple(snapshot.get("mandatoryParams") or ()),
            sensitive_keys=tuple(snapshot.get("sensitiveKeys") or ()),
            search_keys=tuple(snapshot.get("searchKeys") or ()),
            swimlanes=tuple(snapshot.get("swimlanes") or ("Default",)),
            sections=find_sections(nodes),
            subprocess_names=frozenset(
                action.text("processName")
                for node in nodes.values()
                for action in node.actions
                if action.type is ActionType.START_SUBPROCESS
            ),
            attached=_attached(nodes.values()),
            catches=any(node.type in CATCH_TYPES for node in nodes.values()),
            restarts=any(action.restart_from_snapshot for node in nodes.values() for action in node.actions),
        )


def _attached(nodes: Iterable[Node]) -> dict[str, tuple[Node, ...]]:
    found: dict[str, tuple[Node, ...]] = {}
    for node in nodes:
        if node.type in BOUNDARY_TYPES:
            found[node.attached_to] = (*found.get(node.attached_to, ()), node)
    return found


def _node(raw: Mapping[str, Any], outgoing: tuple[int, ...], incoming: int) -> Node:
    return Node(
        id=raw["id"],
        key=raw["key"],
        name=raw["name"],
        type=NodeType(raw["type"]),
        swimlane=raw.get("swimlane") or "Default",
        stage=raw.get("stage") or None,
        can_go_back=raw.get("canGoBack", True),
        flow_names=tuple(raw.get("flowNames") or ()),
        start_condition=raw.get("startCondition") or "",
        response_timeout=raw.get("responseTimeout") or "",
        streams=tuple(_stream(row) for row in raw.get("dataStreamTopics") or ()),
        input_keys=tuple(raw.get("inputKeys") or ()),
        rules=tuple(sorted((_rule(row) for row in raw.get("rules") or ()), key=lambda rule: rule.order)),
        actions=_built_in(raw) if raw["type"] == NodeType.SUBPROCESS_RUN else _actions(raw),
        outgoing=outgoing,
        incoming=incoming,
        timer_expression=raw.get("timerExpression") or "",
        start_time=raw.get("startTime") or "",
        end_time=raw.get("endTime") or "",
        attached_to=raw.get("attachedTo") or "",
        interrupting=raw.get("interrupting", True),
        message_name=raw.get("messageName") or "",
        correlation_key=raw.get("correlationKey") or "",
        data=raw.get("data") or "",
        receive_data_key=raw.get("receiveDataKey") or "",
    )


def _actions(raw: Mapping[str, Any]) -> tuple[Action, ...]:
    made = (_action(row) for row in raw.get("actions") or ())
    return tuple(sorted(made, key=lambda action: (action.order, action.id)))


def _built_in(raw: Mapping[str, Any]) -> tuple[Action, ...]:
    """The one action of a subprocess run node, made of the node's own fields; it waits unless told otherwise (engine 10.2)."""
    fields = {
        "processName": raw.get("processName") or "",
        "paramsToCopy": json_list(raw.get("paramsToCopy")),
        "withoutParams": json_list(raw.get("withoutParams")),
        "startedAsync": "true" if raw.get("startedAsync") else "false",
        "outputKey": raw.get("outputKey") or "",
        "collectionKey": raw.get("collectionKey") or "",
    }
    params = {key: Param(key, value, replace_values=False) for key, value in fields.items()}
    name = f"start_{raw['key']}"
    return (Action(id=-raw["id"], name=name, order=1, type=ActionType.START_SUBPROCESS, params=params),)


def json_list(paths: Any) -> str:
    """A list of key paths as the text in which action parameters hold it."""
    return ",".join(paths or ())


def _stream(raw: Mapping[str, Any]) -> StreamTopic:
    if raw.get("source") == INTEGRATION:
        return StreamTopic("", raw["keyName"], (raw["integration"], raw["scenario"]))
    return StreamTopic(raw["topicName"], raw["keyName"])


def _rule(raw: Mapping[str, Any]) -> GatewayRule:
    return GatewayRule(raw["order"], raw.get("language") or "ZEN", raw.get("expression") or None, raw["nextNodeName"])


def _action(raw: Mapping[str, Any]) -> Action:
    return Action(
        id=raw["id"],
        name=raw["name"],
        order=raw["order"],
        type=ActionType(raw["type"]),
        manual=raw.get("manual", False),
        optional=raw.get("optional", False),
        repeatable=raw.get("repeatable", False),
        auto_run_children=raw.get("autoRunChildren", False),
        parent_name=raw.get("parentName") or None,
        timer_expression=raw.get("timerExpression") or "",
        allow_token_reset=raw.get("allowTokenReset", False),
        restart_from_snapshot=raw.get("restartFromSnapshot", False),
        keys_for_restart=tuple(raw.get("keysForRestart") or ()),
        keys=tuple(raw.get("keys") or ()),
        params={
            row["key"]: Param(row["key"], row["value"], row.get("replaceValues", True))
            for row in raw.get("actionParams") or ()
        },
        rules=tuple(
            RuleDefinition(row["language"], row.get("target") or "", row["message"])
            for row in raw.get("actionRuleDefinitions") or ()
        ),
        mandatory_properties=tuple(raw.get("mandatoryProperties") or ()),
    )
