"""Generic parameters and integrations in force for this installation's environment, looked up live and kept for one second a
process.

A value for exactly this environment wins over one for all (engine 6.2, 6.4). Environment variables that parameters name must
begin with `FLOWX_PARAM_`; the value of a secret one never leaves this module but by `generic_parameters`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from engine.core.integrations import Scenario, Scenarios
from engine.models import GenericParameterValue, IntegrationScenario, IntegrationTopic
from flowx_site.config import config

KEPT_S = 1.0
PREFIX = "FLOWX_PARAM_"

_kept: tuple[float, Mapping[str, str]] | None = None
_kept_scenarios: tuple[float, Scenarios] | None = None


def generic_parameters() -> Mapping[str, str]:
    """Key -> value for `FLOWX_ENVIRONMENT`; at most one second old."""
    global _kept
    now = time.monotonic()
    if _kept is None or now - _kept[0] > KEPT_S:
        _kept = (now, _read())
    return _kept[1]


def scenarios() -> Scenarios:
    """(system, scenario) -> its topics and headers for `FLOWX_ENVIRONMENT`; at most one second old (engine 6.2)."""
    global _kept_scenarios
    now = time.monotonic()
    if _kept_scenarios is None or now - _kept_scenarios[0] > KEPT_S:
        _kept_scenarios = (now, _read_scenarios())
    return _kept_scenarios[1]


def forget() -> None:
    """The next look-up reads the rows again."""
    global _kept, _kept_scenarios
    _kept = _kept_scenarios = None


def _read() -> dict[str, str]:
    found: dict[str, str] = {}
    rows = GenericParameterValue.objects.filter(environment__in=["", config.environment]).order_by("environment")
    for row in rows:  # the exact environment sorts after the empty one and wins
        if row.kind == GenericParameterValue.Kind.VALUE:
            found[row.key] = row.value
        elif row.value.startswith(PREFIX) and row.value in os.environ:
            found[row.key] = os.environ[row.value]
    return found


def _read_scenarios() -> dict[tuple[str, str], Scenario]:
    """Two statements, whatever there is."""
    topics: dict[tuple[int, str], str] = {}
    rows = IntegrationTopic.objects.filter(environment__in=["", config.environment]).order_by("environment")
    for scenario_id, direction, topic in rows.values_list("scenario_id", "direction", "topic"):
        topics[scenario_id, direction] = topic  # the exact environment sorts after the empty one and wins
    return {
        (row.system, row.name): Scenario(
            send_topic=topics.get((row.pk, IntegrationTopic.Direction.SEND), ""),
            receive_topic=topics.get((row.pk, IntegrationTopic.Direction.RECEIVE), ""),
            headers=row.headers,
        )
        for row in IntegrationScenario.objects.all()
    }
