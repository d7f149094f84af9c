"""Running the actions of a node: in order, with delays, children and failures (engine 4.4 to 4.6).

Every way of running an action ends here: the arrival pass, a manual execution, a delay that is over, a callback, a retry.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import Enum, auto
from zoneinfo import ZoneInfo

from engine.core import durations, schedules, template
from engine.core.actions import HANDLERS, ActionFailed, ActionRun
from engine.core.actions.start_subprocess import Waits
from engine.core.graph import Action, ActionType, Node, NodeType
from engine.core.lookup import Lookup, lookup_for
from engine.core.state import ActionState, ActionStatus, Timer, TimerKind, Token, Visit
from engine.core.turn import Turn

TIMER_CAUSE = "Timer expression"
"""Cause of an incident raised when a delay could not be armed: a retry arms it again."""


class Ran(Enum):
    """How triggering an action ended."""

    DONE = auto()
    SCHEDULED = auto()
    FAILED = auto()


def arrival_pass(turn: Turn, token: Token, node: Node) -> bool:
    """Run the top-level automatic actions that are not done, by order; false when one waits or has failed (engine 4.4)."""
    visit = visit_of(token)
    for action in node.top_level():
        if action.manual:
            continue
        known = visit.actions.get(action.id)
        if known is not None and known.done:
            continue
        if known is not None:  # scheduled, running, failed, or its timer cancelled by an operator
            return False
        if trigger(turn, token, node, action) is not Ran.DONE:
            return False
    return True


def trigger(
    turn: Turn,
    token: Token,
    node: Node,
    action: Action,
    *,
    siblings: tuple[int, ...] = (),
    outer: tuple[int, ...] = (),
    upload: str = "",
) -> Ran:
    """Run an action now, or schedule it when it has a delay.

    `siblings` are the ids of the actions that wait for it when it is delayed, `outer` those that follow after them, `upload`
    the file of an upload action. An action that is not repeatable and has run is passed over (engine 4.4); one that is about to
    run is waited for by those behind it, as it was when it was scheduled (engine 4.6).
    """
    visit = visit_of(token)
    known = visit.actions.get(action.id)
    if known is not None and not action.repeatable and has_run(known):
        return Ran.SCHEDULED if known.state in (ActionStatus.SCHEDULED, ActionStatus.EXECUTING) else Ran.DONE
    state = visit.actions.setdefault(action.id, ActionState(action.name, ActionStatus.EXECUTING))
    state.runs += 1
    state.rest = ()
    state.upload = upload or state.upload
    turn.changed_visit(visit)
    if action.timer_expression:
        try:
            if schedule(turn, token, node, action, siblings):
                return Ran.SCHEDULED
        except ActionFailed as failure:
            return fail(turn, token, node, action, failure, siblings + outer)
    return execute(turn, token, node, action, run=state.runs, rest=siblings, outer=outer)


def has_run(state: ActionState) -> bool:
    """Whether a run counts against an action that is not repeatable (engine 4.4)."""
    return state.completed > 0 or state.state in (ActionStatus.SCHEDULED, ActionStatus.EXECUTING)


def execute(
    turn: Turn,
    token: Token,
    node: Node,
    action: Action,
    *,
    run: int,
    rest: tuple[int, ...] = (),
    outer: tuple[int, ...] = (),
    event: str = "Execute action",
) -> Ran:
    """Run an action at once, then its children if Autorun is on (engine 4.5, 4.6).

    `rest` are the ids of its later siblings: they follow when a synchronous subprocess has ended, the caller runs them otherwise;
    after a failure they follow together with `outer`.
    """
    visit = visit_of(token)
    state = visit.actions.setdefault(action.id, ActionState(action.name, ActionStatus.EXECUTING))
    state.state = ActionStatus.EXECUTING
    state.last_executed = turn.now
    turn.changed_visit(visit)
    try:
        HANDLERS[action.type](ActionRun(turn, token, visit, node, action, run, lookup_for(turn.world, turn.state)))
    except Waits as waits:
        state.waits_for += waits.children
        state.rest = rest
        return Ran.SCHEDULED
    except ActionFailed as failure:
        return fail(turn, token, node, action, failure, rest + outer, event)
    return complete(turn, token, node, action, rest + outer, event)


def complete(
    turn: Turn, token: Token, node: Node, action: Action, rest: tuple[int, ...] = (), event: str = "Execute action"
) -> Ran:
    """The run is over: the action is COMPLETED, its children run if Autorun is on."""
    visit = visit_of(token)
    state = visit.actions[action.id]
    state.state = ActionStatus.COMPLETED
    state.completed += 1
    state.last_executed = turn.now
    state.waits_for = state.rest = ()
    turn.changed_visit(visit)
    close_incidents_of(turn, visit, action, "succeeded")
    if action.type is ActionType.KAFKA_SEND:
        _restart_response_clock(turn, token, node)
    turn.entry(event, token=token, node=node, action=action, subject="Task", details={"type": str(action.type)})
    if action.auto_run_children:
        return run_children(turn, token, node, action, rest)
    return Ran.DONE


def _restart_response_clock(turn: Turn, token: Token, node: Node) -> None:
    """On a user task the response timeout counts from the latest send (engine 6.7)."""
    if node.type is not NodeType.USER_TASK or not node.response_timeout:
        return
    try:
        arm_response_timer(turn, token, node)
    except ActionFailed as failure:
        turn.open_incident("Engine", "Node", failure.message, token=token, node=node, cause=failure.cause)


def run_children(turn: Turn, token: Token, node: Node, parent: Action, outer: tuple[int, ...] = ()) -> Ran:
    """Run the mandatory automatic children of an action, by order (engine 4.6)."""
    return run_queue(turn, token, node, [child for child in node.children(parent) if child.runs_by_parent], outer)


def run_queue(turn: Turn, token: Token, node: Node, actions: Iterable[Action], outer: tuple[int, ...] = ()) -> Ran:
    """Run sibling actions one after the other: a delayed one keeps its later siblings waiting, a failed one stops all."""
    waiting = list(actions)
    while waiting:
        action = waiting.pop(0)
        ran = trigger(turn, token, node, action, siblings=tuple(later.id for later in waiting), outer=outer)
        if ran is Ran.FAILED:
            return Ran.FAILED
        if ran is Ran.SCHEDULED:
            break
    return Ran.DONE


def actions_of(node: Node, ids: Iterable[int]) -> list[Action]:
    """The actions with these ids that the node still has."""
    return [action for action in (node.action(action_id) for action_id in ids) if action is not None]


def schedule(turn: Turn, token: Token, node: Node, action: Action, rest: tuple[int, ...]) -> bool:
    """Arm the delay; false when it is zero, so that the action runs at once. The moment counts from now (engine 5.4)."""
    lookup = lookup_for(turn.world, turn.state)
    delay = resolve_duration(action.timer_expression, lookup, f"'{action.name}'")
    visit = visit_of(token)
    due_at = due(delay, turn, turn.world.zone)
    if due_at <= turn.now:
        return False
    state = visit.actions[action.id]
    state.state = ActionStatus.SCHEDULED
    close_incidents_of(turn, visit, action, "retried")
    timer = Timer(
        id=next(turn.world.ids),
        kind=TimerKind.ACTION,
        due_at=due_at,
        created_at=turn.now,
        expression=action.timer_expression,
        token_id=token.id,
        visit_id=visit.id,
        node_name=node.name,
        action_id=action.id,
        action_name=action.name,
        run=state.runs,
        rest=rest,
    )
    turn.state.timers[timer.id] = timer
    turn.changed_timer(timer)
    return True


def arm_response_timer(turn: Turn, token: Token, node: Node) -> None:
    """The response timeout begins now; on a user task each send begins it anew (engine 6.7)."""
    visit = visit_of(token)
    delay = resolve_duration(
        node.response_timeout, lookup_for(turn.world, turn.state), f"the response timeout of '{node.name}'"
    )
    due_at = due(delay, turn, turn.world.zone)
    for timer in turn.pending_timers(visit):
        if timer.kind is TimerKind.RESPONSE:
            turn.cancel_timer(timer)
    timer = Timer(
        id=next(turn.world.ids),
        kind=TimerKind.RESPONSE,
        due_at=due_at,
        created_at=turn.now,
        expression=node.response_timeout,
        token_id=token.id,
        visit_id=visit.id,
        node_name=node.name,
    )
    turn.state.timers[timer.id] = timer
    turn.changed_timer(timer)


def arm_node_timer(turn: Turn, token: Token, node: Node, *, even_if_due: bool = False) -> bool:
    """Arm a timer node's timer in the token's visit; false when it is due already. Raises `ActionFailed` (engine 5.3).

    `even_if_due` leaves a boundary timer that is due already to the next sweep: the host's arrival is not cut short.
    """
    lookup = lookup_for(turn.world, turn.state)
    try:
        text = template.compile_plain(node.timer_expression).render(lookup)
        due_at = schedules.due_of(text, turn.now, turn.world.zone)
    except (template.TemplateError, template.RenderError, durations.TimerError) as error:
        raise ActionFailed(
            f"Timer expression is not valid: '{node.name}' has '{node.timer_expression}', which gives no duration or date. "
            "Correct the value or the expression, then retry.",
            cause=TIMER_CAUSE,
        ) from error
    if due_at <= turn.now and not even_if_due:
        return False
    timer = Timer(
        id=next(turn.world.ids),
        kind=TimerKind.NODE,
        due_at=due_at,
        created_at=turn.now,
        expression=node.timer_expression,
        token_id=token.id,
        visit_id=visit_of(token).id,
        node_id=node.id,
        node_name=node.name,
    )
    turn.state.timers[timer.id] = timer
    turn.changed_timer(timer)
    return True


def resolve_duration(expression: str, lookup: Lookup, what: str) -> durations.Duration:
    """The duration a timer expression gives now. Raises `ActionFailed` when it gives none (engine 5.3)."""
    try:
        text = template.compile_plain(expression).render(lookup)
        return durations.parse_duration(text)
    except (template.TemplateError, template.RenderError, durations.TimerError) as error:
        raise ActionFailed(
            f"Timer expression is not valid: {what} has '{expression}', which gives no ISO 8601 duration such as PT30S. "
            "Correct the value or the expression, then retry.",
            cause=TIMER_CAUSE,
        ) from error


def due(delay: durations.Duration, turn: Turn, zone: ZoneInfo) -> datetime:
    """The moment a delay from now is over. Raises `ActionFailed` for one beyond the calendar."""
    try:
        return delay.after(turn.now, zone)
    except (OverflowError, ValueError) as error:
        raise ActionFailed(f"Timer expression is not valid: {error}", cause=TIMER_CAUSE) from error


def visit_of(token: Token) -> Visit:
    """The open visit of an open token."""
    if token.visit is None:
        raise AssertionError(f"token {token.id} is open without a visit")
    return token.visit


def fail(
    turn: Turn,
    token: Token,
    node: Node,
    action: Action,
    failure: ActionFailed,
    rest: tuple[int, ...] = (),
    event: str = "Execute action",
) -> Ran:
    """Mark the action FAILED and open its incident; the token stays (engine 4.4)."""
    visit = visit_of(token)
    state = visit.actions[action.id]
    state.state = ActionStatus.FAILED
    state.last_executed = turn.now
    close_incidents_of(turn, visit, action, "retried")
    turn.changed_visit(visit)
    turn.entry(event, token=token, node=node, action=action, subject="Task", status="failure")
    turn.open_incident(
        failure.kind,
        "Action",
        failure.message,
        token=token,
        node=node,
        action=action,
        cause=failure.cause or type(failure).__name__,
        rest=rest,
    )
    return Ran.FAILED


def close_incidents_of(turn: Turn, visit: Visit, action: Action, how: str) -> None:
    """What an earlier run of the action left open is over: the step was done again (engine 2.8)."""
    for incident in turn.open_incidents(visit):
        if incident.action_id == action.id:
            turn.close_incident(incident, how)
