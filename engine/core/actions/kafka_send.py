"""Kafka Send: one outbox row a topic, with the same message, headers and key (engine 6).

The action is COMPLETED with the transition that holds its rows; the relay sends them afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from engine.core import jsonio, paths, topics
from engine.core.actions.run import ActionFailed, ActionRun, plain_text
from engine.core.graph import Action, Param
from engine.core.integrations import NOWHERE, Scenario, Scenarios, first_missing
from engine.core.lookup import JWT_PATH, Lookup, lookup_for
from engine.core.state import Outgoing
from engine.core.turn import Turn

USER_JWT = "${user.jwt}"
DEFAULT_HEADERS = '{"processInstanceId": ${processInstanceId}}'


def run(action_run: ActionRun) -> None:
    """Make the rows. Raises `ActionFailed`, with nothing sent, for any part that is not legal once filled in."""
    names = topics_of(action_run)
    value = action_run.json_text("message", root="message", what="message")
    if value[0] not in "{[":
        raise ActionFailed(
            f"The message of '{action_run.action.name}' is neither an object nor a list but {_short(value)}. "
            "Give its key an object or a list, or write the message as an object."
        )
    _check_mandatory(action_run, value)
    send(action_run, names, value, _key(action_run))


def send(action_run: ActionRun, names: list[str], value: str, key: str) -> None:
    """Queue the same record for each topic, with the action's headers. Raises `ActionFailed` for one that is too large."""
    headers, minted = _headers(action_run)
    _check_size(action_run, value, headers, key)
    for position, topic in enumerate(names):
        _queue(action_run, topic, key, value, headers, minted, position)


def message_id(instance: UUID, visit_number: int, action_id: int, run_number: int, position: int) -> UUID:
    """`Fx-MessageId`: the same step makes the same id again (engine 6.5)."""
    return uuid5(instance, f"{visit_number}:{action_id}:{run_number}:{position}")


def topics_of(action_run: ActionRun) -> list[str]:
    """The topics, filled in and legal (engine 6.3). Raises `ActionFailed`."""
    return topics_now(action_run.action, action_run.turn.world.scenarios, action_run.lookup)


def topic_again(turn: Turn, action: Action, row_id: UUID, visit_number: int, run_number: int) -> str | None:
    """The topic that a record made earlier would have now: of its place among the action's topics (engine 6.5).

    None for a row that no run of this action has made. Raises `ActionFailed` when there is no legal topic now.
    """
    found = topics_now(action, turn.world.scenarios, lookup_for(turn.world, turn.state))
    for position, topic in enumerate(found):
        if message_id(turn.state.uuid, visit_number, action.id, run_number, position) == row_id:
            return topic
    return None


def topics_now(action: Action, scenarios: Scenarios, lookup: Lookup) -> list[str]:
    """An action's topics, filled in and legal (engine 6.3). Raises `ActionFailed`."""
    param = _topic_param(action, scenarios)
    found = []
    for piece in param.value.split(","):
        text, missing = plain_text(
            action, Param("topicName", piece.strip(), param.replace_values), lookup, what="topic"
        )
        if missing:
            raise ActionFailed(
                f"No value for topic placeholder {missing[0]}. Set the key or the generic parameter, then retry."
            )
        if not topics.is_legal(text):
            raise ActionFailed(
                f"'{_short(text)}' is not a legal topic name: letters, digits, '.', '_', '-', at most 249. "
                "Correct the topic or the value in it, then retry."
            )
        found.append(text)
    return found


def _topic_param(action: Action, scenarios: Scenarios) -> Param:
    """The action's own topics, or the one that its scenario has now (engine 6.2)."""
    if action.link is not None:
        topic = scenarios.get(action.link, NOWHERE).send_topic
        if not topic:
            system, name = action.link
            raise ActionFailed(
                f"'{action.name}' has no topic: the scenario '{name}' of the integration '{system}' has no Send topic for "
                "this environment. Add one there, then retry."
            )
        return Param("topicName", topic)
    param = action.params.get("topicName")
    if param is None or not param.value.strip():
        raise ActionFailed(f"'{action.name}' has no topic. Add one in the designer and publish.")
    return param


def _scenario(action_run: ActionRun) -> Scenario:
    """What the action's link names now; empty when there is no link, or it leads nowhere."""
    link = action_run.action.link
    return NOWHERE if link is None else action_run.turn.world.scenarios.get(link, NOWHERE)


def _check_mandatory(action_run: ActionRun, value: str) -> None:
    """Each mandatory property of the scenario's model is there and not null (engine 6.2)."""
    properties = action_run.action.mandatory_properties
    if action_run.action.link is None or not properties:
        return
    missing = first_missing(jsonio.loads(value), properties)
    if missing is not None:
        raise ActionFailed(
            f"The message of '{action_run.action.name}' has no value for '{missing}', which its integration asks for. "
            "Set the key that it takes, then retry."
        )


