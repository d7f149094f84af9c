"""Kafka records that reach an instance: applied, kept early or held, late, or turned away (engine 6.6, scenarios 1.4)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.core import jsonio, paths, sequence
from engine.core.graph import Action, Node, NodeType
from engine.core.state import InstanceStatus, Kept, KeptState, NodeStatus, TimerKind, Token, TokenState
from engine.core.stimuli import MessageReceived, Request
from engine.core.turn import Turn


class RecordFailed(Exception):
    """The record cannot be applied, whatever is tried: its step would break a limit or the data (engine 6.6, FAILED)."""


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a record may go: nodes that listen on its topic, and the token that waits longest on one of them."""

    nodes: list[Node]
    token: Token | None
    anyone_there: bool


def receive(turn: Turn, message: MessageReceived) -> tuple[str, Token | None]:
    """Treat one record by the rules of engine 6.6, in their order.

    Gives what became of it (`applied` or a kept state) and the token that may go on. Raises `RecordFailed`.
    """
    landing = find_landing(turn, message)
    if not landing.nodes:
        return _keep(turn, message, KeptState.UNMATCHED, "NO_SUBSCRIPTION"), None
    if turn.state.state in (InstanceStatus.ON_HOLD, InstanceStatus.CREATED):
        return _keep_waiting(turn, message, KeptState.HELD), None
    if turn.state.ended or is_late(turn, message, landing):
        return _keep(turn, message, KeptState.LATE), None
    if landing.token is None:
        return _keep_waiting(turn, message, KeptState.EARLY), None
    node = turn.graph.nodes[landing.token.node_id]
    goes_on = apply(turn, landing.token, node, message)
    return "applied", landing.token if goes_on else None


def find_landing(turn: Turn, message: MessageReceived) -> Landing:
    nodes = turn.graph.listeners(message.topic, turn.world.scenarios, destination=message.headers.get("destinationId"))
    ids = {node.id for node in nodes}
    there = [token for token in turn.state.tokens.values() if token.state is TokenState.ACTIVE and token.node_id in ids]
    ready = [token for token in there if _takes_records(turn, token)]
    longest = min(ready, key=lambda token: sequence.visit_of(token).number, default=None)
    return Landing(nodes, longest, bool(there))


def _takes_records(turn: Turn, token: Token) -> bool:
    node = turn.graph.nodes[token.node_id]
    return token.status is NodeStatus.WAITING_MESSAGE or node.type is NodeType.USER_TASK


def is_late(turn: Turn, message: MessageReceived, landing: Landing) -> bool:
    """Whether the record comes too late to mean anything (engine 6.6, 'Late')."""
    ids = {node.id for node in landing.nodes}
    left = [visit for visit in turn.state.visits if visit.node_id in ids and visit.left_at is not None]
    request = message.request
    if request is None:
        return bool(left) and not landing.anyone_there
    if any(visit.number >= request.visit_number for visit in left):
        return True
    waits = any(node.type is not NodeType.USER_TASK for node in landing.nodes)
    return waits and ran_again(turn, request)


def ran_again(turn: Turn, request: Request) -> bool:
    """Whether the action that sent the request has run since."""
    for visit in turn.state.visits:
        state = visit.actions.get(request.action_id)
        if state is not None and (visit.number, state.runs) > (request.visit_number, request.run):
            return True
    return False


def apply(turn: Turn, token: Token, node: Node, message: MessageReceived) -> bool:
    """Store the value under the node's key, run the callbacks; true when the token may go on. Raises `RecordFailed`."""
    stream = node.stream(message.topic, turn.world.scenarios)
    if stream is None:
        raise RecordFailed(f"'{node.name}' does not listen on {message.topic}.")
    store(turn, stream.key_name, message)
    turn.entry(
        "Message Receive",
        token=token,
        node=node,
        user="",
        details={"topic": message.topic, "key": stream.key_name, "manual": message.manual},
        payload=message.raw.decode(errors="replace"),
        message_id=message.message_id,
    )
    if node.waits_for_message:
        visit = sequence.visit_of(token)
        for timer in turn.pending_timers(visit):
            if timer.kind is TimerKind.RESPONSE:
                turn.cancel_timer(timer)
    if node.waits_for_message or token.status is NodeStatus.MESSAGE_RESPONSE_TIMED_OUT:
        token.status = NodeStatus.MESSAGE_RECEIVED
    turn.changed_token(token)
    owner = _callback_owner(turn, node, message)
    if owner is not None:
        ran = sequence.run_children(turn, token, node, owner)
        return ran is not sequence.Ran.FAILED
    return True


