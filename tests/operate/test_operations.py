"""Operations by hand: a reason each, once however often the form is posted, refusals with their code, audit, rights."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from engine import runtime
from engine.core.stimuli import Actor, Hold, Retry, TimerDue
from engine.models import AuditEntry, Instance, JournalEntry, OutboxMessage, SwimlanePermission, Timer, Token
from tests.builders import Running, apply, kafka_send, process, refusal, save_data
from tests.operate.conftest import browser_of
from tests.operate.processes import asking, delayed, finished, mend, page_of, status_address, stuck_now, waiting

REASON = "Topic is set now"


def address(running: Running, key: str, query: str = "") -> str:
    return f"{status_address(running)}do/{key}/{query}"


def open_form(client: Client, where: str) -> dict[str, str]:
    """The hidden fields of the dialog at an address."""
    page = client.get(where).content.decode()
    return dict(re.findall(r'<input type="hidden" name="(once|token|timer)" value="([^"]*)"', page))


def do(client: Client, running: Running, key: str, query: str = "", **fields: str) -> object:
    """Open the dialog, give a reason, send."""
    where = address(running, key, query)
    return client.post(where, {"reason": REASON, **open_form(client, where), **fields})


def last_entry(running: Running, event: str) -> JournalEntry:
    return running.journal(event)[-1]


# -- each operation ----------------------------------------------------------------------------------------------------


def test_d096_retry_succeeds_after_a_fix_and_its_dialog_shows_error_and_version(operator: Client) -> None:
    running = stuck_now()
    where = address(running, "retry", f"?token={running.token.uuid}")
    dialog = operator.get(where).content.decode()
    assert "No value for topic placeholder region." in dialog
    assert "Goes on from tell_shop on Tell the shop, with version 1." in dialog
    mend()
    answer = do(operator, running, "retry", f"?token={running.token.uuid}")
    assert answer.status_code == 302
    assert answer["Location"] == status_address(running)
    assert running.state == "FINISHED"
    assert [row.topic for row in running.sent()] == ["shop.north.v1"]


def test_a_retry_that_fails_again_says_so(operator: Client) -> None:
    running = stuck_now()
    do(operator, running, "retry")
    page = operator.get(status_address(running)).content.decode()
    assert "it is stuck again: No value for topic placeholder region." in page
    assert running.row.open_incidents == 1


def test_d096_a_sound_token_is_refused_with_ops_001(operator: Client) -> None:
    running = waiting()
    answer = do(operator, running, "retry")
    assert answer.status_code == 409
    assert 'data-code="OPS-001"' in answer.content.decode()
    assert "Nothing to retry on this token." in answer.content.decode()
    assert refusal(Retry(running.uuid, running.token.uuid, Actor("x"))).code == "OPS-001"


def test_d097_terminate_ends_tokens_subprocesses_and_timers_and_says_before_what_ends(operator: Client) -> None:
    running, child = waiting(), waiting()
    Instance.objects.filter(uuid=child.uuid).update(
        root_id=running.row.root_id, parent_id=running.row.id, parent_uuid=running.uuid, relation="SUBPROCESS"
    )
    dialog = operator.get(address(running, "terminate")).content.decode()
    assert "Ends 1 token, 1 pending timer and 1 subprocess. It cannot be undone." in dialog
    assert str(running.uuid) in dialog
    do(operator, running, "terminate")
    for one in (running, child):
        assert one.state == "TERMINATED"
        assert set(Token.objects.filter(instance_id=one.row.id).values_list("state", flat=True)) == {"TERMINATED"}
        assert set(Timer.objects.filter(instance_id=one.row.id).values_list("state", flat=True)) == {"CANCELLED"}


def test_d097_an_ended_one_is_refused_with_ops_002(operator: Client) -> None:
    answer = do(operator, finished(), "terminate")
    assert answer.status_code == 409
    assert 'data-code="OPS-002"' in answer.content.decode()
    assert "Already " in answer.content.decode()


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("", "Enter a reason."),
        ("   ", "Enter a reason."),
        ("x" * 501, "Use at most 500 characters for the reason (now 501)."),
    ],
)
@pytest.mark.parametrize("key", ["terminate", "hold"])
def test_d097_every_operation_asks_for_a_reason_of_at_most_500_characters(
    operator: Client, key: str, reason: str, text: str
) -> None:
    running = waiting()
    answer = do(operator, running, key, reason=reason)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert text in page
    assert 'aria-describedby="reason-error"' in page
    assert running.state == "STARTED"


def test_d098_hold_freezes_and_unhold_runs_what_came_due_meanwhile(operator: Client) -> None:
    running = delayed()
    timer = running.timers()[0]
    do(operator, running, "hold")
    assert running.state == "ON_HOLD"
    apply(TimerDue(running.uuid, timer.id))
    assert running.timers("HELD") == [timer]
    assert not running.frames("data")
    assert "Kept, on hold" in page_of(operator, running, "?tab=timers")
    do(operator, running, "unhold")
    assert running.state == "FINISHED"
    assert len(running.frames("data")) == 1


def test_dismiss_is_for_subprocesses_only(operator: Client) -> None:
    running = waiting()
    answer = do(operator, running, "dismiss")
    assert answer.status_code == 409
    assert "Only subprocesses can be dismissed." in answer.content.decode()
    parent = asking()
    Instance.objects.filter(uuid=running.uuid).update(
        root_id=parent.row.root_id, parent_id=parent.row.id, parent_uuid=parent.uuid, relation="SUBPROCESS"
    )
    do(operator, running, "dismiss")
    assert running.state == "DISMISSED"
    assert parent.state == "STARTED"


def test_run_now_makes_a_timer_due_and_refuses_one_that_is_gone_with_ops_011(operator: Client) -> None:
    running = delayed()
    timer = running.timers()[0]
    query = f"?timer={timer.id}"
    forms = [open_form(operator, address(running, "run-timer", query)) for _ in range(2)]
    answers = [operator.post(address(running, "run-timer", query), {"reason": REASON, **form}) for form in forms]
    assert [answer.status_code for answer in answers] == [302, 409]
    assert 'data-code="OPS-011"' in answers[1].content.decode()
    assert "This timer has fired or was cancelled." in answers[1].content.decode()
    assert running.state == "FINISHED"
    assert len(running.frames("data")) == 1


def test_the_scheduled_list_runs_a_timer_too(operator: Client) -> None:
    running = delayed()
    timer = running.timers()[0]
    page = operator.get("/admin/runtime/scheduled/").content.decode()
    assert f'href="{address(running, "run-timer")}?timer={timer.id}"' in page
    Timer.objects.filter(id=timer.id).update(due_at=timezone.now() - timezone.timedelta(minutes=2))
    assert "Late" in operator.get("/admin/runtime/scheduled/?late=1").content.decode()


def refused_record(running: Running) -> OutboxMessage:
    row = running.sent()[0]
    OutboxMessage.objects.filter(seq=row.seq).update(state="failed", last_error="too large")
    runtime.delivery_failed(row.id, "too large")
    return row


def test_a_refused_record_is_queued_again_and_another_one_refused_with_ops_010(operator: Client) -> None:
    running = waiting()
    row = refused_record(running)
    where = f"{status_address(running)}requeue/{row.id}/"
    assert where in page_of(operator, running)
    position = running.position
    answer = operator.post(where, {"reason": REASON, **open_form(operator, where)})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.state == "queued"
    assert running.row.open_incidents == 0
    assert running.position == position
    again = operator.post(where, {"reason": REASON, "once": str(uuid4())})
    assert again.status_code == 409
    assert "OPS-010" in again.content.decode()


def test_d154_a_refused_record_without_a_topic_now_stays_refused_and_says_why(operator: Client) -> None:
    made = process().start().send("Send", kafka_send("tell", topic="out.${t}")).user_task("Wait", save_data("go"))
    running = made.end().publish().start({"t": "old"})
    row = refused_record(running)
    Instance.objects.filter(uuid=running.uuid).update(params="{}")
    where = f"{status_address(running)}requeue/{row.id}/"
    answer = operator.post(where, {"reason": REASON, **open_form(operator, where)})
    assert answer.status_code == 409
    assert "No value for topic placeholder t" in answer.content.decode()
    row.refresh_from_db()
    assert row.state == "failed"


# -- once, with a reason, by who may -----------------------------------------------------------------------------------


def test_d101_a_form_that_is_posted_twice_runs_once_and_answers_the_same(operator: Client) -> None:
    running = stuck_now()
    where = address(running, "retry")
    form = {"reason": REASON, **open_form(operator, where)}
    first, second = operator.post(where, form), operator.post(where, form)
    assert (first.status_code, second.status_code) == (302, 302)
    assert len(running.journal("Retry")) == 1
    hold = {"reason": REASON, **open_form(operator, address(running, "hold"))}
    for _ in range(3):
        assert operator.post(address(running, "hold"), hold).status_code == 302
    assert len(running.journal("Hold")) == 1


def test_d101_a_form_without_its_token_runs_never(operator: Client) -> None:
    running = waiting()
    for once in ("", "not-a-token"):
        answer = operator.post(address(running, "hold"), {"reason": REASON, "once": once})
        assert answer.status_code == 422
        assert "Open it again." in answer.content.decode()
    assert running.state == "STARTED"


def test_d102_every_operation_is_journaled_with_user_reason_before_and_after(operator: Client) -> None:
    running = delayed()
    do(operator, running, "hold")
    do(operator, running, "unhold")
    do(operator, running, "terminate")
    for event, before, after in (
        ("Hold", "STARTED", "ON_HOLD"),
        ("Unhold", "ON_HOLD", "STARTED"),
        ("Update state", "STARTED", "TERMINATED"),
    ):
        entry = last_entry(running, event)
        assert (entry.user, entry.subject) == ("otto", "Process Instance")
        assert entry.details == {"reason": REASON, "before": before, "after": after}
    stuck = stuck_now()
    do(operator, stuck, "retry")
    retried = last_entry(stuck, "Retry")
    assert (retried.user, retried.details["reason"]) == ("otto", REASON)
    assert "incident" in retried.details
    timed = delayed()
    due = timed.timers()[0].due_at
    do(operator, timed, "run-timer", f"?timer={timed.timers()[0].id}")
    ran = timed.journal("Run scheduled action")[0]
    assert (ran.user, ran.details["reason"], ran.details["due"]) == ("otto", REASON, due.isoformat())
    audit = page_of(operator, running, "?tab=audit")
    assert f"“{REASON}”" in audit
    assert "otto" in audit
    assert not AuditEntry.objects.exclude(subject="Process definition").exists()


@pytest.mark.parametrize("key", ["retry", "hold", "unhold", "terminate", "dismiss", "run-timer"])
def test_without_the_right_an_operation_says_which_one_is_missing(reader: Client, key: str) -> None:
    running = stuck_now()
    for answer in (
        reader.get(address(running, key)),
        reader.post(address(running, key), {"reason": REASON, "once": str(uuid4())}),
    ):
        assert answer.status_code == 403
        assert "You need the right ‘INSTANCE admin’ to" in answer.content.decode()
    assert running.state == "STARTED"
    assert running.row.open_incidents == 1


def test_a_swimlanes_hold_right_is_enough_to_hold(person: Callable[..., User]) -> None:
    running = waiting()
    user = person("lena", "INSTANCE_READ")
    user.groups.add(Group.objects.create(name="desk"))
    client = browser_of(user)
    assert client.get(address(running, "hold")).status_code == 403
    SwimlanePermission.objects.create(process_name="leasing", swimlane="Default", operation="hold", group="desk")
    do(client, running, "hold")
    assert running.state == "ON_HOLD"
    assert client.get(address(running, "terminate")).status_code == 403


def test_an_operation_needs_the_token_of_its_form_against_forgery(operator: Client) -> None:
    running = waiting()
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    answer = strict.post(address(running, "terminate"), {"reason": REASON, "once": str(uuid4())})
    assert answer.status_code == 403
    assert running.state == "STARTED"


def test_an_operation_out_of_a_page_closes_its_dialog_and_is_announced(operator: Client) -> None:
    running = waiting()
    where = address(running, "hold")
    dialog = operator.get(where, headers={"HX-Request": "true"})
    assert dialog.content.decode().strip().startswith("<dialog")
    form = {"reason": REASON, **open_form(operator, where)}
    answer = operator.post(where, form, headers={"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (200, b"")
    said = json.loads(answer["HX-Trigger"])["operate:done"]["text"]
    assert said.startswith("Put on hold: ")
    assert str(running.uuid)[:8] in said


def test_unknown_operations_and_instances_are_404(operator: Client) -> None:
    assert operator.get(address(waiting(), "explode")).status_code == 404
    assert operator.get(f"/admin/runtime/instances/{uuid4()}/do/hold/").status_code == 404


def test_what_changed_meanwhile_is_refused_in_the_words_of_the_core(operator: Client) -> None:
    running = waiting()
    where = address(running, "hold")
    form = {"reason": REASON, **open_form(operator, where)}
    apply(Hold(running.uuid, Actor("someone else"), "faster"))
    answer = operator.post(where, form)
    assert answer.status_code == 409
    assert "Process instance is not running." in answer.content.decode()
    assert len(running.journal("Hold")) == 1
