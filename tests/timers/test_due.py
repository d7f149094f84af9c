"""Due timers fire once, whoever looks and however often (engine 5.4)."""

import threading
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engine import runtime, timers, wakeups
from engine.core.stimuli import Execute, Start, Terminate
from engine.leases import TIMER_SWEEP
from engine.models import JournalEntry, OutboxShard, Timer
from engine.timers import Sweeper, fire_all_due, fire_due_batch
from flowx_site.demo.private_redis import PrivateRedis
from tests.builders import USER, Published, process, save_data, websocket_send

LIMIT_S = 20.0


def later(expression: str = "PT1H") -> Published:
    """A process that pushes a frame after a delay."""
    tell = websocket_send("tell", '{"n": 1}', timerExpression=expression)
    return process().start().task("Later", tell).end().publish()


def make_due() -> None:
    Timer.objects.filter(state="PENDING").update(due_at=timezone.now() - timedelta(seconds=1))


def until(look: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + LIMIT_S
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"not seen in {LIMIT_S:.0f} s: {what}")
        time.sleep(0.01)
    return found


@pytest.mark.django_db
def test_e111_an_overdue_timer_fires_when_somebody_looks() -> None:
    instance = later().start()
    assert fire_all_due() == 0
    make_due()

    assert fire_all_due() == 1

    assert instance.state == "FINISHED"
    assert len(instance.frames("data")) == 1


@pytest.mark.django_db
def test_e110_looking_again_has_no_effect() -> None:
    instance = later().start()
    make_due()
    fire_all_due()
    Timer.objects.update(state="PENDING")  # as another process saw it a moment ago

    fire_all_due()

    assert len(instance.frames("data")) == 1
    assert len(instance.journal("Run scheduled action")) == 1


@pytest.mark.django_db(transaction=True)
def test_e110_two_who_look_at_the_same_moment_fire_each_timer_once() -> None:
    published = later()
    instances = [published.start() for _ in range(20)]
    make_due()
    start = threading.Barrier(2)

    def look() -> None:
        start.wait()
        fire_all_due()
        connection.close()

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()

    assert [len(instance.frames("data")) for instance in instances] == [1] * 20


@pytest.mark.django_db
def test_e109_a_timer_of_an_instance_that_ended_does_nothing() -> None:
    instance = later().start()
    runtime.apply([Terminate(instance.uuid, USER)])
    make_due()

    assert fire_all_due() == 0
    assert instance.frames("data") == []
    assert [timer.state for timer in instance.timers("CANCELLED")] == ["CANCELLED"]


@pytest.mark.django_db
def test_a_batch_of_a_hundred_takes_at_most_thirty_statements() -> None:
    published = later()
    runtime.apply([Start(uuid.uuid4(), published.snapshot_id, {}, USER) for _ in range(101)])
    Timer.objects.filter(id=Timer.objects.earliest("id").id).update(due_at=timezone.now() - timedelta(seconds=1))
    fire_all_due()  # caches
    make_due()

    with CaptureQueriesContext(connection) as queries:
        assert fire_due_batch() == 100

    assert len(queries) <= 30


@pytest.mark.django_db(transaction=True)
@pytest.mark.timeout(120)
def test_e211_ten_thousand_timers_due_at_once_fire_once_each_in_batches_with_redis_emptied(
    redis_server: PrivateRedis,
) -> None:
    tell = websocket_send("tell", '{"n": 1}', timerExpression="PT1H", manual=True, optional=True, repeatable=True)
    published = process().start().user_task("Form", save_data("go"), tell).end().publish()
    running = [published.start() for _ in range(100)]
    executes = [Execute(instance.uuid, instance.token.uuid, "tell", {}, USER) for instance in running]
    for _ in range(20):
        runtime.apply(executes * 5)
    wakeups.flush()
    redis_server.empty()
    make_due()

    assert fire_due_batch() == 500
    assert Sweeper().turn() == 9500

    assert JournalEntry.objects.filter(event="Run scheduled action").count() == 10_000
    assert Timer.objects.filter(state="FIRED").count() == 10_000


@pytest.mark.django_db
def test_of_two_gateways_one_sweeps_and_the_other_takes_over() -> None:
    first, second = Sweeper(), Sweeper()
    later().start()
    make_due()
    assert (first.turn(), second.turn()) == (1, 0)
    later().start()
    make_due()

    OutboxShard.objects.filter(shard=TIMER_SWEEP).update(until=timezone.now())  # the first was killed
    second.leases.hold()

    assert second.turn() == 1


@pytest.mark.django_db(transaction=True)
def test_the_sweep_of_the_gateway_fires_a_timer_within_its_second(redis_server: PrivateRedis) -> None:
    stop = threading.Event()
    sweeper = Sweeper()
    looking = threading.Thread(target=sweeper.run, args=[stop])
    looking.start()
    instance = later("PT1S").start()

    until(lambda: instance.state == "FINISHED", "the instance finished")

    stop.set()
    looking.join(5)
    assert not looking.is_alive()
    late = instance.row.finished_at - instance.timers("FIRED")[0].due_at
    assert timedelta(0) <= late < timedelta(seconds=3)
    assert not OutboxShard.objects.filter(shard=TIMER_SWEEP, until__gt=timezone.now()).exists()


@pytest.mark.django_db
def test_due_seconds_of_the_next_five_minutes_are_armed_once(redis_server: PrivateRedis) -> None:
    now = timezone.now().replace(microsecond=0)
    dues = [now + timedelta(seconds=seconds) for seconds in (10, 10.2, 10.9, 20, 299, 400)]
    client = wakeups.connect()

    assert wakeups.arm(client, dues) == 4
    assert wakeups.arm(client, dues) == 0
    assert client.llen("flowx") == 4

    redis_server.empty()
    assert wakeups.arm(client, dues) == 4


@pytest.mark.django_db
def test_arming_reads_the_rows_that_are_pending(redis_server: PrivateRedis) -> None:
    for expression in ("PT10S", "PT10M"):
        later(expression).start()
    redis_server.empty()

    assert timers.arm_next() == 1
