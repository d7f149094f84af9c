"""Idempotency-Key: a repeat gets the stored answer and has no second effect (engine 2.3, 8.4)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from engine.models import FailedStart, IdempotencyRecord, Instance
from tests.api.conftest import Answer, Api, make_user
from tests.builders import Published, Running, process, save_data, websocket_send

ADVICE = '{"type": "START_PROCESS_INHERIT", "processName": "%s", "params": {}}'


@pytest.fixture
def lease(rider: User) -> Published:
    return (
        process()
        .start()
        .user_task("Form", save_data("note", ["a"], optional=True), save_data("submit"))
        .end()
        .publish()
    )


def together(calls: int, call: Callable[[int], Answer]) -> list[Answer]:
    """The answers of calls made at the same moment, each in a thread with a connection of its own."""

    def one(number: int) -> Answer:
        try:
            return call(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(calls) as pool:
        return list(pool.map(one, range(calls)))


def test_e199_a_repeated_start_gives_the_stored_answer_and_makes_no_second_instance(
    rider: User, lease: Published
) -> None:
    api = Api(rider)
    first, second = [api.post(f"{lease.name}/start", {"a": 1}, key="k1") for _ in range(2)]
    assert first.status == second.status == 200
    assert first.text == second.text
    assert Instance.objects.count() == 1
    api.post(f"{lease.name}/start", {"a": 1}, key="k2").ok()
    assert Instance.objects.count() == 2


def test_e199_another_body_with_the_same_key_answers_422(rider: User, lease: Published) -> None:
    Api(rider).post(f"{lease.name}/start", {"a": 1}, key="k").ok()
    assert Api(rider).post(f"{lease.name}/start", {"a": 2}, key="k").refusal[0] == 422
    assert Instance.objects.count() == 1


def test_e199_keys_belong_to_user_and_path(rider: User, lease: Published) -> None:
    other = make_user("other", "flowx-users")
    one = Api(rider).post(f"{lease.name}/start", {}, key="k").ok()
    two = Api(other).post(f"{lease.name}/start", {}, key="k").ok()
    inherited = Api(rider).post(f"{lease.name}/start/inheritFrom/{one['uuid']}", {}, key="k").ok()
    assert len({one["uuid"], two["uuid"], inherited["uuid"]}) == 3


def test_e199_a_key_counts_for_24_hours(rider: User, lease: Published) -> None:
    Api(rider).post(f"{lease.name}/start", {"a": 1}, key="k").ok()
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    Api(rider).post(f"{lease.name}/start", {"a": 2}, key="k").ok()
    assert Instance.objects.count() == 2


def test_e199_a_refused_call_keeps_no_key_and_a_failed_action_does(rider: User) -> None:
    fails = (
        process().start().user_task("F", websocket_send("tell", targetProcess="PARENT", manual=True)).end().publish()
    )
    running = Running(fails, Api(rider).post(f"{fails.name}/start").ok()["uuid"])
    path = f"{running.uuid}/token/{running.token.uuid}/action"
    assert Api(rider).post(f"{path}/nothing/execute", {}, key="k").status == 400
    assert not IdempotencyRecord.objects.exists()
    first, second = [Api(rider).post(f"{path}/tell/execute", {}, key="k") for _ in range(2)]
    assert first.refusal == second.refusal == (422, "Action execution failed.")
    assert first.text == second.text


def test_e199_an_unusable_key_answers_400(rider: User, lease: Published) -> None:
    assert Api(rider).post(f"{lease.name}/start", {}, key="k" * 201).refusal[0] == 400


@pytest.mark.django_db(transaction=True)
def test_e199_the_same_execute_at_the_same_moment_runs_once(rider: User) -> None:
    lease = (
        process().start().user_task("Form", save_data("note", ["n"], optional=True, repeatable=True), save_data("x"))
    )
    running = Running(lease.end().publish(), Api(rider).post(f"{lease.name}/start").ok()["uuid"])
    path = f"{running.uuid}/token/{running.token.uuid}/action/note/execute"
    api = Api(rider)
    answers = together(4, lambda _: api.post(path, {"n": 1}, key="k"))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(running.journal("Execute action")) == 1


@pytest.mark.django_db(transaction=True)
def test_e085_two_executes_at_the_same_moment_answer_200_and_409(rider: User, lease: Published) -> None:
    running = Running(lease, Api(rider).post(f"{lease.name}/start").ok()["uuid"])
    path = f"{running.uuid}/token/{running.token.uuid}/action/note/execute"
    api = Api(rider)
    answers = together(2, lambda number: api.post(path, {"a": number}))
    assert sorted(answer.status for answer in answers) == [200, 409]


# -- RunAction ---------------------------------------------------------------------------------------------------------


def offered(rider: User) -> tuple[Running, Published, dict[str, Any]]:
    """An instance that pushed a RunAction, the process it names, and the frame."""
    advice = process().start().user_task("Form", save_data("submit")).end().publish()
    message = ADVICE % advice.name
    offer = process().start().user_task("F", websocket_send("offer", message, messageType="Action"), save_data("x"))
    running = Running(offer.end().publish(), Api(rider).post(f"{offer.name}/start", {"a": 1}).ok()["uuid"])
    (frame,) = running.frames("action")
    return running, advice, frame


@pytest.mark.django_db(transaction=True)
def test_e221_e154_ten_callers_with_a_run_action_frames_id_start_one_process_and_get_one_answer(rider: User) -> None:
    running, advice, frame = offered(rider)
    assert Instance.objects.count() == 1  # the engine itself started nothing
    path = f"{advice.name}/start/inheritFrom/{running.uuid}"
    apis = [Api(make_user(f"user{number}", "flowx-users")) for number in range(5)] * 2
    answers = together(10, lambda number: apis[number].post(path, {"tab": number}, key=frame["id"]))
    assert {answer.status for answer in answers} == {200}, [answer.text for answer in answers]
    assert len({answer.text for answer in answers}) == 1
    child = Instance.objects.get(uuid=answers[0].json["uuid"])
    assert (child.parent_uuid, child.relation) == (running.row.uuid, "INHERITED")
    assert Instance.objects.count() == 2


def test_e221_the_answer_lives_as_long_as_the_frame_and_only_for_those_with_the_rights(
    rider: User, stranger: User
) -> None:
    running, advice, frame = offered(rider)
    path = f"{advice.name}/start/inheritFrom/{running.uuid}"
    first = Api(rider).post(path, {"a": 2}, key=frame["id"]).ok()
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(days=80))
    assert Api(rider).post(path, raw=b"[1]", key=frame["id"]).ok() == first
    assert Api(stranger).post(path, {}, key=frame["id"]).refusal[0] == 404
    viewer = make_user("viewer", "viewers")
    Instance.objects.filter(uuid=running.uuid).update(owner_id=viewer.pk)
    assert Api(viewer).post(path, {}, key=frame["id"]).refusal[0] == 403
    assert FailedStart.objects.count() == 2


def test_e155_start_condition_copy_lists_and_client_values_reach_the_new_instance(rider: User) -> None:
    advice = process().start("Web", startCondition="web").user_task("F", save_data("x")).end("E1")
    advice.start("Shop", startCondition="shop").end("E2")
    published = advice.publish()
    first = Running(
        published, Api(rider).post(f"{advice.name}/start", {"startCondition": "shop", "a": 1, "b": 2}).ok()["uuid"]
    )
    body = {
        "startCondition": "web",
        "paramsToInherit": {"paramsToCopy": ["a", "b"], "withoutParams": ["b"]},
        "webAppKeys": {"tab": 1},
    }
    made = Api(rider).post(f"{advice.name}/start/inheritFrom/{first.uuid}", body, key=str(uuid4())).ok()
    running = Running(published, made["uuid"])
    assert running.params == {"startCondition": "web", "a": 1, "webAppKeys": {"tab": 1}}
    assert running.position[0] == "F"
