"""Timer starts for people: each published process that has one, with its next run (designer 4.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.core.durations import TimerError
from engine.core.timerplaces import Kind, Place, check_timer
from engine.models import TimerStart

KIND_WORDS = {Kind.DATE: "Date", Kind.CYCLE: "Cycle", Kind.CRON: "Cron"}


@dataclass(frozen=True, slots=True)
class TimerStartRow:
    """One row of the list; `next_due_at` is None while it is suspended, or has no run left."""

    id: int
    process_name: str
    version: int
    node_name: str
    kind: str
    expression: str
    active: bool
    next_due_at: datetime | None

    @property
    def word(self) -> str:
        if not self.active:
            return "Suspended"
        return "Active" if self.next_due_at is not None else "Over"

    @property
    def tone(self) -> str:
        return "here" if self.active and self.next_due_at is not None else ""

    @property
    def icon(self) -> str:
        return {"Active": "play_arrow", "Suspended": "pause", "Over": "check"}[self.word]


def timer_starts() -> list[TimerStartRow]:
    """All of them, by process; one statement."""
    rows = TimerStart.objects.order_by("process_name").values_list(
        "id", "process_name", "snapshot__version", "node_name", "expression", "active", "next_due_at"
    )
    return [
        TimerStartRow(row_id, process, version, node, kind_of(expression), expression, active, due)
        for row_id, process, version, node, expression, active, due in rows
    ]


def kind_of(expression: str) -> str:
    """The kind of a timer start's expression in a word."""
    try:
        kind = check_timer(Place.TIMER_START, expression)
    except TimerError:
        return ""
    return "" if kind is None else KIND_WORDS[kind]
