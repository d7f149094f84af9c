"""What the runtime sends to PostgreSQL for a stimulus: one statement for all rows, values as they were given."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engine import runtime
from engine.core.stimuli import Start
from engine.models import Instance, JournalEntry, OutboxMessage
from tests.builders import USER, kafka_send, process, websocket_send

pytestmark = pytest.mark.django_db(transaction=True)


def three_steps():
    return process().start().task("Send", kafka_send("ask"), websocket_send("tell")).end().publish()


def test_a_three_step_process_takes_at_most_6_statements_and_so_does_a_batch_of_100() -> None:
    published = three_steps()
    runtime.apply([Start(uuid.uuid4(), published.snapshot_id, {}, USER)])
    for count in (1, 100):
        with CaptureQueriesContext(connection) as taken:
            runtime.apply([Start(uuid.uuid4(), published.snapshot_id, {"n": n}, USER) for n in range(count)])
        assert len(taken) <= 6, [query["sql"][:80] for query in taken]
    assert Instance.objects.filter(state="FINISHED").count() == 102


def test_values_of_every_kind_are_stored_as_they_were_given() -> None:
    published = three_steps()
    params = {
        "text": "a 'quote', \\ and \"both\"\n\t→ 𝄞 $1 %s",
        "big": 12345678901234567890123,
        "none": None,
        "list": [True],
    }
    start = Start(uuid.uuid4(), published.snapshot_id, params, USER)
    runtime.apply([start])
    row = Instance.objects.get(uuid=start.uuid)
    assert '"big":12345678901234567890123' in row.params
    assert "a 'quote', \\\\ and \\\"both\\\"\\n\\t→ 𝄞 $1 %s" in row.params
    assert row.finished_at is not None
    assert row.finished_at >= row.started_at
    sent = OutboxMessage.objects.get(instance_id=row.id)
    assert sent.id == JournalEntry.objects.get(instance_id=row.id, event="Message Send").outbox_id
    numbers = JournalEntry.objects.filter(instance_id=row.id).order_by("id").values_list("number", flat=True)
    assert list(numbers) == list(range(1, row.journal_seq + 1))
