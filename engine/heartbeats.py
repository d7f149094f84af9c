"""Signs of life of the running OS processes, for the status page (engine 15.5).

A sign is written at most every ten seconds a process, costs one statement, and never disturbs who gives it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError
from django.utils import timezone

from engine.machines import is_dead, this_process
from engine.models import Heartbeat

log = logging.getLogger("flowx.heartbeats")

EVERY_S = 10.0
_given: dict[str, float] = {}


def own_name(kind: str) -> str:
    """The process's name in the table: its kind, machine and number."""
    return f"{kind}@{this_process()}"


def beat(kind: str, *, name: str = "", details: Mapping[str, Any] | None = None, every_s: float = EVERY_S) -> bool:
    """Give a sign of life of kind `web`, `worker`, `beat` or `gateway`; true when it was written."""
    name = name or own_name(kind)
    now = time.monotonic()
    if now - _given.get(name, -every_s) < every_s:
        return False
    _given[name] = now
    try:
        Heartbeat.objects.bulk_create(
            [Heartbeat(name=name[:150], kind=kind, at=timezone.now(), details=dict(details or {}))],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["kind", "at", "details"],
        )
    except DatabaseError as error:
        log.debug("No sign of life could be written: %s", error)
        return False
    return True


def end(kind: str, *, name: str = "") -> None:
    """Take the sign away: the process ended on purpose, nobody need worry."""
    try:
        Heartbeat.objects.filter(name=(name or own_name(kind))[:150]).delete()
    except DatabaseError as error:
        log.debug("The sign of life could not be taken away: %s", error)
    _given.pop(name or own_name(kind), None)


def forget_dead(kind: str) -> None:
    """Take away the signs of processes of this kind that were killed here: their successor has one of its own."""
    names = Heartbeat.objects.filter(kind=kind).values_list("name", flat=True)
    if dead := [name for name in names if is_dead(name.partition("@")[2])]:
        Heartbeat.objects.filter(name__in=dead).delete()
