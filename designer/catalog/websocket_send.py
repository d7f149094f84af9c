"""Websocket Send Action (designer 1.7): a JSON object to the browsers of the active or the parent process; as an Action message
it has the shape of START_PROCESS_INHERIT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from designer import jsontext
from designer.catalog.base import ACTIVITIES, ActionType, ParamSpec
from designer.catalog.values import ActionValues
from designer.design import Design
from designer.lint.keys import check_key_list
from designer.lint.problem import Fix, Problem, problem
from designer.lint.template import check_json, json_template
from designer.lint.words import nearest
from engine.core import paths

START_TYPE = "START_PROCESS_INHERIT"
MESSAGE_TYPES = (("data", "Default"), ("action", "Action"))
TARGETS = (("ACTIVE", "Active process"), ("PARENT", "Parent process"))
SKELETON = """{
  "processName": "",
  "type": "START_PROCESS_INHERIT",
  "clientDataKeys": [],
  "params": {
    "startCondition": "",
    "paramsToCopy": [],
    "withoutParams": []
  }
}"""


def check(design: Design, action: ActionValues) -> Iterator[Problem]:
    """JSN, KEY and WS codes."""
    replaces = action.replaces("message")
    yield from check_json(design, action.text("message"), "message", replaces=replaces, target="browsers", browser=True)
    if action.text("targetProcess") == "PARENT" and not design.may_have_parent:
        yield problem("WS-009", "targetProcess", process=design.version.process.name)
    if action.text("messageType") == "action":
        message = message_value(action)
        if message is not None:
            yield from _start_message(design, message, replaces)


def message_value(action: ActionValues) -> dict[str, Any] | None:
    """The message as a value with its placeholders; None where it does not parse."""
    text = action.text("message")
    compiled, _ = json_template(text, "message", required=False)
    value = jsontext.read(text, compiled) if compiled is not None else None
    return value if isinstance(value, dict) else None


def is_open(value: Any, replaces: bool = True) -> bool:
    """Whether a member is decided only when the message is sent."""
    return replaces and isinstance(value, str) and "${" in value


def _start_message(design: Design, message: dict[str, Any], replaces: bool) -> Iterator[Problem]:
    name = message.get("processName")
    if not isinstance(name, str) or not name.strip():
        yield problem("WS-001", "message")
    if message.get("type") != START_TYPE:
        fixed = jsontext.write({**message, "type": START_TYPE})
        yield problem("WS-002", "message", fix=Fix(f"Use {START_TYPE}", "set", "message", fixed))
    keys = message.get("clientDataKeys", [])
    if not is_open(keys, replaces) and not _is_texts(keys):
        yield problem("WS-005", "message")
    params = message.get("params", {})
    if is_open(params, replaces):
        params = {}
    if not isinstance(params, dict):
        yield problem("WS-006", "message")
        params = {}
    yield from _lists(design, params, replaces)
    if isinstance(name, str) and name.strip() and not is_open(name, replaces):
        yield from _process(design, message, name, params, replaces)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _lists(design: Design, params: dict[str, Any], replaces: bool) -> Iterator[Problem]:
    filled = 0
    for member in ("paramsToCopy", "withoutParams"):
        listed = params.get(member, [])
        if is_open(listed, replaces):
            continue
        if not _is_texts(listed):
            yield problem("WS-007", "message", member=member)
            continue
        filled += bool(listed)
        yield from check_key_list(
            design, [key for key in listed if not is_open(key, replaces)], "message", allow_index=True
        )
    if filled == 2:
        yield problem("WS-008", "message")


def _process(
    design: Design, message: dict[str, Any], name: str, params: dict[str, Any], replaces: bool
) -> Iterator[Problem]:
    facts = design.processes.get(name)
    if facts is None:
        near = nearest(name, design.processes)
        fix = None
        if near:
            fix = Fix(f"Use {near}", "set", "message", jsontext.write({**message, "processName": near}))
        yield problem("WS-003", "message", p=name, fix=fix)
        return
    if facts.published is None:
        yield problem("WS-004", "message", p=name)
        return
    condition = params.get("startCondition")
    if isinstance(condition, str) and condition.strip() and not is_open(condition, replaces):
        several = len(facts.start_conditions) > 1
        known = [each for each in facts.start_conditions if each]
        if condition not in known and (several or known):
            yield problem("WS-010", "message", p=name, c=condition)


def paths_read(action: ActionValues) -> list[paths.Path]:
    """Every path that the message reads, each once."""
    compiled, _ = json_template(action.text("message"), "message", required=False)
    if compiled is None or not action.replaces("message"):
        return []
    return list(dict.fromkeys(each.path for each in compiled.placeholders))


TYPE = ActionType(
    type="WEBSOCKET_SEND",
    label="Websocket Send Action",
    short="Websocket Send",
    purpose="Pushes a message to the browsers that follow the process.",
    icon="sensors",
    place=2,
    node_types=ACTIVITIES,
    suggested_name="show",
    params=(
        ParamSpec("messageType", "Message Type", "data", MESSAGE_TYPES, "params.websocket.type"),
        ParamSpec("message", "Message", testid="params.websocket.message", replaces=True),
        ParamSpec("targetProcess", "Target Process", "ACTIVE", TARGETS, "params.websocket.target"),
    ),
    check=check,
    paths_read=paths_read,
    template="designer/actions/websocket_send.html",
    carry="message",
)
