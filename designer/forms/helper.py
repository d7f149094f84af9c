"""The start-process helper and the pickers for headers: small forms that read a JSON text and write it back, leaving every
other member as it was (designer 1.6, 1.7)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from designer import jsontext
from designer.catalog import ActionValues
from designer.catalog.kafka_send import header_values, with_header
from designer.catalog.websocket_send import START_TYPE, message_value
from designer.design import Design
from designer.forms.posted import Posted

LISTS = ("paramsToCopy", "withoutParams")
PICKERS = ("callbacksForAction", "destinationId")


@dataclass(frozen=True, slots=True)
class Helper:
    """What the helper shows. `readable` is false where the message is no JSON object: then nothing can be picked."""

    readable: bool
    process: str = ""
    condition: str = ""
    params_to_copy: tuple[str, ...] = ()
    without_params: tuple[str, ...] = ()
    note: str = ""
    ok: bool = False
    conditions: tuple[str, ...] = ()
    was: str = ""


def read_helper(design: Design, values: ActionValues) -> Helper:
    """The helper's fields as the message has them, with what is known of the process."""
    message = message_value(values)
    if message is None:
        return Helper(readable=False)
    params = message.get("params")
    params = params if isinstance(params, dict) else {}
    name = _text(message.get("processName"))
    note, ok, conditions = _about(design, name)
    state = [name, _text(params.get("startCondition")), *(_texts(params.get(member)) for member in LISTS)]
    return Helper(
        True, name, str(state[1]), tuple(state[2]), tuple(state[3]), note, ok, conditions, json.dumps(state)
    )  # fmt: skip


def _about(design: Design, name: str) -> tuple[str, bool, tuple[str, ...]]:
    facts = design.processes.get(name)
    if facts is None or facts.published is None:
        return ("" if not name or "${" in name else "not published", False, ())
    return f"published, v{facts.published}", True, tuple(each for each in facts.start_conditions if each)


def apply_helper(posted: Posted) -> set[str]:
    """Write what was picked in the helper into the message, if anything was; gives the fields it changed."""
    if "helper-processName" not in posted.data:
        return set()
    picked: list[Any] = [posted.control("helper-processName"), posted.control("helper-startCondition").strip()]
    for member in LISTS:
        keys = [
            *posted.data.getlist(f"helper-{member}"),
            *posted.control(f"helper-{member}-add").replace(",", "\n").split("\n"),
        ]
        keys = [key.strip() for key in keys if key.strip()]
        if posted.op.startswith(f"remove:helper-{member}:"):
            position = posted.op.rsplit(":", 1)[1]
            keys = [key for at, key in enumerate(keys) if str(at) != position]
        picked.append(keys)
    message = message_value(posted.values)
    if json.dumps(picked) == posted.was.get("helper", "") or message is None:
        return set()
    params = message.get("params")
    params = dict(params) if isinstance(params, dict) else {}
    if picked[1] or "startCondition" in params:
        params["startCondition"] = picked[1]
    for member, keys in zip(LISTS, picked[2:], strict=True):
        if keys or member in params:
            params[member] = keys
    changed = {**message, "processName": picked[0], "type": message.get("type") or START_TYPE, "params": params}
    posted.values.set_text("message", jsontext.write(changed))
    return {"message"}


def apply_pickers(posted: Posted) -> set[str]:
    """Write a picked callback action or reply node into the headers; gives the fields it changed."""
    changed = set()
    for name in PICKERS:
        picked = posted.control(f"picker-{name}")
        if f"picker-{name}" in posted.data and picked != posted.was.get(f"picker-{name}", ""):
            posted.values.set_text("headers", with_header(posted.values, name, picked))
            changed.add("headers")
    return changed


def picked_headers(values: ActionValues) -> dict[str, str]:
    """What the pickers show: the two headers as they stand in the text."""
    headers = header_values(values)
    return {name: _text(headers.get(name)) for name in PICKERS}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
