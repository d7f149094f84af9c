"""What each journal entry says: a symbol, a sentence, a small line. Every event of engine 2.9 has its words here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.models import JournalEntry
from engine.queries.words import Span, Words, at, bold, mono, say, size_text

KINDS: Mapping[str, tuple[str, ...]] = {
    "tokens": (
        *("Start", "Start with inherit", "Start subprocess", "Advance", "Finish", "Create", "Abort"),
        *("Swimlane enter", "Swimlane exit", "Stage enter", "Stage exit"),
    ),
    "actions": ("Execute action", "Schedule action", "Run scheduled action"),
    "kafka": ("Message Send", "Message Receive"),
    "frames": ("Frame",),
    "incidents": ("Incident", "Warning", "Retry"),
    "operations": (
        *("Hold", "Unhold", "Retry", "Update", "Update state", "Dismiss", "Expire", "View", "Assign", "Unassign"),
    ),
}
"""The filters of the timeline, and the events each of them shows."""

KIND_WORDS: Mapping[str, str] = {
    "tokens": "Tokens",
    "actions": "Actions",
    "kafka": "Kafka",
    "frames": "Frames",
    "incidents": "Incidents",
    "operations": "Staff",
}

AUDIT_EVENTS_NOT = (
    *("Frame", "Incident", "Warning"),
    *("Swimlane enter", "Swimlane exit", "Stage enter", "Stage exit"),
)
"""Entries that stand in the journal but are no audit events (engine 2.9)."""

TYPE_WORDS = {
    "KAFKA_SEND": "Kafka Send",
    "WEBSOCKET_SEND": "Websocket Send",
    "SAVE_DATA": "Save Data",
    "BUSINESS_RULE": "Business Rule",
    "UPLOAD_FILE": "Upload File",
    "START_SUBPROCESS": "Start Subprocess",
    "APPEND_PARAMS_TO_PARENT": "Append Params to Parent",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the record of a `Message Send`, from its outbox row."""

    state: str
    topic: str
    size_bytes: int = 0
    attempts: int = 0
    partition: int | None = None
    offset: int | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the timeline."""

    key: str
    moment: datetime
    icon: str
    tone: str
    sentence: Words
    detail: Words = ()
    number: int = 0
    to_come: bool = False
    payload: bool = False


def event_of(entry: JournalEntry, delivery: Delivery | None = None, *, automatic: bool = False) -> Event:
    """The row of an entry; `delivery` belongs to the outbox row that it points to, `automatic` is its action's trigger."""
    if automatic and entry.event == "Execute action":  # the journal names who set the step off, not who ran it
        entry.user = ""
    icon, tone, sentence, detail = SAYINGS.get(entry.event, other)(entry, delivery)
    if entry.event not in ("Message Send", "Incident", "Warning") and entry.status == "failure" and tone != "stop":
        tone = "stop"
    if reason := entry.details.get("reason"):
        detail = (*detail, *(say(" · ") if detail else ()), Span(f"“{reason}”"))
    return Event(
        str(entry.number), entry.at, icon, tone, sentence, detail, entry.number, payload=entry.payload is not None
    )


Saying = tuple[str, str, Words, Words]


def started(entry: JournalEntry, _: Delivery | None) -> Saying:
    how = say("with values of its parent") if entry.event == "Start with inherit" else ()
    return "play_arrow", "here", say("Started by ", bold(entry.user or "the engine")), how


def subprocess_started(entry: JournalEntry, _: Delivery | None) -> Saying:
    count = len(entry.details.get("children") or ())
    what = bold(str(entry.details.get("process", "")))
    sentence = say("Subprocess ", what, " started") if count == 1 else say(f"{count:,} subprocesses ", what, " started")
    return "account_tree", "here", sentence, say(mono(entry.action_name))


def advanced(entry: JournalEntry, _: Delivery | None) -> Saying:
    came_from = str(entry.details.get("from") or "")
    sentence = say("Token: ", f"{came_from} → " if came_from else "", bold(entry.node_name))
    return "radio_button_checked", "here", sentence, ()


def finished(entry: JournalEntry, _: Delivery | None) -> Saying:
    return "check", "ok", say("Finished"), ()


