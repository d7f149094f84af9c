"""What comes to a store from around it: other trees, clients, brokers, schedules, integrations; and picking from all that."""

from __future__ import annotations

import json
from typing import Any

from engine.core import jsonio
from engine.core.integrations import Scenario
from engine.core.state import InstanceState, Timer, Token
from engine.core.stimuli import (
    SYSTEM,
    EventCaught,
    MessageReceived,
    Request,
    Start,
    Stimulus,
    Throw,
)
from tests.model.choices import Choices
from tests.model.data import get, merge, put
from tests.model.processes import EVENTS, LINKS, TOPICS
from tests.model.store import Store, start

VALUES: tuple[dict[str, Any], ...] = (
    {"flag": True, "again": False, "id": 1, "delay": "PT5M", "items": [1, 2], "topic": "t", "flowName": "long"},
    {"flag": False, "id": 1, "delay": "PT1H", "items": [], "topic": "t", "größe": {"länge": 3, "höhe": [1]}},
    {"again": True, "id": 1, "items": 3, "liste": {"1": {"straße": "Süd"}}, "größe.länge": 4},
    {"flag": 1, "delay": "soon", "topic": "", "again": False, "liste": [{"straße": "a"}, {"nr": 7}], "result": 5},
    {"delay": "PT0S", "flag": {"x": 1}, "again": False, "id": 2, "trail": "λ", "größe": None, "n": 0},
    {"again": False, "items": [{"tief": [1]}, "zwei"], "liste.straße": ["Nord"], "liste.nr": 1, "unbekannt": {"a": 1}},
)
SETS: tuple[dict[str, Any], ...] = (
    {"größe.länge": 8, "flag.x": "y"},
    {"items[0]": {"neu": [1]}, "trail": "μ"},
    {"liste": ["a", {"straße": "b"}], "n": 2},
)
REMOVED = ((), ("flag",), ("größe.länge", "items[0]"), ("liste.0.straße", "reply", "nichts.da"))
RECEIVE = ("crm.in", "crm.neu", "", "answers.one")
SEND = ("crm.out", "crm.out", "")
MAX_INSTANCES = 25


