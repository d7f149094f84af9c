"""Kafka Send Action (designer 1.6): always Automatic; topics, message, headers and message key. Parameters that are looked up
in an integration come with integrations; until then the source is always Custom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from designer import jsontext
from designer.catalog.base import ActionType, ParamSpec
from designer.catalog.values import ActionValues
from designer.design import Design
from designer.lint.catalogue import Severity
from designer.lint.keys import Place, check_path, is_known
from designer.lint.problem import Fix, Problem, problem
from designer.lint.template import check_json, json_template, plain_template
from designer.lint.words import nearest
from engine.core import paths
from flowx_site.config import config

DEFAULT_HEADERS = '{"processInstanceId": ${processInstanceId}}'
_LEGAL = re.compile(r"[A-Za-z0-9._-]+")
TOPIC_LENGTH = 249


def check(design: Design, action: ActionValues) -> Iterator[Problem]:
    """KFK codes, JSN codes of message and headers, KEY codes of what they read."""
    if action.text("source", "CUSTOM") == "INTEGRATION":
        yield from _integration(action)
    else:
        yield from _topics(design, action)
    target = ", ".join(action.topics) or "the topic"
    yield from check_json(
        design, action.text("message"), "message", replaces=action.replaces("message"), root="message", target=target
    )
    yield from _headers(design, action, target)
    yield from _key(design, action, target)


def _integration(action: ActionValues) -> Iterator[Problem]:
    system, scenario = action.text("integration"), action.text("scenario")
    if system and scenario:
        yield problem(
            "KFK-011", "scenario", variant="missing", severity=Severity.BLOCKER, system=system, scenario=scenario
        )
    else:
        yield problem("KFK-011", "scenario")


def _topics(design: Design, action: ActionValues) -> Iterator[Problem]:
    if not action.topics:
        yield problem("KFK-001", "topicName")
    replaces = action.replaces("topicName")
    for position, topic in enumerate(action.topics):
        if topic in action.topics[:position]:
            yield problem(
                "KFK-003", "topicName", t=topic, fix=Fix("Remove the second one", "remove_double", "topicName", topic)
            )
            continue
        yield from _topic(design, topic, replaces)


def _topic(design: Design, topic: str, replaces: bool) -> Iterator[Problem]:
    compiled, faults = plain_template(topic, "topicName")
    if faults and replaces:
        yield from faults
        return
    if compiled is None or compiled.is_static or not replaces:
        if not is_legal_topic(topic):
            yield problem("KFK-002", "topicName", t=topic)
        elif config.receives(topic):
            yield problem("KFK-009", "topicName", t=topic)
        return
    if any(piece and not _LEGAL.fullmatch(piece) for piece in compiled.literals):
        yield problem("KFK-002", "topicName", t=topic)
    for each in compiled.placeholders:
        if not is_known(design, each.path):
            known = [*design.parameters, *(attribute.path for attribute in design.attributes)]
            near = nearest(each.text, known)
            fix = Fix(f"Use {near}", "replace_key", "topicName", f"{each.text}\n{near}") if near else None
            yield problem("KFK-016", "topicName", p=each.text, fix=fix)


def is_legal_topic(name: str) -> bool:
    """Whether the broker takes this name (engine 6.3)."""
    return 0 < len(name) <= TOPIC_LENGTH and name not in (".", "..") and _LEGAL.fullmatch(name) is not None


def header_values(action: ActionValues) -> dict[str, Any]:
    """The headers as values with their placeholders, empty where the template does not parse."""
    text = action.text("headers")
    compiled, _ = json_template(text, "headers", required=False)
    if compiled is None:
        return {}
    value = jsontext.read(text, compiled)
    return value if isinstance(value, dict) else {}


def with_header(action: ActionValues, name: str, value: str) -> str:
    """The headers' text with one member set, or taken out for an empty value; all others as they were."""
    headers = header_values(action)
    if value:
        headers[name] = value
    else:
        headers.pop(name, None)
    return jsontext.write(headers)


def literal_header(action: ActionValues, name: str) -> str:
    """The text of a header that holds no placeholder, else ''."""
    value = header_values(action).get(name)
    if not isinstance(value, str) or isinstance(value, jsontext.Bare):
        return ""
    return "" if "${" in value and action.replaces("headers") else value


