"""Operations over Kafka, single and in bulk (engine 2.7, scenarios 3.7): TERMINATE, HOLD, UNHOLD, ASSIGN, UNASSIGN.

Operations run in their order, one failure does not stop the rest, and saying the same twice is no failure. Answered only where a
header `callbackTopic` asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from engine.core.state import TERMINAL
from engine.core.stimuli import (
    INSTANCE_NOT_FOUND,
    Assign,
    Done,
    Hold,
    Outcome,
    Refusal,
    Refused,
    Stimulus,
    Terminate,
    Unhold,
)
from engine.kafka.correlate import Record
from engine.kafka.requests import callers, reply
from engine.kafka.requests.asked import Asked, Written
from engine.kafka.requests.directory import Directory
from engine.starting import actor_of
from flowx_site.config import config

MOST = 1000
TYPES = ("TERMINATE", "HOLD", "UNHOLD", "ASSIGN", "UNASSIGN")
MAX_NAME = 150


@dataclass(slots=True)
class Operation:
    """One operation of the request: as it was asked for, its stimulus, and why it failed."""

    asked: Mapping[str, Any]
    stimulus: Stimulus | None = None
    refusal: Refusal | None = None
    crashed: bool = False

    def answer(self) -> dict[str, Any]:
        echo = {name: self.asked.get(name) for name in ("operationType", "processInstanceUuid", "taskId", "requestID")}
        return {**echo, "success": not self.failed, "error": self.error}

    @property
    def failed(self) -> bool:
        return self.crashed or self.refusal is not None

    @property
    def error(self) -> str | None:
        if self.crashed:
            return "The operation failed."
        return None if self.refusal is None else self.refusal.message

    @property
    def code(self) -> str:
        return reply.INTERNAL_ERROR if self.refusal is None else reply.code_of(self.refusal)


class OperationsAsked(Asked):
    """A single operation, or a bulk of them."""

    def __init__(self, record: Record, message_id: UUID | None, body: Any) -> None:
        super().__init__(record, message_id)
        self.operations: list[Operation] = []
        self.refusal: Refusal | None = None
        self.topic = ""
        self.fault = ""
        try:
            self.topic = reply.callback_topic(record)
        except Refusal as refusal:
            self.fault = refusal.message  # there is nowhere to say so
            return
        try:
            caller = None if callers.is_trusted() else callers.caller_of(record, "operate")
            asked = _listed(record, body)
        except Refusal as refusal:
            self.refusal = refusal
            return
        self._prepare(asked, caller)
        self.stimuli = [each.stimulus for each in self.operations if each.stimulus is not None]

    def _prepare(self, asked: Sequence[Any], caller: User | None) -> None:
        directory = Directory(asked, caller)
        for each in asked:
            operation = Operation(each if isinstance(each, dict) else {})
            try:
                if not isinstance(each, dict):
                    raise Refusal(400, "An operation must be a JSON object.")
                operation.stimulus = _stimulus(each, directory)
            except Refusal as refusal:
                operation.refusal = refusal
            self.operations.append(operation)

    def settle(self, outcomes: Sequence[Outcome], numbers: Mapping[UUID, int]) -> Written:
        if self.fault:
            return self.failed(self.fault)
        left = list(outcomes)
        for operation in self.operations:
            if operation.stimulus is None:
                continue
            outcome = left.pop(0)
            operation.refusal = outcome.refusal if isinstance(outcome, Refused) else None
            operation.crashed = not isinstance(outcome, Refused | Done)
        return Written(replies=self._replies())

    def _replies(self) -> list[dict[str, Any]]:
        if not self.topic:
            return []
        failed = [operation for operation in self.operations if operation.failed]
        error, code = None, ""
        if self.refusal is not None:
            error, code = self.refusal.message, reply.code_of(self.refusal)
        elif failed:
            error, code = f"{len(failed)} of {len(self.operations)} operations failed", failed[0].code
        body = {"operations": [operation.answer() for operation in self.operations], "error": error}
        key = self.record.key_text
        return reply.rows(self.record, self.message_id, [self.topic], body, key=key, error_code=code)


def _listed(record: Record, body: Any) -> Sequence[Any]:
    """The operations of the request. Raises `Refusal` 400 for a body of another shape."""
    if not isinstance(body, dict):
        raise Refusal(400, "The body must be a JSON object.")
    if record.topic == config.topic_operations_in:
        return [body]
    listed = body.get("operations")
    if not isinstance(listed, list):
        raise Refusal(400, "operations: must be a list")
    if not listed:
        raise Refusal(400, "operations: must not be empty")
    if len(listed) > MOST:
        raise Refusal(400, f"operations: must be at most {MOST}")
    return listed


def _stimulus(asked: Mapping[str, Any], directory: Directory) -> Stimulus:
    """The stimulus of one operation, its rights checked. Raises `Refusal`."""
    kind = asked.get("operationType")
    if kind not in TYPES:
        raise Refusal(400, f"operationType: must be one of {', '.join(TYPES)}.")
    author = directory.author(asked)
    instance = directory.instance(asked)
    if instance is None or not directory.may_view(author, instance):
        raise Refusal(404, INSTANCE_NOT_FOUND)
    if instance.state in TERMINAL:  # for ever, so it may be read without the lock
        raise Refusal(409, f"Already {instance.state}.")
    lane = _text(asked, "swimlaneName") or _text(asked, "swimlaneId")
    assignee = _assignee(asked) if kind == "ASSIGN" else ""
    if not directory.may(author, kind, instance, lane, assignee):
        raise Refusal(403, f"{author.get_username()} may not {kind.lower()} this instance.")
    request_id = asked.get("requestID")
    reason = "Over Kafka" if request_id is None else f"Over Kafka, request {str(request_id)[:200]}"
    actor = actor_of(author)
    if kind == "TERMINATE":
        return Terminate(instance.uuid, actor, reason)
    if kind == "HOLD":
        return Hold(instance.uuid, actor, reason, repeatable=True)
    if kind == "UNHOLD":
        return Unhold(instance.uuid, actor, reason, repeatable=True)
    return Assign(instance.uuid, lane, assignee, actor, reason)


def _assignee(asked: Mapping[str, Any]) -> str:
    owner = asked.get("owner")
    name = owner.get("username") if isinstance(owner, dict) else None
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME:
        raise Refusal(400, "owner: must be an object with a username.")
    return name.strip()


def _text(asked: Mapping[str, Any], name: str) -> str:
    value = asked.get(name)
    if value is not None and not isinstance(value, str):
        raise Refusal(400, f"{name}: must be a text.")
    return (value or "").strip()
