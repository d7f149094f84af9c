"""Timers for people: the rows of one instance, what they will do as events still to come, and the list over all instances."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.models import Timer
from engine.queries.events import Event
from engine.queries.status import InstanceStatus as Status
from engine.queries.words import Words, at, bold, mono, say

LATE = timedelta(minutes=1)

KIND_WORDS = {"ACTION": "Delayed action", "RESPONSE": "Response time-out", "NODE": "Timer node", "EXPIRY": "Expiry"}
STATE_WORDS = {
    "PENDING": ("Waiting", "wait", "schedule"),
    "HELD": ("Kept, on hold", "wait", "pause"),
    "FIRED": ("Done", "ok", "check"),
    "CANCELLED": ("Cancelled", "", "block"),
}


@dataclass(frozen=True, slots=True)
class TimerRow:
    """A timer with its words; `late` is more than a minute past due (designer 4.5)."""

    timer: Timer
    kind: str
    about: Words
    word: str
    tone: str
    icon: str
    pending: bool
    late: bool


def timer_row(timer: Timer, now: datetime) -> TimerRow:
    word, tone, icon = STATE_WORDS.get(timer.state, (timer.state, "", "circle"))
    late = timer.state == "PENDING" and now - timer.due_at > LATE
    if late:
        word, tone, icon = "Late", "stop", "warning"
    return TimerRow(
        timer=timer,
        kind=KIND_WORDS.get(timer.kind, timer.kind),
        about=about(timer),
        word=word,
        tone=tone,
        icon=icon,
        pending=timer.state in ("PENDING", "HELD"),
        late=late,
    )


def about(timer: Timer) -> Words:
    """What it belongs to."""
    if timer.kind == "ACTION":
        return say(mono(timer.action_name), f" on {timer.node_name}")
    return say(timer.node_name) if timer.node_name else say("the instance")


def timer_rows(status: Status) -> list[TimerRow]:
    """The timers of one instance: pending ones first, the next one on top, then those that are done, the last one first."""
    pending = [timer for timer in status.timers if timer.state in ("PENDING", "HELD")]
    over = [timer for timer in reversed(status.timers) if timer.state not in ("PENDING", "HELD")]
    return [timer_row(timer, status.now) for timer in pending + over]


def timer_events(status: Status) -> list[Event]:
    """Pending timers as events still to come, the farthest on top: the timeline is read newest first."""
    return [event_to_come(timer) for timer in reversed(status.pending_timers[:5])]


def event_to_come(timer: Timer) -> Event:
    if timer.kind == "RESPONSE":
        sentence = say("Reply times out on ", bold(timer.node_name))
        detail = say(at(timer.due_at, "hms"), ", then the token moves on without a reply")
    elif timer.kind == "NODE":
        sentence, detail = (
            say("Timer ", bold(timer.node_name), " is due"),
            say(at(timer.due_at, "hms"), f" · {timer.expression}"),
        )
    elif timer.kind == "EXPIRY":
        sentence, detail = say("The instance expires"), say(at(timer.due_at, "hms"), ", then all its tokens end")
    else:
        sentence = say(mono(timer.action_name), " runs")
        detail = say(at(timer.due_at, "hms"), f" · {timer.expression}")
    return Event(f"t{timer.id}", timer.due_at, "schedule", "wait", sentence, detail, to_come=True)
