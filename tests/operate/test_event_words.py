"""What each entry of a journal says, whichever event it is: a sentence and a small line, without the database."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from engine.models import JournalEntry, Token, Visit
from engine.queries.events import Delivery, event_of
from engine.queries.tokens import token_documents
from engine.queries.words import clock_text, distance, lasting, plain

NOON = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)


def entry(event: str, **fields: object) -> JournalEntry:
    values: dict[str, object] = {"number": 3, "at": NOON, "user": "otto", "node_name": "Sign lease", "details": {}}
    return JournalEntry(event=event, **(values | fields))


def said(made: JournalEntry, delivery: Delivery | None = None, **how: bool) -> tuple[str, str]:
    event = event_of(made, delivery, **how)
    return plain(event.sentence, NOON), plain(event.detail, NOON)


@pytest.mark.parametrize(
    ("made", "sentence", "detail"),
    [
        (entry("Start", user=""), "Started by the engine", ""),
        (entry("Start with inherit"), "Started by otto", "with values of its parent"),
        (entry("Advance", details={"from": "Pay"}), "Token: Pay → Sign lease", ""),
        (entry("Finish"), "Finished", ""),
        (
            entry("Execute action", action_name="sign", details={"type": "SAVE_DATA"}),
            "otto ran sign",
            "Save Data · Sign lease",
        ),
        (entry("Execute action", action_name="sign", status="failure"), "sign failed", "Sign lease"),
        (
            entry("Execute action", action_name="sign", details={"byHand": True, "reason": "Urgent"}),
            "otto executes sign by hand",
            "“Urgent”",
        ),
        (
            entry("Run scheduled action", action_name="remind", user="", details={"type": "KAFKA_SEND"}),
            "remind ran",
            "Kafka Send · its timer was due · Sign lease",
        ),
        (
            entry("Run scheduled action", details={"byHand": True, "due": NOON.isoformat(), "reason": "Now"}),
            "otto ran a timer now",
            "it was due 12:00:00 · “Now”",
        ),
        (entry("Message Receive", details={"topic": "in.v1", "key": "reply"}), "Reply on in.v1", "stored under reply"),
        (
            entry("Message Receive", status="failure", details={"topic": "in.v1", "late": True}),
            "Late reply on in.v1",
            "nothing waits for it any more",
        ),
        (
            entry("Message Receive", details={"topic": "in.v1", "command": "deliver", "reason": "Lost"}),
            "Reply on in.v1",
            "otto delivered it by hand · “Lost”",
        ),
        (entry("Message Receive", details={"messageName": "paid"}), "Message event paid caught", "Sign lease"),
        (entry("Message Send", details={"messageName": "paid"}), "Message event paid thrown", "Sign lease"),
        (
            entry("Frame", frame_seq=4, frame_type="action", payload="{}", action_name="tell"),
            "Frame 4 to browsers: run action",
            "tell · 2 bytes",
        ),
        (
            entry(
                "Incident", status="failure", action_name="sign", details={"type": "Engine", "message": "Too large."}
            ),
            "Incident: Too large.",
            "sign · Engine",
        ),
        (
            entry("Warning", details={"message": "No reply within PT2M.", "topics": ["in.v1"]}),
            "No reply within PT2M.",
            "Sign lease · in.v1",
        ),
        (entry("Retry", details={"reason": "Fixed"}), "otto retried on Sign lease", "“Fixed”"),
        (entry("Hold", node_name="", details={"reason": "Check"}), "otto put it on hold", "“Check”"),
        (entry("Unhold", node_name=""), "otto let it go on", ""),
        (entry("Update state", node_name="", details={"after": "TERMINATED"}), "otto terminated it", ""),
        (entry("Update state", node_name="", details={"after": "FAILED"}), "otto set its state to FAILED", ""),
        (entry("Dismiss", node_name=""), "otto dismissed it", ""),
        (entry("Expire"), "Expired", "its expiry time passed"),
        (entry("Abort"), "Token ended on Sign lease", "another one goes on instead of it"),
        (entry("Abort", subject="Process Instance"), "Aborted", "its parent moved on"),
        (
            entry("Update", details={"command": "move-token", "after": {"node": "Pay"}}),
            "otto moved the token to Pay",
            "from Sign lease",
        ),
        (
            entry("Schedule action", action_name="remind", details={"type": "SAVE_DATA", "due": NOON.isoformat()}),
            "otto set off remind",
            "it is due 12:00:00",
        ),
        (
            entry("Start subprocess", action_name="sub", details={"process": "part", "children": ["a"]}),
            "Subprocess part started",
            "sub",
        ),
        (
            entry("Start subprocess", action_name="sub", details={"process": "part", "children": ["a", "b"]}),
            "2 subprocesses part started",
            "sub",
        ),
        (
            entry("Update", details={"command": "edit-variables", "after": {"b": "1", "a": "2"}}),
            "otto edited variables",
            "a, b",
        ),
        (
            entry("Update", details={"command": "change-timer", "after": NOON.isoformat()}),
            "otto changed a timer",
            "due 12:00:00",
        ),
        (
            entry("Update", details={"command": "cancel-timer", "before": NOON.isoformat(), "after": None}),
            "otto cancelled a timer",
            "it was due 12:00:00",
        ),
        (entry("Update", action_name="sign", details={"command": "skip-action"}), "otto skipped sign", ""),
        (entry("Update", details={"destination": "child"}), "A child process wrote values", "to child"),
        (entry("Swimlane enter", details={"name": "Desk"}), "Entered swimlane Desk", ""),
        (entry("Stage exit", details={"name": "Offer"}), "Left stage Offer", ""),
        (entry("Assign", details={"after": "mira"}), "otto assigned the task to mira", "Sign lease"),
        (entry("Unassign", details={"before": "mira", "after": ""}), "otto unassigned the task", "Sign lease"),
        (entry("Something new", user="x"), "Something new", "x"),
    ],
)
def test_what_an_entry_says(made: JournalEntry, sentence: str, detail: str) -> None:
    assert said(made) == (sentence, detail)


def test_an_automatic_action_was_run_by_nobody() -> None:
    made = entry("Execute action", action_name="send", details={"type": "KAFKA_SEND"})
    assert said(made, automatic=True)[0] == "send ran"


@pytest.mark.parametrize(
    ("delivery", "sentence", "detail"),
    [
        (Delivery("queued", "out.v1", 90), "To leave for out.v1", "send · 90 bytes"),
        (
            Delivery("sent", "out.v1", 141, attempts=1, partition=2, offset=90211),
            "Kafka took out.v1",
            "send · 141 bytes · partition 2, offset 90211",
        ),
        (
            Delivery("retrying", "out.v1", 90, attempts=3, last_error="unknown topic"),
            "Kafka is asked again to take out.v1",
            "send · 90 bytes · 3 attempts · unknown topic",
        ),
        (
            Delivery("failed", "out.v1", 1_312_000, attempts=1, last_error="too large"),
            "Kafka refused out.v1",
            "send · 1,312 kB · 1 attempt · too large",
        ),
        (None, "Message for out.v1", "send"),
    ],
)
def test_what_became_of_a_record_that_was_sent(delivery: Delivery | None, sentence: str, detail: str) -> None:
    assert said(entry("Message Send", action_name="send", details={"topic": "out.v1"}), delivery) == (sentence, detail)


def test_lengths_distances_and_clocks() -> None:
    assert [lasting(timedelta(seconds=seconds)) for seconds in (0, 59, 60, 170, 3600, 90_061, 172_800)] == [
        "0 s",
        "59 s",
        "1 min",
        "2 min 50 s",
        "1 h",
        "1 day 1 h",
        "2 days",
    ]
    assert (distance(timedelta(minutes=29.5)), distance(timedelta(seconds=-3))) == ("in 29 min", "3 s ago")
    assert clock_text(NOON, "hm", NOON) == "12:00"
    assert clock_text(NOON, "hms", NOON.replace(day=9)) == "4 Mar 12:00:00"
    assert clock_text(NOON, "full", NOON) == "4 Mar 12:00:00"
    assert re.fullmatch(r"4 Mar 2025 12:00", clock_text(NOON, "hm", NOON.replace(year=2027)))


def test_a_token_that_replaced_another_keeps_the_visits_before_the_reset() -> None:
    def token(token_id: int, replaces: int | None = None, until: int = 0) -> Token:
        return Token(
            id=token_id,
            uuid=uuid4(),
            instance_id=1,
            current_node_id=1,
            updated_at=NOON,
            replaces_id=replaces,
            history_until=until,
        )

    def visit(number: int, token_id: int) -> Visit:
        return Visit(
            id=number, number=number, token_id=token_id, node_id=number * 10, node_name=f"n{number}", arrived_at=NOON
        )

    tokens = [token(1), token(2, replaces=1, until=3), token(3, replaces=2, until=2)]
    visits = [visit(number, token_id) for number, token_id in ((1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3))]
    ways = [document["backSeq"]["nodes"] for document in token_documents(tokens, visits)]
    assert ways == [[10, 20, 30], [10, 20, 40, 50], [10, 60]]
