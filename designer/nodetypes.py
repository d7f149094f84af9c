"""Node types as staff see them: their names in words and what each may hold (engine 1.4, designer 1.3). Types that are
drawn but do not run yet are listed too, so that texts and checks name them rightly."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeKind:
    """`label` as it stands in a sentence, such as 'send message task'."""

    type: str
    label: str
    takes_actions: bool = False
    is_gateway: bool = False
    is_start: bool = False
    is_end: bool = False
    has_screen: bool = False
    has_streams: bool = False
    has_timeout: bool = False
    waits: bool = False
    is_boundary: bool = False


_KINDS = (
    NodeKind("START", "start", is_start=True),
    NodeKind("END", "end", is_end=True),
    NodeKind("TASK", "task", takes_actions=True, has_streams=True, has_timeout=True),
    NodeKind("USER_TASK", "user task", takes_actions=True, has_screen=True, has_streams=True, has_timeout=True),
    NodeKind("MESSAGE_EVENT_SEND", "send message task", takes_actions=True),
    NodeKind("MESSAGE_EVENT_RECEIVE", "receive message task", has_streams=True, has_timeout=True, waits=True),
    NodeKind("EXCLUSIVE_GATEWAY", "exclusive gateway", is_gateway=True),
    NodeKind("PARALLEL_GATEWAY", "parallel gateway", is_gateway=True),
    NodeKind("SUBPROCESS_RUN", "subprocess run", waits=True),
    NodeKind("MILESTONE_START", "milestone start"),
    NodeKind("MILESTONE_END", "milestone end"),
    NodeKind("TIMER_START", "timer start", is_start=True),
    NodeKind("TIMER_INTERMEDIATE", "timer intermediate", waits=True),
    NodeKind("TIMER_BOUNDARY", "timer boundary", is_boundary=True),
    NodeKind("MESSAGE_THROW", "message throw"),
    NodeKind("MESSAGE_CATCH_INTERMEDIATE", "message catch", waits=True),
    NodeKind("MESSAGE_CATCH_START", "message catch start", is_start=True),
    NodeKind("MESSAGE_CATCH_BOUNDARY", "message catch boundary", is_boundary=True),
)

NODE_KINDS: dict[str, NodeKind] = {kind.type: kind for kind in _KINDS}


def node_kind(type_name: str) -> NodeKind:
    """The kind of that type; an unknown one takes nothing and is named as it is stored."""
    return NODE_KINDS.get(type_name) or NodeKind(type_name, type_name.lower().replace("_", " "))
