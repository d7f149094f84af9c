"""What one run of an action comes to, from the process alone: results, records, frames, outputs (engine 4.8, 6, 8, 10)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.core.graph import Action, ActionType
from engine.core.state import InstanceState
from tests.model.data import ABSENT, Data, NoPlace, as_text, filled, get, merge, put, seen, size, template
from tests.model.store import Store
from tests.model.words import APPENDED, INHERIT, MESSAGES, Fault, run_rule

LIMIT = 1024 * 1024
BY_TEXT = {template(each): each for each in (*MESSAGES, *APPENDED)}


@dataclass
class Call:
    """The call at hand, until the journal has first named its action: then its body counts."""

    owner: UUID
    token_id: int
    action: Action
    body: Data
    upload: str | None
    went_back: bool = False
    taken: bool = False
    too_large: bool = False


def message_of(text: str, data: Data) -> Data:
    """What a template of the model gives with this data."""
    return json.loads(text) if INHERIT in text else filled(BY_TEXT[text], data)


def record_of(action: Action, data: Data, upload: str) -> Data:
    """The body of a record that the action sends now."""
    if action.type is not ActionType.UPLOAD_FILE:
        return message_of(action.text("message"), data)
    texts = {key: as_text(seen(data, action.text(key).strip("${}"))) for key in ("customId", "documentType")}
    return {"tempFileId": upload, **texts}


def rules(action: Action, data: Data) -> Data:
    """The data after a business rule. Raises `Fault` or `NoPlace`."""
    for rule in action.rules:
        data = run_rule(rule.language, rule.target, rule.message, data)
    return data


def rules_fail(action: Action, data: Data) -> bool:
    try:
        return size(rules(action, data)) > LIMIT
    except (Fault, NoPlace):
        return True


def appended(data: Data, destination: str, value: Data) -> Data:
    """`value` merged at a path; an empty one is the top."""
    if not destination:
        return merge(data, value)
    there = get(data, destination)
    return put(data, destination, merge(there, value) if isinstance(there, dict) else value)


def output(action: Action, children: list[tuple[int, Data, str]]) -> Any:
    """What lands under the output key when all that was waited for has ended; `ABSENT` for nothing."""
    if action.text("collectionKey"):
        return [seen(data, "result") for _, data, _ in sorted(children, key=lambda child: child[0])]
    _, data, end = children[-1]
    return data if end == "FINISHED" else ABSENT


def elsewhere(store: Store, state: InstanceState, action: Action) -> bool:
    """Whether what the action does reaches a parent in another tree, by a stimulus of its own."""
    to_parent = action.type is ActionType.APPEND_PARAMS_TO_PARENT or action.text("targetProcess") == "PARENT"
    return to_parent and store.by_id(state.parent_id or 0).root_id != state.root_id


def traces(action: Action, *, elsewhere: bool, data: Data) -> int:
    """How many records, frames, appended values or starts a run that is over has left in the journals of its tree."""
    match action.type:
        case ActionType.KAFKA_SEND | ActionType.UPLOAD_FILE:
            return 1 if action.link is not None else len(action.text("topicName").split(","))
        case ActionType.WEBSOCKET_SEND | ActionType.APPEND_PARAMS_TO_PARENT:
            return 0 if elsewhere else 1
        case ActionType.START_SUBPROCESS if is_async(action):
            empty = action.text("collectionKey") and get(data, action.text("collectionKey")) == []
            return 0 if empty else 1
    return 0


def is_async(action: Action) -> bool:
    return action.text("startedAsync", "true") == "true"
