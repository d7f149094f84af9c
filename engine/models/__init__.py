"""The engine's tables. Only `engine.runtime` writes instances and what belongs to them; see the docstring of each module."""

from engine.models.access import ApiToken, IdempotencyRecord, RateHit, SocketTicket, SwimlanePermission
from engine.models.definitions import (
    EventStart,
    GenericParameterValue,
    IntegrationScenario,
    IntegrationTopic,
    PublishedProcess,
    Snapshot,
    TimerStart,
)
from engine.models.instances import (
    EventSubscription,
    Incident,
    Instance,
    JournalEntry,
    PendingStimulus,
    RestartData,
    StartCorrelation,
    Timer,
    Token,
    Visit,
)
from engine.models.lookups import Among
from engine.models.messages import HandledRequest, KafkaOffset, OutboxMessage, OutboxShard, ReceivedMessage
from engine.models.operations import AuditEntry, FailedStart, Heartbeat, IdBlock, TemporaryUpload

__all__ = [
    "Among",
    "ApiToken",
    "AuditEntry",
    "EventStart",
    "EventSubscription",
    "FailedStart",
    "GenericParameterValue",
    "HandledRequest",
    "Heartbeat",
    "IdBlock",
    "IdempotencyRecord",
    "Incident",
    "Instance",
    "IntegrationScenario",
    "IntegrationTopic",
    "JournalEntry",
    "KafkaOffset",
    "OutboxMessage",
    "OutboxShard",
    "PendingStimulus",
    "PublishedProcess",
    "RateHit",
    "ReceivedMessage",
    "RestartData",
    "Snapshot",
    "SocketTicket",
    "StartCorrelation",
    "SwimlanePermission",
    "TemporaryUpload",
    "Timer",
    "TimerStart",
    "Token",
    "Visit",
]
