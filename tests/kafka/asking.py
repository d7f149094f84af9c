"""Requests to the engine over Kafka, for tests: records on its own topics, and the answers that they got."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from engine import bearer
from engine.kafka import requests
from engine.kafka.correlate import Record
from engine.kafka.offsets import Offsets
from engine.kafka.requests import callers
from engine.models import OutboxMessage
from flowx_site.config import config
from tests.kafka.arriving import record

CALLBACK = "ai.flowx.dev.engine.receive.core.results.v1"


def trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker's ACLs decide."""
    monkeypatch.setattr(callers, "config", replace(callers.config, process_start_auth="trusted"))


def ask(topic: str, *bodies: Any, again: list[Record] | None = None, **fields: Any) -> list[Record]:
    """Give the engine records of one read on one of its topics; `again` are records to be delivered once more."""
    made = again or [record(body, topic=topic, **fields) for body in bodies]
    requests.take_in(made, Offsets("flowx-test", "cluster"))
    return made


def answers(topic: str) -> list[dict[str, Any]]:
    """The bodies of the answers on a topic, in order."""
    return [json.loads(row.value) for row in rows(topic)]


def rows(topic: str) -> list[OutboxMessage]:
    return list(OutboxMessage.objects.filter(topic=topic).order_by("seq"))


def headers(topic: str) -> dict[str, str]:
    """The headers of the only answer on a topic."""
    [row] = rows(topic)
    found: dict[str, str] = json.loads(row.headers)
    return found


def confirmed() -> dict[str, Any]:
    """The only answer on the confirm topic."""
    [answer] = answers(config.topic_start_out)
    return answer


def user(name: str, *groups: str) -> User:
    made = User.objects.create_user(name, password="secret")
    made.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return made


def token_of(owner: User, **fields: Any) -> str:
    return bearer.issue(owner, "test", **fields)[1]
