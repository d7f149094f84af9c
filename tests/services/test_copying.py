"""Many new rows at once go to PostgreSQL by COPY: each value arrives as given, and what is stored is not copied again."""

import uuid
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from engine import runtime
from engine.core.stimuli import Actor, MessageReceived, Start
from engine.models import Instance, JournalEntry
from engine.storage.bulk import COPY_FROM, Writes
from tests.builders import process

pytestmark = pytest.mark.django_db(transaction=True)

TEXTS = (
    "",
    " ",
    "plain",
    'a "quote", a comma\nand a line',
    "\\.",
    "\n\\.\n",
    "\\N",
    "NULL",
    "\t\r\v",
    "→ 𝄞 ü",
    "${not} $1 %s",
    "0012",
    "true",
)
DETAILS = ({}, {"none": None, "big": 10**30, "list": [1, "é", {"deep": [True]}]}, {"quote": '"\\\n'}, {"real": 1.5})


def entry(number: int, text: str, details: dict) -> dict:
    odd = number % 2
    return {
        "instance_id": 7,
        "number": number,
        "at": datetime(2026, 3, 29, 0, 59, 59, number, tzinfo=UTC),
        "event": "Frame",
        "user": text[:150],
        "node_id": None if odd else -number,
        "details": details,
        "payload": None if odd else text,
        "frame_id": uuid.UUID(int=number) if odd else None,
        "message_id": None,
        "subject": "Token",
        "status": "success",
        "node_name": "",
        "action_name": "",
        "frame_type": "",
    }


def test_every_kind_of_value_arrives_as_it_was_given() -> None:
    given = [entry(n, TEXTS[n % len(TEXTS)], DETAILS[n % len(DETAILS)]) for n in range(COPY_FROM * 2)]
    writes = Writes()
    writes.add(JournalEntry, given)
    with CaptureQueriesContext(connection) as taken:
        writes.flush()
    assert [query["sql"].split()[0] for query in taken] == ["COPY"]
    assert list(JournalEntry.objects.order_by("id").values(*given[0])) == given


def test_a_key_that_is_known_is_an_error_and_nothing_of_the_batch_is_stored() -> None:
    writes = Writes()
    writes.add(JournalEntry, [entry(n, "", {}) for n in range(COPY_FROM)])
    writes.add(JournalEntry, [entry(n, "", {}) for n in range(COPY_FROM)])
    with pytest.raises(IntegrityError, match="journal_number"), transaction.atomic():
        writes.flush()
    assert not JournalEntry.objects.exists()


def test_a_batch_that_starts_instances_and_goes_on_with_others_copies_the_new_rows_alone() -> None:
    receive = {"dataStreamTopics": [{"topicName": "answers", "keyName": "answer"}]}
    published = process().start().add("MESSAGE_EVENT_RECEIVE", "Wait", **receive).end().publish()

    def starts() -> list[Start]:
        return [
            Start(uuid.uuid4(), published.snapshot_id, {"name": "Zoë\n"}, Actor("o'hara")) for _ in range(COPY_FROM)
        ]

    waiting = starts()
    runtime.apply(waiting)
    now = datetime.now(UTC)
    answers = [MessageReceived(each.uuid, "answers", {"n": 1}, b'{"n":1}', now) for each in waiting]
    with CaptureQueriesContext(connection) as taken:
        outcomes = runtime.apply([*answers, *starts()])
    assert len(outcomes) == 2 * COPY_FROM
    assert sum(query["sql"].startswith("COPY") for query in taken) == 2
    ended = Instance.objects.filter(state="FINISHED", params__contains='"answer":{"n":1}', revision=2)
    assert ended.count() == COPY_FROM
    assert Instance.objects.filter(state="STARTED", owner_name="o'hara", revision=1).count() == COPY_FROM
    for row in Instance.objects.all():
        numbers = JournalEntry.objects.filter(instance_id=row.id).order_by("id").values_list("number", flat=True)
        assert list(numbers) == list(range(1, row.journal_seq + 1))
