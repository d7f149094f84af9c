"""Generic parameters (designer 3.6): their checks, and saving, which also stores the engine's own copy, so that a change acts at
once on running instances (engine 6.4)."""

from __future__ import annotations

import os
import re

from django.db import transaction

from designer.lint.keys import RESERVED
from designer.lint.problem import Problem, problem
from designer.models import GenericParameter, ParameterKind
from engine import publishing
from engine.core import paths

PREFIX = "FLOWX_PARAM_"
KEY_LENGTH = 100
VALUE_LENGTH = 255
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")


def parameter_problems(parameter: GenericParameter) -> list[Problem]:
    """PRM-001 to 006 for a parameter that is about to be saved."""
    found = [*_key(parameter)]
    if len(parameter.value) > VALUE_LENGTH:
        found.append(problem("PRM-003", "value", n=len(parameter.value)))
    elif parameter.kind != ParameterKind.VALUE:
        name = parameter.value.strip()
        if not name.startswith(PREFIX) or not _VARIABLE.fullmatch(name):
            found.append(problem("PRM-006", "value"))
        elif name not in os.environ:
            found.append(problem("PRM-005", "value", v=name))
    return found


def _key(parameter: GenericParameter) -> list[Problem]:
    try:
        path = paths.parse(parameter.key)
    except paths.PathError:
        path = ()
    if not path or len(parameter.key) > KEY_LENGTH:
        return [problem("PRM-001", "key")]
    if path[0] in (*RESERVED, "user"):
        return [problem("PRM-004", "key", key=parameter.key)]
    same = GenericParameter.objects.filter(key=parameter.key, environment=parameter.environment).exclude(
        pk=parameter.pk
    )
    if same.exists():
        return [problem("PRM-002", "environment", key=parameter.key, env=parameter.environment or "all environments")]
    return []


@transaction.atomic
def save_parameter(parameter: GenericParameter) -> None:
    """Store a checked parameter, and the engine's copy; a renamed one leaves no old copy behind."""
    before = GenericParameter.objects.filter(pk=parameter.pk).first() if parameter.pk else None
    if before is not None and (before.key, before.environment) != (parameter.key, parameter.environment):
        publishing.remove_generic_parameter(before.key, environment=before.environment)
    parameter.value = parameter.value if parameter.kind == ParameterKind.VALUE else parameter.value.strip()
    parameter.save()
    publishing.store_generic_parameter(
        parameter.key, parameter.value, environment=parameter.environment, kind=parameter.kind
    )


@transaction.atomic
def delete_parameter(parameter: GenericParameter) -> None:
    """Remove a parameter and the engine's copy."""
    publishing.remove_generic_parameter(parameter.key, environment=parameter.environment)
    parameter.delete()


def effective(parameter: GenericParameter, environment: str) -> bool:
    """Whether this value is the one in force in an environment: its own, or the one for all where there is none of its own."""
    if parameter.environment == environment:
        return True
    own = GenericParameter.objects.filter(key=parameter.key, environment=environment)
    return parameter.environment == "" and not own.exists()
