"""One stimulus from a call to its answer, with Idempotency-Key (engine 2.3): the answer is stored in the transaction of the
effect, so that a repeat gets it again and nothing happens twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from django.http import HttpRequest, HttpResponse

from engine import idempotency, runtime
from engine.api.bodies import text_answer
from engine.api.problems import CONTENT_TYPE, Problem
from engine.core import jsonio
from engine.core.stimuli import Done, Outcome, Refused, Stimulus
from engine.idempotency import Call, KeyReused, Repeated, Stored
from engine.models import IdempotencyRecord

TRIES = 3


class Part(Protocol):
    """What else belongs into the transaction of a call."""

    def inside(self, stimuli: Sequence[Stimulus]) -> Sequence[Stimulus]: ...
    def after(self, outcomes: Sequence[Outcome]) -> None: ...


def key_of(request: HttpRequest) -> str:
    """The Idempotency-Key header; empty when there is none. Raises `Problem` for an unusable one."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > idempotency.MAX_KEY or not key.isprintable():
        raise Problem(400, f"An Idempotency-Key has at most {idempotency.MAX_KEY} printable characters.")
    return key


def call_of(request: HttpRequest, user_id: int, body: bytes) -> Call | None:
    """The caller's own key for this request, or None without the header."""
    key = key_of(request)
    if not key or request.method is None:
        return None
    return idempotency.user_call(user_id=user_id, method=request.method, path=request.path, key=key, body=body)


def repeated(call: Call | None) -> HttpResponse | None:
    """The answer of an earlier call with this key, or None. Raises `Problem` 422 when the body is another one."""
    if call is None:
        return None
    try:
        found = idempotency.stored(call)
    except KeyReused as reused:
        raise Problem(422, str(reused) or KeyReused.__doc__ or "") from reused
    return None if found is None else _as_response(found)


def perform(stimulus: Stimulus, call: Call | None = None, part: Part | None = None) -> HttpResponse:
    """Apply the stimulus and give its answer; `part` has its say in the transaction. Raises `Problem` when the engine refuses
    it."""
    for _ in range(TRIES):
        try:
            outcome = _apply(stimulus, call, part)
        except Repeated:
            if found := repeated(call):
                return found
            continue  # the other call was refused and let go of the key
        if isinstance(outcome, Refused):
            raise Problem.of(outcome.refusal)
        assert isinstance(outcome, Done)  # a lone stimulus that crashes raises instead
        return _as_response(_stored(outcome))
    raise Problem(409, "Another call with this Idempotency-Key is at work; try again.")


def _apply(stimulus: Stimulus, call: Call | None, part: Part | None) -> Outcome:
    if call is None and part is None:
        return runtime.apply([stimulus])[0]
    taken: list[IdempotencyRecord] = []

    def take_key(stimuli: Sequence[Stimulus]) -> Sequence[Stimulus]:
        if call is not None:
            taken.append(idempotency.claim(call))
        return stimuli if part is None else part.inside(stimuli)

    def keep_answer(outcomes: Sequence[Outcome]) -> None:
        outcome = outcomes[0]
        if part is not None:
            part.after(outcomes)
        if call is None:
            return
        if isinstance(outcome, Done):
            kept = _stored(outcome)
            idempotency.keep_answer(taken[-1], kept.status, kept.answer)
        else:
            taken[-1].delete()  # nothing happened, so the key is free again

    return runtime.apply([stimulus], inside=take_key, after=keep_answer)[0]


def _stored(done: Done) -> Stored:
    """The answer of what was done; an action that failed itself answers 422, merge and incident stand (engine 4.7)."""
    if done.incident_id is None:
        return Stored(200, jsonio.dumps(dict(done.answer)))
    failed = Problem(422, "Action execution failed.", entity="action", incident_id=done.incident_id)
    return Stored(422, jsonio.dumps(failed.body))


def _as_response(stored: Stored) -> HttpResponse:
    response = text_answer(stored.answer, stored.status)
    if stored.status >= 400:
        response.headers["Content-Type"] = CONTENT_TYPE
    return response
