"""Retry of a record that the broker refused for good: its topic is resolved anew, all else stays (engine 6.5)."""

import pytest

from engine import integrations, runtime
from engine.core.stimuli import Refusal
from engine.models import Incident, Instance, OutboxMessage
from tests.builders import Running, kafka_send, process, save_data

pytestmark = pytest.mark.django_db


def refused(running: Running, at: int = 0) -> OutboxMessage:
    """The row as the relay leaves it when the broker refuses it."""
    row = running.sent()[at]
    OutboxMessage.objects.filter(seq=row.seq).update(state="failed", last_error="too large")
    runtime.delivery_failed(row.id, "too large")
    return row


def sends(**fields: str) -> process:
    return process().start().send("Send", kafka_send("send", **fields)).user_task("Form", save_data("go", ["t"])).end()


def change(running: Running, params: str) -> None:
    Instance.objects.filter(uuid=running.uuid).update(params=params)


def test_e216_retry_looks_the_topic_up_with_the_data_of_now() -> None:
    running = sends(topic="first,out.${t}", message='{"t": "${t}"}').publish().start({"t": "old"})
    row = refused(running, 1)
    change(running, '{"t": "new"}')
    position = running.position
    assert runtime.requeue(row.id, user="otto", reason="renamed")
    first, again = running.sent()
    assert (first.topic, again.topic, again.state) == ("first", "out.new", "queued")
    assert (again.id, again.value, again.key, again.headers) == (row.id, row.value, row.key, row.headers)
    assert running.position == position
    assert running.row.open_incidents == 0
    [entry] = running.journal("Retry")
    assert entry.details == {"reason": "renamed", "topic": "out.new", "before": "out.old"}


def test_e216_retry_takes_the_topic_that_the_integration_has_now() -> None:
    def store(topic: str) -> None:
        scenario = {"name": "order", "send": {"topics": [{"topic": topic}]}}
        integrations.store({"name": "erp", "scenarios": [scenario]})

    store("erp.old")
    made = sends()
    made.action("send")["actionParams"] += [
        {"key": key, "value": value} for key, value in {"source": "INTEGRATION", "integration": "erp"}.items()
    ]
    made.action("send")["actionParams"].append({"key": "scenario", "value": "order"})
    running = made.publish().start()
    row = refused(running)
    assert row.topic == "erp.old"
    store("erp.new")
    assert runtime.requeue(row.id, user="otto")
    assert running.sent()[0].topic == "erp.new"


def test_e216_retry_after_the_end_of_the_instance_resolves_the_topic_too() -> None:
    running = sends(topic="out.${t}").publish().start({"t": "old"})
    row = refused(running)
    running.execute("go", {"t": "new"})
    assert running.state == "FINISHED"
    assert runtime.requeue(row.id, user="otto")
    assert running.sent()[0].topic == "out.new"
    assert running.state == "FINISHED"


@pytest.mark.parametrize(
    ("params", "why"), [("{}", "No value for topic placeholder t"), ('{"t": "a b"}', "not a legal")]
)
def test_e216_without_a_legal_topic_now_the_row_stays_refused(params: str, why: str) -> None:
    running = sends(topic="out.${t}").publish().start({"t": "old"})
    row = refused(running)
    change(running, params)
    with pytest.raises(Refusal, match=why):
        runtime.requeue(row.id, user="otto")
    assert (running.sent()[0].state, running.sent()[0].topic) == ("failed", "out.old")
    assert Incident.objects.filter(instance_id=running.row.id, closed_at=None).count() == 1
    assert not running.journal("Retry")
