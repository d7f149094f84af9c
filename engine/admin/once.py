"""A form that runs once, however often it is posted (designer 4.3): its token is claimed in the transaction of its effect.

A second post of the same form, a double click for one, gets the answer of the first and has no effect of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.db import transaction
from django.http import HttpRequest

from engine import idempotency, runtime
from engine.core import jsonio
from engine.core.stimuli import Outcome, Refused, Stimulus
from engine.idempotency import Call, Repeated
from engine.models import IdempotencyRecord

FIELD = "once"


@dataclass(frozen=True, slots=True)
class Result:
    """What a post came to: how many were done, and what was refused, each with its code."""

    done: int
    refused: tuple[tuple[str, str, str], ...] = ()  # instance uuid, code, message
    repeated: bool = False

    def text(self) -> str:
        return jsonio.dumps({"done": self.done, "refused": [list(one) for one in self.refused]})

    @classmethod
    def read(cls, text: str) -> Result:
        found = jsonio.loads(text)
        assert isinstance(found, dict)
        refused = found["refused"]
        assert isinstance(refused, list)
        rows = tuple((str(one[0]), str(one[1]), str(one[2])) for one in refused if isinstance(one, list))
        return cls(int(str(found["done"])), rows, repeated=True)

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Result:
        refused = tuple(
            (str(one.instance_uuid), one.refusal.code, one.refusal.message)
            for one in outcomes
            if isinstance(one, Refused)
        )
        return cls(len(outcomes) - len(refused), refused)


def new_token() -> str:
    return str(uuid4())


def call_of(request: HttpRequest) -> Call | None:
    """The claim of this post; None when its form had no token."""
    try:
        key = UUID(request.POST.get(FIELD, ""))
    except ValueError:
        return None
    return Call(f"form:{request.user.pk}", "POST", request.path[:255], str(key), body_hash="form")


def known(call: Call | None) -> Result | None:
    """What this very form came to when it was posted before."""
    before = idempotency.stored(call) if call is not None else None
    return Result.read(before.answer) if before is not None else None


def apply_once(call: Call, stimuli: Sequence[Stimulus]) -> Result:
    """Apply the stimuli in one batch, once for this call; a repeat gives the stored result."""
    claimed: list[IdempotencyRecord] = []
    seen: list[Outcome] = []

    def inside(batch: Sequence[Stimulus]) -> Sequence[Stimulus]:
        try:
            claimed.append(idempotency.claim(call))
        except Repeated:
            if not claimed:  # another post holds it; a half of our own batch may find our own claim
                raise
        return batch

    def after(batch: Sequence[Outcome]) -> None:
        seen.extend(batch)
        idempotency.keep_answer(claimed[-1], 200, Result.of(seen).text())

    try:
        return Result.of(runtime.apply(stimuli, inside=inside, after=after))
    except Repeated:
        return first_answer(call)


def run_once(call: Call, work: Callable[[], Result]) -> Result:
    """The same for work that is not a stimulus."""
    try:
        with transaction.atomic():
            record = idempotency.claim(call)
            result = work()
            idempotency.keep_answer(record, 200, result.text())
    except Repeated:
        return first_answer(call)
    return result


def first_answer(call: Call) -> Result:
    """What the faster post of the same form came to."""
    return known(call) or Result(0, repeated=True)
