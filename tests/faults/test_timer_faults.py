"""Timers outlive workers, gateways and Redis (engine 5.4)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from engine.models import Heartbeat, Timer
from flowx_site.demo.private_redis import PrivateRedis
from tests.builders import Running, process, websocket_send
from tests.faults.conftest import Program, until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]
Start = Callable[..., Program]
WORKER = ("-m", "celery", "-A", "flowx_site", "worker", "--pool", "solo", "--loglevel", "INFO")
BEAT = ("-m", "celery", "-A", "flowx_site", "beat", "--loglevel", "INFO")


def delayed(expression: str) -> Running:
    """An instance that pushes a frame after a delay."""
    tell = websocket_send("tell", '{"n": 1}', timerExpression=expression)
    return process().start().task("Later", tell).end().publish().start()


def finished(instance: Running) -> Callable[[], bool]:
    return lambda: instance.state == "FINISHED"


def test_e111_a_timer_that_came_due_while_the_worker_was_dead_fires_once_after_the_restart(
    environ: dict[str, str], start: Start
) -> None:
    worker = start(*WORKER)
    worker.wait_until_it_says("ready.")
    instance = delayed("PT3S")
    worker.kill()
    until(lambda: Timer.objects.get().due_at < timezone.now(), "the due moment")
    assert instance.state == "STARTED"

    start(*WORKER)
    start(*BEAT)
    until(finished(instance), "the instance finished")

    assert len(instance.frames("data")) == 1
    assert [timer.state for timer in Timer.objects.all()] == ["FIRED"]


def test_a_worker_is_woken_for_the_due_second_without_any_sweep(environ: dict[str, str], start: Start) -> None:
    start(*WORKER).wait_until_it_says("ready.")

    instance = delayed("PT2S")
    until(finished(instance), "the instance finished")

    late = instance.row.finished_at - Timer.objects.get().due_at
    assert timedelta(0) <= late < timedelta(seconds=5)
    assert Heartbeat.objects.filter(kind="worker").exists()


def test_e111_e211_with_redis_emptied_and_beat_silent_the_gateway_fires_the_timer_once(
    environ: dict[str, str], start: Start, redis_server: PrivateRedis
) -> None:
    instance = delayed("PT2S")
    redis_server.empty()

    gateway = start("manage.py", "gateway", "--only", "timers")
    until(finished(instance), "the instance finished")

    assert len(instance.frames("data")) == 1
    assert gateway.end() == 0


@pytest.mark.parametrize("moment", ["timers.before_apply", "runtime.before_commit", "timers.after_apply"])
def test_e110_e111_killed_around_the_firing_a_timer_fires_once(
    environ: dict[str, str], start: Start, moment: str
) -> None:
    instance = delayed("PT1S")
    victim = start("manage.py", "gateway", "--only", "timers", fault=moment)
    victim.wait_until_it_died()

    start("manage.py", "gateway", "--only", "timers")
    until(finished(instance), "the instance finished")

    assert len(instance.frames("data")) == 1
    assert len(instance.journal("Run scheduled action")) == 1


def test_the_gateway_shows_a_sign_of_life_and_takes_it_away_at_its_end(environ: dict[str, str], start: Start) -> None:
    gateway = start("manage.py", "gateway", "--only", "timers")
    until(lambda: Heartbeat.objects.filter(kind="gateway", details={"loops": ["timers"]}), "the sign of life")

    assert gateway.end() == 0
    assert not Heartbeat.objects.filter(kind="gateway").exists()


def test_an_unknown_loop_is_refused_with_the_names_of_the_known(environ: dict[str, str], start: Start) -> None:
    gateway = start("manage.py", "gateway", "--only", "relay,mailer")
    gateway.wait_until_it_died()

    assert "There is no loop mailer; name some of relay, consumer, timers." in gateway.said
