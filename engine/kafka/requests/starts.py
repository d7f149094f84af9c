"""Process starts over Kafka (engine 7, scenarios 3.9.1): the body of a REST start, answered on the confirm topic and, if the
sender names one, on its `callbackTopic`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User

from engine import starting
from engine.core import jsonio
from engine.core.entry import ERROR_KEYS
from engine.core.stimuli import Done, Outcome, Refusal, Refused
from engine.kafka.correlate import Record
from engine.kafka.requests import callers, reply
from engine.kafka.requests.asked import Asked, Written
from flowx_site.config import config

PROCESS_NAME = "Fx-ProcessName"
NOT_FOUND = {starting.NOT_FOUND, ERROR_KEYS + "start_node_for_process_def_missing"}


class StartAsked(Asked):
    """A start: its stimulus, or why there is none."""

    def __init__(self, record: Record, message_id: UUID | None, body: Any) -> None:
        super().__init__(record, message_id)
        self.user: User | None = None
        self.process_name = record.headers.get(PROCESS_NAME, "")
        self.params: dict[str, Any] = {}
        self.topics = [config.topic_start_out]
        self.refusal: Refusal | None = None
        try:
            self._read(body)
        except Refusal as refusal:
            self.refusal = refusal

    def _read(self, body: Any) -> None:
        if isinstance(body, dict):
            self.params = dict(body)
            name = self.params.pop("processName", None) or self.process_name
            self.process_name = name if isinstance(name, str) else ""
        if (callback := reply.callback_topic(self.record)) and callback not in self.topics:
            self.topics.append(callback)
        self.user = callers.service_user() if callers.is_trusted() else callers.caller_of(self.record, "start")
        if not isinstance(body, dict):
            raise Refusal(400, "The body must be a JSON object.")
        if not self.process_name.strip():
            raise Refusal(400, "processName: must be the name of a process.")
        start = starting.prepare(self.process_name, self.params, user=self.user)
        self.stimuli = [replace(start, message_id=self.message_id)]

    def settle(self, outcomes: Sequence[Outcome], numbers: Mapping[UUID, int]) -> Written:
        refusal = self.refusal
        for outcome in outcomes:
            if isinstance(outcome, Done):
                return Written(replies=self._confirm(outcome, numbers.get(outcome.instance_uuid)))
            if isinstance(outcome, Refused):
                refusal = outcome.refusal
        assert refusal is not None  # a start that crashes is put aside by the batch
        return Written(replies=self._refuse(refusal))

    def failed(self, error: str) -> Written:
        written = super().failed(error)
        written.replies = self._rows(self._body(error="The start failed."), reply.INTERNAL_ERROR)
        return written

    def _confirm(self, outcome: Done, number: int | None) -> list[dict[str, Any]]:
        answer = outcome.answer
        made = self._body(
            processName=answer["processDefinitionName"],
            processInstanceId=number,
            processInstanceUuid=str(outcome.instance_uuid),
            state=answer["state"],
        )
        return self._rows(made, key=str(outcome.instance_uuid))

    def _refuse(self, refusal: Refusal) -> list[dict[str, Any]]:
        """Refusals are listed as failed starts, but for those of nobody (engine 2.6)."""
        if self.user is not None:
            starting.record_failed(
                self.process_name,
                error_key=refusal.error_key,
                message=refusal.message,
                user=self.user,
                source="Kafka",
                body=jsonio.dumps(self.params),
            )
        code = "NOT_FOUND" if refusal.error_key in NOT_FOUND else reply.code_of(refusal)
        return self._rows(self._body(error=refusal.message), code)

    def _rows(self, body: dict[str, Any], error_code: str = "", *, key: str | None = None) -> list[dict[str, Any]]:
        key = self.record.key_text or key
        return reply.rows(self.record, self.message_id, self.topics, body, key=key, error_code=error_code)

    def _body(self, **members: Any) -> dict[str, Any]:
        body: dict[str, Any] = {
            "processName": self.process_name or None,
            "processInstanceId": None,
            "processInstanceUuid": None,
            "state": None,
            "requestID": self.record.headers.get(reply.REQUEST_ID),
            "error": None,
        }
        return body | members
