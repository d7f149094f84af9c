"""Operator commands over HTTP (engine 13): each path, who may call it, and what its body must hold."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone

from engine.api import operations
from engine.core.stimuli import Hold
from engine.models import EventSubscription, FailedStart, Instance, ReceivedMessage
from tests.api.conftest import Answer, Api
from tests.builders import TOPIC, USER, Running, apply, kafka_send, process, save_data

STREAM = [{"topicName": TOPIC, "keyName": "reply"}]
WHY = {"reason": "The rider called"}
Give = Callable[..., Answer]


@pytest.fixture
def operator(stranger: User) -> User:
    """Instances-admin, in no swimlane."""
    stranger.user_permissions.add(Permission.objects.get(codename="operate_instances"))
    return User.objects.get(pk=stranger.pk)


@pytest.fixture
def give(operator: User) -> Give:
    """Gives a command on an instance, with a reason."""
    api = Api(operator)

    def command(instance: Running, name: str, *, key: str = "", **body: Any) -> Answer:
        return api.post(f"{instance.uuid}/operations/{name}", WHY | body, key=key)

    return command


def forms(**fields: Any) -> Running:
    made = process(**fields).start().user_task("One", save_data("one", ["x"]), dataStreamTopics=STREAM)
    return made.user_task("Two", save_data("two")).end().publish().start({"a": {"b": 1}})


def delayed() -> Running:
    return process().start().user_task("Wait", kafka_send("send", timerExpression="PT1H")).end().publish().start()


def token(instance: Running) -> str:
    return str(instance.token.uuid)


def code_of(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["errors"][0]["code"]


# -- the commands ------------------------------------------------------------------------------------------------------


def test_move_token_sets_the_token_on_another_node(give: Give) -> None:
    instance = forms()
    target = instance.published.definition.node("Two")["id"]

    answer = give(instance, "move-token", token=token(instance), targetNode=target, variables={"x": 2}).ok()

    assert answer["tokenUuid"] == token(instance)
    assert (instance.position[0], instance.params) == ("Two", {"a": {"b": 1}, "x": 2})


def test_edit_variables_removes_then_sets(give: Give) -> None:
    instance = forms()

    give(instance, "edit-variables", set={"c.d": 5}, remove=["a.b"]).ok()

    assert instance.params == {"a": {}, "c": {"d": 5}}
    [entry] = instance.journal("Update")
    assert (entry.user, entry.details["reason"]) == ("stranger", "The rider called")


def test_execute_action_runs_it_for_those_of_no_swimlane(give: Give) -> None:
    instance = forms()

    give(instance, "execute-action", token=token(instance), action="one", data={"x": 1, "y": 2}).ok()

    assert (instance.position[0], instance.params["x"]) == ("Two", 1)
    assert "y" not in instance.params


def test_skip_action_counts_it_as_done(give: Give) -> None:
    instance = forms()

    give(instance, "skip-action", token=token(instance), action="one").ok()

    assert instance.position[0] == "Two"


def test_run_change_and_cancel_timer(give: Give) -> None:
    run, changed, cancelled = delayed(), delayed(), delayed()
    due_at = timezone.now() + timedelta(days=3)

    give(run, "run-timer", timer=run.timers()[0].id).ok()
    give(changed, "change-timer", timer=changed.timers()[0].id, dueAt=due_at.isoformat()).ok()
    give(cancelled, "cancel-timer", timer=cancelled.timers()[0].id).ok()

    assert len(run.sent()) == 1
    assert changed.timers()[0].due_at == due_at
    assert not cancelled.timers()
    assert code_of(give(run, "run-timer", timer=run.timers("FIRED")[0].id)) == (409, "OPS-011")


def test_deliver_is_like_a_record_of_the_topic(give: Give) -> None:
    instance = process().start().receive("Wait").end().publish().start()

    give(instance, "deliver", token=token(instance), topic=TOPIC, payload={"ok": True}).ok()

    assert (instance.state, instance.params["reply"]) == ("FINISHED", {"ok": True})


def test_deliver_without_a_topic_is_a_message_event_for_the_token(give: Give) -> None:
    event = {"messageName": "bikeBack", "correlationKey": "bike", "receiveDataKey": "back"}
    instance = process().start().add("MESSAGE_CATCH_INTERMEDIATE", "Catch", **event).end().publish().start({"bike": 7})

    give(instance, "deliver", token=token(instance), payload={"km": 3}).ok()

    assert (instance.state, instance.params["back"]) == ("FINISHED", {"km": 3})
    assert not EventSubscription.objects.exists()
    assert give(forms(), "deliver", token=str(uuid.uuid4()), payload={}).status == 404


def test_deliver_where_nothing_is_awaited_is_refused(give: Give) -> None:
    instance = process().start().user_task("Form", save_data("go")).end().publish().start()

    assert give(instance, "deliver", token=token(instance), topic=TOPIC, payload={}).status == 409
    assert give(instance, "deliver", token=token(instance), payload={}).status == 409


def test_e232_attach_gives_a_late_record_to_a_token_once(give: Give) -> None:
    instance, again = late_record()

    answer = give(again, "attach", token=token(again), record=instance.kept()[0].id, key="k-1")

    assert answer.ok()["tokenUuid"]
    assert again.params["reply"] == {"late": True}
    row = instance_row()
    assert (row.state, row.instance_id) == ("applied", again.row.id)
    assert give(again, "attach", token=token(again), record=row.id, key="k-1").ok() == answer.json, "a repeat"
    assert give(again, "attach", token=token(again), record=row.id).status == 409
    assert len(again.journal("Message Receive")) == 2, "the command, and the record"


def test_e232_a_refused_attach_leaves_the_record_as_it_was(give: Give) -> None:
    late_record()
    other = process().start().user_task("Form", save_data("go")).end().publish().start()

    assert give(other, "attach", token=token(other), record=instance_row().id).status == 409
    assert give(other, "attach", token=token(other), record=987654321).status == 404

    assert instance_row().state == "late"


def test_e232_what_is_no_json_cannot_be_attached(give: Give) -> None:
    instance = forms()
    row = ReceivedMessage.objects.create(
        state="dead", reason="NOT_JSON", topic=TOPIC, value=b"good morning", received_at=timezone.now()
    )

    assert give(instance, "attach", token=token(instance), record=row.id).status == 409


def late_record() -> tuple[Running, Running]:
    """An ended instance that has a late record, and another one that could take it."""
    made = process().start().user_task("Form", save_data("go"), dataStreamTopics=STREAM).end().publish()
    ended = made.start()
    ended.execute("go")
    ended.reply({"late": True}, message_id=uuid.uuid4())
    assert instance_row().state == "late"
    return ended, made.start()


def instance_row() -> ReceivedMessage:
    return ReceivedMessage.objects.get()


# -- start again -------------------------------------------------------------------------------------------------------


def test_e236_start_again_uses_the_first_values_and_links_both(give: Give, rider: User) -> None:
    made = process().start().user_task("Form", save_data("go", ["x"])).end().publish()
    name = made.name
    first = Instance.objects.get(uuid=Api(rider).post(f"{name}/start", {"n": 1}).ok()["uuid"])
    running = Running(made, first.uuid)
    assert give(running, "start-again").status == 409, "it has not ended"
    running.execute("go", {"x": 5})

    answer = give(running, "start-again").ok()

    again = Running(made, uuid.UUID(answer["uuid"]))
    assert again.params == {"n": 1}
    assert (again.row.restarted_from_uuid, again.row.owner_id) == (first.uuid, rider.pk)
    [entry] = again.journal("Start")
    assert (entry.user, entry.details) == ("stranger", {**WHY, "restartedFrom": str(first.uuid)})
    assert Running(made, uuid.UUID(give(running, "start-again", params={"n": 2}).ok()["uuid"])).params == {"n": 2}


def test_e236_start_again_takes_the_published_version_and_the_same_start(give: Give) -> None:
    def version(number: int) -> Any:
        made = process("restarted", version=number).start("Web", startCondition="web").user_task("A", save_data("a"))
        made.end().add("START", "Shop", connect=False, startCondition="shop").user_task("B", save_data("b")).end("E2")
        return made.publish()

    first = version(1).start({"startCondition": "shop", "n": 1}, start_condition="shop")
    first.execute("b")
    newer = version(2)

    answer = give(first, "start-again", params={"n": 2}).ok()

    again = Running(newer, uuid.UUID(answer["uuid"]))
    assert (again.row.version, again.position[0]) == (2, "B")
    assert again.params == {"n": 2, "startCondition": "shop"}


def test_e236_an_inherited_instance_keeps_its_parent_and_a_subprocess_is_refused(give: Give) -> None:
    parent, made = forms(), process().start().end().publish()
    link = {"parent_id": parent.row.id, "parent_uuid": parent.uuid}
    inherited = made.start(relation="INHERITED", **link)

    again = Instance.objects.get(uuid=give(inherited, "start-again").ok()["uuid"])

    assert (again.relation, again.parent_id) == ("INHERITED", parent.row.id)
    assert give(made.start(relation="SUBPROCESS", **link), "start-again").status == 409


def test_e236_a_failed_start_is_started_again_once(operator: User, rider: User) -> None:
    made = process(mandatoryParams=["n"]).start().user_task("Form", save_data("go")).end().publish()
    assert Api(rider).post(f"{made.name}/start", {"x": 1}).status == 400
    row = FailedStart.objects.get()
    path = f"/api/failed-starts/{row.id}/start-again"
    assert Api(rider).post(path, WHY).status == 403
    assert Api(operator).post(path, WHY).status == 400, "still without its value"

    answer = Api(operator).post(path, WHY | {"params": {"n": 1}}).ok()

    again = Instance.objects.get(uuid=answer["uuid"])
    assert (again.owner_id, Running(made, again.uuid).params) == (rider.pk, {"n": 1})
    row.refresh_from_db()
    assert row.restarted_uuid == again.uuid
    assert Api(operator).post(path, WHY | {"params": {"n": 1}}).status == 409
    assert Api(operator).post("/api/failed-starts/4711/start-again", WHY).status == 404


# -- rules for all of them ---------------------------------------------------------------------------------------------

NAMES = list(operations.COMMANDS)


@pytest.mark.parametrize("name", NAMES)
def test_e228_each_command_needs_instances_admin_and_a_reason(rider: User, operator: User, name: str) -> None:
    instance = forms()
    path = f"{instance.uuid}/operations/{name}"

    assert Api(rider).post(path, WHY).status == 403
    assert Api(operator, scopes=("read",)).post(path, WHY).status == 403
    assert Api(None).post(path, WHY).status == 401
    for reason in ({}, {"reason": " "}, {"reason": "x" * 501}):
        assert Api(operator).post(path, reason).json["errors"][0]["field"] == "reason"
    assert Api(operator).post(f"{uuid.uuid4()}/operations/{name}", WHY).status == 404
    assert instance.position[0] == "One"


def test_e228_a_newer_version_refuses_the_command(give: Give) -> None:
    instance = forms()
    old = instance.token.version - 1
    target = instance.published.definition.node("Two")["id"]
    fields: dict[str, dict[str, Any]] = {
        "move-token": {"targetNode": target},
        "execute-action": {"action": "one"},
        "skip-action": {"action": "one"},
        "deliver": {"topic": TOPIC, "payload": {}},
    }
    for name, more in fields.items():
        assert code_of(give(instance, name, token=token(instance), version=old, **more)) == (409, "OPS-009")
    revision = instance.row.revision
    assert code_of(give(instance, "edit-variables", set={"x": 1}, version=revision - 1)) == (409, "OPS-009")
    give(instance, "edit-variables", set={"x": 1}, version=revision).ok()


WRONG = [
    ("move-token", {"targetNode": "two"}, "targetNode"),
    ("edit-variables", {"set": [1]}, "set"),
    ("edit-variables", {"remove": "a"}, "remove"),
    ("deliver", {"topic": TOPIC}, "payload"),
    ("deliver", {"topic": TOPIC, "payload": {}, "headers": {"a": 1}}, "headers"),
    ("change-timer", {"timer": 1, "dueAt": "2024-05-01T08:00:00"}, "dueAt"),
    ("change-timer", {"timer": 1, "dueAt": "2024-99-01T08:00:00Z"}, "dueAt"),
    ("run-timer", {"timer": True}, "timer"),
    ("start-again", {"params": []}, "params"),
    ("skip-action", {"version": "x"}, "version"),
]


@pytest.mark.parametrize(("name", "body", "field"), WRONG)
def test_a_wrong_field_is_named(give: Give, name: str, body: dict[str, Any], field: str) -> None:
    instance = forms()

    answer = give(instance, name, **{"token": token(instance)} | body)

    assert (answer.status, answer.json["errors"][0]["field"]) == (400, field)


def test_on_hold_only_some_commands_are_allowed(give: Give) -> None:
    instance = delayed()
    apply(Hold(instance.uuid, USER, "wait"))

    assert give(instance, "execute-action", token=token(instance), action="send").status == 409
    assert give(instance, "edit-variables", set={"x": 1}).status == 200
    assert give(instance, "cancel-timer", timer=instance.timers()[0].id).status == 200
