"""The way of a token: arriving, running its node, waiting, leaving, ending (engine 3.4 to 3.7).

`advance` is the one loop that moves a token; whatever lets a token go on calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.core import events, parallel, records, sequence
from engine.core.actions import ActionFailed
from engine.core.graph import Node, NodeType
from engine.core.kinds import RUNS_ACTIONS
from engine.core.routing import next_node, skip, too_many_steps
from engine.core.state import (
    ActionStatus,
    InstanceStatus,
    KeptState,
    NodeStatus,
    Token,
    TokenState,
    Visit,
)
from engine.core.turn import Turn


def enter(turn: Turn, token: Token, node: Node) -> None:
    """A visit begins: the token has arrived (engine 3.4, step 1)."""
    turn.count_step()
    turn.state.visit_seq += 1
    visit = Visit(
        id=next(turn.world.ids),
        token_id=token.id,
        number=turn.state.visit_seq,
        node_id=node.id,
        node_name=node.name,
        arrived_at=turn.now,
    )
    turn.state.visits.append(visit)
    came_from, token.node_name = token.node_name, node.name
    was_in = token.swimlane, token.stage
    token.stage = node.stage or token.stage
    token.node_id, token.swimlane, token.visit, token.status = node.id, node.swimlane, visit, NodeStatus.ARRIVED
    token.sync_count = token.sync_finished = 0
    turn.changed_visit(visit)
    turn.changed_token(token)
    turn.moved[token.id] = token
    if came_from != node.name:
        turn.entry("Advance", token=token, node=node, user="", details={"from": came_from})
    if token.swimlane != was_in[0]:
        token.assignee = ""  # it was for the tasks of that swimlane
    _crossed(turn, token, node, "Swimlane", was_in[0], token.swimlane)
    _crossed(turn, token, node, "Stage", was_in[1], token.stage)
    events.arm_boundaries(turn, token, node)


def _crossed(turn: Turn, token: Token, node: Node, what: str, before: str, after: str) -> None:
    """Another swimlane or stage: its exit and enter go to the journal (engine 3.4, step 1, and 12)."""
    if before == after:
        return
    if before:
        turn.entry(f"{what} exit", token=token, node=node, subject=what, user="", details={"name": before})
    turn.entry(f"{what} enter", token=token, node=node, subject=what, user="", details={"name": after})


def advance(turn: Turn, token: Token) -> None:
    """Run the token's node and the nodes behind it until it waits, is stuck, or has ended; then the tokens it set free."""
    ready = [token]
    while ready:
        _move(turn, ready.pop(0))
        ready.extend(turn.take_ready())


def _move(turn: Turn, token: Token) -> None:
    while token.state is TokenState.ACTIVE:
        node = turn.graph.nodes[token.node_id]
        turn.changed_token(token)
        if not RUNNERS[node.type](turn, token, node):
            return
        target = next_node(turn, token, node)
        if target is None:
            return
        if not turn.may_go_on:
            too_many_steps(turn, token, node)
            return
        leave(turn, token)
        enter(turn, token, target)


def leave(turn: Turn, token: Token) -> None:
    """Close the visit: what is still pending in it is cancelled, its incidents are closed (engine 3.4, step 5)."""
    visit = sequence.visit_of(token)
    visit.left_at = turn.now
    turn.changed_visit(visit)
    cancel_timers_of(turn, visit)
    drop_running(visit)
    turn.unsubscribe(visit.id)
    for incident in turn.open_incidents(visit):
        turn.close_incident(incident, "left")


def cancel_timers_of(turn: Turn, visit: Visit) -> None:
    """Cancel what the visit still waits for; a delayed action becomes CANCELLED (engine 5.4)."""
    for timer in turn.pending_timers(visit):
        turn.cancel_timer(timer)
        state = visit.actions.get(timer.action_id or 0)
        if state is not None and state.state is ActionStatus.SCHEDULED:
            state.state = ActionStatus.CANCELLED
            turn.changed_visit(visit)


