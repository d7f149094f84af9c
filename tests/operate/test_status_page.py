"""The status page of an instance: tabs, timeline, messages, audit log, rights, and how many statements it asks."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engine.core.graph import Graph
from engine.core.stimuli import Actor, Hold
from engine.models import Instance, JournalEntry, OutboxMessage, Snapshot
from engine.queries.journal import timeline
from engine.queries.status import graph_of
from engine.queries.words import plain
from tests.builders import Running, apply
from tests.operate.processes import asking, delayed, finished, page_of, status_address, stuck_now, waiting

OTTO = Actor("otto", None)


def history(running: Running) -> tuple[Instance, Graph | None]:
    return running.row, graph_of(running.row)


def test_the_drawing_is_that_of_the_instances_own_version(reader: Client) -> None:
    running = waiting()
    assert "data-drawing" not in page_of(reader, running)
    Snapshot.objects.filter(id=running.row.snapshot_id).update(bpmn="<definitions/>")
    address = f"/admin/runtime/drawings/{running.row.snapshot_id}.bpmn"
    assert f'data-drawing="{address}"' in page_of(reader, running)
    assert reader.get(address).content == b"<definitions/>"


def test_d093_the_page_shows_variables_tokens_states_and_node_states_with_text_and_symbol(reader: Client) -> None:
    running = waiting()
    page = page_of(reader, running)
    assert str(running.uuid) in page
    assert 'data-testid="status.state"' in page
    assert "Started" in page
    assert 'data-testid="status.variables.row[rider.name]"' in page
    assert "&quot;Ada&quot;" in page
    outline = page[page.index('data-testid="status.outline"') : page.index('data-live="painting"')]
    row = outline[outline.index("Bike reserved") :]
    assert row.index("hourglass_top") < row.index("waiting, token here")
    assert "check_circle" in outline
    assert "passed" in outline
    assert "not reached" in outline
    tokens = page_of(reader, running, "?tab=tokens")
    assert "WAITING_MESSAGE" in tokens
    assert "submit_details completed" in tokens
    assert "nodesActionStates" in page_of(reader, running, "?tab=tokens&view=json")


def test_e055_d093_exceptions_and_subprocesses_have_a_tab_only_where_there_are_some(reader: Client) -> None:
    sound = page_of(reader, waiting())
    assert "status.tab.exceptions" not in sound
    assert "status.tab.subprocesses" not in sound
    assert 'data-testid="status.tab.exceptions"' in page_of(reader, stuck_now())
    parent = asking()
    child = asking()
    type(child.row).objects.filter(uuid=child.uuid).update(
        root_id=parent.row.root_id, parent_id=parent.row.id, parent_uuid=parent.uuid, relation="SUBPROCESS"
    )
    page = page_of(reader, parent, "?tab=subprocesses")
    assert 'data-testid="status.tab.subprocesses"' in page
    assert f'data-testid="status.children.row[{child.uuid}]"' in page
    assert f'href="{status_address(parent)}"' in page_of(reader, child)


def test_a_tab_that_is_not_there_shows_the_variables(reader: Client) -> None:
    assert 'id="tab-variables"' in page_of(reader, asking(), "?tab=exceptions")


def test_d094_an_exception_leads_to_the_failing_actions_form(operator: Client, person: Callable[..., User]) -> None:
    running = stuck_now()
    assert "status.incident.link" not in page_of(operator, running)
    User.objects.get(username="otto").groups.add(Group.objects.get(name="ROLE_ADMIN_MANAGE_PROCESS_READ"))
    key = running.published.definition.node("Tell the shop")["key"]
    link = f'href="/admin/processes/returns/v/1/node/{key}/actions/tell_shop"'
    assert link in page_of(operator, running)
    assert link in page_of(operator, running, "?tab=exceptions")


def test_actions_of_the_current_node_with_what_is_due(reader: Client) -> None:
    page = page_of(reader, delayed(), "?tab=actions")
    assert 'data-testid="status.actions.row[tell_rider]"' in page
    assert "Due later" in page
    assert "Due by hand" in page_of(reader, asking(), "?tab=actions")
    assert "Failed" in page_of(reader, stuck_now(), "?tab=actions")


def test_messages_of_both_directions_with_their_payload(reader: Client) -> None:
    running = delayed()
    page = page_of(reader, running, "?tab=messages")
    assert "bikes.v1" in page
    assert "Queued" in page
    row = running.sent()[0]
    detail = page_of(reader, running, f"?tab=messages&message=out-{row.seq}")
    assert "&quot;name&quot;: &quot;Ada&quot;" in detail
    assert "processInstanceUuid" in detail
    assert "status.message.payload" not in page_of(reader, running, "?tab=messages&message=out-999999")


def test_a_received_record_is_shown_with_the_key_it_is_stored_under(reader: Client) -> None:
    running = waiting()
    running.reply({"bike": 7}, message_id=uuid4())
    number = running.journal("Message Receive")[0].number
    detail = page_of(reader, running, f"?tab=messages&message=in-{number}")
    assert "→ reservation" in detail
    assert "&quot;bike&quot;: 7" in detail


def test_the_timeline_is_newest_first_filtered_and_paged(reader: Client) -> None:
    running = delayed()
    row = running.row
    everything = timeline(row)
    assert [event.number for event in everything.events] == list(range(row.journal_seq, 0, -1))
    kafka = timeline(row, kind="kafka")
    assert [plain(event.sentence) for event in kafka.events] == [
        "Reply on ai.flowx.dev.engine.receive.answers.v1",
        "To leave for bikes.v1",
    ]
    assert timeline(row, failed=True).events == []
    assert len(timeline(stuck_now().row, failed=True).events) == 2
    first = timeline(row, size=4)
    second = timeline(row, before=first.older, size=4)
    assert [event.number for event in first.events + second.events] == list(
        range(row.journal_seq, row.journal_seq - 8, -1)
    )
    page = page_of(reader, running, "?kind=kafka")
    assert 'data-testid="status.timeline.kind.kafka"' in page
    assert "Reply on" in page


def test_what_is_still_to_come_stands_on_top_of_the_timeline(reader: Client) -> None:
    page = page_of(reader, waiting())
    first_row = page[page.index('<li class="ev"') :]
    assert "Reply times out on <b>Bike reserved</b>" in first_row[: first_row.index("</li>")]
    assert "to-come" in first_row[: first_row.index("</li>")]


def test_every_event_of_the_journal_has_its_words(db: None) -> None:
    for running in (finished(), stuck_now()):
        for event in timeline(*history(running)).events:
            assert event.icon != "circle", plain(event.sentence)
    words = [plain(event.sentence) for event in timeline(*history(finished())).events]
    assert "rider app ran submit_details" in words
    assert "reserve_bike ran" in words
    assert "Token: Opened → Rider details" in words
    assert "Started by rider app" in words[-2:]


def test_the_timeline_downloads_as_json(reader: Client) -> None:
    running = delayed()
    answer = reader.get(f"{status_address(running)}timeline.json")
    rows = answer.json()
    assert [row["number"] for row in rows] == list(range(1, running.row.journal_seq + 1))
    assert "attachment" in answer["Content-Disposition"]


def test_the_audit_log_shows_what_was_done_newest_first(reader: Client) -> None:
    running = waiting()
    apply(Hold(running.uuid, OTTO, "Stock check"))
    page = page_of(reader, running, "?tab=audit")
    assert page.index("“Stock check”") < page.index(">Advance<") < page.index(">Start<")
    assert "STARTED → ON_HOLD" in page.replace("&rarr;", "→")


def test_variables_are_found_by_key_and_value_with_their_parents(reader: Client) -> None:
    running = asking({"a": {"b": {"needle": 1}, "c": "haystack"}, "d": ["x", {"e": "the NEEDLE itself"}]})
    page = page_of(reader, running, "?find=needle")
    shown = re.findall(r'data-testid="status.variables.row\[([^"]+)\]"', page)
    assert shown == ["a", "a.b", "a.b.needle", "d", "d[1]", "d[1].e"]
    assert "status.variables.no-match" in page_of(reader, running, "?find=nowhere")
    assert "status.variables.empty" in page_of(reader, asking({}))


def test_long_values_are_cut_and_can_be_opened(reader: Client) -> None:
    running = asking({"scan": "x" * 150_000, "n": 123456789012345678901234567890})
    page = page_of(reader, running)
    assert "x" * 300 not in page
    assert "150 kB" in page
    assert "123456789012345678901234567890" in page
    assert "x" * 150_000 in page_of(reader, running, "?path=scan")


def test_d126_markup_in_values_and_messages_is_shown_as_text(reader: Client) -> None:
    evil = "<img src=x onerror=alert(1)>"
    running = asking({"rider": {"name": evil, evil: evil}})
    running.execute("submit_details", {"rider": {"name": evil}}, Actor(evil))
    running.reply({"evil": evil}, message_id=uuid4())
    apply(Hold(running.uuid, Actor(evil), evil))
    sent = running.sent()[0].seq
    for query in ("", "?tab=tokens", "?tab=tokens&view=json", "?tab=actions", "?tab=timers", "?tab=messages", "?tab=audit",
                  f"?tab=messages&message=out-{sent}", f"?find={evil}", f"?path={evil}", f"?kind={evil}"):  # fmt: skip
        page = page_of(reader, running, query)
        assert evil not in page, query
    assert "&lt;img src=x" in page_of(reader, running)


def test_d125_the_page_asks_the_same_number_of_statements_whatever_the_instance_holds(reader: Client) -> None:
    def statements(running: Running, query: str) -> int:
        page_of(reader, running, query)
        with CaptureQueriesContext(connection) as asked:
            page_of(reader, running, query)
        return len(asked)

    small, large = waiting(), waiting()
    for number in range(40):
        JournalEntry.objects.create(
            instance_id=large.row.id, number=1000 + number, at=timezone.now(), event="Warning", details={"message": "x"}
        )
    for number in range(1, 20):
        row = large.sent()[0]
        row.pk, row.id, row.action_name = None, uuid4(), f"a{number}"
        row.save(force_insert=True)
    for query in ("", "?tab=tokens", "?tab=actions", "?tab=timers", "?tab=messages", "?tab=audit"):
        assert statements(large, query) == statements(small, query), query
    assert statements(small, "") <= 24


def test_nothing_changed_is_answered_without_the_page(reader: Client) -> None:
    running = waiting()
    address = status_address(running)
    first = reader.get(address, headers={"X-Fragment": "live"})
    assert 'data-live="say"' in first.content.decode()
    again = {"X-Fragment": "live", "If-None-Match": first["ETag"]}
    assert reader.get(address, headers=again).status_code == 304
    row = running.sent()[0]
    OutboxMessage.objects.filter(seq=row.seq).update(state="sent", sent_at=timezone.now(), attempts=1)
    assert reader.get(address, headers=again).status_code == 200
    running.reply({"bike": 7})
    assert reader.get(address, headers=again).status_code == 200


def test_an_unknown_instance_is_answered_404(reader: Client) -> None:
    assert reader.get(f"/admin/runtime/instances/{uuid4()}/").status_code == 404


def test_a_reader_sees_no_operation_on_the_page(reader: Client, operator: Client) -> None:
    running = stuck_now()
    for text in ("status.incident.retry", "status.hold", "status.menu.terminate"):
        assert text not in page_of(reader, running)
        assert text in page_of(operator, running)


def test_late_timers_are_flagged(reader: Client) -> None:
    running = delayed()
    timer = running.timers()[0]
    timer.due_at = timezone.now() - timedelta(minutes=2)
    timer.save()
    assert "Late" in page_of(reader, running, "?tab=timers")


@pytest.mark.parametrize("tab", ["timers", "messages"])
def test_empty_tabs_say_so(reader: Client, tab: str) -> None:
    assert f'data-testid="status.{tab}.empty"' in page_of(reader, asking(), f"?tab={tab}")
