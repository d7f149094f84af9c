"""What must hold after every stimulus, for every instance. Each check raises AssertionError with words for a reader."""

from __future__ import annotations

from engine.core.graph import Action, Graph, Node
from engine.core.kinds import RUNS_ACTIONS, NodeType
from engine.core.state import (
    OPEN_TOKEN,
    ActionState,
    ActionStatus,
    InstanceState,
    InstanceStatus,
    KeptState,
    NodeStatus,
    TimerKind,
    TimerStatus,
    Token,
    TokenState,
    Visit,
)
from tests.model.store import Store

RUNS = (ActionStatus.SCHEDULED, ActionStatus.EXECUTING)


def check(store: Store, before: dict[int, InstanceState]) -> None:
    """All invariants; `before` are the instances as they were before the stimulus."""
    for state in store.instances.values():
        graph = store.graph(state.snapshot_id)
        check_ends(state)
        check_terminal(before.get(state.id), state)
        check_tokens(state)
        check_counts(state, graph)
        check_actions(state, graph)
        check_timers(state, graph)
        check_waits(state)
        check_numbers(store, state)
        check_children(store, state)
        if not state.ended:
            for token in state.open_tokens():
                if token.state is TokenState.ACTIVE:
                    assert waits(store, state, graph, token), f"token on '{token.node_name}' ({token.status}) is stuck"
    ids = [row.id for _, row in store.outgoing]
    assert len(ids) == len(set(ids)), "a Fx-MessageId twice"


def check_ends(state: InstanceState) -> None:
    """Without an open token an instance has ended; one that has ended keeps nothing open."""
    if not state.ended:
        assert state.open_tokens(), f"{state.state} without an open token"
        return
    assert not state.open_tokens(), f"{state.state} with an open token"
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
        assert (state.state, state.params) == (before.state, before.params), f"{before.state} changed"
        assert [token.version for token in state.tokens.values()] == [t.version for t in before.tokens.values()]
    for key, token in before.tokens.items():
        if token.state not in OPEN_TOKEN:
            assert state.tokens[key].state is token.state, f"token {token.state} became {state.tokens[key].state}"
    for old in before.visits:
        new = next(visit for visit in state.visits if visit.id == old.id)
        assert old.left_at is None or new.left_at == old.left_at, "a visit was left twice"


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
    """A parent waits for as many branches as it opened, and has counted those that are done (engine 3.5)."""
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
            continue
        assert parent.sync_count == len(branches), f"{parent.sync_count} counted, {len(branches)} branches"
        assert parent.sync_finished == len(branches) - len(still), "finished branches are counted wrongly"
        assert still, "all branches are done and the parent still waits"
    for token in state.open_tokens():
        if token.parent_token_id is not None:
            assert state.tokens[token.parent_token_id].state is TokenState.ON_HOLD, "a branch without its parent"


def check_actions(state: InstanceState, graph: Graph) -> None:
    """What is not repeatable completes once a visit; nothing is on its way in a visit that was left."""
    for visit in state.visits:
        node = graph.nodes[visit.node_id]
        for action_id, known in visit.actions.items():
            action = node.action(action_id)
            assert action is not None
            assert known.completed <= 1 or action.repeatable, f"'{action.name}' completed {known.completed} times"
            if visit.left_at is not None:
                assert known.state not in RUNS, f"'{action.name}' is {known.state} in a visit that was left"
                assert not known.waits_for, f"'{action.name}' waits in a visit that was left"


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
        if timer.kind is TimerKind.ACTION:
            action = graph.nodes[visit.node_id].action(timer.action_id or 0)
            assert action is not None
            known = visit.actions[action.id].state
            assert known is ActionStatus.SCHEDULED or action.repeatable, f"a timer for '{action.name}', {known}"
    for subscription in state.subscriptions.values():
        assert visits[subscription.visit_id].left_at is None, "a subscription outlived its visit"
        assert subscription.held is None or state.state is InstanceStatus.ON_HOLD, "an event held, but not on hold"
    for incident in state.incidents.values():
        if incident.visit_id is not None:
            assert visits[incident.visit_id].left_at is None, f"an incident outlived its visit: {incident.message}"