def drop_running(visit: Visit) -> None:
    """What is on its way ends with the visit: a run that waited for subprocesses is CANCELLED (engine 3.8)."""
    for state in visit.actions.values():
        state.waits_for = state.rest = ()
        if state.state is ActionStatus.EXECUTING:
            state.state = ActionStatus.CANCELLED


# -- what each node type does; true when the token may leave -----------------------------------------------------------


def pass_through(turn: Turn, token: Token, node: Node) -> bool:
    """Nodes that only lead on: START, gateways, milestones."""
    token.status = NodeStatus.EXECUTED_COMPLETE
    return True


def run_end(turn: Turn, token: Token, node: Node) -> bool:
    """The token ends here, and with the last one the instance (engine 3.7)."""
    token.state, token.status = TokenState.INACTIVE, NodeStatus.EXECUTED_COMPLETE
    leave(turn, token)
    parallel.branch_ended(turn, token)
    if not turn.state.open_tokens():
        end_instance(turn, InstanceStatus.FINISHED)
        turn.entry("Finish", subject="Process Instance", user="")
    return False


def run_parallel(turn: Turn, token: Token, node: Node) -> bool:
    """Split into branches, join them, or pass (engine 3.5)."""
    if node.splits:
        children = parallel.split(turn, token, node)
        if turn.graph.sections.closing[node.id] is not None:
            leave(turn, token)
            enter(turn, token, turn.graph.nodes[turn.graph.sections.closing[node.id] or 0])
        parallel.wait_for_children(turn, token, len(children))
        for child in children:
            first = turn.graph.nodes[child.node_id]
            enter(turn, child, skip(turn, child, first) or first)
            turn.set_ready(child)
        return False
    if node.joins and not parallel.all_done(token):
        if not parallel.join(turn, token, node):
            return False
        leave(turn, token)
        parallel.branch_ended(turn, token)
        return False
    return pass_through(turn, token, node)


def run_activity(turn: Turn, token: Token, node: Node) -> bool:
    """Run the actions; a task with stream topics then waits for a record (engine 3.4, steps 2 to 4)."""
    if node.waits_for_message:
        if token.status is NodeStatus.WAITING_MESSAGE:
            return False
        if token.status is NodeStatus.MESSAGE_RESPONSE_TIMED_OUT:
            return True
    received = token.status is NodeStatus.MESSAGE_RECEIVED
    arrived = token.status is NodeStatus.ARRIVED
    if not received:
        token.status = NodeStatus.EXECUTING
    if not sequence.arrival_pass(turn, token, node) or not actions_complete(token, node):
        if not received:
            token.status = NodeStatus.EXECUTED_PARTIAL
        complete = False
    else:
        token.status = NodeStatus.EXECUTED_COMPLETE
        complete = True
    if node.type is NodeType.USER_TASK and arrived:
        if not complete:
            records.apply_kept(turn, token, node)
        return actions_complete(token, node) and complete
    if complete and node.waits_for_message and not received:
        return wait_for_message(turn, token, node)
    return complete


def actions_complete(token: Token, node: Node) -> bool:
    """No mandatory top-level action is missing and no automatic or child action has failed (engine 3.4, step 3)."""
    states = sequence.visit_of(token).actions
    for action in node.actions:
        state = states.get(action.id)
        top_level = action.parent_name is None
        if top_level and not action.optional and (state is None or not state.done):
            return False
        if state is not None and state.state is ActionStatus.FAILED and (not action.manual or not top_level):
            return False
    return True


def run_receive(turn: Turn, token: Token, node: Node) -> bool:
    if token.status is NodeStatus.WAITING_MESSAGE:
        return False
    if token.status is NodeStatus.MESSAGE_RESPONSE_TIMED_OUT:
        return True
    if token.status is NodeStatus.MESSAGE_RECEIVED:
        return actions_complete(token, node)
    return wait_for_message(turn, token, node)


