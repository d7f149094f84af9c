"""Two OS processes that apply what they are given, in step: the machinery of the tests of conflicts.

A fighter runs `main`: it reads jobs from its standard input and answers with what became of each call.
A job is a list of rounds, a round a list of calls, a call the stimuli of one `runtime.apply`, or records for one
`intake.take_in`. Both fighters wait for each other before each round, so every round is a conflict; what happens within a round
is up to PostgreSQL. `Fighters` starts them and hands out the jobs.
"""

from __future__ import annotations

import mmap
import pickle
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from engine.core.stimuli import Refused, Stimulus, TimerDue

LIMIT_S = 60.0
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Arrives:
    """A record as a consumer reads it; without an instance's id its key is for the consumer to make sense of."""

    topic: str
    value: str
    message_id: UUID
    instance_id: int
    partition: int
    offset: int


Call = Sequence[Stimulus | Arrives]
Round = Sequence[Call]


@dataclass(frozen=True, slots=True)
class Became:
    """What a stimulus led to: `done`, `fired` or `ignored` (a timer), `taken` (a record), a refusal's status, or an error."""

    word: str
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fought:
    """One round of one fighter: what became of each stimulus of each call, and when it began and ended."""

    calls: list[list[Became]]
    begun: float
    ended: float

    @property
    def words(self) -> list[str]:
        return [became.word for call in self.calls for became in call]


class InStep:
    """Lets processes wait for each other, through a file that they share: a number for each seat."""

    def __init__(self, path: Path, seat: int, seats: int) -> None:
        with path.open("r+b") as file:
            self._numbers = memoryview(mmap.mmap(file.fileno(), 8 * seats)).cast("Q")
        self._seat = seat

    @staticmethod
    def make(path: Path, seats: int) -> None:
        path.write_bytes(bytes(8 * seats))

    def wait(self, number: int) -> None:
        """Until all have come to this number."""
        self._numbers[self._seat] = number
        deadline = time.monotonic() + LIMIT_S
        while min(self._numbers) < number:
            if time.monotonic() > deadline:
                raise TimeoutError("the other fighter has not come")
            time.sleep(0.00005)


# -- the side of the test ----------------------------------------------------------------------------------------------


class Fighters:
    """Two programs that wait for jobs; they live until `close`."""

    def __init__(self, environ: Mapping[str, str], folder: Path, seats: int = 2) -> None:
        self._folder, self._jobs = folder, 0
        self._logs = [folder / f"fighter-{seat}.log" for seat in range(seats)]
        self._programs = [self._start(environ, log) for log in self._logs]

    def _start(self, environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-c", "from tests.services import duel; duel.main()"],
                cwd=ROOT,
                env=dict(environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
            )

    def fight(self, *plans: Sequence[Round]) -> list[list[Fought]]:
        """Give each fighter its rounds; gives what became of them, one list a fighter."""
        assert len({len(plan) for plan in plans}) == 1
        assert len(plans) == len(self._programs)
        self._jobs += 1
        together = self._folder / f"in-step-{self._jobs}"
        InStep.make(together, len(plans))
        for seat, (program, plan) in enumerate(zip(self._programs, plans, strict=True)):
            assert program.stdin is not None
            pickle.dump((together, seat, len(plans), plan), program.stdin)
            program.stdin.flush()
        return [self._answer(program, log) for program, log in zip(self._programs, self._logs, strict=True)]

    def _answer(self, program: subprocess.Popen[bytes], log: Path) -> list[Fought]:
        assert program.stdout is not None
        try:
            fought: list[Fought] = pickle.load(program.stdout)
        except EOFError:
            raise AssertionError(f"a fighter ended: {log.read_text()[-3000:]}") from None
        return fought

    def close(self) -> None:
        for program in self._programs:
            program.kill()
            program.wait()
            for pipe in (program.stdin, program.stdout):
                assert pipe is not None
                pipe.close()


def overlapping(left: Sequence[Fought], right: Sequence[Fought]) -> int:
    """The rounds in which both were at work at the same moment."""
    return sum(one.begun < other.ended and other.begun < one.ended for one, other in zip(left, right, strict=True))


# -- the side of a fighter ---------------------------------------------------------------------------------------------


def do(call: Call) -> list[Became]:
    """One call through the public door; an error is an answer too."""
    from engine import runtime

    try:
        if isinstance(call[0], Arrives):
            take_in([each for each in call if isinstance(each, Arrives)])
            return [Became("taken") for _ in call]
        stimuli = [each for each in call if not isinstance(each, Arrives)]
        return [word(stimulus, outcome) for stimulus, outcome in zip(stimuli, runtime.apply(stimuli), strict=True)]
    except Exception as error:
        return [Became(f"{type(error).__name__}: {error}") for _ in call]


def word(stimulus: Stimulus, outcome: Any) -> Became:
    """What to call an outcome."""
    if isinstance(outcome, Refused):
        return Became(str(outcome.refusal.status))
    if hasattr(outcome, "error"):
        return Became(f"crashed: {outcome.error!r}")
    if isinstance(stimulus, TimerDue):
        return Became("fired" if outcome.answer["fired"] else "ignored")
    return Became("done", dict(outcome.answer))


def take_in(arrived: Sequence[Arrives]) -> None:
    """Records of one read, as the consumer takes them in."""
    from django.utils import timezone

    from engine.kafka import intake
    from engine.kafka.correlate import Record
    from engine.kafka.offsets import Offsets

    records = [
        Record(
            topic=each.topic,
            partition=each.partition,
            offset=each.offset,
            key=None,
            value=each.value.encode(),
            headers={"Fx-MessageId": str(each.message_id), "processInstanceId": str(each.instance_id)},
            received_at=timezone.now(),
        )
        for each in arrived
    ]
    intake.take_in(records, Offsets("duel", "cluster"))


def fight(together: Path, seat: int, seats: int, plan: Sequence[Round]) -> list[Fought]:
    """All rounds of a job, each begun when all have come to it."""
    from django.db import connection

    from engine import configuration, ids, snapshots

    for forget in (ids.forget, snapshots.forget, configuration.forget):
        forget()
    in_step = InStep(together, seat, seats)
    fought: list[Fought] = []
    for number, calls in enumerate(plan, 1):
        in_step.wait(number)
        begun = time.monotonic()
        became = [do(call) for call in calls]
        fought.append(Fought(became, begun, time.monotonic()))
    connection.close()
    connection.close_pool()  # the next job may find another server
    return fought


def main() -> None:
    import django

    django.setup()
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    while True:
        try:
            together, seat, seats, plan = pickle.load(jobs)
        except EOFError:
            return
        pickle.dump(fight(together, seat, seats, plan), answers)
        answers.flush()