def action_ran(entry: JournalEntry, _: Delivery | None) -> Saying:
    if entry.details.get("byHand") and entry.event == "Run scheduled action":
        return "timer", "", say(bold(entry.user), " ran a timer now"), due_words(entry)
    if entry.details.get("byHand"):
        return "bolt", "", say(bold(entry.user), " executes ", mono(entry.action_name), " by hand"), ()
    name, failed = mono(entry.action_name), entry.status == "failure"
    kind = TYPE_WORDS.get(str(entry.details.get("type")), "")
    scheduled = entry.event == "Run scheduled action"
    detail = say(" · ".join(filter(None, (kind, "its timer was due" if scheduled else "", entry.node_name))))
    if failed:
        return "bolt", "stop", say(name, " failed"), detail
    by_person = bool(entry.user) and not scheduled
    sentence = say(bold(entry.user), " ran ", name) if by_person else say(name, " ran")
    return ("touch_app" if by_person else "bolt"), "", sentence, detail


def action_scheduled(entry: JournalEntry, _: Delivery | None) -> Saying:
    return "schedule", "", say(bold(entry.user), " set off ", mono(entry.action_name)), due_words(entry, "it is due ")


def due_words(entry: JournalEntry, before: str = "it was due ") -> Words:
    return moment_words(before, entry.details.get("due"))


def moment_words(before: str, value: object) -> Words:
    """A stored moment after some words; nothing for what is none."""
    try:
        return say(before, at(datetime.fromisoformat(str(value)), "hms"))
    except ValueError:
        return ()


DELIVERED = {
    "sent": ("ok", "Kafka took "),
    "queued": ("", "To leave for "),
    "retrying": ("wait", "Kafka is asked again to take "),
    "failed": ("stop", "Kafka refused "),
}


def sent(entry: JournalEntry, delivery: Delivery | None) -> Saying:
    if entry.details.get("messageName"):
        return (
            "campaign",
            "ok",
            say("Message event ", mono(str(entry.details["messageName"])), " thrown"),
            say(entry.node_name),
        )
    topic = mono(delivery.topic if delivery else str(entry.details.get("topic", "")))
    if delivery is None:
        return "call_made", "", say("Message for ", topic), say(mono(entry.action_name))
    tone, verb = DELIVERED.get(delivery.state, ("", "Message for "))
    facts = [mono(entry.action_name), Span(f" · {size_text(delivery.size_bytes)}")]
    if delivery.state == "sent" and delivery.offset is not None:
        facts.append(Span(f" · partition {delivery.partition}, offset {delivery.offset}"))
    if delivery.attempts > 1 or (delivery.attempts and delivery.state != "sent"):
        facts.append(Span(f" · {delivery.attempts} {'attempt' if delivery.attempts == 1 else 'attempts'}"))
    if delivery.state in ("failed", "retrying") and delivery.last_error:
        facts.append(Span(f" · {delivery.last_error}"))
    return "call_made", tone, say(verb, topic), tuple(facts)


def received(entry: JournalEntry, _: Delivery | None) -> Saying:
    by_hand = f"{entry.user} delivered it by hand" if entry.details.get("command") else ""
    if entry.details.get("messageName"):
        return (
            "campaign",
            "ok",
            say("Message event ", mono(str(entry.details["messageName"])), " caught"),
            say(by_hand or entry.node_name),
        )
    topic = mono(str(entry.details.get("topic", "")))
    if entry.details.get("late"):
        return "call_received", "wait", say("Late reply on ", topic), say("nothing waits for it any more")
    if by_hand:
        return "call_received", "", say("Reply on ", topic), say(by_hand)
    detail = say("stored under ", Span(str(entry.details.get("key", "")), "key"))
    if entry.details.get("manual"):
        detail = (*detail, Span(" · by hand"))
    return "call_received", "ok", say("Reply on ", topic), detail


FRAME_WORDS = {
    "data": "data",
    "action": "run action",
    "progress": "progress",
    "state": "state",
}


def framed(entry: JournalEntry, _: Delivery | None) -> Saying:
    kind = FRAME_WORDS.get(entry.frame_type, entry.frame_type)
    size = size_text(len((entry.payload or "").encode()))
    detail = say(mono(entry.action_name), f" · {size}") if entry.action_name else say(size)
    return "sensors", "ok", say(f"Frame {entry.frame_seq} to browsers: ", bold(kind)), detail


def incident(entry: JournalEntry, _: Delivery | None) -> Saying:
    where = entry.action_name or entry.node_name
    detail = say(*((mono(where), " · ") if where else ()), str(entry.details.get("type", "")))
    return "error", "stop", say(Span(f"Incident: {entry.details.get('message', '')}", "stop")), detail


def warned(entry: JournalEntry, _: Delivery | None) -> Saying:
    topics = ", ".join(str(topic) for topic in entry.details.get("topics") or ())
    detail = say(*((bold(entry.node_name),) if entry.node_name else ()), *((" · ", mono(topics)) if topics else ()))
    return "warning", "wait", say(str(entry.details.get("message", "Warning"))), detail