def check_waits(state: InstanceState) -> None:
    """Records are held only while the instance is."""
    for kept in state.kept:
        if kept.state is KeptState.HELD:
            assert state.state in (InstanceStatus.ON_HOLD, InstanceStatus.CREATED), f"held while {state.state}"


def check_numbers(store: Store, state: InstanceState) -> None:
    """Journal, frames and visits are numbered 1, 2, 3 ... without a gap."""
    entries = store.journal.get(state.id, [])
    assert [entry.number for entry in entries] == list(range(1, state.journal_seq + 1)), "a gap in the journal"
    frames = [entry.frame_seq for entry in entries if entry.frame_seq is not None]
    assert frames == list(range(1, state.frame_seq + 1)), "a gap in the frames"
    assert [visit.number for visit in state.visits] == list(range(1, state.visit_seq + 1)), "a gap in the visits"


def check_children(store: Store, state: InstanceState) -> None:
    """A subprocess that is waited for runs only as long as somebody waits for it."""
    if state.relation != "SUBPROCESS":
        return
    parent = next(each for each in store.instances.values() if each.id == state.parent_id)
    starter = next(
        action
        for node in store.graph(parent.snapshot_id).nodes.values()
        for action in node.actions
        if action.id == state.started_by_action_id
    )
    if starter.text("startedAsync", "true") == "true" or state.ended:
        return
    started_in = [
        visit
        for visit in parent.visits
        if visit.left_at is None
        and visit.token_id == state.started_by_token_id
        and visit.arrived_at <= state.started_at
        and starter in store.graph(parent.snapshot_id).nodes[visit.node_id].actions
    ]
    for visit in started_in:
        awaited = {child for known in visit.actions.values() for child in known.waits_for}
        assert state.id in awaited, f"nobody waits for the subprocess of '{starter.name}', which runs on"


# -- a token that waits for nothing is stuck -----------------------------------------------------------------------------


def waits(store: Store, state: InstanceState, graph: Graph, token: Token) -> bool:
    """Whether something can still happen to an ACTIVE token: an incident to retry, a timer, a record, a person."""
    visit, node = token.visit, graph.nodes[token.node_id]
    assert visit is not None
    if any(incident.visit_id == visit.id for incident in state.incidents.values()):
        return True
    if state.state is InstanceStatus.ON_HOLD:
        return True  # what came due meanwhile waits with it: checked again after the hold
    timers = [timer for timer in state.timers.values() if timer.visit_id == visit.id]
    if node.type is NodeType.TIMER_INTERMEDIATE:
        return any(timer.node_id == node.id for timer in timers)
    if node.type is NodeType.MESSAGE_CATCH_INTERMEDIATE:
        return any(each.visit_id == visit.id and each.node_id == node.id for each in state.subscriptions.values())
    if token.status is NodeStatus.WAITING_MESSAGE:
        return node.waits_for_message
    if node.type not in RUNS_ACTIONS:
        return False
    return any(_holds(store, state, node, visit, action) for action in node.actions)


def _holds(store: Store, state: InstanceState, node: Node, visit: Visit, action: Action) -> bool:
    """Whether the token waits on this action, and something will end that wait."""
    known = visit.actions.get(action.id)
    top = action.parent_name is None
    if known is None:
        return top and action.manual and not action.optional
    if known.state is ActionStatus.SCHEDULED:
        return any(timer.visit_id == visit.id and timer.action_id == action.id for timer in state.timers.values())
    if known.state is ActionStatus.EXECUTING:
        return _some_child_runs(store, known)
    if top and action.manual and not action.optional:
        return not known.done and known.state in (ActionStatus.FAILED, ActionStatus.CANCELLED)
    return False


def _some_child_runs(store: Store, known: ActionState) -> bool:
    children = [each for each in store.instances.values() if each.id in known.waits_for]
    return any(not child.ended for child in children)
