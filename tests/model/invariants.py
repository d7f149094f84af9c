"""What must hold after every stimulus, for every instance. Each check raises AssertionError with words for a reader.

What an open token waits for is a chapter of its own (`tests.model.waits`), and so is the data (`tests.model.replay`).
"""

from __future__ import annotations

from engine.core.graph import Action, Graph
from engine.core.kinds import NodeType
from engine.core.state import (
    OPEN_TOKEN,
    ActionStatus,
    InstanceState,
    InstanceStatus,
    KeptState,
    TimerKind,
    TimerStatus,
    TokenState,
    Visit,
)
from tests.model.store import Store
from tests.model.waits import check_waits

RUNS = (ActionStatus.SCHEDULED, ActionStatus.EXECUTING)
ENDED_WITH = {
    InstanceStatus.DISMISSED: TokenState.DISMISSED,
    InstanceStatus.EXPIRED: TokenState.EXPIRED,
    InstanceStatus.TERMINATED: TokenState.TERMINATED,
    InstanceStatus.ABORTED: TokenState.ABORTED,
}


def check(store: Store, before: dict[int, InstanceState]) -> None:
    """All invariants; `before` are the instances as they were before the stimulus."""
    for state in store.instances.values():
        graph = store.graph(state.snapshot_id)
        check_ends(state)
        check_terminal(before.get(state.id), state)
        check_tokens(state)
        check_counts(state, graph)
        check_actions(store, state, graph)
        check_timers(state, graph)
        check_armed(store, state, graph)
        check_held(state)
        check_numbers(store, state)
        check_children(store, state)
        check_waits(store, state, graph)
    ids = [row.id for _, row in store.outgoing]
    assert len(ids) == len(set(ids)), "a Fx-MessageId twice"
    entries = {entry.outbox_id for rows in store.journal.values() for entry in rows if entry.outbox_id is not None}
    assert entries == set(ids), "records sent and the journal's `Message Send` differ"


def check_ends(state: InstanceState) -> None:
    """An instance without an open token is FINISHED, or was ended by somebody; one that has ended keeps nothing open."""
    states = {token.state for token in state.tokens.values()}
    if not state.ended:
        assert state.open_tokens(), f"{state.state} without an open token"
        assert state.finished_at is None
        return
    if state.state is InstanceStatus.FINISHED:
        assert states <= {TokenState.INACTIVE, TokenState.ABORTED}, f"FINISHED with a token {states}"
        assert TokenState.INACTIVE in states, "FINISHED, and no token has reached an end"
    else:
        own = ENDED_WITH[state.state]
        assert not state.tokens or own in states, f"{state.state}, and no token was open"
        assert states <= {TokenState.INACTIVE, TokenState.ABORTED, own}, f"{state.state} with a token {states}"
    assert not state.timers, f"{state.state} with a timer"
    assert not state.subscriptions, f"{state.state} with a subscription"
    assert all(each.type == "Delivery" for each in state.incidents.values()), f"{state.state} with an incident"
    assert not state.kept, f"{state.state} with a kept record"
    assert state.finished_at is not None


def check_terminal(before: InstanceState | None, state: InstanceState) -> None:
    """Terminal states of instances and tokens never change, nor does the data of an ended instance."""
    if before is None:
        return
    if before.ended:
        was = (before.state, before.params, before.finished_at, before.visit_seq, before.restarts)
        assert (state.state, state.params, state.finished_at, state.visit_seq, state.restarts) == was, (
            "changed after the end"
        )
        assert [token.version for token in state.tokens.values()] == [t.version for t in before.tokens.values()]
    for key, token in before.tokens.items():
        if token.state not in OPEN_TOKEN:
            now = state.tokens[key]
            assert (now.state, now.version) == (token.state, token.version), f"token {token.state} became {now.state}"
    left = {visit.id: visit.left_at for visit in state.visits}
    for old in before.visits:
        assert old.left_at is None or left[old.id] == old.left_at, "a visit was left twice"


