"""The list of process instances: filters that combine, pages by cursor, counts, rights, a number of statements that stays."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from engine.models import Instance
from engine.queries import instances
from tests.operate.builders import NEW_YEAR, instance, keys_of

LIST = "/admin/runtime/instances/"


def shown(client: Client, **query: object) -> list[str]:
    """The uuids that the list shows for an address."""
    answer = client.get(f"{LIST}?{urlencode(query, doseq=True)}")
    assert answer.status_code == 200
    return keys_of(answer.content)


def uuids(*rows: Instance) -> list[str]:
    """Their uuids, the newest first."""
    return [str(row.uuid) for row in sorted(rows, key=lambda row: (row.started_at, row.id), reverse=True)]


# -- filters -----------------------------------------------------------------------------------------------------------


def test_the_newest_stands_on_top_and_says_where_it_is(reader: Client) -> None:
    old, new = instance(node="Sign lease"), instance(node="Reserve bike", incident="No value for region.\nMore.")
    answer = reader.get(LIST)
    assert keys_of(answer.content) == uuids(old, new)
    text = answer.content.decode()
    assert "Reserve bike" in text
    assert "No value for region." in text
    assert "More." not in text  # a cell holds one line


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"process": "returns"}, {"process_name": "returns"}),
        ({"version": "8"}, {"version": 8}),
        ({"version": "v8"}, {"version": 8}),
        ({"state": ["EXPIRED", "ON_HOLD"]}, {"state": "ON_HOLD"}),
        ({"from": "2025-06-01"}, {"started_at": NEW_YEAR.replace(month=6)}),
        ({"to": "2023-06-30"}, {"started_at": NEW_YEAR.replace(year=2023)}),
        ({"node": "Sign lease"}, {"node": "Sign lease"}),
        ({"exception": "1"}, {"incident": "Broken"}),
        ({"error": "TOO large"}, {"incident": "The record is too large."}),
        ({"timer": "1"}, {"pending_timers": 2}),
        ({"relation": "child"}, {"parent_id": 5, "parent_uuid": UUID(int=5)}),
        ({"parent": str(UUID(int=5))}, {"parent_id": 5, "parent_uuid": UUID(int=5)}),
        ({"test": "only"}, {"test": True}),
        ({"by": "Mir"}, {"owner_name": "mira okell"}),
        ({"q": "ABCD"}, {"uuid": UUID("abcd0000-0000-0000-0000-000000000001")}),
    ],
)
def test_each_filter_keeps_what_it_names(reader: Client, query: dict, fields: dict) -> None:
    instance()
    wanted = instance(**fields)
    assert shown(reader, **query) == uuids(wanted)


def test_filters_combine_stay_in_the_address_and_none_resets_another(reader: Client) -> None:
    both = instance(process_name="returns", state="ON_HOLD")
    instance(process_name="returns")
    instance(state="ON_HOLD")
    query = {"process": "returns", "state": ["ON_HOLD", "EXPIRED"], "by": "rider"}
    assert shown(reader, **query) == uuids(both)
    page = reader.get(f"{LIST}?{urlencode(query, doseq=True)}").content.decode()
    drop_process = 'href="?state=ON_HOLD&amp;state=EXPIRED&amp;by=rider"'
    add_started = 'href="?state=ON_HOLD&amp;state=EXPIRED&amp;state=STARTED&amp;process=returns&amp;by=rider"'
    drop_expired = 'href="?state=ON_HOLD&amp;process=returns&amp;by=rider"'
    assert drop_process in page
    assert add_started in page
    assert drop_expired in page
    older = reader.get(f"{LIST}?{urlencode(query, doseq=True)}&rows=12").content.decode()
    assert "rows=12" in older


def test_many_uuids_can_be_pasted_whole_or_in_part(reader: Client) -> None:
    first, second, third = instance(), instance(), instance()
    pasted = f"{first.uuid},\n  {str(third.uuid)[:13]}; {str(second.uuid)[:9]}-one! zz"
    assert shown(reader, q=pasted) == uuids(first, third)
    assert str(second.uuid) not in shown(reader, q=pasted)


def test_last_days_count_from_now(reader: Client) -> None:
    recent = instance(started_at=timezone.now() - timedelta(days=6))
    instance(started_at=timezone.now() - timedelta(days=8))
    assert shown(reader, started="7d") == uuids(recent)


@pytest.mark.parametrize(
    "nonsense", ["version=x", "from=2025-99-99", "to=9999-12-31T25:00", "q=%00", "older=x.y", "rows=7", "state=ODD"]
)
def test_an_address_that_cannot_be_read_filters_nothing(reader: Client, nonsense: str) -> None:
    instance()
    assert len(keys_of(reader.get(f"{LIST}?{nonsense}").content)) == 1


def test_test_runs_are_hidden_until_asked_for(reader: Client) -> None:
    real, test = instance(), instance(test=True)
    assert shown(reader) == uuids(real)
    assert shown(reader, test="with") == uuids(real, test)


# -- pages and counts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("states", [[], ["STARTED", "ON_HOLD"]])
def test_pages_show_every_row_once_even_where_many_started_at_the_same_moment(
    reader: Client, states: list[str]
) -> None:
    made = [
        instance(started_at=NEW_YEAR + timedelta(hours=n // 10), state=("STARTED", "ON_HOLD")[n % 2]) for n in range(30)
    ]
    seen: list[str] = []
    address = f"{LIST}?{urlencode({'rows': 12, 'state': states}, doseq=True)}"
    pages = []
    while address:
        answer = reader.get(address)
        pages.append(keys_of(answer.content))
        seen += pages[-1]
        older = answer.context["page"].older
        address = f"{LIST}?{urlencode({'rows': 12, 'state': states, 'older': older}, doseq=True)}" if older else ""
    assert seen == uuids(*made)
    assert [len(page) for page in pages] == [12, 12, 6]
    newer = answer.context["page"].newer
    back = reader.get(f"{LIST}?{urlencode({'rows': 12, 'state': states, 'newer': newer}, doseq=True)}")
    assert keys_of(back.content) == pages[1]


def test_counts_follow_the_filters_but_not_the_chosen_states(reader: Client) -> None:
    for state in ("STARTED", "STARTED", "ON_HOLD", "FINISHED"):
        instance(state=state)
    instance(process_name="other")
    counts = reader.get(f"{LIST}?process=leasing&state=ON_HOLD").context["state_chips"]
    assert {chip.state: str(chip.count) for chip in counts["shown"]} == {
        "STARTED": "2",
        "ON_HOLD": "1",
        "FINISHED": "1",
        "FAILED": "0",
        "EXPIRED": "0",
        "TERMINATED": "0",
    }
    assert str(reader.get(f"{LIST}?process=leasing&state=ON_HOLD").context["total"]) == "1"


def test_counting_stops_at_a_limit_and_says_so(reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instances, "COUNTED_UP_TO", 3)
    for _ in range(5):
        instance()
    label = "about" if connection.vendor == "postgresql" else "over"
    started = reader.get(LIST).context["state_chips"]["shown"][0]
    assert str(started.count).startswith(f"{label} ")


def test_d125_a_page_asks_the_same_number_of_statements_however_many_rows_it_shows(reader: Client) -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert reader.get(f"{LIST}?rows=200&state=STARTED&state=ON_HOLD").status_code == 200
        return len(asked)

    instance(incident="Broken", parent_id=4, parent_uuid=UUID(int=4))
    few = statements()
    for number in range(80):
        instance(incident="Broken" if number % 3 else "", version=number, process_name=f"p{number}", snapshot_id=number)
    assert statements() == few
    assert few <= 14


def test_a_page_reads_no_process_data(reader: Client) -> None:
    instance(params='{"large": "value"}')
    with CaptureQueriesContext(connection) as asked:
        reader.get(LIST)
    assert not [query["sql"] for query in asked if '"start_params"' in query["sql"] or '"params"' in query["sql"]]


def test_the_pages_of_a_state_are_a_range_of_its_index(reader: Client) -> None:
    """The plan matters at a million rows: no sort, no scan of the table."""
    if connection.vendor != "sqlite":
        pytest.skip("the plan's words are SQLite's")
    part = Instance.objects.filter(state="STARTED", test=False).order_by("-started_at", "-id")
    assert "USING INDEX instances_by_state" in part[:26].explain()
    assert "TEMP B-TREE" not in part[:26].explain()
    edge = instances.Cursor(NEW_YEAR, 5)
    newest = Instance.objects.filter(edge.condition, test=False).order_by("-started_at", "-id")
    assert "USING INDEX instances_newest (started_at<?)" in newest[:26].explain()


# -- nothing to show ---------------------------------------------------------------------------------------------------


def test_d123_an_empty_list_says_what_it_is_and_one_without_a_match_says_which_filter_to_drop(reader: Client) -> None:
    page = reader.get(LIST).content.decode()
    assert 'data-testid="instances.empty"' in page
    assert "No process instance yet" in page
    for _ in range(3):
        instance()
    page = reader.get(f"{LIST}?process=leasing&state=EXPIRED&by=nobody").content.decode()
    assert 'data-testid="instances.no-match"' in page
    page = reader.get(f"{LIST}?process=leasing&state=EXPIRED").content.decode()
    assert "Without State <b>Expired</b> there would be 3." in page
    assert 'href="?process=leasing" class="m" data-visit data-testid="instances.drop"' in page


@pytest.mark.parametrize(
    ("address", "filters", "name"),
    [
        ("scheduled/", "late=1", "scheduled"),
        ("failed-starts/", "process=x", "failed-starts"),
        ("kafka/", "state=failed", "kafka"),
    ],
)
def test_d123_the_other_lists_have_an_empty_and_a_no_match_state(
    reader: Client, address: str, filters: str, name: str
) -> None:
    assert f'data-testid="{name}.empty"' in reader.get(f"/admin/runtime/{address}").content.decode()
    assert f'data-testid="{name}.no-match"' in reader.get(f"/admin/runtime/{address}?{filters}").content.decode()


# -- who may -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address", ["instances/", "scheduled/", "failed-starts/", "kafka/", f"instances/{UUID(int=1)}/"]
)
def test_without_the_right_the_page_says_which_one_is_missing(stranger: Client, address: str) -> None:
    answer = stranger.get(f"/admin/runtime/{address}")
    assert answer.status_code == 403
    assert "You need the right ‘INSTANCE read’ to see" in answer.content.decode()


def test_who_is_not_logged_in_logs_in_first(client: Client, db: None) -> None:
    answer = client.get(LIST)
    assert answer.status_code == 302
    assert answer["Location"] == f"/admin/login/?next={LIST}"


def test_a_reader_sees_no_operation(reader: Client, operator: Client) -> None:
    instance()
    assert "instances.bulk.terminate" not in reader.get(LIST).content.decode()
    assert 'name="id"' not in reader.get(LIST).content.decode()
    assert "instances.bulk.terminate" in operator.get(LIST).content.decode()


def test_d126_markup_in_names_is_shown_as_text(operator: Client) -> None:
    evil = "<script>alert(1)</script>"
    instance(process_name=evil, node=evil, owner_name=evil, incident=f"{evil} \"'>")
    instance(process_name=evil, node=evil, owner_name=evil)
    for query in ("", f"?{urlencode({'process': evil, 'node': evil, 'by': evil, 'error': evil, 'q': evil})}"):
        page = operator.get(f"{LIST}{query}").content.decode()
        assert evil not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_page_that_refreshes_itself_gets_the_list_alone(reader: Client) -> None:
    row = instance()
    answer = reader.get(LIST, headers={"X-Fragment": "list"})
    assert answer.content.decode().strip().startswith('<div id="list"')
    assert keys_of(answer.content) == uuids(row)
