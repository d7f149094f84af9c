"""Instances in memory, saved and loaded between every two stimuli by the same mapping as the database (`engine.storage`).

`Store.apply` gives one stimulus to the core: only the process tree that it touches is in the world, as in the runtime. What a
load leaves out (closed incidents, fired timers, visits of ended tokens) is gone from the states here too.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from engine.core import machine, records
from engine.core.graph import Graph
from engine.core.integrations import Scenario
from engine.core.state import (
    OPEN_TOKEN,
    Entry,
    Incident,
    InstanceState,
    Kept,
    KeptState,
    Outgoing,
    Subscription,
    Timer,
    TimerStatus,
    Token,
    Visit,
)
from engine.core.stimuli import Done, EventCaught, FromElsewhere, MessageReceived, Refusal, Start, Stimulus, Throw
from engine.core.turn import Changes, Turn, World
from engine.storage import load, save
from tests.model import data

MORNING = datetime(2026, 3, 28, 8, tzinfo=UTC)


class Store:
    """All instances of one example, with everything that they have made."""

    def __init__(self, graphs: dict[int, Graph]) -> None:
        self.graphs = graphs
        self.published = {graph.name.lower(): number for number, graph in graphs.items()}
        self.now = MORNING
        self.ids: Iterator[int] = count(1)
        self.random = random.Random(7)  # uuids of an example are the same each time
        self.instances: dict[UUID, InstanceState] = {}
        self.journal: dict[int, list[Entry]] = {}
        self.outgoing: list[tuple[InstanceState, Outgoing]] = []
        self.timers: dict[int, UUID] = {}  # every timer that ever was, with its instance
        self.every_timer: dict[UUID, dict[int, Timer]] = {}
        self.pending: list[FromElsewhere | Throw | EventCaught | Start] = []
        self.scenarios: dict[tuple[str, str], Scenario] = {}
        self.outside: set[str] = set()  # records and events that the test has given
        self.fresh: list[tuple[int, Entry]] = []  # what the newest step has added to journals, in order
        self.sent: dict[UUID | None, Outgoing] = {}

    def graph(self, snapshot_id: int) -> Graph:
        return self.graphs[snapshot_id]

    def by_id(self, number: int) -> InstanceState:
        return next(each for each in self.instances.values() if each.id == number)

    def start_params(self, state: InstanceState) -> dict[str, Any]:
        """What the instance has started with."""
        return state.start_params

    def timers_of(self, state: InstanceState) -> list[Timer]:
        """All timers that the instance ever had, with what became of them."""
        return list(self.every_timer.get(state.uuid, {}).values())

    def rename(self, link: tuple[str, str], scenario: Scenario) -> None:
        """A scenario of an integration has other topics from now on."""
        self.scenarios[link] = scenario

    def inherited(self, related: InstanceState, copied: list[str], left_out: list[str]) -> dict[str, Any]:
        """The values that a start with inherit takes over."""
        return data.inherited(related.params, copied, left_out)

    def new_uuid(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def world(self, stimulus: Stimulus) -> World:
        found = self.instances.get(stimulus.instance_uuid)
        return World(
            now=self.now,
            ids=self.ids,
            new_uuid=self.new_uuid,
            graph=self.graph,
            published=self.published,
            scenarios=self.scenarios,
            instances={} if found is None else {each.uuid: _copy(each) for each in self.tree(found)},
        )

    def tree(self, member: InstanceState) -> list[InstanceState]:
        return [each for each in self.instances.values() if each.root_id == member.root_id]

    def apply(self, stimulus: Stimulus) -> Done | Refusal:
        """Apply one stimulus and store what came of it; a refusal must have changed nothing."""
        self.now += timedelta(seconds=1)
        self.fresh = []
        world = self.world(stimulus)
        before = {uuid: _fingerprint(state) for uuid, state in world.instances.items()}
        outcome = _step(world, stimulus)
        if isinstance(outcome, Refusal):
            assert world.changes == Changes(), f"a refusal left changes: {outcome}"
            assert {uuid: _fingerprint(state) for uuid, state in world.instances.items()} == before
            return outcome
        self._store(world)
        return outcome

    def _store(self, world: World) -> None:
        made = world.changes
        for state, entry in made.journal:
            self.journal.setdefault(state.id, []).append(entry)
            self.fresh.append((state.id, entry))
        for state, timer in made.timers.values():
            self.timers[timer.id] = state.uuid
            self.every_timer.setdefault(state.uuid, {})[timer.id] = replace(timer)
        self.outgoing += made.outgoing
        self.sent |= {row.id: row for _, row in made.outgoing}
        self.pending += made.elsewhere
        for state in world.instances.values():
            self.instances[state.uuid] = _saved(self.instances.get(state.uuid), state, world)


def _step(world: World, stimulus: Stimulus) -> Done | Refusal:
    try:
        return machine.step(world, stimulus)
    except Refusal as refusal:
        return refusal
    except records.RecordFailed as failure:
        assert isinstance(stimulus, MessageReceived)
        state = world.instances[stimulus.instance_uuid]
        records.bury(Turn(world, state), stimulus, str(failure))
        return Done(state.uuid, {"record": "dead"})


def _fingerprint(state: InstanceState) -> tuple[Any, ...]:
    return (
        state.state,
        state.params,
        state.journal_seq,
        state.frame_seq,
        state.visit_seq,
        [(token.state, token.status, token.node_id, token.version) for token in state.tokens.values()],
        [save.action_states(visit) for visit in state.visits],
        [(timer.state, timer.due_at) for timer in state.timers.values()],
        [kept.state for kept in state.kept],
        list(state.subscriptions),
    )


def _copy(state: InstanceState) -> InstanceState:
    """What a load gives: objects of their own."""
    return _rebuilt(
        state,
        state.visits,
        state.tokens,
        state.timers,
        state.incidents,
        state.kept,
        state.subscriptions,
        state.restarts,
    )


def _saved(before: InstanceState | None, state: InstanceState, world: World) -> InstanceState:
    """What is stored after this step: of each kind of row, only what was marked as changed is new."""
    made = world.changes
    known = before or replace(
        state, tokens={}, visits=[], timers={}, incidents={}, kept=[], subscriptions={}, restarts={}
    )

    def mine(rows: dict[int, Any]) -> dict[int, Any]:
        return {key: row for key, (owner, row) in rows.items() if owner is state}

    kept = {row.row_id: row for row in known.kept}
    for owner, row in made.kept:
        if owner is state:
            row.row_id = row.row_id or next(world.ids)
            kept[row.row_id] = row
    subscriptions = {**known.subscriptions, **mine(made.subscriptions)}
    return _rebuilt(
        state if before is None or state.id in made.instances else before,
        list(({visit.id: visit for visit in known.visits} | mine(made.visits)).values()),
        {**known.tokens, **mine(made.tokens)},
        {**known.timers, **mine(made.timers)},
        {**known.incidents, **mine(made.incidents)},
        list(kept.values()),
        {key: row for key, row in subscriptions.items() if key not in made.unsubscribed},
        {**known.restarts, **{name: state.restarts[name] for owner, name in made.restarts if owner is state}},
    )


def _rebuilt(
    base: InstanceState,
    visits: list[Visit],
    tokens: dict[int, Token],
    timers: dict[int, Timer],
    incidents: dict[int, Incident],
    kept: list[Kept],
    subscriptions: dict[int, Subscription],
    restarts: dict[str, dict[str, Any]],
) -> InstanceState:
    fresh = [
        replace(visit, actions=load.action_states(save.action_states(visit)))
        for visit in sorted(visits, key=lambda visit: visit.number)
    ]
    open_visits = {visit.token_id: visit for visit in fresh if visit.left_at is None}
    return replace(
        base,
        params=dict(base.params),
        tokens={
            key: replace(token, visit=open_visits.get(key) if token.state in OPEN_TOKEN else None)
            for key, token in sorted(tokens.items())
        },
        visits=fresh,
        timers={
            key: replace(timer)
            for key, timer in sorted(timers.items())
            if timer.state in (TimerStatus.PENDING, TimerStatus.HELD)
        },
        incidents={key: replace(each) for key, each in sorted(incidents.items()) if each.closed_at is None},
        kept=[replace(each) for each in kept if each.state in (KeptState.EARLY, KeptState.HELD)],
        subscriptions={key: replace(each, stored=True) for key, each in sorted(subscriptions.items())},
        restarts=dict(restarts),
    )


def start(store: Store, snapshot_id: int, params: dict[str, Any], **fields: Any) -> Start:
    """The stimulus that starts an instance."""
    from tests.builders import USER

    return Start(store.new_uuid(), snapshot_id, params, USER, **fields)