class Outside:
    """Picks from a store, and makes the stimuli that no person gives."""

    def __init__(self, store: Store, choices: Choices) -> None:
        self.store = store
        self.choices = choices
        self.counted = 0
        self.performed: set[Any] = set()

    def instance(self) -> InstanceState:
        running = [each for each in self.store.instances.values() if not each.ended]
        return self.choices.one(
            running if running and not self.choices.chance(5) else list(self.store.instances.values())
        )

    def token(self) -> tuple[InstanceState, Token] | None:
        state = self.instance()
        tokens = state.open_tokens() if not self.choices.chance(10) else list(state.tokens.values())
        return (state, self.choices.one(tokens)) if tokens else None

    def pending_timer(self) -> tuple[InstanceState, Timer] | None:
        found = [(state, timer) for state in self.store.instances.values() for timer in state.timers.values()]
        return self.choices.one(found) if found else None

    def count(self) -> int:
        """Another number each time, so that a value tells when it came."""
        self.counted += 1
        return self.counted

    def values(self) -> dict[str, Any]:
        chosen = self.choices.one(VALUES)
        return {**chosen, "n": self.count()} if self.choices.chance(50) else dict(chosen)

    # -- one method a kind -------------------------------------------------------------------------------------------

    def inherit(self) -> Stimulus | None:
        """What a client does with a frame of type action: it starts the process with values of the frame's instance."""
        frames = [
            (state, entry)
            for state in self.store.instances.values()
            for entry in self.store.journal.get(state.id, [])
            if entry.frame_type == "action" and entry.frame_id not in self.performed
        ]
        if not frames or len(self.store.instances) >= MAX_INSTANCES:
            return None
        related, entry = self.choices.one(frames)
        self.performed.add(entry.frame_id)
        asked = json.loads(entry.payload or "")["action"]
        wanted = asked["params"]
        values = self.store.inherited(related, wanted["paramsToCopy"], wanted["withoutParams"])
        return start(
            self.store,
            self.store.published[asked["processName"].lower()],
            merge(values, self.values()),
            parent_id=related.id,
            parent_uuid=related.uuid,
            relation="INHERITED",
        )

    def on_schedule(self) -> Stimulus | None:
        """A timer start is due (engine 5.4)."""
        nodes = [(number, node) for number, graph in self.store.graphs.items() if (node := graph.timer_start())]
        if not nodes or len(self.store.instances) >= MAX_INSTANCES:
            return None
        number, node = self.choices.one(nodes)
        return Start(self.store.new_uuid(), number, {}, SYSTEM, node_id=node.id)

    def rename(self) -> Stimulus | None:
        """No stimulus: an integration's scenario has other topics from now on."""
        headers = {"von": "${topic}"} if self.choices.chance(50) else {}
        scenario = Scenario(self.choices.one(SEND), self.choices.one(RECEIVE), headers)
        self.store.rename(self.choices.one(LINKS), scenario)
        return None

    def _record(self, state: InstanceState) -> MessageReceived:
        sent = [row for owner, row in self.store.outgoing if owner.uuid == state.uuid]
        request, headers = None, {}
        if sent and self.choices.chance(60):
            row = self.choices.one(sent[-255:])
            request = Request(row.visit_number or 0, row.action_id or 0, row.run)
            headers = {key: text for key, text in row.headers.items() if key == "callbacksForAction"}
        number = self.count()
        value = self.choices.one(({"antwort": number}, [number, {"ö": 1}], f"text {number}"))
        raw = jsonio.dumps(value).encode()
        self.store.outside.add(raw.decode())
        message_id = self.store.new_uuid()
        linked = [scenario.receive_topic for scenario in self.store.scenarios.values() if scenario.receive_topic]
        topic = self.choices.one([*TOPICS, *linked])
        graph = self.store.graph(state.snapshot_id)
        listening = [node for token in state.open_tokens() if (node := graph.nodes[token.node_id]).streams]
        if listening and not self.choices.chance(30):
            node = self.choices.one(listening)
            topic = self.choices.one(node.topics(self.store.scenarios) or [topic])
            parents = [action.name for action in node.actions if list(node.children(action))]
            if parents and self.choices.chance(60):
                headers = {"callbacksForAction": self.choices.one(parents)}
        return MessageReceived(
            state.uuid, topic, value, raw, self.store.now, headers=headers, request=request, message_id=message_id
        )

    def record(self) -> Stimulus | None:
        return self._record(self.instance())

    def event(self) -> Stimulus | None:
        """An event from outside: one catch at a time, so that it may come late for the others."""
        found = [(state, each) for state in self.store.instances.values() for each in state.subscriptions.values()]
        if not found:
            return None
        state, subscription = self.choices.one(found)
        text = f'{{"from": "outside", "n": {self.count()}}}'
        self.store.outside.add(text)
        return EventCaught(state.uuid, subscription.id, text)

    def pushed(self) -> Stimulus | None:
        """The next stored effect on another tree; a throw becomes one stimulus a catch, the others are left waiting."""
        effect = self.store.pending.pop(0)
        if not isinstance(effect, Throw):
            return effect
        assert effect.message_name in EVENTS
        caught: list[Start | EventCaught] = [
            EventCaught(state.uuid, each.id, effect.text)
            for state in self.store.instances.values()
            for each in state.subscriptions.values()
            if (each.message_name, each.correlation) == (effect.message_name, effect.correlation) and each.held is None
        ]
        caught += self._started_by(effect)
        self.store.pending[:0] = caught[1:]
        return caught[0] if caught else None

    def _started_by(self, event: Throw) -> list[Start]:
        """The processes that the event starts, unless one with the same value exists (engine 1.8)."""
        found = []
        for number, graph in self.store.graphs.items():
            for node in graph.catch_starts() if len(self.store.instances) < MAX_INSTANCES else ():
                known = [
                    get(state.start_params, node.correlation_key)
                    for state in self.store.instances.values()
                    if state.snapshot_id == number
                ]
                value = json.loads(event.correlation)
                if node.message_name == event.message_name and value not in known:
                    params = put(put({}, node.correlation_key, value), node.receive_data_key, json.loads(event.text))
                    found.append(Start(self.store.new_uuid(), number, params, SYSTEM, node_id=node.id))
        return found
