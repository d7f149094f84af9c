"""An instance that waits for nothing is not open: each open token says what it waits for, and that it can still come."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.graph import Action, Graph, Node
from engine.core.kinds import RUNS_ACTIONS, NodeType
from engine.core.state import (
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


def check_waits(store: Store, state: InstanceState, graph: Graph) -> None:
    """Every open token waits for something with a name; an instance on hold also for its hold, if anything is due."""
    if state.ended:
        return
    if state.state is InstanceStatus.CREATED:
        [token] = state.open_tokens()
        assert token.node_id == token.start_node_id, "CREATED, and the token has left its start"
        assert incident_in(state, token.visit), "CREATED without an incident"
    for token in state.open_tokens():
        reasons = list(waits_for(store, state, graph, token))
        assert reasons, f"{state.state}: the token on '{token.node_name}' ({token.status}) waits for nothing"


def waits_for(store: Store, state: InstanceState, graph: Graph, token: Token) -> Iterator[str]:
    """The names of what can still happen to an open token."""
    visit, node = token.visit, graph.nodes[token.node_id]
    assert visit is not None
    if token.state is TokenState.ON_HOLD:
        if any(each.parent_token_id == token.id for each in state.open_tokens()):
            yield "the branches of a join"
        return
    if incident_in(state, visit):
        yield "the retry of an incident"
    if state.state is InstanceStatus.ON_HOLD:
        yield from _due_after_hold(store, state, node, visit)
    if node.type is NodeType.TIMER_INTERMEDIATE:
        if any((timer.visit_id, timer.node_id) == (visit.id, node.id) for timer in state.timers.values()):
            yield "a timer"
    elif node.type is NodeType.MESSAGE_CATCH_INTERMEDIATE:
        if any((each.visit_id, each.node_id) == (visit.id, node.id) for each in state.subscriptions.values()):
            yield "a message event"
    elif token.status is NodeStatus.WAITING_MESSAGE:
        if node.waits_for_message and _still_listens(store, node, visit, state):
            yield "a record"
    elif node.type in RUNS_ACTIONS:
        for action in node.actions:
            yield from _action(store, state, visit, action)


def incident_in(state: InstanceState, visit: Visit | None) -> bool:
    return visit is not None and any(incident.visit_id == visit.id for incident in state.incidents.values())


def _still_listens(store: Store, node: Node, visit: Visit, state: InstanceState) -> bool:
    """A wait with a limit has had its timer: it is pending, or an operator has cancelled it (engine 6.7, 13.6)."""
    if not node.response_timeout:
        return True
    made = [each for each in store.timers_of(state) if each.visit_id == visit.id and each.kind == TimerKind.RESPONSE]
    return any(each.state in (TimerStatus.PENDING, TimerStatus.HELD, TimerStatus.CANCELLED) for each in made)


def _due_after_hold(store: Store, state: InstanceState, node: Node, visit: Visit) -> Iterator[str]:
    """What came while the instance was on hold, and takes effect when the hold ends (engine 2.7)."""
    if any(timer.state is TimerStatus.HELD and timer.visit_id == visit.id for timer in state.timers.values()):
        yield "a timer that came due on hold"
    if any(kept.state is KeptState.HELD and node.stream(kept.message.topic, store.scenarios) for kept in state.kept):
        yield "a record that came on hold"
    if any(each.held is not None and each.visit_id == visit.id for each in state.subscriptions.values()):
        yield "an event that came on hold"
    for known in visit.actions.values():
        if known.state is ActionStatus.CANCELLED and known.rest:
            yield "the actions behind a delay that was cancelled on hold"
        if known.waits_for and all(store.by_id(child).ended for child in known.waits_for):
            yield "the end of a subprocess that came on hold"


def _action(store: Store, state: InstanceState, visit: Visit, action: Action) -> Iterator[str]:
    """Whether the token waits on this action, and something will end that wait."""
    known = visit.actions.get(action.id)
    by_hand = action.parent_name is None and action.manual and not action.optional
    if known is None:
        if by_hand:
            yield f"a person to run '{action.name}'"
    elif known.state is ActionStatus.SCHEDULED:
        if any((timer.visit_id, timer.action_id) == (visit.id, action.id) for timer in state.timers.values()):
            yield f"the delay of '{action.name}'"
    elif known.state is ActionStatus.EXECUTING:
        if any(not store.by_id(child).ended for child in known.waits_for):
            yield f"the subprocess of '{action.name}'"
    elif by_hand and not known.done and known.state in (ActionStatus.FAILED, ActionStatus.CANCELLED):
        yield f"a person to run '{action.name}' again"
