"""Kafka clients of the program: their settings in one place, and how librdkafka's errors are told apart.

Producers, consumers and admin clients are made here only, one per OS process and purpose, after a fork (scenarios 6.3).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from flowx_site.config import config

log = logging.getLogger("flowx.kafka")
client_log = logging.getLogger("flowx.kafka.client")

DELIVERY_TIMEOUT_S = 30.0  # below the relay's lease
REPEAT_LOG_S = 60.0
RECORD_OVERHEAD_BYTES = 4096  # of the batch and the request around a record of the largest size


class Verdict(StrEnum):
    """What an error of the broker or the client means for the record."""

    AWAY = "away"  # no broker took it: nothing is wrong with the record
    LATER = "later"  # refused for now: unknown topic, missing permission; goes by itself once put right
    NEVER = "never"  # refused for good: too large, illegal topic
    FATAL = "fatal"  # the producer is done for; a new one is needed


REFUSED_FOR_GOOD = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.INVALID_MSG_SIZE,
        KafkaError._INVALID_ARG,
        KafkaError._BAD_MSG,
        KafkaError.INVALID_RECORD,
    }
)
NOBODY_THERE = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
        KafkaError._PURGE_QUEUE,
        KafkaError._PURGE_INFLIGHT,
        KafkaError._DESTROY,
        KafkaError._QUEUE_FULL,
    }
)


def judge(error: KafkaError) -> Verdict:
    """The verdict on an error of a produce call or a delivery report. A time-out is LATER: ask whether a broker answers."""
    if error.fatal() or error.code() == KafkaError._FATAL:
        return Verdict.FATAL
    if error.code() in REFUSED_FOR_GOOD:
        return Verdict.NEVER
    return Verdict.AWAY if error.code() in NOBODY_THERE else Verdict.LATER


class Complaints:
    """An error callback that logs each kind of trouble once a minute instead of each 0.3 s."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._said: dict[int, float] = {}

    def __call__(self, error: KafkaError) -> None:
        now = time.monotonic()
        if now - self._said.get(error.code(), -REPEAT_LOG_S) >= REPEAT_LOG_S:
            self._said[error.code()] = now
            log.warning("Kafka %s: %s", self._who, error.str())


def common(who: str) -> dict[str, Any]:
    """Settings of every client: brokers, security, quick reconnection, quiet logs."""
    return config.kafka_client | {
        "client.id": f"flowx-{who}",
        "error_cb": Complaints(who),
        "logger": client_log,
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 2000,
        "log.connection.close": False,
    }


def make_producer(**options: Any) -> Producer:
    """The relay's producer: idempotent, acknowledged by all, keys to partitions as Java clients do (scenarios 6.3).

    The broker's own limit decides about a record that is too large for it: ours was checked before the commit.
    """
    settings = common("relay") | {
        "enable.idempotence": True,
        "acks": "all",
        "compression.type": "lz4",
        "linger.ms": 5,
        "delivery.timeout.ms": int(DELIVERY_TIMEOUT_S * 1000),
        "topic.metadata.propagation.max.ms": 5000,
        "topic.metadata.refresh.interval.ms": 10_000,  # so that a permission given to a topic is seen soon
        "partitioner": "murmur2_random",
        "message.max.bytes": config.kafka_message_max_bytes + RECORD_OVERHEAD_BYTES,
    }
    return Producer(settings | options)


def make_consumer(group: str, **options: Any) -> Consumer:
    """A consumer whose offsets are rows of ours: it commits nothing by itself (scenarios 6.3)."""
    settings = common("consumer") | {
        "group.id": group,
        "group.protocol": config.kafka_group_protocol,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": config.kafka_auto_offset_reset,
        "isolation.level": "read_committed",
        "topic.metadata.refresh.interval.ms": 1000 if config.kafka_embedded else 10_000,
        "queued.max.messages.kbytes": 16_384,
        "fetch.message.max.bytes": config.kafka_message_max_bytes + RECORD_OVERHEAD_BYTES,
    }
    if config.kafka_group_protocol == "classic":
        settings["partition.assignment.strategy"] = "cooperative-sticky"
    return Consumer(settings | options)


def make_admin() -> AdminClient:
    """A client for topics and their ids. Keep it as long as its futures run."""
    return AdminClient(common("admin"))


def answers(list_topics: Callable[..., Any], timeout_s: float = 2.0) -> bool:
    """Whether a broker answers a client's question for metadata within so many seconds."""
    try:
        return bool(list_topics(timeout=timeout_s).brokers)
    except KafkaException:
        return False
