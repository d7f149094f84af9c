"""Lists for frontends: only what the caller may see, paged by cursor, without test instances (engine 2.3)."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test.utils import CaptureQueriesContext

from engine.models import Instance
from tests.api.conftest import Api, make_user
from tests.builders import Published, process, save_data


@pytest.fixture
def lease(rider: User) -> Published:
    return process().start().user_task("Form", save_data("submit"), save_data("later", optional=True)).end().publish()


def started(user: User, published: Published, count: int = 1) -> list[str]:
    return [Api(user).post(f"{published.name}/start").ok()["uuid"] for _ in range(count)]


def all_pages(user: User, path: str, **query: object) -> list[dict]:
    rows: list[dict] = []
    after = ""
    while True:
        page = Api(user).get(path, **query, **({"after": after} if after else {})).ok()
        rows += page["items"]
        if page["next"] is None:
            return rows
        after = page["next"]


def test_e200_instances_hold_only_what_the_caller_may_see_newest_first(
    rider: User, stranger: User, lease: Published
) -> None:
    uuids = started(rider, lease, 3)
    assert [row["uuid"] for row in all_pages(rider, "instances")] == uuids[::-1]
    assert all_pages(stranger, "instances") == []
    Instance.objects.filter(uuid=uuids[1]).update(owner_id=stranger.pk)
    assert [row["uuid"] for row in all_pages(stranger, "instances")] == [uuids[1]]
    (row,) = all_pages(stranger, "instances")
    assert (row["name"], row["version"], row["state"], row["dateFinished"]) == (lease.name, 1, "STARTED", None)
    assert row["currentNodes"] == [{"nodeId": lease.definition.node("Form")["id"], "name": "Form"}]


def test_e200_pages_follow_each_other_by_cursor_without_gap_or_double(rider: User, lease: Published) -> None:
    uuids = started(rider, lease, 7)
    for path, key in (("instances", "uuid"), ("tasks", "processInstanceUuid")):
        assert [row[key] for row in all_pages(rider, path, limit=3)] == uuids[::-1]
        assert len(Api(rider).get(path, limit=3).ok()["items"]) == 3
    others = [process().start().end().publish().name for _ in range(3)]
    listed = [row["name"] for row in all_pages(rider, "definitions", limit=2)]
    assert listed == [*others[::-1], lease.name]


def test_e200_test_instances_are_left_out(rider: User, lease: Published) -> None:
    shown, hidden = started(rider, lease, 2)
    Instance.objects.filter(uuid=hidden).update(test=True)
    assert [row["uuid"] for row in all_pages(rider, "instances")] == [shown]
    assert [row["processInstanceUuid"] for row in all_pages(rider, "tasks")] == [shown]


def test_e200_instances_are_filtered_by_state_and_process(rider: User, lease: Published) -> None:
    other = process().start().end().publish()
    (running,), (ended,) = started(rider, lease), started(rider, other)
    assert [row["uuid"] for row in all_pages(rider, "instances", state="FINISHED")] == [ended]
    assert [row["uuid"] for row in all_pages(rider, "instances", processName=lease.name)] == [running]


def test_e200_tasks_are_tokens_on_user_tasks_where_the_caller_may_execute(rider: User, admin: User) -> None:
    two_lanes = process().start().user_task("Form", save_data("submit"), swimlane="Desk")
    two_lanes.receive("Wait").user_task("Check", save_data("approve"), swimlane="Back").end()
    lanes = {"Default": ["flowx-users"], "Desk": ["flowx-users"], "Back": ["checkers"]}
    published = two_lanes.publish(
        {lane: {"execute": groups, "view": ["flowx-users"]} for lane, groups in lanes.items()}
    )
    (uuid,) = started(rider, published)
    (task,) = all_pages(rider, "tasks")
    assert (task["processInstanceUuid"], task["nodeName"], task["actions"]) == (uuid, "Form", ["submit"])
    assert task["nodeId"] == two_lanes.node("Form")["id"]
    assert all_pages(make_user("checker", "checkers"), "tasks") == []
    token = task["tokenUuid"]
    Api(rider).post(f"{uuid}/token/{token}/action/submit/execute").ok()
    assert all_pages(rider, "tasks") == all_pages(admin, "tasks") == []  # waits for a message


def test_e200_definitions_are_the_published_ones_that_the_caller_may_start(rider: User, stranger: User) -> None:
    mine = process().start("Web", startCondition="web").end("E").start("Shop", startCondition="shop").end().publish()
    process().start().end().publish({"Default": {"execute": ["others"]}})
    assert all_pages(rider, "definitions") == [{"name": mine.name, "version": 1, "startConditions": ["web", "shop"]}]
    assert all_pages(stranger, "definitions") == []


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("instances", {"limit": 0}),
        ("instances", {"limit": 201}),
        ("instances", {"after": "x"}),
        ("instances", {"state": "GONE"}),
        ("tasks", {"after": "-1"}),
        ("definitions", {"after": "9" * 30}),
    ],
)
def test_a_wrong_query_answers_400_and_names_the_parameter(rider: User, path: str, query: dict) -> None:
    answer = Api(rider).get(path, **query)
    assert answer.refusal[0] == 400
    assert answer.json["errors"][0]["field"] == next(iter(query))


@pytest.mark.parametrize("path", ["instances", "tasks", "definitions"])
def test_a_list_takes_the_same_number_of_statements_whatever_its_length(
    rider: User, lease: Published, path: str, django_assert_max_num_queries: object
) -> None:
    from django.db import connection

    counts = []
    for _ in range(2):
        started(rider, lease, 4)
        process().start().end().publish()
        api = Api(rider)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            api.get(path).ok()
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 10
