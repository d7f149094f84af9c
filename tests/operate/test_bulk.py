"""Operations on several instances at once, and all operations as actions of the plain admin pages."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlencode, urlparse
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from engine import runtime
from engine.admin.operations import BULK, OPERATIONS
from engine.models import Instance, OutboxMessage, Timer
from tests.builders import Running
from tests.operate.builders import instance
from tests.operate.processes import asking, delayed, finished, mend, status_address, stuck_now, waiting

REASON = "Shop is closed"


def address(key: str, *runs: Running) -> str:
    return f"/admin/runtime/instances/bulk/{key}/?{urlencode([('id', str(run.uuid)) for run in runs])}"


def send(client: Client, key: str, *runs: Running, **fields: str) -> object:
    """Open the dialog for these instances, give a reason, send."""
    page = client.get(address(key, *runs)).content.decode()
    once = re.search(r'name="once" value="([^"]*)"', page)
    data = {"reason": REASON, "once": once[1] if once else "", "id": [str(run.uuid) for run in runs], **fields}
    return client.post(f"/admin/runtime/instances/bulk/{key}/", data)


def said(client: Client) -> str:
    page = client.get("/admin/runtime/instances/").content.decode()
    found = re.search(r'data-testid="shell.toast">.*?<span>(.*?)</span>', page)
    return found[1] if found else ""


def test_the_preview_adds_up_and_says_why_some_are_skipped(operator: Client) -> None:
    page = operator.get(address("hold", waiting(), asking(), finished())).content.decode()
    assert "3 chosen: 2 will change, 1 skipped" in page
    assert "1 skipped: Already finished." in page


def test_one_operation_changes_all_that_it_can_and_reports_the_rest(operator: Client) -> None:
    runs = [waiting(), asking(), finished()]
    send(operator, "hold", *runs)
    assert [run.state for run in runs] == ["ON_HOLD", "ON_HOLD", "FINISHED"]
    assert said(operator) == "Put on hold 2 instances, 1 skipped."
    assert {run.journal("Hold")[0].details["reason"] for run in runs[:2]} == {REASON}


def test_terminate_of_more_than_one_asks_for_the_typed_number(operator: Client) -> None:
    runs = [waiting(), asking()]
    for number in ("", "3"):
        answer = send(operator, "terminate", *runs, number=number)
        assert answer.status_code == 422
        assert "Type 2 to confirm." in answer.content.decode()
    assert {run.state for run in runs} == {"STARTED"}
    send(operator, "terminate", *runs, number="2")
    assert {run.state for run in runs} == {"TERMINATED"}
    single = asking()
    send(operator, "terminate", single)
    assert single.state == "TERMINATED"


def test_retry_of_several_goes_on_with_each_stuck_token(operator: Client) -> None:
    runs = [stuck_now(), stuck_now(), waiting()]
    mend()
    send(operator, "retry", *runs)
    assert [run.state for run in runs] == ["FINISHED", "FINISHED", "STARTED"]
    assert said(operator) == "Retried 2 instances, 1 skipped."


def test_d101_a_bulk_form_posted_twice_runs_once(operator: Client) -> None:
    runs = [stuck_now(), stuck_now()]
    once = str(uuid4())
    data = {"reason": REASON, "once": once, "id": [str(run.uuid) for run in runs]}
    for _ in range(2):
        assert operator.post("/admin/runtime/instances/bulk/retry/", data).status_code == 302
    assert [len(run.journal("Retry")) for run in runs] == [1, 1]


def test_a_reason_is_asked_and_nothing_chosen_is_said(operator: Client) -> None:
    runs = [waiting(), asking()]
    assert send(operator, "hold", *runs, reason=" ").status_code == 422
    assert {run.state for run in runs} == {"STARTED"}
    assert "Choose at least one instance." in operator.get(address("hold")).content.decode()
    assert "None of the chosen instances" in operator.get(address("unhold", *runs)).content.decode()
    assert operator.get(address("explode")).status_code == 404


def test_without_the_right_nothing_is_done(reader: Client) -> None:
    running = waiting()
    for answer in (reader.get(address("terminate", running)), send(reader, "terminate", running)):
        assert answer.status_code == 403
        assert "INSTANCE admin" in answer.content.decode()
    assert running.state == "STARTED"


def test_the_preview_asks_the_same_number_of_statements_however_many_are_chosen(operator: Client) -> None:
    def statements(count: int) -> int:
        rows = [instance(incident="x") for _ in range(count)]
        query = urlencode([("id", str(row.uuid)) for row in rows])
        with CaptureQueriesContext(connection) as asked:
            operator.get(f"/admin/runtime/instances/bulk/retry/?{query}")
        return len(asked)

    assert statements(3) == statements(50)


# -- the plain admin ---------------------------------------------------------------------------------------------------


def actions_of(client: Client, model: type, request_user: object) -> set[str]:
    request = RequestFactory().get("/")
    request.user = request_user
    return set(admin.site._registry[model].get_actions(request))


def follow(client: Client, url: str, action: str, *pks: int) -> str:
    """Run an admin action on rows of a change list; where it leads."""
    answer = client.post(url, {"action": action, "_selected_action": [str(pk) for pk in pks]})
    assert answer.status_code == 302, answer.content.decode()[:500]
    return answer["Location"]


def test_d103_each_operation_is_an_admin_action_for_who_may_operate_and_for_nobody_else(
    operator: Client, reader: Client
) -> None:
    otto, rita = User.objects.get(username="otto"), User.objects.get(username="rita")
    named = {key.replace("-", "_") for key in OPERATIONS} - {"run_timer"}
    assert set(BULK) == named
    assert named <= actions_of(operator, Instance, otto)
    assert "run_now" in actions_of(operator, Timer, otto)
    assert "queue_again" in actions_of(operator, OutboxMessage, otto)
    assert "delete_selected" not in actions_of(operator, Instance, otto)
    for model in (Instance, Timer, OutboxMessage):
        assert actions_of(reader, model, rita) == set()


@pytest.mark.parametrize("key", list(BULK))
def test_d103_an_admin_action_leads_to_the_dialog_of_its_operation(operator: Client, key: str) -> None:
    running = waiting()
    where = urlparse(follow(operator, "/admin/engine/instance/?plain=1", key, running.row.pk))
    assert where.path == f"/admin/runtime/instances/bulk/{key}/"
    assert parse_qs(where.query)["id"] == [str(running.uuid)]


def test_d103_timers_and_refused_records_have_theirs(operator: Client) -> None:
    running = delayed()
    timer = running.timers()[0]
    lead = follow(operator, "/admin/engine/timer/", "run_now", timer.pk)
    assert lead == f"{status_address(running)}do/run-timer/?timer={timer.pk}"
    row = running.sent()[0]
    OutboxMessage.objects.filter(seq=row.seq).update(state="failed")
    runtime.delivery_failed(row.id, "too large")
    lead = follow(operator, "/admin/engine/outboxmessage/", "queue_again", row.pk)
    assert lead == f"{status_address(running)}requeue/{row.id}/"


def test_the_plain_change_list_leads_to_the_designed_one_and_keeps_the_address(reader: Client) -> None:
    running = waiting()
    answer = reader.get("/admin/engine/instance/?process=leasing")
    assert answer["Location"] == "/admin/runtime/instances/?process=leasing"
    assert reader.get("/admin/engine/instance/?plain=1").status_code == 200
    change = reader.get(f"/admin/engine/instance/{running.row.pk}/change/")
    assert change["Location"] == status_address(running)


@pytest.mark.parametrize(
    "model",
    ["timer", "incident", "failedstart", "outboxmessage", "receivedmessage", "auditentry", "journalentry"],
)
def test_the_other_tables_can_be_read_and_never_changed(reader: Client, stranger: Client, model: str) -> None:
    stuck_now()
    delayed()
    assert reader.get(f"/admin/engine/{model}/").status_code == 200
    assert reader.get(f"/admin/engine/{model}/add/").status_code == 403
    assert stranger.get(f"/admin/engine/{model}/").status_code == 403


def test_the_plain_pages_show_no_process_data(reader: Client) -> None:
    running = delayed()
    for model, pk in (("outboxmessage", running.sent()[0].pk), ("journalentry", running.journal("Frame")[0].pk)):
        page = reader.get(f"/admin/engine/{model}/{pk}/change/").content.decode()
        assert "ada@example.com" not in page