def check_tokens(state: InstanceState) -> None:
    """An open token has exactly one open visit, on its node; all others have none."""
    for token in state.tokens.values():
        mine = [visit for visit in state.visits if visit.token_id == token.id and visit.left_at is None]
        if token.state in OPEN_TOKEN:
            assert len(mine) == 1, f"{token.state} token on '{token.node_name}' has {len(mine)} open visits"
            assert mine[0].node_id == token.node_id
        else:
            assert not mine, f"{token.state} token on '{token.node_name}' has an open visit"


def check_counts(state: InstanceState, graph: Graph) -> None:
    """A parent waits for as many branches as its gateway opens, and has counted those that are done (engine 3.5)."""
    replaced = {token.replaces_id for token in state.tokens.values()}
    for parent in state.tokens.values():
        if parent.state not in OPEN_TOKEN:
            continue
        assert parent.visit is not None
        since = parent.visit.number
        branches = [
            token
            for token in state.tokens.values()
            if token.parent_token_id == parent.id
            and token.id not in replaced
            and state.history(token)[-1].number > since
        ]
        still = [token for token in branches if token.state in OPEN_TOKEN]
        if parent.state is TokenState.ACTIVE:
            assert not still, f"'{parent.node_name}': the parent goes on beside its branches"
            assert parent.sync_finished == parent.sync_count, "a parent goes on before its branches are done"
            continue
        visits = [graph.nodes[visit.node_id] for visit in state.history(parent)[-2:]]
        opening = visits[-1] if visits[-1].splits else visits[0]
        assert opening.splits, f"'{parent.node_name}': a parent waits that has opened nothing"
        assert parent.sync_count == len(opening.outgoing), f"{parent.sync_count} counted, {len(opening.outgoing)} ways"
        assert parent.sync_count == len(branches), f"{parent.sync_count} counted, {len(branches)} branches"
        assert parent.sync_finished == len(branches) - len(still), "finished branches are counted wrongly"
        assert still, "all branches are done and the parent still waits"
    for token in state.open_tokens():
        if token.parent_token_id is not None:
            assert state.tokens[token.parent_token_id].state is TokenState.ON_HOLD, "a branch without its parent"


def check_actions(store: Store, state: InstanceState, graph: Graph) -> None:
    """What is not repeatable completes once a visit; what is on its way has something that ends it, in an open visit."""
    for visit in state.visits:
        node = graph.nodes[visit.node_id]
        for action_id, known in visit.actions.items():
            action = node.action(action_id)
            assert action is not None
            assert known.completed <= 1 or action.repeatable, f"'{action.name}' completed {known.completed} times"
            if visit.left_at is not None:
                assert known.state not in RUNS, f"'{action.name}' is {known.state} in a visit that was left"
                assert not known.waits_for, f"'{action.name}' waits in a visit that was left"
                continue
            timed = [
                timer for timer in state.timers.values() if _is_for(timer.visit_id, timer.action_id, visit, action)
            ]
            assert action.repeatable or len(timed) <= 1, f"'{action.name}' has {len(timed)} delays"
            if known.state is ActionStatus.SCHEDULED:
                assert timed, f"'{action.name}' is SCHEDULED, and no timer runs it"
            if known.state is ActionStatus.EXECUTING:
                assert known.waits_for, f"'{action.name}' is EXECUTING between two stimuli"
                ended = all(store.by_id(child).ended for child in known.waits_for)
                assert not ended or state.state is InstanceStatus.ON_HOLD, f"'{action.name}' waits for what has ended"


def _is_for(visit_id: int | None, action_id: int | None, visit: Visit, action: Action) -> bool:
    return (visit_id, action_id) == (visit.id, action.id)


