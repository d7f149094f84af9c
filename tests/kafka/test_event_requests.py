"""Message events from outside (engine 1.8)."""

import json
import uuid
from collections.abc import Callable

import pytest

from engine.kafka import requests
from engine.kafka.consumer import EngineConsumer
from engine.models import Instance, PendingStimulus, ReceivedMessage
from flowx_site.config import config
from tests.builders import TOPIC, process
from tests.engine.test_message_events import BIKE, catcher, host
from tests.kafka.asking import ask
from tests.kafka.conftest import until
from tests.kafka.test_start_requests import produced_again

pytestmark = pytest.mark.django_db
EVENTS = config.topic_events


def back(value: object = 7, **fields: object) -> dict:
    return {"messageName": "bikeBack", "correlationValue": value, "data": {"km": 12}} | fields


def test_an_event_from_outside_is_caught_by_all_who_wait_for_its_value() -> None:
    waiting = [catcher().publish().start(BIKE) for _ in range(2)]
    other = catcher().publish().start({"bike": {"id": 8}})

    ask(EVENTS, back())

    assert [each.state for each in waiting] == ["FINISHED", "FINISHED"]
    assert waiting[0].params["back"] == {"km": 12}
    assert other.state == "STARTED"
    assert not PendingStimulus.objects.exists()


def test_an_event_from_outside_fires_a_boundary_event() -> None:
    waiting = host().publish().start(BIKE)

    ask(EVENTS, back())

    assert (waiting.state, waiting.params["back"]) == ("FINISHED", {"km": 12})


def test_an_event_from_outside_starts_a_process_once_a_value() -> None:
    fields = {"messageName": "bikeBack", "correlationKey": "bike.id", "receiveDataKey": "back"}
    process("counted").add("MESSAGE_CATCH_START", "On event", connect=False, **fields).receive("Wait").end().publish()

    ask(EVENTS, back(), back(), back(8, data=None))

    assert Instance.objects.filter(process_name="counted").count() == 2


@pytest.mark.parametrize("how", ["delivered", "produced"])
def test_an_event_that_comes_twice_is_thrown_once(how: str) -> None:
    first = ask(EVENTS, back(), headers={"Fx_MessageId": uuid.uuid4()})
    waiting = catcher().publish().start(BIKE)

    ask(EVENTS, again=first if how == "delivered" else [produced_again(first[0])])

    assert waiting.state == "STARTED"


WRONG = {
    "a list": [1],
    "no name": back(messageName=None),
    "no value": back(None),
    "data that is no object": back(data=[1]),
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_a_wrong_event_is_dead_and_the_next_is_thrown(body: object) -> None:
    waiting = catcher().publish().start(BIKE)

    ask(EVENTS, body, back())

    row = ReceivedMessage.objects.get()
    assert (row.state, row.reason) == ("dead", "FAILED")
    assert waiting.state == "FINISHED"


def test_our_own_request_topics_are_read_and_no_other() -> None:
    own = {config.topic_start_in, config.topic_operations_in, config.topic_operations_bulk_in, EVENTS}
    assert {topic for topic in own if requests.is_request(topic)} == own
    assert not requests.is_request(config.topic_start_out)


def test_the_consumer_reads_request_topics_beside_the_reply_topics(produce: Callable[..., None]) -> None:
    waiting = catcher().publish().start(BIKE)
    replied = process().start().receive("Wait").end().publish().start()
    produce(EVENTS, json.dumps(back()).encode())
    produce(TOPIC, b"{}", processInstanceUuid=replied.uuid)
    consumer = EngineConsumer(group=f"flowx-{uuid.uuid4().hex}")

    try:
        both = {"FINISHED"}
        until(lambda: {waiting.state, replied.state} == both, "both records", work=lambda: consumer.turn(0.05))
    finally:
        consumer.close()
