"""Checks that the stored parameters are those of the action's type (ACT-012, ACT-013)."""

from __future__ import annotations

from collections.abc import Iterator

from designer.catalog import action_type, action_types
from designer.catalog.values import ActionValues
from designer.lint.problem import Fix, Problem, problem
from designer.lint.words import either

OTHER_LABELS = {
    "documentType": "Document type",
    "customId": "Folder",
    "processName": "Subprocess name",
    "paramsToCopy": "Copy from current state",
    "withoutParams": "Exclude from current state",
    "startedAsync": "Start mode",
    "outputKey": "Output key",
    "parentProcessInstanceId": "Target process",
    "params": "Copy from current state",
    "destination": "Destination in the parent state",
}
"""Labels of the parameters of types that are not installed, for the sentence of ACT-012."""


def label_of(key: str) -> str:
    """The label of a parameter of whatever type; its stored key when no form has it."""
    for kind in action_types().values():
        if (spec := kind.spec(key)) is not None:
            return spec.label
    return OTHER_LABELS.get(key, key)


def foreign_parameters(action: ActionValues) -> Iterator[Problem]:
    """ACT-012 for a filled parameter that the type does not have, ACT-013 for a choice that is none."""
    known = action_type(action.type)
    if known is None:
        return
    for key, param in action.params.items():
        spec = known.spec(key)
        if spec is None:
            if param.value.strip():
                yield problem("ACT-012", key, field=label_of(key), type=known.label, fix=Fix("Remove it", "clear", key))
        elif spec.choices and param.value not in dict(spec.choices):
            words = either(word for _, word in spec.choices)
            yield problem("ACT-013", key, v=param.value, field=spec.label, list=words)
