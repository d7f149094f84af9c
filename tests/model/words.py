"""What generated processes do to data, each with its twin in Python: expressions, decision tables, messages, places.

The generator puts the engine's text into a process; the replayer finds the twin by that text. `Fault` is what the specification
calls an evaluation error: nothing is written then.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.model.data import Data, Message, get, merge, put, seen


class Fault(Exception):
    """The rule fails."""


def _count(step: int) -> Callable[[Data], Any]:
    def counted(data: Data) -> Any:
        value = seen(data, "n")
        return _number(0 if value is None else value) + step

    return counted


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Fault
    return value


def _trail(letter: str) -> Callable[[Data], Any]:
    def longer(data: Data) -> Any:
        value = seen(data, "trail")
        if value is not None and not isinstance(value, str):
            raise Fault
        return (value or "") + letter

    return longer


def _length(data: Data) -> Any:
    value = seen(data, "items")
    if not isinstance(value, list | str):
        raise Fault
    return len(value.encode() if isinstance(value, str) else value)  # ZEN counts the bytes of a text


def _twice(data: Data) -> Any:
    value = seen(data, "größe.länge")
    return _number(0 if value is None else value) * 2


EXPRESSIONS: dict[str, Callable[[Data], Any]] = {
    "(input.n ?? 0) + 1": _count(1),
    "input.n + 1": lambda data: _number(seen(data, "n")) + 1,
    **{f'(input.trail ?? "") + "{letter}"': _trail(letter) for letter in "abcdeßπ"},
    "len(input.items)": _length,
    "input.item": lambda data: seen(data, "item"),
    "input.items": lambda data: seen(data, "items"),
    '(input["größe"]["länge"] ?? 0) * 2': _twice,
    '{"spur": [input.trail, input.n]}': lambda data: {"spur": [seen(data, "trail"), seen(data, "n")]},
}

TRAILS = [text for text in EXPRESSIONS if "trail ??" in text]

TARGETS = (
    "n",
    "größe.länge",
    "größe",
    "items",
    "items[0]",
    "liste.1.straße",
    "flag.x",
    "counted.tief.er",
    "counted",
    "result",
    "result",
)
"""Places for results; some exist only at times, so that writing fails."""


def table(value: str) -> str:
    """A decision table: `flag` true gives `{"tafel": {"ja": value}}`, `id` above 1 gives `{"tafel": {"nein": 2}}`."""
    rules = [
        {"_id": "r1", "f": "true", "i": "", "o": f"'{value}'", "p": ""},
        {"_id": "r2", "f": "", "i": "> 1", "o": "", "p": "2"},
    ]
    content = {
        "hitPolicy": "first",
        "inputs": [{"id": "f", "name": "F", "field": "input.flag"}, {"id": "i", "name": "I", "field": "input.id"}],
        "outputs": [{"id": "o", "name": "O", "field": "tafel.ja"}, {"id": "p", "name": "P", "field": "tafel.nein"}],
        "rules": rules,
    }
    nodes = [
        {"id": "in", "type": "inputNode", "name": "Request"},
        {"id": "t", "type": "decisionTableNode", "name": "Table", "content": content},
        {"id": "out", "type": "outputNode", "name": "Response"},
    ]
    edges = [{"id": "e1", "sourceId": "in", "targetId": "t"}, {"id": "e2", "sourceId": "t", "targetId": "out"}]
    return json.dumps({"nodes": nodes, "edges": [{**each, "type": "edge"} for each in edges]})


TABLES = {table(value): value for value in ("eins", "zwei")}


def run_rule(language: str, target: str, text: str, data: Data) -> Data:
    """The data after one row of a business rule. Raises `Fault`, or `NoPlace`."""
    if language == "ZEN":
        return put(data, target, EXPRESSIONS[text](data))
    if seen(data, "flag") is True:
        return merge(data, {"tafel": {"ja": TABLES[text]}})
    number = get(data, "id")
    if isinstance(number, int) and not isinstance(number, bool) and number > 1:
        return merge(data, {"tafel": {"nein": 2}})
    return data


MESSAGES: tuple[Message, ...] = (
    {"id": ("json", "id"), "spur": ("text", "trail")},
    {"n": ("json", "n"), "ort": ("json", "größe"), "wo": ("text", "items")},
    {"reply": ("json", "reply"), "flag": ("text", "flag.x"), "liste": ("json", "liste[0]")},
    {"ran": ("json", "tafel.ja"), "erste": ("json", "items[0]"), "n": ("text", "n")},
)

APPENDED: tuple[Message, ...] = (
    {"told": ("json", "id"), "spur": ("text", "trail")},
    {"n": ("json", "n"), "größe": ("json", "größe")},
)

INHERIT = '"type": "START_PROCESS_INHERIT"'


def run_action(process_name: str, copied: list[str], left_out: list[str]) -> str:
    """The message of a frame that asks the client to start a process with values of this one (engine 8.4)."""
    params = json.dumps({"startCondition": "", "paramsToCopy": copied, "withoutParams": left_out}, ensure_ascii=False)
    return f'{{"processName": "{process_name}", {INHERIT}, "clientDataKeys": [], "params": {params}}}'


DESTINATIONS = ("", "child", "child.größe", "items[0]", "größe.von")

COPIED = ([], [], ["id", "trail", "größe.länge"], ["flag", "items", "n", "trail", "startCondition"])
LEFT_OUT = ([], [], ["ran", "sub", "reply"], ["größe.länge", "liste"])
