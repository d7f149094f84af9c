"""Two that do the same at the same moment, on PostgreSQL, where they really run side by side (engine 5.4, 6.6)."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from engine.kafka import intake
from engine.kafka.correlate import Record
from engine.kafka.offsets import Offsets
from engine.leases import Leases
from engine.models import ReceivedMessage, Timer
from engine.timers import fire_all_due
from tests.builders import TOPIC, process, save_data, websocket_send

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]


def side_by_side(*deeds: Callable[[], Any]) -> list[Any]:
    """Do all at the same moment; gives what they gave."""
    start = threading.Barrier(len(deeds))
    given: list[Any] = [None] * len(deeds)

    def do(number: int) -> None:
        start.wait()
        try:
            given[number] = deeds[number]()
        finally:
            connection.close()

    threads = [threading.Thread(target=do, args=[number]) for number in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return given


def test_e110_timers_that_three_sweep_at_once_fire_once_each() -> None:
    tell = websocket_send("tell", '{"n": 1}', timerExpression="PT1H")
    published = process().start().task("Later", tell).end().publish()
    instances = [published.start() for _ in range(60)]
    Timer.objects.update(due_at=timezone.now() - timedelta(seconds=1))

    side_by_side(fire_all_due, fire_all_due, fire_all_due)

    assert [len(instance.frames("data")) for instance in instances] == [1] * 60
    assert {instance.state for instance in instances} == {"FINISHED"}


def record(partition: int, message_id: uuid.UUID, **headers: Any) -> Record:
    names = {"Fx-MessageId": str(message_id)} | {name: str(text) for name, text in headers.items()}
    return Record(TOPIC, partition, 0, None, b'{"n": 1}', names, timezone.now())


@pytest.mark.parametrize("known", [True, False], ids=["of an instance", "of none"])
def test_e138_s149_one_message_id_that_two_consumers_read_at_once_has_one_effect(known: bool) -> None:
    stream = [{"topicName": TOPIC, "keyName": "got"}]
    published = process().start().user_task("Form", save_data("go"), dataStreamTopics=stream).end().publish()
    for attempt in range(10):
        instance, name = published.start(), uuid.uuid4()
        headers = {"processInstanceId": instance.row.id} if known else {}
        offsets = Offsets("flowx-test", f"cluster {attempt} {known}")

        def take_in(partition: int, *, name: Any = name, headers: Any = headers, offsets: Any = offsets) -> None:
            intake.take_in([record(partition, name, **headers)], offsets)

        side_by_side(lambda: take_in(0), lambda: take_in(1), lambda: take_in(2))

        assert len(instance.journal("Message Receive")) == (1 if known else 0)
        assert ReceivedMessage.objects.filter(message_id=name).count() == (0 if known else 1)
    assert not ReceivedMessage.objects.filter(reason="FAILED").exists()


def test_s132_each_lease_has_one_holder_when_several_want_it() -> None:
    wanting = [Leases(range(8), owner=f"relay {number}", ttl_s=60) for number in range(4)]

    side_by_side(*(leases.hold for leases in wanting))

    held = [shard for leases in wanting for shard in leases.epochs]
    assert sorted(held) == list(range(8))
