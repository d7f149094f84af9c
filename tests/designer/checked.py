"""A new action of a draft and what the checks say of it."""

from __future__ import annotations

from designer.catalog import ActionValues, Param
from designer.forms.action_form import new_values
from designer.lint import Problem, check_action
from tests.designer.conftest import Draft


def values_of(draft: Draft, kind: str = "KAFKA_SEND", **params: str) -> ActionValues:
    """A new action that is valid but for what is given."""
    values = new_values(draft.design, draft.nodes["user_task"], kind)
    values.params["message"] = Param('{"a": 1}')
    if kind == "KAFKA_SEND":
        values.params["topicName"] = Param("crm.lookup.v1")
    for key, text in params.items():
        values.params[key] = Param(text, values.replaces(key))
    return values


def problems(draft: Draft, values: ActionValues) -> list[Problem]:
    return check_action(draft.design.with_action(values), values)


def found(draft: Draft, values: ActionValues, code: str) -> Problem | None:
    return next((each for each in problems(draft, values) if each.code == code), None)
