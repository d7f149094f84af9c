"""Timer starts: the schedule on which a published process starts instances by itself (engine 5.4, designer 4.5).

One row a process, that of its published version; publishing keeps it in step and leaves it active or suspended as it was, at
first suspended. The sweep (`engine.timers`) calls `start_due`: a row is claimed by moving `next_due_at` in the transaction that
makes the instance, so that of any number who look one starts it. What was missed while nobody looked is not made up: a step of a
cycle or cron that is found more than `LATE` after its moment is passed over. A date is one moment and is started however late.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.db import InterfaceError, OperationalError, transaction

from engine import clock, runtime
from engine.core.graph import Graph, Node
from engine.core.schedules import Window, looks_like_date, next_of, parse_date
from engine.core.stimuli import SYSTEM, Crashed, Outcome, Refused, Start, Stimulus
from engine.core.timerplaces import Place, check_timer
from engine.models import AuditEntry, FailedStart, TimerStart
from flowx_site.config import config

log = logging.getLogger("flowx.timers")

BATCH = 500
LATE = timedelta(minutes=1)
CRASHED = "error.process_instance.timer_start"


# -- kept in step with what is published -------------------------------------------------------------------------------


def keep_in_step(graph: Graph, snapshot_id: int) -> None:
    """The process was published: arm its timer start anew, with the settings of this version; without one its row goes.

    Call it in the transaction that publishes. Raises `TimerError` for a timer that a timer start does not take.
    """
    node = graph.timer_start()
    if node is None:
        withdraw(graph.name)
        return
    window = _window_of(node)
    known = TimerStart.objects.select_for_update().filter(process_name=graph.name).first()
    row = known or TimerStart(process_name=graph.name)
    row.snapshot_id, row.node_id, row.node_name = snapshot_id, node.id, node.name
    row.expression, row.starts_at, row.ends_at = node.timer_expression.strip(), window.start, window.end
    _arm(row)
    row.save()


def withdraw(process_name: str) -> None:
    """The process has no timer start any more, or cannot be started at all."""
    TimerStart.objects.filter(process_name=process_name).delete()


def _window_of(node: Node) -> Window:
    """Start and end time of the node, once its timer is one that may stand here. Raises `TimerError`."""
    zone = ZoneInfo(config.time_zone)
    if check_timer(Place.TIMER_START, node.timer_expression, zone) is None:
        parse_date(node.timer_expression, zone)  # says what is missing
    start, end = (parse_date(text, zone) if text.strip() else None for text in (node.start_time, node.end_time))
    return Window(start, end)


# -- by hand -----------------------------------------------------------------------------------------------------------


def activate(process_name: str, *, user: str) -> bool:
    """Start instances on schedule from now on; a cycle without a start counts from now. False when it is active already."""
    return _switch(process_name, active=True, user=user)


def suspend(process_name: str, *, user: str) -> bool:
    """Start no more instances on schedule; running ones go on. False when it is suspended already."""
    return _switch(process_name, active=False, user=user)


def _switch(process_name: str, *, active: bool, user: str) -> bool:
    """Raises `TimerStart.DoesNotExist` for a process without a timer start."""
    with transaction.atomic():
        row = TimerStart.objects.select_for_update().select_related("snapshot").get(process_name=process_name)
        if row.active == active:
            return False
        row.active = active
        _arm(row)
        row.save()
        AuditEntry.objects.create(
            at=clock.now(),
            user=user,
            subject="Timer start",
            event="Activate" if active else "Suspend",
            identifier=process_name,
            version=row.snapshot.version,
            details={"node": row.node_name, "timer": row.expression},
        )
    return True


def _arm(row: TimerStart) -> None:
    row.armed_at = clock.now()
    row.next_due_at = next_due(row, row.armed_at) if row.active else None


def next_due(row: TimerStart, after: datetime) -> datetime | None:
    """The first moment later than `after` at which the schedule starts an instance; None when it has none left."""
    window = Window(row.starts_at, row.ends_at)
    return next_of(row.expression, after, row.armed_at, ZoneInfo(config.time_zone), window)


# -- on schedule -------------------------------------------------------------------------------------------------------


def start_due() -> int:
    """Start an instance for each schedule that is due, as one batch; gives how many were due."""
    now = clock.now()
    rows = list(TimerStart.objects.filter(next_due_at__lte=now).order_by("next_due_at", "id")[:BATCH])
    due: dict[UUID, TimerStart] = {}
    for row in rows:
        if _is_missed(row, now):
            if _claim(row, now):
                log.warning("'%s' was not started at %s: nobody looked then.", row.process_name, row.next_due_at)
        else:
            due[uuid4()] = row
    if due:
        _start(due, now)
    return len(rows)


def _start(due: dict[UUID, TimerStart], now: datetime) -> None:
    def inside(stimuli: Sequence[Stimulus]) -> Sequence[Stimulus]:
        return [each for each in stimuli if _claim(due[each.instance_uuid], now)]

    def after(outcomes: Sequence[Outcome]) -> None:
        for each in outcomes:
            if isinstance(each, Refused):
                _record(due[each.instance_uuid], each.refusal.error_key, each.refusal.message)

    starts = [Start(number, row.snapshot_id, {}, SYSTEM, node_id=row.node_id) for number, row in due.items()]
    outcomes: Sequence[Outcome]
    try:
        outcomes = runtime.apply(starts, inside=inside, after=after)
    except (OperationalError, InterfaceError):
        raise  # the database is away: everything is due still
    except Exception as error:  # a start that was alone
        outcomes = [Crashed(starts[0].uuid, error)]
    for each in outcomes:
        if isinstance(each, Crashed):
            _pass_over(due[each.instance_uuid], now, each.error)


def _claim(row: TimerStart, now: datetime) -> bool:
    """Move the row to its next moment; false when somebody else has, or it was switched or published anew meanwhile."""
    mine = TimerStart.objects.filter(
        id=row.pk, active=True, next_due_at=row.next_due_at, snapshot_id=row.snapshot_id, armed_at=row.armed_at
    )
    return mine.update(next_due_at=next_due(row, now)) == 1


def _is_missed(row: TimerStart, now: datetime) -> bool:
    return row.next_due_at is not None and now - row.next_due_at > LATE and not looks_like_date(row.expression)


def _pass_over(row: TimerStart, now: datetime, error: Exception) -> None:
    """A start that fails for an unknown reason must not be tried each second: the schedule goes on, and staff see it."""
    log.error("'%s' could not be started on schedule: %s", row.process_name, error)
    with transaction.atomic():
        if _claim(row, now):
            _record(row, CRASHED, str(error) or type(error).__name__)


def _record(row: TimerStart, error_key: str, message: str) -> None:
    """Keep a start that was due and never ran, for staff (engine 2.6)."""
    FailedStart.objects.create(
        process_name=row.process_name,
        caller=SYSTEM.name,
        source="timer",
        error_key=error_key,
        message=message,
        body="{}",
        at=clock.now(),
    )
