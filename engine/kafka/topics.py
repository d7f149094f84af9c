"""Which topics are in use, and which of them the broker lacks (engine 15.7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from engine import configuration, snapshots
from engine.core.graph import ActionType, Graph
from engine.core.integrations import NOWHERE, Scenarios
from engine.kafka.deadletters import PREFIX
from engine.models import PublishedProcess
from flowx_site.config import config

ASK_S = 10.0


class NoBroker(Exception):
    """No Kafka broker answered."""


@dataclass(frozen=True, slots=True)
class Found:
    """A topic at the broker."""

    partitions: int
    replication: int


def in_use() -> dict[str, str]:
    """Topics that the engine reads or writes, each with its reason: own topics, streams, sends, dead letters.

    Topics with placeholders are left out: they are known only when a message leaves.
    """
    topics = {
        config.topic_start_in: "process starts",
        config.topic_start_out: "answers to process starts",
        config.topic_operations_in: "operations",
        config.topic_operations_bulk_in: "operations on many instances",
        config.topic_events: "message events",
    }
    for snapshot_id in PublishedProcess.objects.order_by("name_key").values_list("snapshot_id", flat=True):
        for topic, reason in _of_process(snapshots.graph(snapshot_id), configuration.scenarios()):
            topics.setdefault(topic, reason)
    own = (config.topic_start_in, config.topic_operations_in, config.topic_operations_bulk_in, config.topic_events)
    read = [topic for topic in topics if config.receives(topic) or topic in own]
    return topics | {f"{PREFIX}{topic}": f"dead letters of {topic}" for topic in read}


def _of_process(graph: Graph, scenarios: Scenarios) -> Iterable[tuple[str, str]]:
    for node in graph.nodes.values():
        for topic in node.topics(scenarios):
            yield topic, f"read by '{node.name}' of {graph.name}"
        for action in node.actions:
            if action.type is ActionType.KAFKA_SEND:
                sends = (
                    action.text("topicName") if action.link is None else scenarios.get(action.link, NOWHERE).send_topic
                )
                for topic in sends.split(","):
                    if topic.strip() and "${" not in topic:
                        yield topic.strip(), f"written by '{action.name}' of {graph.name}"


def at_broker(admin: AdminClient) -> dict[str, Found]:
    """Topics that the broker has; raises `NoBroker`."""
    try:
        topics = admin.list_topics(timeout=ASK_S).topics
    except KafkaException as error:
        raise NoBroker(f"No Kafka broker answers at {config.kafka_bootstrap}: {error.args[0].str()}") from error
    return {
        name: Found(len(topic.partitions), max((len(part.replicas) for part in topic.partitions.values()), default=0))
        for name, topic in topics.items()
        if topic.error is None
    }


def create(admin: AdminClient, names: Iterable[str]) -> Mapping[str, str]:
    """Make topics; gives what went wrong with which."""
    wanted = [
        NewTopic(name, num_partitions=config.kafka_topic_partitions, replication_factor=config.kafka_topic_replication)
        for name in sorted(names)
    ]
    if not wanted:
        return {}
    failed: dict[str, str] = {}
    for name, future in admin.create_topics(wanted, request_timeout=ASK_S).items():
        try:
            future.result(timeout=ASK_S + 5)
        except (KafkaException, TimeoutError) as error:
            failed[name] = error.args[0].str() if isinstance(error, KafkaException) else "the broker gave no answer"
    return failed
