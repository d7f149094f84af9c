"""The data of all instances once more, from their journals alone: what the entries of a step say, done in their order.

Bodies of calls, values of operators and start values are those of the stimulus at hand; everything else (which step ran, when,
on whose behalf, what came in) is read from the journal. Effects of actions are known from the process, by the twins of
`tests.model.words`. Nothing of the engine's machine is used. On the way it is checked that what was sent, pushed, thrown and
appended held the data of that moment, and that each run left its traces once.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from engine.core.graph import Action, ActionType, Graph, Node, NodeType
from engine.core.kinds import BOUNDARY_TYPES
from engine.core.state import Entry, InstanceState
from engine.core.stimuli import (
    ChangeTimer,
    Deliver,
    Done,
    EditVariables,
    Execute,
    ExecuteByOperator,
    MessageReceived,
    MoveToken,
    Refusal,
    Retry,
    RunTimer,
    SkipAction,
    Start,
    Stimulus,
)
from tests.model import runs
from tests.model.data import (
    ABSENT,
    Data,
    NoPlace,
    difference,
    get,
    inherited,
    listed,
    merge,
    nested,
    only,
    put,
    remove,
    size,
)
from tests.model.order import Order
from tests.model.store import Store

LIMIT = 1024 * 1024
ENDS = {"Finish": "FINISHED", "Dismiss": "DISMISSED", "Expire": "EXPIRED", "Abort": "ABORTED"}


@dataclass
class Replayer:
    """Follows a store step by step; `data` is what it thinks that each instance holds."""

    store: Store
    data: dict[UUID, Data] = field(default_factory=dict)
    ended: dict[UUID, str] = field(default_factory=dict)
    restarts: dict[UUID, dict[str, Data]] = field(default_factory=lambda: defaultdict(dict))
    where: dict[tuple[UUID, int], int] = field(default_factory=dict)
    uploads: dict[tuple[UUID, int | None, int], str] = field(default_factory=dict)
    completed: Counter[tuple[UUID, int | None, int]] = field(default_factory=Counter)
    awaited: dict[tuple[UUID, int | None, int], list[tuple[int, UUID]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    traces: Counter[tuple[UUID, int]] = field(default_factory=Counter)  # of the run at hand: records, frames, values
    told: dict[tuple[UUID, str], list[Data]] = field(default_factory=lambda: defaultdict(list))  # to other trees
    thrown: dict[str, list[Data]] = field(default_factory=lambda: defaultdict(list))
    ran: set[ActionType] = field(default_factory=set)
    visited: set[NodeType] = field(default_factory=set)
    begun: set[tuple[UUID, int | None, int]] = field(default_factory=set)  # synchronous runs of this step
    order: Order = field(default_factory=Order)
    call: runs.Call | None = None
    stimulus: Stimulus | None = None

    def __post_init__(self) -> None:
        self.order.waiting = self.awaited

    def follow(self, stimulus: Stimulus, outcome: Done | Refusal) -> None:
        """Take what the step has written into the journals, then compare."""
        if isinstance(outcome, Refusal):
            assert not self.store.fresh, "a refused stimulus is in the journal"
            return
        self.stimulus, self.call = stimulus, self._call_of(stimulus)
        self.begun.clear()
        if isinstance(stimulus, ExecuteByOperator | Retry | SkipAction | ChangeTimer | RunTimer):
            self.order.by_hand(self.store.instances[stimulus.instance_uuid])
        for number, entry in self.store.fresh:
            take = TAKES.get(entry.event)
            if take is not None:
                take(self, self.store.by_id(number), entry)
        assert self.call is None or self.call.taken, f"'{self.call.action.name}' was called, and no entry says so"
        self.order.check_children(self.store.fresh, self.ended)
        self.compare()

    def compare(self) -> None:
        for state in self.store.instances.values():
            assert self.data[state.uuid] == state.params, difference(self.data[state.uuid], state.params)
            assert self.restarts.get(state.uuid, {}) == state.restarts, "data kept for going back differs"
            end = self.ended.get(state.uuid)
            assert end == (str(state.state) if state.ended else None), f"{state.state}, and the journal says {end}"
            for token in state.open_tokens():
                assert self.where.get((state.uuid, token.id), token.node_id) == token.node_id, "a token is elsewhere"
                for number, known in token.visit.actions.items() if token.visit is not None else ():
                    counted = self.completed[state.uuid, token.id, number]
                    copied = token.replaces_id is not None
                    assert known.completed == counted or copied, f"'{known.name}': {known.completed}, entries {counted}"

    # -- who and what ----------------------------------------------------------------------------------------------

    def graph(self, state: InstanceState) -> Graph:
        return self.store.graph(state.snapshot_id)

    def node(self, state: InstanceState, entry: Entry) -> Node:
        return self.graph(state).nodes[entry.node_id or 0]

    def action(self, state: InstanceState, name: str) -> Action:
        nodes = self.graph(state).nodes.values()
        return next(action for node in nodes for action in node.actions if action.name == name)

    def _call_of(self, stimulus: Stimulus) -> runs.Call | None:
        if not isinstance(stimulus, Execute | ExecuteByOperator):
            return None
        state = self.store.instances[stimulus.instance_uuid]
        token = state.token_with_uuid(stimulus.token_uuid)
        assert token is not None
        upload = stimulus.upload if isinstance(stimulus, Execute) else None
        return runs.Call(state.uuid, token.id, self.action(state, stimulus.action_name), dict(stimulus.body), upload)

    def called(self, state: InstanceState, action: Action) -> bool:
        """Whether the call at hand is of this action."""
        return self.call is not None and (state.uuid, action.name) == (self.call.owner, self.call.action.name)

    def mention(self, state: InstanceState, name: str, token_id: int | None) -> None:
        """The first entry that names the action of the call: its body is in the data from here on (engine 4.5, 9.3)."""
        call = self.call
        if call is None or call.taken or (state.uuid, name) != (call.owner, call.action.name):
            return
        call.taken = True
        if call.went_back and token_id is not None:
            self.order.free.add((state.uuid, token_id))  # what was done before counts on the new token too
        action, restarts = call.action, self.restarts[state.uuid]
        if call.went_back and action.restart_from_snapshot and name in restarts:
            restored = restarts[name]
            for key in action.keys_for_restart:
                value = get(self.data[state.uuid], key)
                if value is not ABSENT:
                    with suppress(NoPlace):
                        restored = put(restored, key, value)
            self.data[state.uuid] = restored
        if action.restart_from_snapshot:
            restarts.setdefault(name, self.data[state.uuid])
        merged = merge(self.data[state.uuid], only(nested(call.body), action.keys))
        call.too_large = size(merged) > LIMIT
        if not call.too_large:
            self.data[state.uuid] = merged
        if call.upload:
            self.uploads[state.uuid, token_id, action.id] = call.upload

    # -- one method an event -----------------------------------------------------------------------------------------

    def started(self, state: InstanceState, entry: Entry) -> None:
        self.arrived(state, entry)
        if state.uuid in self.data:
            return  # a subprocess: its data was taken when its parent made it
        node = self.node(state, entry)
        if isinstance(self.stimulus, Start) and self.stimulus.uuid == state.uuid:
            self.data[state.uuid] = dict(self.stimulus.params)
        elif node.type is NodeType.TIMER_START:
            self.data[state.uuid] = {}
        else:
            assert node.type is NodeType.MESSAGE_CATCH_START, f"nobody has started '{node.name}'"
            given = self.store.start_params(state)
            known = get(given, node.correlation_key)
            possible = [
                put(put({}, node.correlation_key, known), node.receive_data_key, each)
                for each in self.thrown[node.message_name]
            ]
            assert given in possible, f"an event started it with other data: {given}, {possible}"
            self.data[state.uuid] = given

    def arrived(self, state: InstanceState, entry: Entry) -> None:
        """A token on a node: what it ran on the one before is over."""
        key, node = (state.uuid, entry.token_id or 0), self.node(state, entry)
        if key in self.where and node.type not in BOUNDARY_TYPES:
            self.order.check_left(key, self.graph(state).nodes[self.where[key]], self.completed)
        elif key in self.where:
            self._cut_off(key)
        self.order.free.discard(key)
        self.where[state.uuid, entry.token_id or 0] = entry.node_id or 0
        self.visited.add(node.type)
        for known in (self.completed, self.awaited, self.uploads):
            for key in [key for key in known if key[:2] == (state.uuid, entry.token_id)]:
                del known[key]

    def _cut_off(self, place: tuple[UUID, int]) -> None:
        """The token was taken away from what it waits for: by an event, a move or a reset (engine 3.8, 9.3, 13.2)."""
        self.order.cut += [child for key, children in self.awaited.items() if key[:2] == place for _, child in children]

    def over(self, state: InstanceState, entry: Entry) -> None:
        if entry.event == "Abort" and entry.subject == "Token":
            self._cut_off((state.uuid, entry.token_id or 0))
            if self.call is not None and (state.uuid, entry.token_id) == (self.call.owner, self.call.token_id):
                self.call.went_back = True
            return
        assert state.uuid not in self.ended, "an instance has ended twice"
        self.ended[state.uuid] = ENDS.get(entry.event) or str(entry.details["after"])

    def scheduled(self, state: InstanceState, entry: Entry) -> None:
        self.mention(state, entry.action_name, entry.token_id)

    def subprocess(self, state: InstanceState, entry: Entry) -> None:
        """The children take their values now (engine 10.1, 10.2)."""
        self.mention(state, entry.action_name, entry.token_id)
        action, data = self.action(state, entry.action_name), self.data[state.uuid]
        copied, left_out = (listed(action.text(key)) for key in ("paramsToCopy", "withoutParams"))
        base = inherited(data, copied, left_out)
        items = get(data, action.text("collectionKey")) if action.text("collectionKey") else None
        made = [base] if items is None else [{**base, "item": item} for item in items]
        children = [UUID(each) for each in entry.details["children"]]
        assert len(children) == len(made), "not one subprocess an element"
        for index, (child, values) in enumerate(zip(children, made, strict=True)):
            assert child not in self.data, "a subprocess was started twice"
            self.data[child] = values
            if not runs.is_async(action):
                self.awaited[state.uuid, entry.token_id, action.id].append((index, child))
                self.begun.add((state.uuid, entry.token_id, action.id))
        self.traces[state.uuid, action.id] += runs.is_async(action)

    def sent(self, state: InstanceState, entry: Entry) -> None:
        """A record, or a message event: it holds the data of now (engine 6.5, 1.8)."""
        if not entry.action_name:
            node = self.node(state, entry)
            self.thrown[node.message_name].append(runs.message_of(node.data, self.data[state.uuid]))
            return
        self.mention(state, entry.action_name, entry.token_id)
        action = self.action(state, entry.action_name)
        row = self.store.sent[entry.outbox_id]
        upload = self.uploads.get((state.uuid, entry.token_id, action.id), "")
        assert json.loads(row.value) == runs.record_of(action, self.data[state.uuid], upload), "a record of other data"
        self.traces[state.uuid, action.id] += 1

    def frame(self, state: InstanceState, entry: Entry) -> None:
        if entry.frame_type not in ("data", "action"):
            return
        origin = self.store.instances[UUID(entry.details["instance"])]
        body = json.loads(entry.payload or "")[entry.frame_type]
        action = self.action(origin, entry.action_name)
        if origin.root_id != state.root_id:
            assert body in self.told[origin.uuid, action.name], "a frame of other data"
            return
        self.mention(origin, action.name, None)
        expected = runs.message_of(action.text("message"), self.data[origin.uuid])
        assert body == expected, f"a frame of other data: {body}, not {expected}"
        self.traces[origin.uuid, action.id] += 1

    def updated(self, state: InstanceState, entry: Entry) -> None:
        """By an operator, or by a child that appends (engine 13.2, 13.3, 10.3)."""
        command, data = entry.details.get("command"), self.data[state.uuid]
        if command == "edit-variables":
            assert isinstance(self.stimulus, EditVariables)
            for path in self.stimulus.remove:
                data = remove(data, path)
            for path, value in self.stimulus.set.items():
                data = put(data, path, value)
        elif command == "move-token":
            assert isinstance(self.stimulus, MoveToken)
            data = merge(data, dict(self.stimulus.variables))
        elif "destination" in entry.details:
            data = self._appended(state, entry)
        self.data[state.uuid] = data

    def _appended(self, state: InstanceState, entry: Entry) -> Data:
        child = self.store.instances[UUID(entry.details["from"])]
        action = self.action(child, entry.details["action"])
        value = json.loads(entry.payload or "")
        if child.root_id == state.root_id:
            self.mention(child, action.name, None)
            assert value == runs.message_of(action.text("params"), self.data[child.uuid]), "other values appended"
            self.traces[child.uuid, action.id] += 1
        else:
            assert value in self.told[child.uuid, action.name], "values appended that nobody sent"
        return runs.appended(self.data[state.uuid], action.text("destination"), value)

    def received(self, state: InstanceState, entry: Entry) -> None:
        """A record or an event that was taken; late ones, and announcements of what is given by hand, say nothing of data."""
        if entry.payload is None:
            return
        node, value = self.node(state, entry), json.loads(entry.payload)
        if name := entry.details.get("messageName"):
            assert node.message_name == name
            assert value in self.thrown[name] or entry.payload in self.store.outside, "an event that nobody has thrown"
            key = node.receive_data_key
        else:
            assert entry.payload in self.store.outside, "a record that nobody has sent"
            topics = [(stream.topic(self.store.scenarios), stream.key_name) for stream in node.streams]
            key = next(key for topic, key in topics if topic == entry.details["topic"])
            assert key == entry.details["key"], "a record under another key than the node's"
            self._calls_back(state, entry, node)
        if key:
            self.data[state.uuid] = put(self.data[state.uuid], key, value)

    def _calls_back(self, state: InstanceState, entry: Entry, node: Node) -> None:
        """The record at hand names an action whose children are to run (engine 4.6)."""
        message = self.stimulus.message if isinstance(self.stimulus, Deliver) else self.stimulus
        if isinstance(message, MessageReceived) and message.raw.decode() == entry.payload:
            owner = node.action_named(message.headers.get("callbacksForAction", ""))
            if owner is not None:
                self.order.expect((state.uuid, entry.token_id or 0), node, owner, self.completed)

    def executed(self, state: InstanceState, entry: Entry) -> None:
        """A run is over: what it did to data, and the traces it must have left (engine 4.4, 4.5)."""
        if entry.details.get("byHand"):
            return  # announces the run, or the timer
        self.mention(state, entry.action_name, entry.token_id)
        action = self.action(state, entry.action_name)
        traces = self.traces.pop((state.uuid, action.id), 0)
        if entry.status == "failure":
            self._failed(state, entry, action, traces)
            return
        key = (state.uuid, entry.token_id, action.id)
        self.completed[key] += 1
        assert action.repeatable or self.completed[key] == 1, f"'{action.name}' has completed twice in one visit"
        self.ran.add(action.type)
        called = self.called(state, action)
        if called and self.call is not None and self.call.went_back:
            self.order.free.add((state.uuid, entry.token_id or 0))
        self.order.check_run((state.uuid, entry.token_id or 0), self.node(state, entry), action, self.completed, called)
        if entry.event == "Run scheduled action":
            self.order.check_delayed((state.uuid, entry.token_id or 0), self.node(state, entry), action, self.completed)
        elsewhere = runs.elsewhere(self.store, state, action)
        waited = self.awaited.pop(key, [])
        expected = runs.traces(action, elsewhere=elsewhere, data=self.data[state.uuid])
        assert traces == expected, f"'{action.name}' has left {traces} of {expected} traces"
        if elsewhere:
            text = action.text("message") or action.text("params")
            self.told[state.uuid, action.name].append(runs.message_of(text, self.data[state.uuid]))
        self.data[state.uuid] = self._with_results(state, action, waited)

    def _with_results(self, state: InstanceState, action: Action, waited: list[tuple[int, UUID]]) -> Data:
        data = self.data[state.uuid]
        if action.type is ActionType.BUSINESS_RULE:
            return runs.rules(action, data)
        if action.type is not ActionType.START_SUBPROCESS or runs.is_async(action):
            return data
        assert waited or get(data, action.text("collectionKey")) == [], (
            f"'{action.name}' is over, and nothing was started"
        )
        output = runs.output(action, [(index, self.data[child], self.ended[child]) for index, child in waited])
        return data if output is ABSENT or not action.text("outputKey") else put(data, action.text("outputKey"), output)

    def _failed(self, state: InstanceState, entry: Entry, action: Action, traces: int) -> None:
        """A failed run has written nothing, sent nothing, and has a reason (engine 4.4)."""
        key = (state.uuid, entry.token_id, action.id)
        self.order.failed.add((state.uuid, entry.token_id or 0))
        again = self.called(state, action) or getattr(self.stimulus, "instance_uuid", None) == state.uuid
        if again and key not in self.begun:  # another run that did not begin: the one before waits on
            waited: list[tuple[int, UUID]] = []
        else:
            waited = self.awaited.pop(key, [])
        assert traces == 0, f"'{action.name}' has failed and left traces"
        never_ran = bool(action.timer_expression) or (self.call is not None and self.call.too_large)
        if action.type is ActionType.BUSINESS_RULE and not never_ran:
            assert runs.rules_fail(action, self.data[state.uuid]), f"'{action.name}' has failed for no reason"
        if waited and not any(self.ended.get(child) in ("EXPIRED", "TERMINATED") for _, child in waited):
            try:
                made = self._with_results(state, action, waited)
            except NoPlace:
                return
            assert size(made) > LIMIT, f"'{action.name}' has failed for no reason"


TAKES: dict[str, Callable[[Replayer, InstanceState, Entry], None]] = {
    "Start": Replayer.started,
    "Start with inherit": Replayer.started,
    "Advance": Replayer.arrived,
    "Abort": Replayer.over,
    "Finish": Replayer.over,
    "Dismiss": Replayer.over,
    "Expire": Replayer.over,
    "Update state": Replayer.over,
    "Schedule action": Replayer.scheduled,
    "Start subprocess": Replayer.subprocess,
    "Message Send": Replayer.sent,
    "Frame": Replayer.frame,
    "Update": Replayer.updated,
    "Message Receive": Replayer.received,
    "Execute action": Replayer.executed,
    "Run scheduled action": Replayer.executed,
}
