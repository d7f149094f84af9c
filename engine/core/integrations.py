"""What the engine looks up of integrations when it needs it: topics and Send headers in force now (engine 1.2, 6.2, 6.6).

A definition holds links (system and scenario), never their topics, so that a renamed topic needs no republish. The runtime reads
the scenarios of this installation's environment once a batch and hands them over in the `World`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.core.jsonio import Json

INTEGRATION = "INTEGRATION"
"""The `source` of an action or a stream that is linked; anything else is the definition's own (engine 6.2)."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario as it is now, in this environment; an empty topic means that there is none."""

    send_topic: str = ""
    receive_topic: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


NOWHERE = Scenario()
"""What a link gives that leads nowhere."""

Scenarios: TypeAlias = Mapping[tuple[str, str], Scenario]
"""(system, scenario) -> what it is now."""


@dataclass(frozen=True, slots=True)
class StreamTopic:
    """A topic a node listens on and the key path that receives the reply (engine 1.3); `link` names a scenario instead."""

    topic_name: str
    key_name: str
    link: tuple[str, str] | None = None

    def topic(self, scenarios: Scenarios) -> str:
        """The topic in force now; empty when the scenario has none."""
        if self.link is None:
            return self.topic_name
        return scenarios.get(self.link, NOWHERE).receive_topic


def first_missing(message: Json, properties: Iterable[str]) -> str | None:
    """The first of the mandatory properties that a message lacks, or has as null; None when it has all.

    A property is a path such as `loan.id`; `bikes[].model` means that of each item of a list. One whose parent is not there
    is not missed: a parent that must be there is listed itself.
    """
    return next((each for each in properties if _lacks(message, each.split("."))), None)


def _lacks(value: Json, path: list[str]) -> bool:
    name, rest = path[0].removesuffix("[]"), path[1:]
    found = value.get(name) if isinstance(value, dict) else None
    if path[0].endswith("[]"):
        items = found if isinstance(found, list) else []
        return any(_lacks(item, rest) if rest else item is None for item in items)
    if rest:
        return found is not None and _lacks(found, rest)
    return found is None
