"""`${user.jwt}`: made as the record leaves, for the owner, one topic and ten minutes, and stored nowhere (engine 7)."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Message
from django.apps import apps

from engine import bearer
from engine.bearer import BadToken
from engine.core.stimuli import Actor
from engine.kafka import minting
from engine.kafka.consumer import EngineConsumer
from engine.kafka.relay import Relay
from engine.models import Instance
from engine.rights import SERVICE_USER
from flowx_site.config import config
from tests.builders import Running, kafka_send, process, save_data
from tests.kafka.asking import user
from tests.kafka.conftest import all_sent, headers_of, until, work

pytestmark = pytest.mark.django_db
Records = Callable[..., list[Message]]


def sender(topic: str, headers: str, owner: Actor, params: dict | None = None) -> Running:
    made = process().start().send("Tell", kafka_send("send", topic, headers=headers)).user_task("Rest", save_data("x"))
    return made.end().publish().start(params, actor=owner)


def test_e220_s154_the_header_holds_a_token_of_the_owner_made_as_the_record_leaves(
    relay: Relay, records: Records, topic: str
) -> None:
    rider = user("rider")
    instance = sender(topic, '{"jwt": "${user.jwt}", "auth": ${user.jwt}}', Actor("rider", rider.pk))
    stored = json.loads(instance.sent()[0].headers)
    assert (stored["jwt"], stored["auth"]) == ("${user.jwt}", "${user.jwt}")

    work(relay, all_sent(1), "the message sent")

    found = headers_of(records(topic, 1)[0])
    assert minting.verify(found["jwt"], topic).user == minting.verify(found["auth"], topic).user == rider
    assert "Fx-Minted" not in found
    with pytest.raises(BadToken):
        minting.verify(found["jwt"], f"{topic}.other")
    assert found["jwt"] not in everything_stored()


def test_s154_the_token_is_good_for_ten_minutes(topic: str) -> None:
    rider, now = user("rider"), datetime.now(UTC)

    assert minting.verify(minting.mint(rider, topic, now=now - timedelta(minutes=9)), topic).user == rider
    for made in (now - timedelta(minutes=10, seconds=10), now + timedelta(minutes=5)):
        with pytest.raises(BadToken):
            minting.verify(minting.mint(rider, topic, now=made), topic)


def test_s154_a_token_for_kafka_is_none_for_the_api(topic: str) -> None:
    with pytest.raises(BadToken):
        bearer.verify(minting.mint(user("rider"), topic))


def test_a_token_of_somebody_who_may_not_log_in_is_worth_nothing(topic: str) -> None:
    rider = user("rider")
    text = minting.mint(rider, topic)
    rider.is_active = False
    rider.save()

    with pytest.raises(BadToken):
        minting.verify(text, topic)


def test_e220_only_the_whole_value_of_a_header_is_a_token(relay: Relay, records: Records, topic: str) -> None:
    headers = '{"part": "Bearer ${user.jwt}", "list": ["${user.jwt}"], "value": "${evil}", "own": "${user.name}"}'
    params = {"evil": "${user.jwt}", "user": {"jwt": "mine", "name": "mo"}}
    sender(topic, headers, Actor("rider", user("rider").pk), params)

    work(relay, all_sent(1), "the message sent")

    found = headers_of(records(topic, 1)[0])
    assert (found["part"], found["list"], found["value"], found["own"]) == ("Bearer ", '[""]', "${user.jwt}", "mo")


def test_e220_in_a_message_there_is_nothing_in_its_place() -> None:
    send = kafka_send("send", message='{"a": "${user.jwt}", "b": ${user.jwt}}')
    instance = process().start().send("Tell", send).end().publish().start({"user": {"jwt": "mine"}})

    assert json.loads(instance.sent()[0].value) == {"a": "", "b": None}


def test_e220_what_nobody_in_particular_started_speaks_for_the_service_user(topic: str) -> None:
    service = user(SERVICE_USER)
    instance = sender(topic, '{"jwt": "${user.jwt}"}', Actor(SERVICE_USER))

    assert minting.verify(minting.token_for(instance.row.id, topic), topic).user == service


def test_without_its_owner_the_message_is_refused_and_says_why(relay: Relay, topic: str) -> None:
    rider = user("rider")
    instance = sender(topic, '{"jwt": "${user.jwt}"}', Actor("rider", rider.pk))
    rider.delete()

    work(relay, lambda: instance.sent()[0].state == "failed", "the message refused")

    assert "no active user" in instance.row.incident_text


def test_e141_s110_s154_a_process_starts_another_over_the_broker_in_its_owners_name(
    relay: Relay, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = f"ai.flowx.dev.engine.receive.{uuid.uuid4().hex}.v1"
    rider = user("rider", "flowx-users")
    started = process().start().user_task("Form", save_data("go")).end().publish()
    headers = json.dumps({"jwt": "${user.jwt}", "callbackTopic": callback, "requestID": "r-7"})
    message = json.dumps({"processName": started.name, "n": 1})
    ask = kafka_send("ask", config.topic_start_in, message, headers=headers)
    asking = process().start().send("Ask", ask).receive("Wait", callback, "handover").end()
    instance = asking.publish().start(actor=Actor("rider", rider.pk))
    pattern = f"^({callback.replace('.', '[.]')}|{config.topic_start_in.replace('.', '[.]')})$"
    consumer = EngineConsumer(group=f"flowx-{uuid.uuid4().hex}", pattern=pattern)

    def turn() -> None:
        relay.turn()
        consumer.turn(0.02)

    try:
        until(lambda: instance.state == "FINISHED", "the answer at the one who asked", work=turn)
    finally:
        consumer.close()

    made = Instance.objects.get(process_name=started.name)
    assert (made.owner_id, made.parent_id) == (rider.pk, None)
    handover = instance.params["handover"]
    assert (handover["processInstanceUuid"], handover["requestID"]) == (str(made.uuid), "r-7")
    answer = headers_of(records(callback, 1)[0])
    assert "jwt" not in answer
    assert answer["processInstanceUuid"] == str(instance.uuid)


def everything_stored() -> str:
    """All text of all tables of the engine."""
    rows = (row for model in apps.get_app_config("engine").get_models() for row in model.objects.values_list())
    return repr(list(rows))