def by_operator(icon: str, tone: str, did: str) -> Callable[[JournalEntry, Delivery | None], Saying]:
    def saying(entry: JournalEntry, _: Delivery | None) -> Saying:
        where = say(" on ", bold(entry.node_name)) if entry.node_name else ()
        return icon, tone, (bold(entry.user or "The engine"), Span(f" {did}"), *where), ()

    return saying


STATE_SET = {"TERMINATED": ("stop_circle", "", "terminated it"), "STARTED": ("play_arrow", "here", "let it go on")}


def state_set(entry: JournalEntry, delivery: Delivery | None) -> Saying:
    after = str(entry.details.get("after", ""))
    icon, tone, did = STATE_SET.get(after, ("swap_horiz", "", f"set its state to {after}"))
    return by_operator(icon, tone, did)(entry, delivery)


def updated(entry: JournalEntry, _: Delivery | None) -> Saying:
    """What an operator changed by hand, and what came from a child."""
    who, details = bold(entry.user or "The engine"), entry.details
    after = details.get("after")
    if "destination" in details:
        where = Span(str(details["destination"] or "the top level"), "key")
        return "call_merge", "", say("A child process wrote values"), say("to ", where)
    match details.get("command"):
        case "move-token":
            target = after.get("node", "") if isinstance(after, dict) else ""
            return "moving", "", say(who, " moved the token to ", bold(str(target))), say(f"from {entry.node_name}")
        case "edit-variables":
            keys = ", ".join(sorted(after)) if isinstance(after, dict) else ""
            return "data_object", "", say(who, " edited variables"), say(Span(keys, "key"))
        case "change-timer":
            return "schedule", "", say(who, " changed a timer"), moment_words("due ", after)
        case "cancel-timer":
            return "schedule", "", say(who, " cancelled a timer"), moment_words("it was due ", details.get("before"))
        case "skip-action":
            return "skip_next", "", say(who, " skipped ", mono(entry.action_name or entry.node_name)), ()
    return other(entry, None)


def crossed(entry: JournalEntry, _: Delivery | None) -> Saying:
    """Another swimlane or stage."""
    what, way = entry.event.split(" ", 1)
    verb = "Entered" if way == "enter" else "Left"
    return "swap_horiz", "", say(f"{verb} {what.lower()} ", bold(str(entry.details.get("name", "")))), ()


def assigned(entry: JournalEntry, _: Delivery | None) -> Saying:
    who, after = bold(entry.user or "The engine"), str(entry.details.get("after") or "")
    sentence = say(who, " assigned the task to ", bold(after)) if after else say(who, " unassigned the task")
    return "person", "", sentence, say(entry.node_name)


def aborted(entry: JournalEntry, _: Delivery | None) -> Saying:
    if entry.subject == "Process Instance":
        return "block", "", say("Aborted"), say("its parent moved on")
    return "block", "", say("Token ended on ", bold(entry.node_name)), say("another one goes on instead of it")


def expired(entry: JournalEntry, _: Delivery | None) -> Saying:
    return "hourglass_top", "", say("Expired"), say("its expiry time passed")


def other(entry: JournalEntry, _: Delivery | None) -> Saying:
    """An event this page has no words for: its name, and who."""
    return "circle", "", say(entry.event), say(entry.user) if entry.user else ()


SAYINGS: Mapping[str, Callable[[JournalEntry, Delivery | None], Saying]] = {
    "Start": started,
    "Start with inherit": started,
    "Start subprocess": subprocess_started,
    "Advance": advanced,
    "Finish": finished,
    "Execute action": action_ran,
    "Schedule action": action_scheduled,
    "Run scheduled action": action_ran,
    "Message Send": sent,
    "Message Receive": received,
    "Frame": framed,
    "Incident": incident,
    "Warning": warned,
    "Expire": expired,
    "Update state": state_set,
    "Retry": by_operator("replay", "", "retried"),
    "Hold": by_operator("pause", "wait", "put it on hold"),
    "Unhold": by_operator("play_arrow", "here", "let it go on"),
    "Dismiss": by_operator("close", "", "dismissed it"),
    "Abort": aborted,
    "Update": updated,
    "Swimlane enter": crossed,
    "Swimlane exit": crossed,
    "Stage enter": crossed,
    "Stage exit": crossed,
    "Assign": assigned,
    "Unassign": assigned,
    "View": by_operator("visibility", "", "revealed a sensitive value"),
}
