"""What one request record asks for, and what is to be written once its stimuli had their outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from engine.core.stimuli import Outcome, Stimulus
from engine.kafka.correlate import Record, Stray
from engine.models import PendingStimulus


@dataclass(slots=True)
class Written:
    """Rows of the transaction in which a request is settled."""

    replies: list[dict[str, Any]] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    pending: list[PendingStimulus] = field(default_factory=list)


class Asked:
    """Base: a record with its own id, and the stimuli that it asks for."""

    def __init__(self, record: Record, message_id: UUID | None) -> None:
        self.record = record
        self.message_id = message_id
        self.stimuli: list[Stimulus] = []

    def settle(self, outcomes: Sequence[Outcome], numbers: Mapping[UUID, int]) -> Written:
        """What to write; `outcomes` has one for each stimulus, `numbers` the ids of the instances they named."""
        raise NotImplementedError

    def failed(self, error: str) -> Written:
        """What to write when the request breaks its own transaction, whatever is tried: it is dead, and whoever waits is told."""
        return Written(strays=[Stray(self.record, "FAILED", error[:1000], self.message_id)])


class Dead(Asked):
    """A record that nobody can be answered for: it is dead-lettered."""

    def __init__(self, record: Record, message_id: UUID | None, reason: str, error: str) -> None:
        super().__init__(record, message_id)
        self.reason, self.error = reason, error

    def settle(self, outcomes: Sequence[Outcome], numbers: Mapping[UUID, int]) -> Written:
        return Written(strays=[Stray(self.record, self.reason, self.error, self.message_id)])