def check_timers(state: InstanceState, graph: Graph) -> None:
    """A pending timer, subscription or incident belongs to an open visit; held ones to an instance on hold."""
    visits = {visit.id: visit for visit in state.visits}
    for timer in state.timers.values():
        assert timer.state is TimerStatus.PENDING or state.state is InstanceStatus.ON_HOLD, "held, but not on hold"
        if timer.kind is TimerKind.EXPIRY:
            assert timer.due_at == state.expires_at
            continue
        visit = visits[timer.visit_id or 0]
        assert visit.left_at is None, f"the timer of '{timer.node_name}' outlived its visit"
        assert visit.token_id == timer.token_id
        assert state.tokens[visit.token_id].state is TokenState.ACTIVE, f"the timer of '{timer.node_name}' has no token"
        if timer.kind is TimerKind.ACTION:
            action = graph.nodes[visit.node_id].action(timer.action_id or 0)
            assert action is not None
            known = visit.actions[action.id].state
            assert known is ActionStatus.SCHEDULED or action.repeatable, f"a timer for '{action.name}', {known}"
    for subscription in state.subscriptions.values():
        assert visits[subscription.visit_id].left_at is None, "a subscription outlived its visit"
        assert subscription.held is None or state.state is InstanceStatus.ON_HOLD, "an event held, but not on hold"
    places = [(each.visit_id, each.node_id) for each in state.subscriptions.values()]
    assert len(places) == len(set(places)), "two subscriptions for one wait"
    for incident in state.incidents.values():
        if incident.visit_id is not None:
            assert visits[incident.visit_id].left_at is None, f"an incident outlived its visit: {incident.message}"


def check_armed(store: Store, state: InstanceState, graph: Graph) -> None:
    """On arrival every event of the host was armed, once; what could not be armed is an incident (engine 3.4, 5.4)."""
    if graph.expiry_time and not state.ended:
        assert any(each.kind == TimerKind.EXPIRY for each in store.timers_of(state)), "the expiry was never armed"
    for token in state.open_tokens():
        visit = token.visit
        assert visit is not None
        for event in graph.boundaries(graph.nodes[token.node_id]):
            if any((each.visit_id, each.node_id) == (visit.id, event.id) for each in state.incidents.values()):
                continue
            if event.type is NodeType.TIMER_BOUNDARY:
                made = [
                    each for each in store.timers_of(state) if (each.visit_id, each.node_id) == (visit.id, event.id)
                ]
                assert len(made) == 1, f"'{event.name}' was armed {len(made)} times"
            else:
                there = [each for each in state.subscriptions.values() if each.visit_id == visit.id]
                assert event.id in {each.node_id for each in there}, f"'{event.name}' does not listen"


def check_held(state: InstanceState) -> None:
    """Records are held only while the instance is."""
    for kept in state.kept:
        if kept.state is KeptState.HELD:
            assert state.state in (InstanceStatus.ON_HOLD, InstanceStatus.CREATED), f"held while {state.state}"


def check_numbers(store: Store, state: InstanceState) -> None:
    """Journal, frames and visits are numbered 1, 2, 3 ... without a gap, and no entry is older than the one before."""
    entries = store.journal.get(state.id, [])
    assert [entry.number for entry in entries] == list(range(1, state.journal_seq + 1)), "a gap in the journal"
    frames = [entry.frame_seq for entry in entries if entry.frame_seq is not None]
    assert frames == list(range(1, state.frame_seq + 1)), "a gap in the frames"
    assert [visit.number for visit in state.visits] == list(range(1, state.visit_seq + 1)), "a gap in the visits"
    moments = [entry.at for entry in entries]
    assert moments == sorted(moments), "an entry is older than the one before"


def check_children(store: Store, state: InstanceState) -> None:
    """A subprocess that is waited for runs only as long as somebody waits for it."""
    if state.relation != "SUBPROCESS" or state.ended:
        return
    parent = store.by_id(state.parent_id or 0)
    nodes = store.graph(parent.snapshot_id).nodes
    actions = [action for node in nodes.values() for action in node.actions]
    starter = next((action for action in actions if action.id == state.started_by_action_id), None)
    if starter is None or starter.text("startedAsync", "true") == "true":
        return  # of another instance than its starter's, or on its own
    started_in = [
        visit
        for visit in parent.visits
        if visit.left_at is None
        and visit.token_id == state.started_by_token_id
        and visit.arrived_at <= state.started_at
        and starter in nodes[visit.node_id].actions
    ]
    for visit in started_in:
        awaited = {child for known in visit.actions.values() for child in known.waits_for}
        assert state.id in awaited, f"nobody waits for the subprocess of '{starter.name}', which runs on"
