"""Reads a posted action form into values. What the form shows is read under the stored names (designer 1.5-1.8); a hidden
field lives on in the page as `kept-…` inputs, which only a switch back reads and a save ignores (designer 1.10)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from django.http import QueryDict

from designer.catalog import ActionValues, Param, action_type

LISTS = {"keysForRestart": "keys_for_restart", "keys": "keys"}
FLAGS = {
    "repeatable": "repeatable",
    "autoRunChildren": "auto_run_children",
    "allowTokenReset": "allow_token_reset",
    "restartFromSnapshot": "restart_from_snapshot",
}
CHOICES = {"manual": "manual", "optional": "optional"}
TEXTS = {"name": "name", "timerExpression": "timer_expression", "type": "type", "parentName": "parent_name"}
ACTION_EDIT = (*TEXTS, "order", *CHOICES, "repeatable", "autoRunChildren")
MANUAL_ONLY = ("allowTokenReset", "restartFromSnapshot", "keysForRestart", "keys")
CONTROL = re.compile(
    r"(op|revision|base|touched|preview|preview-tab|try|switch-to|swap-with|carry|csrfmiddlewaretoken|(kept|was|has|helper|picker)-.+|.+-add)$"
)
"""Names that steer the form and are no fields of an action."""


@dataclass
class Posted:
    """A posted form: the values as they stand in it, what is kept for a switch back, and how the form was when rendered.
    `pending` holds what stands in the *add* inputs; it counts as added, but a live check leaves it where it is typed."""

    values: ActionValues
    kept: dict[str, list[str]] = field(default_factory=dict)
    was: dict[str, str] = field(default_factory=dict)
    op: str = "check"
    revision: int | None = None
    base: str = ""
    touched: set[str] = field(default_factory=set)
    pending: dict[str, str] = field(default_factory=dict)
    data: QueryDict = field(default_factory=QueryDict)

    def control(self, name: str) -> str:
        """The text of a steering input, '' when it was not sent."""
        return str(self.data.get(name, ""))


def read(data: QueryDict, *, start: ActionValues) -> Posted:
    """The form that was sent. `start` gives identity and node, and what no form shows."""
    values = ActionValues(
        node_id=start.node_id, id=start.id, key=start.key, rule_definitions=list(start.rule_definitions)
    )
    for name, attribute in TEXTS.items():
        setattr(values, attribute, _clean(data.get(name, "")))
    values.timer_expression = values.timer_expression.strip()
    values.type = values.type or start.type
    values.order = _whole(data.get("order", ""), values)
    for name, attribute in CHOICES.items():
        setattr(values, attribute, _choice(data, name, values))
    for name, attribute in FLAGS.items():
        setattr(values, attribute, data.get(name, "") in ("on", "true"))
    for name, attribute in LISTS.items():
        setattr(values, attribute, [*map(_clean, data.getlist(name)), *_added(data.get(f"{name}-add", ""))])
    values.params = _params(data, values.type)
    revision = data.get("revision", "")
    return Posted(
        values=values,
        kept={
            name.removeprefix("kept-"): list(map(_clean, data.getlist(name)))
            for name in data
            if name.startswith("kept-")
        },
        was={name.removeprefix("was-"): str(data.get(name, "")) for name in data if name.startswith("was-")},
        op=str(data.get("op", "check")),
        revision=int(revision) if str(revision).isdecimal() else None,
        base=str(data.get("base", "")),
        touched=set(str(data.get("touched", "")).split()),
        pending={
            name: _clean(data.get(f"{name}-add", "")) for name in (*LISTS, "topicName") if data.get(f"{name}-add", "")
        },
        data=data,
    )


def _clean(text: object) -> str:
    """Line ends as the engine counts them; NUL, which no database stores, is left out."""
    return str(text).replace("\r\n", "\n").replace("\0", "")


def _added(text: object) -> list[str]:
    """The lines of an *add* field; commas separate too, blank ones are left out."""
    return [part.strip() for part in re.split(r"[\n,]", _clean(text)) if part.strip()]


def _whole(text: object, values: ActionValues) -> int | None:
    """A whole number from 1; anything else is None and stays in `invalid` as it was typed (ACT-005)."""
    typed = str(text).strip()
    if re.fullmatch(r"[0-9]{1,9}", typed) and int(typed) >= 1:
        return int(typed)
    values.invalid["order"] = str(text)
    return None


def _choice(data: QueryDict, name: str, values: ActionValues) -> bool:
    """true or false; anything else counts as false and is named by ACT-013."""
    text = str(data.get(name, "false"))
    if text not in ("true", "false"):
        values.invalid[name] = text
    return text == "true"


def _params(data: QueryDict, type_name: str) -> dict[str, Param]:
    """Every posted field that is not of Action Edit, Back in steps or Data to send; the checks find what does not belong.

    Topics come one to an input and are stored as one comma-joined text.
    """
    reserved = {*ACTION_EDIT, *MANUAL_ONLY}
    known = action_type(type_name)
    keys = [spec.key for spec in known.params] if known else []
    keys += [name for name in data if name not in reserved and name not in keys and not CONTROL.match(name)]
    params = {}
    for key in keys:
        if key.startswith("replace-"):
            continue
        if key == "topicName":
            topics = [*map(_clean, data.getlist(key)), *_added(data.get("topicName-add", ""))]
            value = ",".join(topic.strip() for topic in topics)
            sent = bool(topics) or "has-topicName" in data
        else:
            value, sent = _clean(data.get(key, "")), key in data
        if sent:
            replaces = f"has-replace-{key}" not in data or data.get(f"replace-{key}", "") in ("on", "true")
            params[key] = Param(value, replaces)
    return params
