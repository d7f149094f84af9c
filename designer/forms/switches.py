"""What happens when a controlling field is switched (designer 1.10): values that become hidden are kept in the page, and a
switch that would drop values asks first. A save switches nothing; what does not belong is refused there."""

from __future__ import annotations

from dataclasses import dataclass, field

from designer.catalog import ActionValues, Param, action_type
from designer.catalog.websocket_send import SKELETON
from designer.forms.matrix import BACK
from designer.forms.posted import FLAGS, LISTS, MANUAL_ONLY, Posted
from designer.lint.action import MANUAL_ONLY as LABELS

ACTION_EDIT_PARAMS = frozenset({"source"})


@dataclass(frozen=True, slots=True)
class Ask:
    """The question before a switch: what it would remove, and whether the message may be carried over. `to` goes back to the
    server with the answer: 'automatic' or 'type:KAFKA_SEND'."""

    title: str
    sentence: str
    lost: tuple[tuple[str, str], ...]
    apply: str
    keep: str
    to: str
    carry: bool = False


@dataclass
class Outcome:
    """After the switches: the question to ask, the fields whose inputs the server changed, and what to say aloud."""

    ask: Ask | None = None
    forced: set[str] = field(default_factory=set)
    said: str = ""


def apply_switches(posted: Posted) -> Outcome:
    """Follow what was switched since the form was rendered. Changes `posted` in place."""
    outcome = Outcome()
    confirmed = posted.control("switch-to") if posted.op == "switch" else ""
    if confirmed.startswith("type:"):
        posted.values.type = confirmed.removeprefix("type:")
        _change_type(posted, outcome, confirmed=True)
    elif posted.was.get("type", posted.values.type) != posted.values.type:
        _change_type(posted, outcome, confirmed=False)
    if confirmed == "automatic":
        posted.values.manual = False
    if outcome.ask is None:
        _trigger(posted, outcome, confirmed=confirmed == "automatic")
    _back(posted)
    _message_type(posted, outcome)
    return outcome


def filled_manual_only(values: ActionValues) -> dict[str, str]:
    """The fields that only a Manual action may have and that hold something, with their values in words."""
    found = {}
    for name in MANUAL_ONLY:
        value = _value(values, name)
        if value:
            found[name] = ", ".join(value) if isinstance(value, list) else "on"
    return found


def _trigger(posted: Posted, outcome: Outcome, *, confirmed: bool) -> None:
    values, was = posted.values, posted.was.get("manual", "")
    known = action_type(values.type)
    if known is not None and known.locked_manual is not None:
        return
    if was == "true" and not values.manual:
        filled = filled_manual_only(values)
        if filled and not confirmed:
            values.manual = True
            outcome.forced.add("manual")
            lost = tuple((LABELS[name], words) for name, words in filled.items())
            outcome.ask = Ask(
                "Switch to Automatic?", "An Automatic action has none of these; they will be removed:", lost,
                "Remove and switch", "Keep Manual", "automatic",
            )  # fmt: skip
            return
        _hide(posted, MANUAL_ONLY)
        if values.optional:
            posted.kept["optional"] = ["true"]
            values.optional = False
        outcome.said = "Required type is locked to Mandatory. Back in steps and Data to send are hidden."
    elif was == "false" and values.manual:
        _restore(posted, MANUAL_ONLY)
        if posted.kept.pop("optional", None) == ["true"]:
            values.optional = True
        outcome.said = "Required type can be chosen. Back in steps and Data to send are shown."


def _back(posted: Posted) -> None:
    values, was = posted.values, posted.was.get("allowTokenReset", "")
    if not values.manual:
        return
    if was == "true" and not values.allow_token_reset:
        _hide(posted, BACK)
    elif was == "false" and values.allow_token_reset:
        _restore(posted, BACK)


def _change_type(posted: Posted, outcome: Outcome, *, confirmed: bool) -> None:
    values = posted.values
    old, new = action_type(posted.was.get("type", "")), action_type(values.type)
    if old is None or new is None or old.type == new.type:
        return
    lost = [
        (spec.label, _short(values.text(spec.key)))
        for spec in old.params
        if spec.key in values.params
        and _is_filled(values.params[spec.key], spec.default)
        and spec.key not in ACTION_EDIT_PARAMS
    ]
    becomes_automatic = new.locked_manual is False and values.manual
    if becomes_automatic:
        lost += [(LABELS[name], words) for name, words in filled_manual_only(values).items()]
    if lost and not confirmed:
        carry = bool(old.carry and new.carry and values.text(old.carry).strip())
        outcome.ask = Ask(
            f"Change to {new.label}?", f"These parameters of the {old.label} will be removed:", tuple(lost),
            "Remove and change", f"Keep {old.label}", f"type:{new.type}", carry,
        )  # fmt: skip
        values.type = old.type
        outcome.forced.add("type")
        return
    message = values.text(old.carry) if old.carry and posted.control("carry") else ""
    posted.kept |= {f"{old.type}.{key}": [param.value] for key, param in values.params.items() if old.spec(key)}
    values.params = new.defaults()
    for spec in new.params:
        if (kept := posted.kept.pop(f"{new.type}.{spec.key}", None)) is not None:
            values.params[spec.key] = Param(kept[0])
    if message and new.carry:
        values.params[new.carry] = Param(message)
    outcome.forced |= {spec.key for spec in new.params}
    outcome.said = f"The action is now a {new.label}."
    if new.locked_manual is not None and values.manual != new.locked_manual:
        if becomes_automatic:
            _hide(posted, MANUAL_ONLY)
            values.optional = False
        values.manual = new.locked_manual


def _message_type(posted: Posted, outcome: Outcome) -> None:
    """Default → Action puts a skeleton into an empty message; a filled one stays as it is."""
    values = posted.values
    switched = posted.was.get("messageType") == "data" and values.text("messageType") == "action"
    if switched and not values.text("message").strip():
        values.set_text("message", SKELETON)
        outcome.forced.add("message")


def _hide(posted: Posted, names: tuple[str, ...]) -> None:
    for name in names:
        value = _value(posted.values, name)
        if value:
            posted.kept[name] = value if isinstance(value, list) else ["true"]
        setattr(posted.values, {**FLAGS, **LISTS}[name], [] if name in LISTS else False)


def _restore(posted: Posted, names: tuple[str, ...]) -> None:
    for name in names:
        kept = posted.kept.pop(name, None)
        if kept is not None and not _value(posted.values, name):
            setattr(posted.values, {**FLAGS, **LISTS}[name], kept if name in LISTS else kept == ["true"])


def _value(values: ActionValues, name: str) -> list[str] | bool:
    value: list[str] | bool = getattr(values, {**FLAGS, **LISTS}[name])
    return value


def _is_filled(param: Param, default: str) -> bool:
    return bool(param.value.strip()) and param.value.split() != default.split()


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
