"""The runtime: statements of a batch, one transaction, halving, ids, effects on other trees (architecture 4 and 6)."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engine import ids, runtime
from engine.core.stimuli import Execute, MessageReceived, PushFrame, Start, TimerDue
from engine.models import Instance, JournalEntry, OutboxMessage, PendingStimulus, Snapshot, Timer, Token
from engine.storage import save
from tests.builders import TOPIC, USER, kafka_send, process, save_data, websocket_send

pytestmark = pytest.mark.django_db(transaction=True)


def three_steps():
    return process().start().task("Send", kafka_send("ask"), websocket_send("tell")).end().publish()


def starts(published, count):
    return [Start(uuid.uuid4(), published.snapshot_id, {"n": n}, USER) for n in range(count)]


def test_a_three_step_process_takes_at_most_8_statements_and_a_batch_of_100_at_most_30():
    published = three_steps()
    runtime.apply(starts(published, 1))  # compiles the snapshot and reserves a block of ids, once a process
    with CaptureQueriesContext(connection) as one:
        runtime.apply(starts(published, 1))
    with CaptureQueriesContext(connection) as hundred:
        runtime.apply(starts(published, 100))
    assert Instance.objects.filter(state="FINISHED").count() == 102
    assert len(one) <= 8, [query["sql"][:80] for query in one]
    assert len([query for query in one if query["sql"] not in ("BEGIN", "COMMIT", "BEGIN IMMEDIATE")]) <= 6
    assert len(hundred) <= 30, [query["sql"][:80] for query in hundred]


def test_a_batch_of_100_executions_and_100_records_takes_at_most_30_statements():
    published = process().start().user_task("Form", save_data("go")).receive("Wait").end().publish()
    made = starts(published, 100)
    runtime.apply(made)
    tokens = {start.uuid: start for start in made}
    rows = {row.id: row.uuid for row in Instance.objects.all()}
    executes = [Execute(rows[token.instance_id], token.uuid, "go", {}, USER) for token in Token.objects.all()]
    with CaptureQueriesContext(connection) as executed:
        runtime.apply(executes)
    records = [MessageReceived(each, TOPIC, 1, b"1", Instance.objects.get(uuid=each).updated_at) for each in tokens]
    with CaptureQueriesContext(connection) as received:
        runtime.apply(records)
    assert Instance.objects.filter(state="FINISHED").count() == 100
    assert max(len(executed), len(received)) <= 30


def test_a_stimulus_that_breaks_is_alone_and_the_others_of_its_batch_are_applied():
    published = three_steps()
    good, bad = starts(published, 5), Start(uuid.uuid4(), 999_999, {}, USER)
    outcomes = runtime.apply([*good[:3], bad, *good[3:]])
    assert [type(outcome).__name__ for outcome in outcomes] == ["Done", "Done", "Done", "Crashed", "Done", "Done"]
    assert Instance.objects.filter(uuid__in=[start.uuid for start in good]).count() == 5
    with pytest.raises(Snapshot.DoesNotExist):
        runtime.apply([bad])


def test_what_the_caller_raises_inside_rolls_everything_back():
    published = three_steps()

    def stop(stimuli):
        raise runtime.ExpectedByCaller("no")

    with pytest.raises(runtime.ExpectedByCaller):
        runtime.apply(starts(published, 1), inside=stop)
    assert not Instance.objects.exists()
    assert not JournalEntry.objects.exists()


def test_inside_may_leave_stimuli_out():
    published = three_steps()
    outcomes = runtime.apply(starts(published, 3), inside=lambda stimuli: stimuli[:1])
    assert len(outcomes) == 1
    assert Instance.objects.count() == 1


def test_e206_an_effect_on_another_tree_is_applied_once_also_after_a_crash():
    parent = process().start().user_task("Form", save_data("go")).end().publish().start()
    PendingStimulus.objects.create(
        instance_uuid=parent.uuid,
        kind="PushFrame",
        created_at=parent.row.started_at,
        body=save.pending_body(PushFrame(parent.uuid, "data", '{"n":1}', "up")),
    )
    assert runtime.apply_pending() == 1
    assert runtime.apply_pending() == 0
    assert [frame["data"] for frame in parent.frames("data")] == [{"n": 1}]


@pytest.mark.django_db(transaction=True)
def test_an_effect_that_fails_holds_up_no_other_instance_and_keeps_its_place():
    first, second = (process().start().user_task("Form", save_data("go")).end().publish().start() for _ in range(2))
    for parent, body in ((first, "{}"), (first, None), (second, None)):
        made = save.pending_body(PushFrame(parent.uuid, "data", '{"n":1}', "up"))
        PendingStimulus.objects.create(
            instance_uuid=parent.uuid, kind="PushFrame", created_at=parent.row.started_at, body=body or made
        )
    runtime.apply_pending()
    assert [frame["data"] for frame in second.frames("data")] == [{"n": 1}]
    assert first.frames("data") == []
    assert PendingStimulus.objects.filter(instance_uuid=first.uuid).count() == 2


def test_ids_are_given_once_and_unused_ones_go_back():
    with ids.reserve(10) as first:
        taken = [next(first) for _ in range(3)]
    second = ids.reserve(10)
    assert next(second) == taken[-1] + 1
    more = [next(second) for _ in range(2000)]
    assert len(set(more)) == 2000


def test_a_timer_batch_of_100_fires_each_once():
    published = process().start().task("Wait", websocket_send("later", timerExpression="PT5S")).end().publish()
    runtime.apply(starts(published, 100))
    rows = {row.id: row.uuid for row in Instance.objects.all()}
    due = [TimerDue(rows[timer.instance_id], timer.id) for timer in Timer.objects.all()]
    with CaptureQueriesContext(connection) as fired:
        outcomes = runtime.apply(due + due)
    assert sum(outcome.answer["fired"] for outcome in outcomes) == 100
    assert len(fired) <= 30
    assert Instance.objects.filter(state="FINISHED").count() == 100
    assert not OutboxMessage.objects.exists()
