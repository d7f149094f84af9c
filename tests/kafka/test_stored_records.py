"""Stored records given another chance: replayed or discarded (engine 13.4); attaching is in tests/api/test_operations.py."""

import json
import uuid

import pytest

from engine import received
from engine.core.stimuli import Actor, Refusal
from engine.kafka import requests
from engine.kafka.offsets import Offsets
from engine.models import AuditEntry, Instance, OutboxMessage, ReceivedMessage
from flowx_site.config import config
from tests.builders import TOPIC, Running, process, save_data
from tests.kafka.arriving import record, to
from tests.kafka.asking import ask, trust

pytestmark = pytest.mark.django_db
OPERATOR = Actor("operator", 1)


def take(*records) -> None:
    requests.take_in(list(records), Offsets("flowx-test", "cluster"))


def stray(instance: Running, **headers) -> ReceivedMessage:
    """A record for a node that no token is on, so that it matches nothing: it names a node that does not listen."""
    given = {"destinationId": "Nobody", "Fx_MessageId": uuid.uuid4()} | headers
    take(to(instance, {"ok": True}, headers=given))
    row = ReceivedMessage.objects.get()
    assert (row.state, row.reason) == ("unmatched", "NO_SUBSCRIPTION")
    return row


def corrected(row: ReceivedMessage, **headers: str) -> None:
    """Put right what was wrong with the stored record."""
    row.headers = json.dumps(json.loads(row.headers) | headers)
    row.save(update_fields=["headers"])


def waiting() -> Running:
    return process().start().receive("Wait").end().publish().start()


def test_e232_s143_a_replayed_record_acts_as_if_it_came_now_and_once() -> None:
    instance = waiting()
    row = stray(instance)
    assert received.replay(row.id, actor=OPERATOR, reason="try") == "unmatched", "nothing was put right"
    corrected(row, destinationId="Wait")

    assert received.replay(row.id, actor=OPERATOR, reason="now it fits") == "applied"

    assert (instance.state, instance.params["reply"]) == ("FINISHED", {"ok": True})
    row.refresh_from_db()
    assert (row.state, row.instance_id) == ("applied", instance.row.id)
    with pytest.raises(Refusal) as again:
        received.replay(row.id, actor=OPERATOR, reason="again")
    assert again.value.status == 409
    assert ReceivedMessage.objects.count() == 1
    assert OutboxMessage.objects.filter(topic=f"dlt.{TOPIC}").count() == 1, "no second copy"
    entry = AuditEntry.objects.filter(event="Retry").latest("id")
    assert (entry.user, entry.details["reason"], entry.details["after"]) == ("operator", "now it fits", "applied")


def test_e232_its_own_id_does_not_count_as_a_repeat_but_that_of_another_copy_does() -> None:
    instance = waiting()
    row = stray(instance)
    corrected(row, destinationId="Wait")
    received.replay(row.id, actor=OPERATOR, reason="now")
    entry = instance.journal("Message Receive")[0]
    assert entry.message_id == row.message_id

    other = waiting()
    take(to(other, {"ok": False}, headers={"Fx_MessageId": row.message_id}))

    assert other.state == "STARTED"


def test_e232_a_replayed_record_that_is_early_or_late_is_kept_in_the_same_row() -> None:
    made = process().start().user_task("First", save_data("go")).receive("Wait").end().publish()
    instance = made.start()
    row = stray(instance)
    corrected(row, destinationId="Wait")

    assert received.replay(row.id, actor=OPERATOR, reason="now") == "early"
    row.refresh_from_db()
    assert (row.state, row.reason) == ("early", "")
    instance.execute("go")

    assert instance.state == "FINISHED"
    row.refresh_from_db()
    assert row.state == "applied"
    assert ReceivedMessage.objects.count() == 1


def test_e232_a_record_that_named_nobody_is_replayed_to_whom_it_names_now() -> None:
    instance = waiting()
    take(record({"ok": 1}, headers={"processInstanceUuid": uuid.uuid4()}))
    row = ReceivedMessage.objects.get()
    assert received.replay(row.id, actor=OPERATOR, reason="try") == "unmatched"
    corrected(row, processInstanceUuid=str(instance.uuid))

    assert received.replay(row.id, actor=OPERATOR, reason="found it") == "applied"

    assert instance.state == "FINISHED"


def test_s143_a_discarded_record_is_done_with() -> None:
    row = stray(waiting())

    received.discard(row.id, actor=OPERATOR, reason="of no use")

    row.refresh_from_db()
    assert row.state == "discarded"
    for call in (received.replay, received.discard):
        with pytest.raises(Refusal):
            call(row.id, actor=OPERATOR, reason="again")
    assert AuditEntry.objects.get(event="Delete").details["reason"] == "of no use"


def test_s143_what_is_no_json_cannot_be_replayed_but_discarded() -> None:
    take(to(waiting(), raw=b"good morning"))
    row = ReceivedMessage.objects.get()

    with pytest.raises(Refusal):
        received.replay(row.id, actor=OPERATOR, reason="try")

    received.discard(row.id, actor=OPERATOR, reason="rubbish")


def test_s143_a_dead_request_is_replayed_to_success(monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch)
    published = process().start().user_task("Form", save_data("go")).end().publish()
    given = {"Fx_MessageId": uuid.uuid4()}
    with monkeypatch.context() as patch:
        patch.setattr("engine.core.starting._arm_expiry", lambda turn: 1 / 0)
        ask(config.topic_start_in, {"processName": published.name}, headers=given)
    row = ReceivedMessage.objects.get()
    assert (row.state, row.reason, Instance.objects.count()) == ("dead", "FAILED", 0)

    assert received.replay(row.id, actor=OPERATOR, reason="the fault is mended") == "applied"

    assert Instance.objects.get().process_name == published.name
    answers = OutboxMessage.objects.filter(topic=config.topic_start_out).order_by("seq")
    assert [json.loads(each.value)["error"] for each in answers] == ["The start failed.", None]


def test_a_token_in_a_header_is_not_stored() -> None:
    instance = waiting()
    row = stray(instance, jwt="fxa_secret")

    assert "fxa_secret" not in row.headers