def _headers(design: Design, action: ActionValues, target: str) -> Iterator[Problem]:
    text = action.text("headers")
    yield from check_json(
        design,
        text,
        "headers",
        replaces=action.replaces("headers"),
        label="headers",
        required=False,
        target=target,
    )
    if any(not name.strip() for name in header_values(action)):
        yield problem("KFK-004", "headers")
    callback, node = literal_header(action, "callbacksForAction"), literal_header(action, "destinationId")
    if node and node not in design.node_by_name:
        near = nearest(node, design.node_by_name)
        fix = Fix(f"Use {near}", "set", "headers", with_header(action, "destinationId", near)) if near else None
        yield problem("KFK-007", "headers", n=node, fix=fix)
    topic = literal_header(action, "callbackTopic")
    if topic and not config.receives(topic):
        yield problem("KFK-019", "headers", t=topic, p=config.kafka_topic_pattern)
    if callback:
        yield from _callback(design, action, callback)


def _callback(design: Design, action: ActionValues, callback: str) -> Iterator[Problem]:
    named = design.action_named(callback)
    if named is None:
        near = nearest(callback, [each.name for each in design.actions]) or action.name
        fix = Fix(f"Use {near}", "set", "headers", with_header(action, "callbacksForAction", near))
        yield problem("KFK-006", "headers", a=callback, fix=fix)
        return
    if any(each.name == action.name for each in design.descendants(named)):
        fix = Fix(f"Use {action.name}", "set", "headers", with_header(action, "callbacksForAction", action.name))
        yield problem("KFK-017", "headers", a=callback, fix=fix)
        return
    node = design.node_by_id[named.node_id]
    runs = any(not each.manual and not each.optional for each in design.children(named))
    if node.type != "USER_TASK" or not runs:
        return
    root = _root(design, named)
    holds = any(
        each.manual and not each.optional and not each.parent_name and each.name != root.name
        for each in design.actions_by_node.get(node.pk, [])
    )
    if not holds:
        yield problem("KFK-018", "headers", node=node.name, root=root.name)


def _root(design: Design, action: ActionValues) -> ActionValues:
    """The topmost ancestor of an action; the action itself where its parents form a loop."""
    seen = {action.name}
    root = action
    while root.parent_name and root.parent_name not in seen:
        seen.add(root.parent_name)
        above = design.action_named(root.parent_name)
        if above is None:
            return root
        root = above
    return root


def _key(design: Design, action: ActionValues, target: str) -> Iterator[Problem]:
    text = action.text("messageKey")
    compiled, faults = plain_template(text, "messageKey")
    if not action.replaces("messageKey"):
        if "${" in text:
            yield problem("JSN-015", "messageKey", fix=Fix("Turn on Replace values", "replace_values", "messageKey"))
        return
    yield from faults
    for each in compiled.placeholders if compiled else ():
        yield from check_path(design, each.path, Place("messageKey", each.line, each.column, target))


def paths_read(action: ActionValues) -> list[paths.Path]:
    """Every path that message, headers, topics and key read, in that order, each once."""
    found: dict[paths.Path, None] = {}
    for key in ("message", "headers"):
        compiled, _ = json_template(action.text(key), key, root="message", required=False)
        if compiled is not None and action.replaces(key):
            found.update(dict.fromkeys(each.path for each in compiled.placeholders))
    for key in ("topicName", "messageKey"):
        plain, _ = plain_template(action.text(key), key)
        if plain is not None and action.replaces(key):
            found.update(dict.fromkeys(each.path for each in plain.placeholders))
    return list(found)


TYPE = ActionType(
    type="KAFKA_SEND",
    label="Kafka Send Action",
    short="Kafka Send",
    purpose="Sends a message to other systems over Kafka.",
    icon="outgoing_mail",
    place=1,
    node_types=("TASK", "USER_TASK", "MESSAGE_EVENT_SEND"),
    locked_manual=False,
    suggested_name="send",
    params=(
        ParamSpec(
            "source",
            "Source",
            "CUSTOM",
            (("CUSTOM", "Custom"), ("INTEGRATION", "From Integration")),
            "params.kafka.source",
        ),
        ParamSpec("topicName", "Topics", testid="params.kafka.topics", replaces=True),
        ParamSpec("message", "Message", testid="params.kafka.message", replaces=True),
        ParamSpec(
            "headers", "Advanced configuration (headers)", DEFAULT_HEADERS, testid="params.kafka.headers", replaces=True
        ),
        ParamSpec("messageKey", "Message key", testid="params.kafka.key", replaces=True),
    ),
    check=check,
    paths_read=paths_read,
    template="designer/actions/kafka_send.html",
    carry="message",
)