def run_timer(turn: Turn, token: Token, node: Node) -> bool:
    """Wait until the timer is due (engine 5.4, Intermediate timer)."""
    if token.status is NodeStatus.WAITING_TIMER_EVENT:
        return not any(timer.node_id == node.id for timer in turn.pending_timers(token.visit))
    try:
        if not sequence.arm_node_timer(turn, token, node):
            token.status = NodeStatus.EXECUTED_COMPLETE
            return True
    except ActionFailed as failure:
        turn.open_incident("Engine", "Node", failure.message, token=token, node=node, cause=failure.cause)
        return False
    token.status = NodeStatus.WAITING_TIMER_EVENT
    return False


def run_catch(turn: Turn, token: Token, node: Node) -> bool:
    """Wait for the message event; the one who catches it lets the token go (engine 1.8)."""
    if token.status is NodeStatus.ARRIVED and events.listen(turn, token, node):
        token.status = NodeStatus.WAITING_MESSAGE_EVENT
    return token.status is NodeStatus.MESSAGE_RECEIVED


def wait_for_message(turn: Turn, token: Token, node: Node) -> bool:
    """Begin to wait; true at once when an early record was kept for this node (engine 6.6, 6.7)."""
    visit = sequence.visit_of(token)
    if node.response_timeout:
        try:
            sequence.arm_response_timer(turn, token, node)
        except ActionFailed as failure:
            turn.open_incident("Engine", "Node", failure.message, token=token, node=node, cause=failure.cause)
            return False
    token.status = NodeStatus.WAITING_MESSAGE
    visit.waiting_since = turn.now
    turn.changed_visit(visit)
    return records.apply_kept(turn, token, node)


RUNNERS: Mapping[NodeType, Callable[[Turn, Token, Node], bool]] = {
    NodeType.START: pass_through,
    NodeType.END: run_end,
    NodeType.EXCLUSIVE_GATEWAY: pass_through,
    NodeType.PARALLEL_GATEWAY: run_parallel,
    NodeType.MILESTONE_START: pass_through,
    NodeType.MILESTONE_END: pass_through,
    NodeType.MESSAGE_EVENT_RECEIVE: run_receive,
    NodeType.TIMER_INTERMEDIATE: run_timer,
    NodeType.TIMER_BOUNDARY: pass_through,
    NodeType.TIMER_START: pass_through,
    NodeType.MESSAGE_THROW: events.throw,
    NodeType.MESSAGE_CATCH_INTERMEDIATE: run_catch,
    NodeType.MESSAGE_CATCH_BOUNDARY: pass_through,
    NodeType.MESSAGE_CATCH_START: pass_through,
    **dict.fromkeys(RUNS_ACTIONS, run_activity),
}


# -- the end -----------------------------------------------------------------------------------------------------------

TOKEN_ENDS = {
    InstanceStatus.TERMINATED: TokenState.TERMINATED,
    InstanceStatus.DISMISSED: TokenState.DISMISSED,
    InstanceStatus.EXPIRED: TokenState.EXPIRED,
    InstanceStatus.ABORTED: TokenState.ABORTED,
}


def end_instance(turn: Turn, status: InstanceStatus) -> None:
    """End the instance in any way: open tokens end with it, timers are cancelled, kept records are late (engine 2.7, 3.7)."""
    state = turn.state
    for token in state.open_tokens():
        token.state = TOKEN_ENDS[status]
        turn.changed_token(token)
        if token.visit is not None:
            leave(turn, token)
    for timer in turn.pending_timers():
        turn.cancel_timer(timer)
    for incident in state.incidents.values():
        if incident.closed_at is None and incident.type != "Delivery":
            turn.close_incident(incident, "left")
    for kept in state.kept:
        if kept.state in (KeptState.EARLY, KeptState.HELD):
            kept.state = KeptState.LATE
            turn.changed_kept(kept)
    state.state, state.finished_at = status, turn.now
    if state.relation == "SUBPROCESS":
        turn.world.ended.append(state)