def _headers(action_run: ActionRun) -> tuple[dict[str, str], tuple[str, ...]]:
    """The configured headers as text, with the sender's ids added where they are missing (engine 6.5), and the names of
    those that are to hold a token of the instance's owner, made as the record leaves (engine 7)."""
    mark = _mark(action_run)
    configured = _scenario_headers(mark.run)
    if action_run.action.text("headers").strip():
        text = mark.run.json_text("headers", root="object", what="headers")
        loaded = jsonio.loads(text)
        if not isinstance(loaded, dict):
            raise ActionFailed(f"The headers of '{action_run.action.name}' are not a JSON object. Correct them.")
        configured.update((name, "" if value is None else header_text(value)) for name, value in loaded.items())
        configured = {name: text for name, text in configured.items() if loaded.get(name, text) is not None}
    minted = tuple(mark.gone(name) for name, text in configured.items() if mark.text and text == mark.text)
    if mark.text:
        configured = {
            mark.gone(name): USER_JWT if text == mark.text else mark.gone(text) for name, text in configured.items()
        }
    state = action_run.turn.state
    own = (str(state.id), state.uuid_text)
    addressed = configured.setdefault("processInstanceId", str(state.id))
    if addressed in own:
        configured.setdefault("processInstanceUuid", state.uuid_text)
    return configured, minted


def _scenario_headers(action_run: ActionRun) -> dict[str, str]:
    """The headers that the scenario has now; one whose value is not there is left out. The action's own go over them."""
    found: dict[str, str] = {}
    for name, value in _scenario(action_run).headers.items():
        text, missing = action_run.plain_text(Param(name, value), what=f"header '{name}'")
        if text or not missing:
            found[name] = text
    return found


@dataclass(frozen=True, slots=True)
class Mark:
    """A text that no value can hold, put in the place of `${user.jwt}` while headers are filled in."""

    run: ActionRun
    text: str

    def gone(self, text: str) -> str:
        """Where it is not the whole value of a header there is nothing in its place (engine 7)."""
        return text.replace(self.text, "") if self.text else text


def _mark(action_run: ActionRun) -> Mark:
    texts = (action_run.action.text("headers"), *_scenario(action_run).headers.values())
    if not any("jwt" in each for each in texts):
        return Mark(action_run, "")
    text = f"\N{OBJECT REPLACEMENT CHARACTER}{action_run.turn.world.new_uuid().hex}"

    def lookup(path: paths.Path) -> jsonio.Json | paths.Missing:
        return text if path == JWT_PATH else action_run.lookup(path)

    return Mark(replace(action_run, lookup=lookup), text)


def header_text(value: jsonio.Json) -> str:
    """A header value as it travels: text as it is, all else as compact JSON (engine 6.5)."""
    return value if isinstance(value, str) else jsonio.dumps(value)


def _key(action_run: ActionRun) -> str:
    param = action_run.action.params.get("messageKey")
    if param is None or not param.value.strip():
        return action_run.turn.state.uuid_text
    text, _ = action_run.plain_text(param, what="message key")
    return text or action_run.turn.state.uuid_text


def _check_size(action_run: ActionRun, value: str, headers: dict[str, str], key: str) -> None:
    size = len(value.encode()) + len(key.encode())
    size += sum(len(name.encode()) + len(text.encode()) for name, text in headers.items())
    limit = action_run.turn.world.limits.record
    if size > limit:
        raise ActionFailed(
            f"The record has {size / 1024:,.0f} kB; at most {limit / 1024:,.0f} kB are sent. "
            "Make its values smaller or leave them out of the message, then retry."
        )


def _queue(
    action_run: ActionRun,
    topic: str,
    key: str,
    value: str,
    headers: dict[str, str],
    minted: tuple[str, ...],
    position: int,
) -> None:
    turn, visit, action = action_run.turn, action_run.visit, action_run.action
    row = Outgoing(
        id=message_id(turn.state.uuid, visit.number, action.id, action_run.number, position),
        topic=topic,
        key=key,
        value=value,
        headers=headers,
        minted=minted,
        visit_id=visit.id,
        visit_number=visit.number,
        action_id=action.id,
        action_name=action.name,
        node_name=action_run.node.name,
        run=action_run.number,
    )
    turn.world.changes.outgoing.append((turn.state, row))
    turn.entry(
        "Message Send",
        token=action_run.token,
        node=action_run.node,
        action=action,
        details={"topic": topic},
        outbox_id=row.id,
    )


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
