"""The gateway as a whole: its loops, its share of the outbox, and what a killed one leaves behind (scenarios 6.3)."""

import os
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from engine import heartbeats, machines
from engine.leases import Leases
from engine.management.commands.gateway import Runner, relay_share
from engine.models import Heartbeat, OutboxShard

pytestmark = pytest.mark.django_db


@pytest.fixture
def dead_process() -> str:
    """The name of a process that ran here and is gone."""
    gone = subprocess.Popen([sys.executable, "-c", "pass"])
    gone.wait()
    return f"{machines.machine()}:{gone.pid}"


def show(name: str, *loops: str, ago_s: int = 0) -> None:
    at = timezone.now() - timedelta(seconds=ago_s)
    Heartbeat.objects.create(name=f"gateway@{name}", kind="gateway", at=at, details={"loops": list(loops)})


def test_relays_that_live_share_the_shards() -> None:
    assert relay_share() == 8
    show("one", "relay", "consumer")
    assert relay_share() == 8
    show("two", "relay")
    show("three", "consumer")
    show("four", "relay", ago_s=300)
    assert relay_share() == 4
    show("five", "relay")
    assert relay_share() == 3


def test_the_sign_of_a_gateway_that_was_killed_here_goes_and_others_stay(dead_process: str) -> None:
    show(dead_process, "relay")
    show("elsewhere/1:17", "relay")
    show(machines.this_process(), "relay")

    heartbeats.forget_dead("gateway")

    left = set(Heartbeat.objects.values_list("name", flat=True))
    assert left == {"gateway@elsewhere/1:17", f"gateway@{machines.this_process()}"}


def test_the_leases_of_a_process_that_was_killed_here_are_free_at_once(dead_process: str) -> None:
    Leases(range(8), owner=f"{dead_process}:ab", ttl_s=60).hold()
    successor = Leases(range(8), owner="another", ttl_s=60)

    successor.hold()

    assert set(successor.epochs) == set(range(8))
    assert set(OutboxShard.objects.values_list("epoch", flat=True)) == {2}


OWNERS = {"elsewhere": "elsewhere/1:17:ab", "this": f"{machines.this_process()}:ab", "nonsense": "no form", "none": ""}


@pytest.mark.parametrize("owner", OWNERS.values(), ids=OWNERS)
def test_the_leases_of_who_may_live_are_not(owner: str) -> None:
    Leases(range(8), owner=owner, ttl_s=60).hold()
    successor = Leases(range(8), owner="another", ttl_s=60)

    successor.hold()

    assert successor.epochs == {}


def test_a_sign_of_life_is_written_once_in_its_time() -> None:
    assert heartbeats.beat("worker", name="worker@here")
    assert not heartbeats.beat("worker", name="worker@here")
    assert Heartbeat.objects.get().kind == "worker"
    heartbeats.end("worker", name="worker@here")
    assert not Heartbeat.objects.exists()


def test_a_loop_that_falls_begins_anew() -> None:
    stop = threading.Event()
    begun: list[int] = []

    class Falling:
        def run(self, stop: threading.Event) -> None:
            begun.append(os.getpid())
            if len(begun) == 1:
                raise RuntimeError("planted")
            stop.set()

    runner = Runner("falling", Falling, stop)
    runner.thread.start()
    runner.thread.join(10)

    assert len(begun) == 2


@pytest.mark.parametrize("only", ["mailer", " , "])
def test_s158_only_known_loops_can_be_asked_for(only: str) -> None:
    with pytest.raises(CommandError, match="relay, consumer, timers"):
        call_command("gateway", "--only", only)
