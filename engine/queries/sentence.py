"""The sentence on top of the status page: what the instance does now, why, and what comes next, in plain words (designer 4.2).

Tones: "stop" something is wrong, "wait" it waits, "here" it runs, "ok" it has ended as meant, "" it has ended otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine import configuration
from engine.core.graph import Action, Node
from engine.core.state import ActionStatus, InstanceStatus, NodeStatus, TokenState
from engine.models import Incident, Timer, Token
from engine.queries.status import InstanceStatus as Status
from engine.queries.tokens import action_states
from engine.queries.whereabouts import waits_for_person
from engine.queries.words import Span, Words, at, bold, join, lasting, mono, say

SHOWN_TOKENS = 3


@dataclass(frozen=True, slots=True)
class Saying:
    """The sentence with its tone and symbol."""

    words: Words
    tone: str
    icon: str


def sentence_of(status: Status) -> Saying:
    """What to say of an instance."""
    instance = status.instance
    if status.ended:
        return ended(status)
    if instance.state == InstanceStatus.ON_HOLD:
        return on_hold(status)
    incidents = status.open_incidents
    stuck = [incident for incident in incidents if incident.token_id]
    others = [token for token in status.open_tokens if token.id not in {incident.token_id for incident in stuck}]
    if stuck or incidents:
        return with_incidents(status, stuck, [one for one in incidents if not one.token_id], others)
    sayings = [token_words(status, token) for token in status.open_tokens]
    words = join(words for words, _ in sayings[:SHOWN_TOKENS])
    if len(sayings) > SHOWN_TOKENS:
        words = (*words, Span(f" And {len(sayings) - SHOWN_TOKENS} more tokens."))
    waits = any(tone == "wait" for _, tone in sayings)
    return Saying(words or say("It runs."), "wait" if waits else "here", "hourglass_top" if waits else "play_arrow")


def with_incidents(status: Status, stuck: list[Incident], beside: list[Incident], others: Iterable[Token]) -> Saying:
    """Stuck tokens first, then refused records, then what goes on meanwhile."""
    created = status.instance.state == InstanceStatus.CREATED
    said: list[Words] = []
    for incident in stuck[:SHOWN_TOKENS]:
        opening = "Not started, stuck since " if created else "Stuck since "
        said.append(
            say(Span(opening, "b"), at(incident.opened_at, style="b"), *on_node(incident), sentence_end(incident))
        )
    if len(stuck) > SHOWN_TOKENS:
        said.append(say(f"{len(stuck) - SHOWN_TOKENS} more tokens are stuck."))
    said += [
        say(Span("Since ", "b"), at(one.opened_at, style="b"), Span(": ", "b"), sentence_end(one))
        for one in beside[:SHOWN_TOKENS]
    ]
    meanwhile = [token_words(status, token)[0] for token in list(others)[:SHOWN_TOKENS]]
    if meanwhile:
        said.append(say("Meanwhile:"))
    return Saying(join(said + meanwhile), "stop", "error")


def on_node(incident: Incident) -> Words:
    return (
        say(Span(" on ", "b"), bold(incident.node_name), Span(": ", "b"))
        if incident.node_name
        else say(Span(": ", "b"))
    )


def sentence_end(incident: Incident) -> Span:
    text = incident.message.strip()
    return Span(text if text.endswith((".", "!", "?")) else f"{text}.")


# -- one token ---------------------------------------------------------------------------------------------------------


def token_words(status: Status, token: Token) -> tuple[Words, str]:
    """What one open token does, and its tone."""
    node = status.graph.nodes.get(token.current_node_id) if status.graph else None
    visit = status.open_visit(token)
    since = (visit.waiting_since or visit.arrived_at) if visit else token.updated_at
    opening = say(Span("Waiting since ", "b"), at(since, style="b"), Span(" on ", "b"), bold(token.current_node_name))
    if token.state == TokenState.ON_HOLD:
        return (*opening, Span(f" for its branches: {token.sync_finished} of {token.sync_count} have arrived.")), "wait"
    if token.status == NodeStatus.WAITING_MESSAGE_EVENT:
        return (*opening, *say(" for the message event ", mono(node.message_name if node else ""), ".")), "wait"
    if token.status == NodeStatus.WAITING_TIMER_EVENT:
        timer = next((timer for timer in timers_of(status, token) if timer.kind == "NODE"), None)
        return (*opening, *(until_moment(timer) if timer else say("; its timer was cancelled."))), "wait"
    if token.status == NodeStatus.WAITING_MESSAGE:
        return (*opening, *for_message(node), *timeout_words(status, token)), "wait"
    if token.status == NodeStatus.EXECUTED_PARTIAL:
        states = {int(key): state for key, state in action_states(visit).items()} if visit else {}
        delays = [timer for timer in timers_of(status, token) if timer.kind == "ACTION"]
        if delays:
            return (*opening, *until_due(status, delays[0])), "wait"
        if any(state.get("state") == ActionStatus.EXECUTING for state in states.values()):
            return (*opening, Span(" for a subprocess to end.")), "wait"
        if waits_for_person(node):
            return (*opening, *for_person(node, states), *timeout_words(status, token)), "wait"
        return (*opening, Span(": an action is not done yet.")), "wait"
    return say(
        Span("Running since ", "b"), at(since, style="b"), Span(" on ", "b"), bold(token.current_node_name), "."
    ), "here"


def for_message(node: Node | None) -> Words:
    topics = [mono(topic) for topic in node.topics(configuration.scenarios())] if node else []
    if not topics:
        return say(" for a message")
    parts: list[str | Span] = [" for a message on ", topics[0]]
    for topic in topics[1:]:
        parts += [" or ", topic]
    return say(*parts)


def for_person(node: Node | None, states: Mapping[int, object]) -> Words:
    """Who has to do what: the swimlane, and the mandatory manual actions that are missing."""
    if node is None:
        return say(" for a person.")
    missing = [
        action for action in node.top_level() if action.manual and not action.optional and not done(action, states)
    ]
    parts: list[str | Span] = [" for a person in ", bold(node.swimlane)]
    for position, action in enumerate(missing):
        parts += [" to run " if position == 0 else " and ", mono(action.name)]
    return say(*parts)


def done(action: Action, states: Mapping[int, object]) -> bool:
    state = states.get(action.id)
    return isinstance(state, dict) and (bool(state.get("completed")) or state.get("state") == ActionStatus.SKIPPED)


def timeout_words(status: Status, token: Token) -> Words:
    """The end of the sentence: when the reply times out."""
    timer = next((timer for timer in timers_of(status, token) if timer.kind == "RESPONSE"), None)
    if timer is None:
        return say(".")
    held = " Its time-out is kept while it is on hold." if timer.state == "HELD" else ""
    return say("; the reply times out at ", at(timer.due_at, style="b"), " (", at(timer.due_at, "in"), f").{held}")


def until_moment(timer: Timer) -> Words:
    return say(" until ", at(timer.due_at, "hms", style="b"), " (", at(timer.due_at, "in"), ").")


def until_due(status: Status, timer: Timer) -> Words:
    return say(
        " until ",
        at(timer.due_at, "hms", style="b"),
        " (",
        at(timer.due_at, "in"),
        "): then ",
        mono(timer.action_name),
        " runs.",
    )


def timers_of(status: Status, token: Token) -> list[Timer]:
    return [timer for timer in status.pending_timers if timer.token_id == token.id]


# -- held and ended ----------------------------------------------------------------------------------------------------


def on_hold(status: Status) -> Saying:
    held = status.held
    words = say(Span("On hold", "b"))
    if held is not None:
        words = say(
            Span("On hold since ", "b"),
            at(held.at, style="b"),
            " by ",
            bold(held.user or "the engine"),
            *reason_words(held.details),
        )
    places = [bold(token.current_node_name) for token in status.open_tokens[:SHOWN_TOKENS]]
    rest: list[str | Span] = [". "]
    if places:
        rest += ["It stands on ", places[0]]
        for place in places[1:]:
            rest += [", ", place]
        rest += ["; "]
    rest += ["messages and timers are kept and run when it goes on." if places else "Messages and timers are kept."]
    if status.open_incidents:
        rest += [" An open exception waits for a retry."]
    return Saying((*words, *say(*rest)), "wait", "pause")


ENDED_WORDS = {
    InstanceStatus.FINISHED: ("Finished", "ok", "check_circle"),
    InstanceStatus.TERMINATED: ("Terminated", "", "stop_circle"),
    InstanceStatus.EXPIRED: ("Expired", "", "hourglass_top"),
    InstanceStatus.DISMISSED: ("Dismissed", "", "close"),
    InstanceStatus.ABORTED: ("Aborted", "", "block"),
    InstanceStatus.FAILED: ("Failed", "stop", "cancel"),
}


def ended(status: Status) -> Saying:
    instance = status.instance
    word, tone, icon = ENDED_WORDS[InstanceStatus(instance.state)]
    parts: list[str | Span] = [bold(word)]
    if instance.finished_at:
        parts = [Span(f"{word} at ", "b"), at(instance.finished_at, style="b")]
    held = status.held
    if held is not None and instance.state in (InstanceStatus.TERMINATED, InstanceStatus.DISMISSED):
        parts += [" by ", bold(held.user or "the engine"), *reason_words(held.details)]
    if instance.state == InstanceStatus.EXPIRED:
        parts += [" because its expiry time passed"]
    if instance.state == InstanceStatus.ABORTED:
        parts += [" because its parent moved on"]
    stood = {token.current_node_name: None for token in status.tokens[-SHOWN_TOKENS:]}
    if stood:
        preposition = " on " if instance.state == InstanceStatus.FINISHED else "; it stood on "
        parts += [preposition, bold(" and ".join(stood))]
    if instance.finished_at and instance.state == InstanceStatus.FINISHED:
        parts += [f" after {lasting(instance.finished_at - instance.started_at)}"]
    return Saying(say(*parts, "."), tone, icon)


def reason_words(details: dict[str, object]) -> tuple[Span, ...]:
    return (Span(f": “{details['reason']}”"),) if details.get("reason") else ()
