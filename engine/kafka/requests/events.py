"""Message events from outside: stored like those that a process throws, matched once to all that wait (engine 1.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from django.utils import timezone

from engine.core import jsonio
from engine.core.stimuli import Outcome, Throw
from engine.kafka.correlate import Record
from engine.kafka.requests.asked import Asked, Written
from engine.models import PendingStimulus
from engine.storage.save import pending_body


class EventAsked(Asked):
    """A message event: `{"messageName", "correlationValue", "data"}`. Nobody waits for an answer: a wrong one is dead."""

    def __init__(self, record: Record, message_id: UUID | None, body: Any) -> None:
        super().__init__(record, message_id)
        self.fault = _fault(body)
        self.body: dict[str, Any] = {} if self.fault else body

    def settle(self, outcomes: Sequence[Outcome], numbers: Mapping[UUID, int]) -> Written:
        if self.fault:
            return self.failed(self.fault)
        data = self.body.get("data")
        event = Throw(
            instance_uuid=uuid4(),  # of nobody: it only tells the row
            message_name=self.body["messageName"],
            correlation=jsonio.dumps(self.body["correlationValue"]),
            text=jsonio.dumps({} if data is None else data),
        )
        row = PendingStimulus(
            instance_uuid=event.instance_uuid, kind="Throw", body=pending_body(event), created_at=timezone.now()
        )
        return Written(pending=[row])


def _fault(body: Any) -> str:
    """What is wrong with the body of an event; empty when nothing is."""
    if not isinstance(body, dict):
        return "The body must be a JSON object."
    if not isinstance(body.get("messageName"), str) or not body["messageName"]:
        return "messageName: must be a text."
    if body.get("correlationValue") is None:
        return "correlationValue: must be given."
    return "" if isinstance(body.get("data"), dict | None) else "data: must be an object."
