"""Actions in words: when each one runs, what it does, and what happens on a node from arrival to leaving.

Pure functions over a loaded design; pages and the outline share them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from designer.catalog import ActionValues, action_type
from designer.design import Design
from designer.models import Node
from designer.nodetypes import node_kind
from engine.core import durations

NODE_ICONS = {
    "START": "radio_button_unchecked",
    "END": "circle",
    "TASK": "bolt",
    "USER_TASK": "person",
    "MESSAGE_EVENT_SEND": "outgoing_mail",
    "MESSAGE_EVENT_RECEIVE": "mail",
    "EXCLUSIVE_GATEWAY": "call_split",
    "PARALLEL_GATEWAY": "add",
    "SUBPROCESS_RUN": "account_tree",
    "MILESTONE_START": "flag",
    "MILESTONE_END": "flag",
    "TIMER_START": "schedule",
    "TIMER_INTERMEDIATE": "schedule",
    "TIMER_BOUNDARY": "schedule",
    "MESSAGE_THROW": "outgoing_mail",
    "MESSAGE_CATCH_INTERMEDIATE": "mail",
    "MESSAGE_CATCH_START": "mail",
    "MESSAGE_CATCH_BOUNDARY": "mail",
}


def type_words(type_name: str) -> str:
    """'Kafka Send'; a type that is not installed keeps its stored name."""
    known = action_type(type_name)
    return (known.short or known.label) if known else type_name


def type_icon(type_name: str) -> str:
    known = action_type(type_name)
    return known.icon if known else "help"


def node_icon(type_name: str) -> str:
    return NODE_ICONS.get(type_name, "help")


@dataclass(frozen=True, slots=True)
class Timing:
    """A delay in words. `unreadable` when the text is no duration: `words` then is the text itself."""

    words: str
    unreadable: bool = False


def delay(text: str) -> Timing | None:
    """The delay of a timer expression: 'after 2 days'; None where there is none."""
    text = text.strip()
    if not text:
        return None
    if "${" in text:
        return Timing(f"after {text}")
    try:
        return Timing(f"after {durations.words(durations.parse_duration(text))}")
    except durations.TimerError:
        return Timing(text, unreadable=True)


def runs_when(design: Design, action: ActionValues) -> str:
    """Who or what makes the action run, apart from its delay: 'at once', 'when the rider runs it', 'right after greet'."""
    if action.manual:
        return f"when {actor(design, action)} {'submits' if action.keys else 'runs it'}"
    if not action.parent_name:
        return "at once"
    parent = design.action_named(action.parent_name)
    if parent is not None and parent.auto_run_children:
        return f"right after {parent.name}"
    if any(callback_of(each) == action.parent_name for each in design.actions):
        return "when the reply comes"
    return f"only when {action.parent_name} is made to run its children"


def actor(design: Design, action: ActionValues) -> str:
    """Who runs a manual action of this node: its swimlane in words."""
    node = design.node_by_id[action.node_id]
    lane = next((lane.name for lane in design.swimlanes if lane.pk == node.swimlane_id), "")
    return f"the {lane[0].lower()}{lane[1:]}" if lane and lane != "Default" else "somebody"


def callback_of(action: ActionValues) -> str:
    """The action whose children run on the reply, where the headers name one literally (engine 6.7)."""
    if action.type != "KAFKA_SEND":
        return ""
    marker = '"callbacksForAction"'
    headers = action.text("headers")
    if marker not in headers:
        return ""
    rest = headers.split(marker, 1)[1].lstrip().removeprefix(":").lstrip()
    return rest[1:].split('"', 1)[0] if rest.startswith('"') else ""


def effect(action: ActionValues) -> str:
    """What an action does when it runs: 'writes to warehouse.v1', 'pushes to the browser'."""
    if action.type == "KAFKA_SEND":
        return f"writes to {' and '.join(action.topics) or 'no topic yet'}"
    if action.type == "WEBSOCKET_SEND":
        where = " of the parent process" if action.text("targetProcess") == "PARENT" else ""
        if action.text("messageType") == "action":
            return f"has the browser{where} start a process"
        return f"pushes a message to the browser{where}"
    if action.type == "SAVE_DATA":
        return f"stores {', '.join(action.keys)}" if action.keys else "stores nothing yet"
    return "cannot run here"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of 'What happens on this node': when, and the actions with what each does."""

    when: str
    actions: tuple[tuple[str, str], ...] = ()
    words: str = ""
    to: tuple[Node, ...] = ()
    wrong: bool = False


def what_happens(design: Design, node: Node) -> list[Step]:
    """The life of a token on this node, in the order a person would tell it (engine 4.4 to 4.6, 5, 6.6)."""
    actions = [action for action in design.actions_by_node.get(node.pk, []) if not action.parent_name]
    steps = list(_automatic(actions))
    steps += [_manual(design, action) for action in actions if action.manual]
    steps += _waits(node)
    steps += _replies(design, node)
    targets = tuple(design.outgoing.get(node.pk, ()))
    if targets:
        steps.append(Step("Then", words="on to", to=targets))
    elif node.type == "END":
        steps.append(Step("Then", words="the process is finished when no other token is left"))
    return steps


def _automatic(actions: Iterable[ActionValues]) -> Iterable[Step]:
    at_once = [action for action in actions if not action.manual and not action.timer_expression.strip()]
    if at_once:
        yield Step("On arrival", tuple((action.name, effect(action)) for action in at_once))
    for action in actions:
        timing = delay(action.timer_expression)
        if action.manual or timing is None:
            continue
        when = "Delay unknown" if timing.unreadable else timing.words.capitalize()
        yield Step(when, ((action.name, effect(action)),), wrong=timing.unreadable)


def _manual(design: Design, action: ActionValues) -> Step:
    who = actor(design, action).removeprefix("the ")
    runs = [(action.name, effect(action))]
    if action.auto_run_children:
        runs += [(child.name, f"then {effect(child)}") for child in design.children(action) if not child.manual]
    verb = "submits" if action.keys else "runs it"
    return Step(f"{who[0].upper()}{who[1:]} {verb}", tuple(runs))


def _waits(node: Node) -> list[Step]:
    rows = node.data_stream_topics if node_kind(node.type).has_streams else []
    steps = [Step("Waits for", words=f"{row.get('topicName', '')} → {row.get('keyName', '')}") for row in rows]
    timing = delay(node.response_timeout)
    if timing is not None and steps:
        when = "Timeout unknown" if timing.unreadable else timing.words.capitalize()
        steps.append(Step(when, words="the token moves on without a reply", wrong=timing.unreadable))
    return steps


def _replies(design: Design, node: Node) -> list[Step]:
    names = {callback_of(action) for action in design.actions}
    steps = []
    for action in design.actions_by_node.get(node.pk, []):
        children = [child for child in design.children(action) if not child.manual]
        if action.name in names and children:
            runs = tuple((child.name, effect(child)) for child in children)
            steps.append(Step(f"Reply to {action.name}", runs))
    return steps
