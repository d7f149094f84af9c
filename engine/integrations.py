"""Stores integrations: the engine's own rows of what is looked up when it is used (engine 1.2, 6.2).

Called through `engine.publishing`; what is in force is read by `engine.configuration`. Topics and headers act at once on
running instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from engine import configuration
from engine.core import topics
from engine.models import IntegrationScenario, IntegrationTopic

Direction = IntegrationTopic.Direction


def store(integration: Mapping[str, Any]) -> None:
    """Store an integration in place of what was stored under its name.

    The shape is that of its export (scenarios 3.10): `{"name", "scenarios": [{"name", "send": {"topics": [{"environment",
    "topic"}], "headers": [{"name", "value"}]}, "receive": {"topics": [...]}}]}`; other members are not looked at. A header's
    value is text with placeholders. Raises `ValueError` for a topic that Kafka does not take or an environment with two topics,
    `KeyError` for a member that is not there; nothing is stored then.
    """
    system = integration["name"]
    scenarios = list(integration.get("scenarios") or ())
    with transaction.atomic():
        IntegrationScenario.objects.filter(system=system).delete()
        made = [
            IntegrationScenario(system=system, name=each["name"], headers=_headers(each.get("send") or {}))
            for each in scenarios
        ]
        IntegrationScenario.objects.bulk_create(made)
        IntegrationTopic.objects.bulk_create(
            row for scenario, each in zip(made, scenarios, strict=True) for row in _topics(scenario, each)
        )
    configuration.forget()


def remove(system: str) -> None:
    """An integration that is no more: whatever is linked to it finds no topic."""
    IntegrationScenario.objects.filter(system=system).delete()
    configuration.forget()


def _headers(send: Mapping[str, Any]) -> dict[str, str]:
    return {row["name"]: row["value"] for row in send.get("headers") or ()}


def _topics(scenario: IntegrationScenario, stored: Mapping[str, Any]) -> Iterable[IntegrationTopic]:
    for direction, side in ((Direction.SEND, "send"), (Direction.RECEIVE, "receive")):
        seen: set[str] = set()
        for row in (stored.get(side) or {}).get("topics") or ():
            environment, topic = row.get("environment") or "", row["topic"]
            if not topics.is_legal(topic):
                raise ValueError(f"'{topic}' is not a legal topic name.")
            if environment in seen:
                raise ValueError(f"'{scenario.name}' has two {side} topics for the environment '{environment}'.")
            seen.add(environment)
            yield IntegrationTopic(scenario=scenario, direction=direction, environment=environment, topic=topic)
