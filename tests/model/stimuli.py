"""Random stimuli for whatever is there: fitting ones, late ones, doubled ones, and such for tokens and timers long gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from engine.core import jsonio
from engine.core.integrations import Scenario
from engine.core.kinds import ActionType
from engine.core.state import InstanceState, Timer, Token
from engine.core.stimuli import (
    SYSTEM,
    Assign,
    ChangeTimer,
    Deliver,
    Dismiss,
    EditVariables,
    EventCaught,
    Execute,
    ExecuteByOperator,
    Hold,
    MessageReceived,
    MoveToken,
    Request,
    Retry,
    RunTimer,
    SkipAction,
    Start,
    Stimulus,
    Terminate,
    Throw,
    TimerDue,
    Unhold,
)
from tests.builders import USER
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


class Stimuli:
    """Makes the next stimulus of an example; remembers the last ones to give them again."""

    def __init__(self, store: Store, choices: Choices) -> None:
        self.store = store
        self.choices = choices
        self.given: list[Stimulus] = []
        common: list[Callable[[], Stimulus | None]] = [self.execute] * 8 + [self.timer] * 5 + [self.record] * 4
        common += [self.event] * 3 + [self.retry] * 3 + [self.edit] * 2
        rare: list[Callable[[], Stimulus | None]] = [
            self.again,
            self.hold,
            self.unhold,
            self.unhold,
            self.move,
            self.skip,
            self.by_operator,
            self.run_timer,
            self.change_timer,
            self.deliver,
            self.start,
            self.end,
            self.old_timer,
            self.assign,
            self.inherit,
            self.on_schedule,
            self.rename,
        ]
        self.counted = 0
        self.performed: set[Any] = set()
        self.kinds = common + rare

    def next(self) -> Stimulus | None:
        """A stimulus, or None when there is nothing of the kind that was chosen."""
        if self.store.pending and self.choices.chance(80):
            made = self.pushed()
        elif all(state.ended for state in self.store.instances.values()):
            made = self.start()
        else:
            made = self.choices.one(self.kinds)()
        if made is not None:
            self.given.append(made)
        return made

    # -- picking ---------------------------------------------------------------------------------------------------

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

    def start(self) -> Stimulus | None:
        if len(self.store.instances) >= MAX_INSTANCES:
            return None
        number = self.choices.one(list(self.store.graphs))
        if self.store.instances and self.choices.chance(40):
            parent = self.choices.one(list(self.store.instances.values()))
            return start(
                self.store, number, self.values(), parent_id=parent.id, parent_uuid=parent.uuid, relation="INHERITED"
            )
        return start(self.store, number, self.values())

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

    def again(self) -> Stimulus | None:
        """One of the last stimuli once more."""
        given = [each for each in self.given[-5:] if type(each).__name__ != "Start"]
        return self.choices.one(given) if given else None

    def _action(self, state: InstanceState, token: Token) -> str:
        graph = self.store.graph(state.snapshot_id)
        here = [action.name for action in graph.nodes[token.node_id].actions]
        anywhere = [action.name for node in graph.nodes.values() for action in node.actions]
        back = [visit.node_id for visit in state.history(token)]
        earlier = [action.name for number in back for action in graph.nodes[number].actions if action.allow_token_reset]
        names = earlier if earlier and self.choices.chance(15) else here
        return self.choices.one(names or anywhere or ["none"])

    def execute(self) -> Stimulus | None:
        """Mostly an action that can be run, else any action on any token."""
        ready = [
            (state, token, action.name)
            for state in self.store.instances.values()
            if state.state == "STARTED"
            for token in state.open_tokens()
            if token.state == "ACTIVE" and token.visit is not None
            for action in self.store.graph(state.snapshot_id).nodes[token.node_id].actions
            if action.manual and (action.id not in token.visit.actions or action.repeatable)
        ]
        if ready and not self.choices.chance(30):
            return self._call(*self.choices.one(ready))
        found = self.token()
        if found is None:
            return None
        state, token = found
        return self._call(state, token, self._action(state, token))

    def _call(self, state: InstanceState, token: Token, name: str) -> Stimulus:
        """A call of an action, of an upload mostly with a file."""
        nodes = self.store.graph(state.snapshot_id).nodes.values()
        uploads = {action.name for node in nodes for action in node.actions if action.type is ActionType.UPLOAD_FILE}
        with_file = (name in uploads) != self.choices.chance(3)
        upload = f"file{self.count()}" if with_file else None
        return Execute(state.uuid, token.uuid, name, self.values(), USER, upload=upload)

    def by_operator(self) -> Stimulus | None:
        found = self.token()
        if found is None:
            return None
        state, token = found
        return ExecuteByOperator(state.uuid, token.uuid, self._action(state, token), USER, "by hand", self.values())

    def skip(self) -> Stimulus | None:
        found = self.token()
        if found is None:
            return None
        state, token = found
        name = "" if self.choices.chance(20) else self._action(state, token)
        return SkipAction(state.uuid, token.uuid, name, USER, "not needed")

    def timer(self) -> Stimulus | None:
        found = self.pending_timer()
        if found is None:
            return None
        state, timer = found
        self.store.now = max(self.store.now, timer.due_at)
        return TimerDue(state.uuid, timer.id)

    def old_timer(self) -> Stimulus | None:
        if not self.store.timers:
            return None
        number = self.choices.one(list(self.store.timers)[-255:])
        return TimerDue(self.store.timers[number], number)

    def run_timer(self) -> Stimulus | None:
        found = self.pending_timer()
        return None if found is None else RunTimer(found[0].uuid, found[1].id, USER, "now")

    def change_timer(self) -> Stimulus | None:
        found = self.pending_timer()
        if found is None:
            return None
        state, timer = found
        due = self.choices.one((None, self.store.now + timedelta(minutes=3), self.store.now - timedelta(hours=1)))
        return ChangeTimer(state.uuid, timer.id, USER, "changed", due)

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
        return MessageReceived(
            state.uuid, topic, value, raw, self.store.now, headers=headers, request=request, message_id=message_id
        )

    def record(self) -> Stimulus | None:
        return self._record(self.instance())

    def deliver(self) -> Stimulus | None:
        found = self.token()
        if found is None:
            return None
        listening = [
            (state, token)
            for state in self.store.instances.values()
            for token in state.open_tokens()
            if self.store.graph(state.snapshot_id).nodes[token.node_id].streams or state.subscriptions
        ]
        if listening and not self.choices.chance(20):
            found = self.choices.one(listening)
        record = replace(self._record(found[0]), message_id=None)
        if self.choices.chance(30):
            record = replace(record, topic="")  # a message event for the token
        return Deliver(found[0].uuid, found[1].uuid, record, USER, "by hand")

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

    def hold(self) -> Stimulus | None:
        return Hold(self.instance().uuid, USER, "wait")

    def unhold(self) -> Stimulus | None:
        held = [state for state in self.store.instances.values() if state.state == "ON_HOLD"]
        return Unhold(self.choices.one(held).uuid, USER, "go") if held else None

    def retry(self) -> Stimulus | None:
        found = self.token()
        stuck = [
            (state, token)
            for state in self.store.instances.values()
            for token in state.open_tokens()
            if any(incident.token_id == token.id for incident in state.incidents.values())
        ]
        if stuck and not self.choices.chance(10):
            found = self.choices.one(stuck)
        return None if found is None else Retry(found[0].uuid, found[1].uuid, USER, "again")

    def move(self) -> Stimulus | None:
        found = self.token()
        if found is None:
            return None
        state, token = found
        nodes = list(self.store.graph(state.snapshot_id).nodes)
        variables = self.values() if self.choices.chance(50) else {}
        return MoveToken(state.uuid, token.uuid, self.choices.one(nodes), USER, "there", variables)

    def edit(self) -> Stimulus | None:
        state = self.instance()
        values = self.choices.one((*VALUES, *SETS, *SETS))
        return EditVariables(state.uuid, USER, "corrected", values, self.choices.one(REMOVED))

    def assign(self) -> Stimulus | None:
        return Assign(
            self.instance().uuid, self.choices.one(("", "Default", "Other")), self.choices.one(("", "ada")), USER
        )

    def end(self) -> Stimulus | None:
        children = [each for each in self.store.instances.values() if each.relation == "SUBPROCESS" and not each.ended]
        if children and not self.choices.chance(30):
            kind = self.choices.one((Dismiss, Terminate, Dismiss))
            return kind(self.choices.one(children).uuid, USER, "over")
        return self.choices.one((Terminate, Dismiss))(self.instance().uuid, USER, "over")
