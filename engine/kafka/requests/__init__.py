"""Requests to the engine itself over Kafka: process starts, operations, message events (engine 1.8, 2.7, 7).

`take_in` gives a read batch its effect: what stands on one of our own request topics here, all else to `intake`. Each kind has a
module with what it reads and what it answers; `batch` gives many of them one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from engine.core import jsonio
from engine.kafka import intake
from engine.kafka.correlate import NOT_JSON, Record, body_of, identity, own_messages
from engine.kafka.offsets import Offsets
from engine.kafka.requests.asked import Asked, Dead
from engine.kafka.requests.batch import Claim, RequestBatch
from engine.kafka.requests.events import EventAsked
from engine.kafka.requests.operations import OperationsAsked
from engine.kafka.requests.starts import StartAsked
from flowx_site.config import config

log = logging.getLogger("flowx.consumer")

KINDS: Mapping[str, Callable[..., Asked]] = {
    config.topic_start_in: StartAsked,
    config.topic_operations_in: OperationsAsked,
    config.topic_operations_bulk_in: OperationsAsked,
    config.topic_events: EventAsked,
}


def is_request(topic: str) -> bool:
    """Whether the topic is one of those on which the engine itself is asked for something."""
    return topic in KINDS


def take_in(records: Sequence[Record], offsets: Offsets) -> None:
    """Give a batch of records its effect, once. Raises OperationalError or InterfaceError while the database is away."""
    intake.take_in([record for record in records if not is_request(record.topic)], offsets)
    asked = read([record for record in records if is_request(record.topic)])
    # One transaction for all that asks for one thing; a bulk of operations has its own.
    together = [each for each in asked if not isinstance(each, OperationsAsked)]
    for batch in ([together] if together else []) + [[each] for each in asked if isinstance(each, OperationsAsked)]:
        RequestBatch(batch, offsets).apply()


def take_again(record: Record, claim: Claim) -> None:
    """Give a stored request its effect once more, though its id is known; `claim` is taken in its transaction."""
    RequestBatch(read([record]), None, claim=claim).apply()


def read(records: Sequence[Record]) -> list[Asked]:
    """What the records ask for, in order; checks who asks, and changes nothing."""
    own = own_messages(records)
    return [_read(record, *identity(record, own)[:1]) for record in records]


def _read(record: Record, message_id: object) -> Asked:
    known = message_id if message_id is None else record.message_id
    try:
        body = body_of(record)
    except jsonio.JsonError as error:
        return Dead(record, known, NOT_JSON, str(error))
    try:
        return KINDS[record.topic](record, known, body)
    except Exception as error:
        if intake.is_away(error):
            raise
        log.exception("A request cannot be read and is put aside.")
        return Dead(record, known, intake.FAILED, str(error)[:1000])
