"""Processes in a few words, for tests: `process("crm").start().task("Tell", kafka_send("tell")).end().publish()`.

Nodes are connected in the order they are named; `then` connects others. Ids are counted up in the order of naming, so that a
test can read them off the builder: `p.node("Tell")["id"]`.
"""

from __future__ import annotations

import itertools
import uuid
from typing import Any

from engine import publishing, runtime
from engine.core import jsonio
from engine.core.graph import FORMAT, Graph
from engine.core.stimuli import (
    Actor,
    Done,
    Execute,
    MessageReceived,
    Outcome,
    Refusal,
    Refused,
    Request,
    Start,
    Stimulus,
    TimerDue,
)
from engine.models import Instance, JournalEntry, OutboxMessage, ReceivedMessage, Timer, Token

_ids = itertools.count(1)
TOPIC = "ai.flowx.dev.engine.receive.answers.v1"
USER = Actor("mira", None)


def action(name: str, type: str, params: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """An action under its stored names; `params` become `actionParams` with Replace values on."""
    literal = fields.pop("literal", ())
    return {
        "id": next(_ids),
        "name": name,
        "order": fields.pop("order", None),
        "type": type,
        "actionParams": [
            {"key": key, "value": value, "replaceValues": key not in literal} for key, value in (params or {}).items()
        ],
        **fields,
    }


def kafka_send(
    name: str, topic: str = "out.v1", message: str = '{"id": "${processInstanceUuid}"}', **fields: Any
) -> dict:
    extra = {key: fields.pop(key) for key in ("headers", "messageKey") if key in fields}
    return action(name, "KAFKA_SEND", {"topicName": topic, "message": message, **extra}, **fields)


def websocket_send(name: str, message: str = '{"name": "${name}"}', **fields: Any) -> dict:
    extra = {key: fields.pop(key) for key in ("messageType", "targetProcess") if key in fields}
    return action(name, "WEBSOCKET_SEND", {"message": message, **extra}, **fields)


def save_data(name: str, keys: list[str] | None = None, **fields: Any) -> dict:
    return action(name, "SAVE_DATA", manual=fields.pop("manual", True), keys=keys or [], **fields)


class process:
    """A process in the making."""

    def __init__(self, name: str | None = None, **fields: Any) -> None:
        self.name = name or f"process_{uuid.uuid4().hex[:8]}"
        self.fields = fields
        self.nodes: list[dict[str, Any]] = []
        self.sequences: list[dict[str, Any]] = []
        self._connect = True

    def add(self, type: str, name: str, *actions: dict, connect: bool = True, **fields: Any) -> process:
        orders: dict[str | None, itertools.count] = {}
        for each in actions:
            if each["order"] is None:
                each["order"] = next(orders.setdefault(each.get("parentName"), itertools.count(1)))
        node_id = next(_ids)
        node = {"id": node_id, "key": f"n{node_id}", "name": name, "type": type, "actions": list(actions), **fields}
        if self.nodes and connect and self._connect:
            self.link(self.nodes[-1]["name"], name, node)
        self.nodes.append(node)
        self._connect = True
        return self

    def link(self, source: str, target: str, node: dict | None = None) -> process:
        target_id = (node or self.node(target))["id"]
        self.sequences.append({"id": next(_ids), "sourceNode": self.node(source)["id"], "targetNode": target_id})
        return self

    def start(self, name: str = "Start", **fields: Any) -> process:
        return self.add("START", name, connect=False, **fields)

    def end(self, name: str = "End", **fields: Any) -> process:
        return self.add("END", name, **fields)

    def task(self, name: str, *actions: dict, **fields: Any) -> process:
        return self.add("TASK", name, *actions, **fields)

    def user_task(self, name: str, *actions: dict, **fields: Any) -> process:
        return self.add("USER_TASK", name, *actions, **fields)

    def send(self, name: str, *actions: dict, **fields: Any) -> process:
        return self.add("MESSAGE_EVENT_SEND", name, *actions, **fields)

    def receive(self, name: str, topic: str = TOPIC, key: str = "reply", **fields: Any) -> process:
        return self.add(
            "MESSAGE_EVENT_RECEIVE", name, dataStreamTopics=[{"topicName": topic, "keyName": key}], **fields
        )

    def gateway(self, name: str, *rules: tuple[str | None, str], **fields: Any) -> process:
        """`rules` are (expression or None for else, next node's name)."""
        listed = [
            {"order": order, "language": "ZEN", "expression": expression, "nextNodeName": target}
            for order, (expression, target) in enumerate(rules, 1)
        ]
        return self.add("EXCLUSIVE_GATEWAY", name, rules=listed, **fields)

    def node(self, name: str) -> dict[str, Any]:
        return next(node for node in self.nodes if node["name"] == name)

    def action(self, name: str) -> dict[str, Any]:
        return next(each for node in self.nodes for each in node["actions"] if each["name"] == name)

    def snapshot(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "definitionId": next(_ids),
            "name": self.name,
            "version": self.fields.get("version", 1),
            "nodes": self.nodes,
            "sequences": self.sequences,
            **{key: value for key, value in self.fields.items() if key != "version"},
        }

    def graph(self) -> Graph:
        return Graph.from_json(self.snapshot())

    def publish(self, permissions: dict | None = None) -> Published:
        """Publish it; by default the group `flowx-users` may do everything in every swimlane."""
        row = publishing.publish_snapshot(self.snapshot(), published_by="tests")
        lanes = {node.get("swimlane") or "Default" for node in self.nodes}
        default = {lane: {key: ["flowx-users"] for key in ("execute", "self-assign", "view")} for lane in lanes}
        publishing.store_swimlane_permissions(self.name, default if permissions is None else permissions)
        return Published(self, row.id)


class Published:
    """A published process, ready to start."""

    def __init__(self, definition: process, snapshot_id: int) -> None:
        self.definition = definition
        self.snapshot_id = snapshot_id
        self.name = definition.name

    def start(self, params: dict | None = None, actor: Actor = USER, **fields: Any) -> Running:
        made = uuid.uuid4()
        outcome = apply(Start(made, self.snapshot_id, params or {}, actor, **fields))
        running = Running(self, made)
        running.answer = dict(outcome.answer)
        return running


class Running:
    """An instance under test: every read comes from the database."""

    answer: dict[str, Any]

    def __init__(self, published: Published, instance_uuid: uuid.UUID) -> None:
        self.published = published
        self.uuid = instance_uuid

    @property
    def row(self) -> Instance:
        return Instance.objects.get(uuid=self.uuid)

    @property
    def state(self) -> str:
        return self.row.state

    @property
    def params(self) -> Any:
        return jsonio.loads(self.row.params)

    @property
    def token(self) -> Token:
        return Token.objects.filter(instance_id=self.row.id).latest("id")

    @property
    def position(self) -> tuple[str, str]:
        """Where the token is: node name and status."""
        token = self.token
        return token.current_node_name, token.status

    def execute(self, action_name: str, body: dict | None = None, actor: Actor = USER) -> Done:
        return apply(Execute(self.uuid, self.token.uuid, action_name, body or {}, actor))

    def reply(self, value: Any, topic: str = TOPIC, **fields: Any) -> Done:
        raw = fields.pop("raw", None) or jsonio.dumps(value).encode()
        moment = fields.pop("received_at", None) or self.row.updated_at
        return apply(MessageReceived(self.uuid, topic, value, raw, moment, **fields))

    def answer_to(self, row: OutboxMessage) -> Request:
        return Request(row.visit_number or 0, row.action_id or 0, row.run)

    def timers(self, state: str = "PENDING") -> list[Timer]:
        return list(Timer.objects.filter(instance_id=self.row.id, state=state).order_by("id"))

    def fire(self, timer: Timer | None = None) -> Done:
        chosen = timer or self.timers()[0]
        return apply(TimerDue(self.uuid, chosen.id))

    def sent(self) -> list[OutboxMessage]:
        return list(OutboxMessage.objects.filter(instance_id=self.row.id).order_by("seq"))

    def frames(self, *types: str) -> list[dict]:
        rows = JournalEntry.objects.filter(instance_id=self.row.id, frame_seq__isnull=False).order_by("frame_seq")
        return [jsonio.loads(row.payload) for row in rows if not types or row.frame_type in types]

    def journal(self, *events: str) -> list[JournalEntry]:
        rows = JournalEntry.objects.filter(instance_id=self.row.id).order_by("number")
        return [row for row in rows if not events or row.event in events]

    def kept(self) -> list[ReceivedMessage]:
        return list(ReceivedMessage.objects.filter(instance_id=self.row.id).order_by("id"))

    def action_state(self, name: str) -> dict | None:
        """The newest stored state of an action, over all visits."""
        from engine.models import Visit

        for visit in Visit.objects.filter(instance_id=self.row.id).order_by("-number"):
            for state in jsonio.loads(visit.actions).values():
                if state["name"] == name:
                    return state
        return None


def apply(stimulus: Stimulus) -> Done:
    """Apply one stimulus; a refusal is raised."""
    outcome: Outcome = runtime.apply([stimulus])[0]
    if isinstance(outcome, Refused):
        raise outcome.refusal
    return outcome


def refusal(stimulus: Stimulus) -> Refusal:
    """The refusal of a stimulus that must be refused."""
    outcome = runtime.apply([stimulus])[0]
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal
