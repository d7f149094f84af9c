"""Random stimuli for whatever is there: fitting ones, late ones, doubled ones, and such for tokens and timers long gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from engine.core.kinds import ActionType
from engine.core.state import InstanceState, Token
from engine.core.stimuli import (
    Assign,
    ChangeTimer,
    Deliver,
    Dismiss,
    EditVariables,
    Execute,
    ExecuteByOperator,
    Hold,
    MoveToken,
    Retry,
    RunTimer,
    SkipAction,
    Stimulus,
    Terminate,
    TimerDue,
    Unhold,
)
from tests.builders import USER
from tests.model.choices import Choices
from tests.model.outside import MAX_INSTANCES, REMOVED, SETS, VALUES, Outside
from tests.model.store import Store, start


class Stimuli(Outside):
    """Makes the next stimulus of an example; remembers the last ones to give them again."""

    def __init__(self, store: Store, choices: Choices) -> None:
        super().__init__(store, choices)
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
            self.back,
            self.back,
            self.child,
            self.child,
        ]
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

    def back(self) -> Stimulus | None:
        """A call of an earlier node's action, best of one that restores data."""
        found = [
            (action.restart_from_snapshot, state, token, action.name)
            for state in self.store.instances.values()
            if state.state == "STARTED"
            for token in state.open_tokens()
            for visit in state.history(token)
            if visit.node_id != token.node_id
            for action in self.store.graph(state.snapshot_id).nodes[visit.node_id].actions
            if action.allow_token_reset
        ]
        if not found:
            return None
        best = [each for each in found if each[0]]
        _, state, token, name = self.choices.one(best if best and not self.choices.chance(20) else found)
        return self._call(state, token, name)

    def child(self) -> Stimulus | None:
        """Something for a subprocess that is waited for, or a hold of the one that waits."""
        parents = {
            child: state
            for state in self.store.instances.values()
            for token in state.open_tokens()
            for known in (token.visit.actions.values() if token.visit is not None else ())
            for child in known.waits_for
        }
        running = [each for each in self.store.instances.values() if each.id in parents and not each.ended]
        if not running:
            return None
        state = self.choices.one(running)
        if self.choices.chance(15):
            return Hold(parents[state.id].uuid, USER, "wait")
        tokens = state.open_tokens()
        if not tokens or self.choices.chance(30):
            return self.choices.one((Dismiss, Terminate))(state.uuid, USER, "over")
        token = self.choices.one(tokens)
        return self._call(state, token, self._action(state, token))

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
