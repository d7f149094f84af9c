"""Concurrent calls of one process share commits: all are served, each with its own outcome; a locked tree holds up no others."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from engine import runtime
from engine.core.stimuli import Execute, Refused, Start, Stimulus
from engine.models import Instance, JournalEntry, Token, Visit
from tests.builders import USER, process, save_data

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 32


def form() -> int:
    actions = save_data("go", repeatable=True), save_data("leave")
    return process().start().user_task("Form", *actions).end().publish().snapshot_id


def started(snapshot_id: int) -> Start:
    start = Start(uuid.uuid4(), snapshot_id, {}, USER)
    runtime.apply([start])
    return start


def go(instance: Start, name: str = "go") -> Execute:
    token = Token.objects.get(instance_id=Instance.objects.get(uuid=instance.uuid).id).uuid
    return Execute(instance.uuid, token, name, {"by": 1}, USER)


def served(stimuli: list[Stimulus]) -> list[object]:
    """What each gave, in a thread of its own."""

    def one(stimulus: Stimulus) -> object:
        try:
            return runtime.apply([stimulus])[0]
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, stimuli))


def test_32_threads_on_a_pool_of_10_are_all_served_and_a_refusal_is_its_callers_own() -> None:
    snapshot_id = form()
    shared = started(snapshot_id)
    good, bad = go(shared), go(shared, "unknown")
    found = served(
        [Start(uuid.uuid4(), snapshot_id, {}, USER) if n % 4 else (good, bad)[n % 8 // 4] for n in range(640)]
    )
    refused = [n for n, outcome in enumerate(found) if isinstance(outcome, Refused)]
    assert refused == [n for n in range(640) if n % 8 == 4]
    assert not [outcome for outcome in found if isinstance(outcome, Exception)]
    assert Instance.objects.count() == 1 + 480
    row = Instance.objects.get(uuid=shared.uuid)
    numbers = JournalEntry.objects.filter(instance_id=row.id).order_by("number").values_list("number", flat=True)
    assert list(numbers) == list(range(1, row.journal_seq + 1))
    states = Visit.objects.get(instance_id=row.id, left_at=None).actions
    assert '"runs":80,"completed":80' in states


def test_a_tree_that_somebody_holds_keeps_only_its_own_callers_waiting() -> None:
    snapshot_id = form()
    held, free = started(snapshot_id), started(snapshot_id)
    on_held, on_free = go(held), go(free)
    locked, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Instance.objects.select_for_update().get(uuid=held.uuid)
            locked.set()
            let_go.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(10)
    with ThreadPoolExecutor(4) as pool:
        waiting = pool.submit(served, [on_held])
        found = served([on_free if n % 2 else Start(uuid.uuid4(), snapshot_id, {}, USER) for n in range(200)])
        assert not waiting.done()
        let_go.set()
        assert not isinstance(waiting.result(10)[0], Exception | Refused)
    holder.join(10)
    assert not [outcome for outcome in found if isinstance(outcome, Exception | Refused)]


def test_a_call_inside_a_transaction_is_part_of_it() -> None:
    snapshot_id = form()
    with transaction.atomic():
        started(snapshot_id)
        transaction.set_rollback(True)
    assert not Instance.objects.exists()
