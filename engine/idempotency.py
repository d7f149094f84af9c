"""Idempotency-Key: an answer is stored with its effect, in one transaction, and given again to a repeat (engine 2.3, 8.4).

Keys belong to a user, method and path and live 24 hours; the same key with another body is refused. The key of a RunAction
start is the frame's id: it belongs to the related instance, not to a user, lives as long as the frame, and any body fits, so that
ten open tabs start one process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from engine.models import IdempotencyRecord, JournalEntry

KEPT = timedelta(hours=24)
MAX_KEY = 200
RUN_ACTION = "RunAction"


class KeyReused(Exception):
    """This Idempotency-Key was used before with another request body; use a new key."""


class Repeated(Exception):
    """Another call with this key was faster; its answer is stored by now."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a stored answer belongs to. Without a `body_hash` any body fits and the answer lives as long as its frame."""

    scope: str
    method: str
    path: str
    key: str
    body_hash: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer as it was given: HTTP status and JSON text."""

    status: int
    answer: str


def user_call(*, user_id: int, method: str, path: str, key: str, body: bytes) -> Call:
    """A caller's own key."""
    path = path if len(path) <= 255 else hashlib.sha256(path.encode()).hexdigest()
    return Call(f"user:{user_id}", method, path, key, hashlib.sha256(body).hexdigest())


def action_call(*, related: UUID, related_id: int, key: str) -> Call | None:
    """The key of a RunAction start; None when `key` is not the id of a RunAction frame of the related instance."""
    try:
        frame_id = UUID(key)
    except ValueError:
        return None
    frames = JournalEntry.objects.filter(frame_id=frame_id, instance_id=related_id, frame_type="action")
    return Call(_action_scope(related), "POST", RUN_ACTION, str(frame_id)) if frames.exists() else None


def performed_actions(instances: Iterable[UUID]) -> set[UUID]:
    """Ids of the RunAction frames of these instances whose process has been started."""
    scopes = [_action_scope(uuid) for uuid in instances]
    rows = IdempotencyRecord.objects.filter(scope__in=scopes, path=RUN_ACTION)
    return {UUID(key) for key in rows.values_list("key", flat=True)}


def stored(call: Call) -> Stored | None:
    """The answer to a repeat, or None for a first call. Raises `KeyReused`."""
    row = IdempotencyRecord.objects.filter(scope=call.scope, method=call.method, path=call.path, key=call.key).first()
    if row is None or (call.body_hash and row.created_at < timezone.now() - KEPT):
        return None
    if call.body_hash and row.body_hash != call.body_hash:
        raise KeyReused
    return Stored(row.status, row.answer)


def claim(call: Call) -> IdempotencyRecord:
    """Take the key, inside the transaction of the effect. Raises `Repeated` when another call holds it; on PostgreSQL that
    other call's end is waited for."""
    now = timezone.now()
    mine = IdempotencyRecord.objects.filter(scope=call.scope, method=call.method, path=call.path, key=call.key)
    if call.body_hash:
        mine.filter(created_at__lt=now - KEPT).delete()
    try:
        with transaction.atomic():
            return IdempotencyRecord.objects.create(
                scope=call.scope,
                method=call.method,
                path=call.path,
                key=call.key,
                body_hash=call.body_hash,
                status=0,
                answer="",
                created_at=now,
            )
    except IntegrityError as taken:
        raise Repeated from taken


def keep_answer(record: IdempotencyRecord, status: int, answer: str) -> None:
    """Store the answer on a key taken in this transaction."""
    IdempotencyRecord.objects.filter(pk=record.pk).update(status=status, answer=answer)


def _action_scope(related: UUID) -> str:
    return f"action:{related}"