def check(turn: Turn, node: Node, message: MessageReceived) -> None:
    """Whether the value can be stored; nothing changes. Raises `RecordFailed`."""
    stream = node.stream(message.topic, turn.world.scenarios)
    if stream is not None:
        _with_value(turn, stream.key_name, message)


def store(turn: Turn, key_name: str, message: MessageReceived) -> None:
    """Put the value where the node wants it. Raises `RecordFailed`."""
    turn.state.params = _with_value(turn, key_name, message)


def _with_value(turn: Turn, key_name: str, message: MessageReceived) -> dict[str, jsonio.Json]:
    try:
        data = paths.put(turn.state.params, key_name, message.value)
    except paths.PathError as error:
        raise RecordFailed(f"The reply cannot be stored under '{key_name}': {error}") from error
    size = jsonio.size_bytes(data)
    if size > turn.world.limits.params:
        raise RecordFailed(
            f"With this reply the instance's data would have {size / 1024:,.0f} kB; "
            f"the limit is {turn.world.limits.params / 1024:,.0f} kB."
        )
    return data


def _callback_owner(turn: Turn, node: Node, message: MessageReceived) -> Action | None:
    """The action whose children run on this reply: `callbacksForAction`, on the node the record is for (engine 4.6)."""
    name = message.headers.get("callbacksForAction", "")
    return node.action_named(name) if name else None


def apply_kept(turn: Turn, token: Token, node: Node) -> bool:
    """Apply records kept for this node, oldest first: one to a waiting node, all to a user task; true if one let it go."""
    for kept in list(turn.state.kept):
        if kept.state is not KeptState.EARLY or not _is_for(turn, node, kept.message):
            continue
        landing = find_landing(turn, kept.message)
        if is_late(turn, kept.message, landing):
            become(turn, kept, KeptState.LATE)
            continue
        try:
            goes_on = apply(turn, token, node, kept.message)
        except RecordFailed as failure:
            fail_kept(turn, kept, failure)
            continue
        become(turn, kept, KeptState.APPLIED)
        if node.waits_for_message:
            return goes_on
    return False


def _is_for(turn: Turn, node: Node, message: MessageReceived) -> bool:
    named = message.headers.get("destinationId", node.name) == node.name
    return named and node.stream(message.topic, turn.world.scenarios) is not None


def become(turn: Turn, kept: Kept, state: KeptState) -> None:
    kept.state = state
    turn.changed_kept(kept)


def fail_kept(turn: Turn, kept: Kept, failure: RecordFailed) -> None:
    """A kept record that cannot be applied: dead, with an incident on the instance (engine 6.6)."""
    kept.reason, kept.error = "FAILED", str(failure)
    become(turn, kept, KeptState.DEAD)
    record_incident(turn, kept.message, str(failure))


def bury(turn: Turn, message: MessageReceived, error: str) -> None:
    """A record whose transition fails: dead, with an incident on the instance; nothing else changes (engine 6.6)."""
    kept = Kept(message, KeptState.DEAD, "FAILED", error, message.row_id)
    turn.state.kept.append(kept)
    turn.changed_kept(kept)
    record_incident(turn, message, error)


def record_incident(turn: Turn, message: MessageReceived, text: str) -> None:
    turn.open_incident("Engine", "Process Definition", f"A record of {message.topic} was not applied: {text}")


def _keep_waiting(turn: Turn, message: MessageReceived, state: KeptState) -> str:
    """Keep a record that may still be applied, unless too many are kept already (engine 6.6, OVERFLOW)."""
    waiting = sum(kept.state in (KeptState.EARLY, KeptState.HELD) for kept in turn.state.kept)
    if waiting >= turn.world.limits.kept:
        return _keep(turn, message, KeptState.DEAD, "OVERFLOW")
    return _keep(turn, message, state)


def _keep(turn: Turn, message: MessageReceived, state: KeptState, reason: str = "") -> str:
    kept = Kept(message, state, reason, row_id=message.row_id)
    turn.state.kept.append(kept)
    turn.changed_kept(kept)
    if state is KeptState.LATE:
        turn.entry(
            "Message Receive",
            subject="Process Instance",
            status="failure",
            user="",
            details={"topic": message.topic, "late": True},
        )
    return str(state)
