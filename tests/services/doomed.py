"""Pairs of writers of which one is killed in the middle, for `test_killed_writers`: a program that forks them, life by life.

`main` reads a plan from its standard input: for each life the calls of both writers, and how the first of them dies: at a planted
fault point, or by SIGKILL some moments after it has acknowledged so many calls. A writer writes the name of each stimulus that
was done, or refused, into a file: only what is there counts as acknowledged.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.core.stimuli import Execute

LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Life:
    """The calls of the writer that dies and of the one that lives; `point` is where it dies, or else `after` so many calls."""

    doomed: Sequence[Sequence[Execute]]
    lives: Sequence[Sequence[Execute]]
    point: str = ""
    after: int = 1
    moments: int = 0


def write(calls: Sequence[Sequence[Execute]], acknowledged: Path, point: str = "", at: int = 1) -> None:
    """Apply the calls, one after the other, and say so."""
    from engine import faults, runtime
    from engine.core.stimuli import Done

    if point:
        faults.ARMED, faults.DEED, faults.AT = point, "kill", at
    file = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for call in calls:
        outcomes = runtime.apply(call)
        names = [each.actor.name for each, outcome in zip(call, outcomes, strict=True) if isinstance(outcome, Done)]
        os.write(file, "".join(f"{name}\n" for name in names).encode())


def fork(calls: Sequence[Sequence[Execute]], acknowledged: Path, point: str = "", at: int = 1) -> int:
    """A writer of its own; gives its process id."""
    made = os.fork()
    if made:
        return made
    code = 1
    with contextlib.suppress(BaseException):
        write(calls, acknowledged, point, at)
        code = 0
    os._exit(code)


def live(life: Life, acknowledged: Path) -> tuple[int, int]:
    """Both writers at once until both are gone; gives how they ended: the exit code, or minus the signal."""
    before = acknowledged.with_suffix(".doomed")
    before.write_bytes(b"")
    doomed = fork(life.doomed, before, life.point, life.after)
    other = fork(life.lives, acknowledged)
    if not life.point:
        deadline = time.monotonic() + LIMIT_S
        while before.read_bytes().count(b"\n") < life.after and time.monotonic() < deadline:
            time.sleep(0.0005)
        for _ in range(life.moments):
            time.sleep(0.0003)
        with contextlib.suppress(ProcessLookupError):
            os.kill(doomed, signal.SIGKILL)
    ends = [os.waitstatus_to_exitcode(os.waitpid(each, 0)[1]) for each in (doomed, other)]
    with acknowledged.open("ab") as file:
        file.write(before.read_bytes())
    return ends[0], ends[1]


def main() -> None:
    import django

    django.setup()
    acknowledged, plan = pickle.load(sys.stdin.buffer)
    ends = [live(life, acknowledged) for life in plan]
    pickle.dump(ends, sys.stdout.buffer)
