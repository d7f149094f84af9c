"""`manage.py gateway`: the loops between the database and Kafka, and the sweep of due timers (architecture 5)."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.utils import timezone

from engine import heartbeats
from engine.kafka.consumer import EngineConsumer
from engine.kafka.relay import Relay
from engine.models import Heartbeat
from engine.models.messages import SHARDS
from engine.timers import Sweeper
from flowx_site import collector

log = logging.getLogger("flowx.gateway")

LOOK_S = 1.0
END_S = 45.0  # a loop may take so long to finish what it is at
ALIVE = timedelta(seconds=30)


class Loop(Protocol):
    """What a thread of the gateway runs."""

    def run(self, stop: threading.Event) -> None: ...


def relay_share() -> int:
    """How many shards of the outbox a relay should hold: all relays that live hold as many."""
    since = timezone.now() - ALIVE
    details = Heartbeat.objects.filter(kind="gateway", at__gt=since).values_list("details", flat=True)
    relays = sum("relay" in (each or {}).get("loops", ()) for each in details)
    return math.ceil(SHARDS / max(1, relays))


LOOPS: dict[str, Callable[[], Loop]] = {
    "relay": lambda: Relay(share=relay_share),
    "consumer": EngineConsumer,
    "timers": Sweeper,
}


class Runner:
    """A loop in a thread of its own; when it falls, it is made anew a second later."""

    def __init__(self, name: str, make: Callable[[], Loop], stop: threading.Event) -> None:
        self.name = name
        self._make = make
        self._stop = stop
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._make().run(self._stop)
            except Exception:
                log.exception("The loop %s fell; it begins anew in a second.", self.name)
                connection.close()
                self._stop.wait(LOOK_S)


class Command(BaseCommand):
    """Runs the relay, the consumer and the sweep of timers until it is told to end.

    1. Says which loops it runs: all, or those named by --only.
    2. Takes SIGTERM and SIGINT as the wish to end; a second one ends at once.
    3. Starts each loop in a thread with a database connection and Kafka clients of its own.
    4. Gives a sign of life every ten seconds. A loop that falls is started again; a row or record that breaks is put aside by
       the loop itself, so nothing falls twice for the same reason.
    5. At the end each loop finishes: records under way are acknowledged and marked, leases and membership are given back.
    """

    help = "Run the Kafka relay, the Kafka consumer and the sweep of due timers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", default=",".join(LOOPS), help=f"which loops to run: some of {', '.join(LOOPS)}")

    def handle(self, *args: Any, **options: Any) -> None:
        names = [name.strip() for name in options["only"].split(",") if name.strip()]
        if unknown := [name for name in names if name not in LOOPS]:
            raise CommandError(f"There is no loop {', '.join(unknown)}; name some of {', '.join(LOOPS)}.")
        if not names:
            raise CommandError(f"Name at least one loop of {', '.join(LOOPS)}.")
        stop = end_on_signals()
        begin_signs_of_life(names)
        collector.settle()
        runners = [Runner(name, LOOPS[name], stop) for name in names]
        for runner in runners:
            runner.thread.start()
        self.stdout.write(f"The gateway runs: {', '.join(names)}.")
        self.stdout.flush()
        while not stop.wait(LOOK_S):
            heartbeats.beat("gateway", details={"loops": names})
        deadline = time.monotonic() + END_S
        for runner in runners:
            runner.thread.join(max(0.0, deadline - time.monotonic()))
        heartbeats.end("gateway")
        if late := [runner.name for runner in runners if runner.thread.is_alive()]:
            raise CommandError(f"These loops did not end in time: {', '.join(late)}.")
        self.stdout.write("The gateway has ended.")


def begin_signs_of_life(names: list[str]) -> None:
    """The first sign, without those of gateways that were killed here; a database that is away is no reason not to start."""
    try:
        heartbeats.forget_dead("gateway")
    except DatabaseError as error:
        log.warning("The database is away; the loops wait for it: %s", error)
    heartbeats.beat("gateway", details={"loops": names})


def end_on_signals() -> threading.Event:
    """An event that SIGTERM or SIGINT sets; the next such signal has its usual effect."""
    stop = threading.Event()

    def end(number: int, frame: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    return stop
