"""Reading an instance and running its manual actions over HTTP (engine 2.4, 4.5, 4.7, 8.5, 11)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User

from engine.core.stimuli import Actor, RunTimer
from engine.core.turn import timestamp
from engine.models import Incident, Instance, SwimlanePermission, Token
from tests.api.conftest import Answer, Api, make_user
from tests.builders import Published, Running, apply, process, save_data, websocket_send


def form(*actions: dict, **fields: Any) -> Published:
    """A process that waits on a form with these actions."""
    return (
        process(**fields).start().user_task("Form", *actions).user_task("Check", save_data("approve")).end().publish()
    )


def start(user: User, published: Published, body: dict | None = None) -> Running:
    return Running(published, Api(user).post(f"{published.name}/start", body or {}).ok()["uuid"])


def execute(user: User | None, running: Running, action: str = "submit", body: Any = None, **how: Any) -> Answer:
    return Api(user).post(f"{running.uuid}/token/{running.token.uuid}/action/{action}/execute", body, **how)


# -- status ------------------------------------------------------------------------------------------------------------


def test_e039_status_holds_params_tokens_subprocesses_and_exceptions_with_sensitive_keys_masked(
    rider: User, stranger: User
) -> None:
    lease = form(
        websocket_send("tell", targetProcess="PARENT", manual=True), sensitiveKeys=["client.iban", "cards.number"]
    )
    values = {"client": {"name": "Ada", "iban": "DE1"}, "cards": [{"number": 1, "name": "x"}]}
    running = start(rider, lease, values)
    child = start(rider, lease)
    Instance.objects.filter(uuid=child.uuid).update(
        root_id=running.row.id, parent_id=running.row.id, parent_uuid=running.uuid, relation="SUBPROCESS"
    )
    hidden = start(rider, form(save_data("submit")))
    Instance.objects.filter(uuid=hidden.uuid).update(
        root_id=running.row.id, parent_id=running.row.id, relation="SUBPROCESS", owner_id=stranger.pk
    )
    SwimlanePermission.objects.filter(process_name=hidden.row.process_name).delete()
    assert execute(rider, running, "tell").status == 422
    status = Api(rider).get(f"{running.uuid}/status").ok()
    assert status["params"] == {"client": {"name": "Ada", "iban": "***"}, "cards": [{"number": "***", "name": "x"}]}
    assert status["version"] == 1
    assert status["processDefinitionId"]
    assert status["dateFinished"] is None
    (token,) = status["tokens"]
    assert token["currentNodeName"] == "Form"
    assert token["backSeq"]["nodes"][-1] == token["currentNodeId"]
    assert [each["uuid"] for each in status["subProcesses"]] == [str(child.uuid)] == status["subprocessesUuids"]
    assert "params" not in status["subProcesses"][0]
    (exception,) = status["exceptions"]
    assert exception["source"] == "Action"
    assert exception["type"] == "Definition"
    assert exception["tokenUuid"] == token["uuid"]
    assert exception["details"] == ""


def test_e198_an_instance_one_may_not_view_answers_404_like_an_unknown_one_before_any_403(
    rider: User, stranger: User
) -> None:
    running = start(rider, form(save_data("submit")))
    token = running.token.uuid
    for uuid in (running.uuid, uuid4()):
        api = Api(stranger)
        for answer in (
            api.get(f"{uuid}/status"),
            api.get(f"{uuid}/data/1"),
            api.post(f"{uuid}/token/{token}/action/submit/execute", raw=b"not json"),
            api.post(f"{uuid}/token/{token}/retry", {"reason": "x"}),
            api.post(f"{uuid}/terminate", {"reason": "x"}),
        ):
            assert answer.refusal == (404, "Process instance not found.")


# -- data --------------------------------------------------------------------------------------------------------------


def test_e157_data_gives_the_values_of_the_input_keys_and_the_nodes_manual_top_level_actions(rider: User) -> None:
    actions = (
        save_data("submit", keys=["client"]),
        save_data("cancel", optional=True),
        save_data("below", parentName="submit", order=1),
        websocket_send("greet"),
    )
    lease = process().start().user_task("Form", *actions, inputKeys=["client.name", "offer"]).end().publish()
    running = start(rider, lease, {"client": {"name": "Ada", "age": 1}, "offer": {"price": 5}, "other": 1})
    answer = Api(rider).get(f"{running.uuid}/data/{lease.definition.node('Form')['id']}").ok()
    assert answer["data"] == {"client": {"name": "Ada"}, "offer": {"price": 5}}
    assert [action["name"] for action in answer["actions"]] == ["submit", "cancel"]
    submit = answer["actions"][0]
    assert (submit["keys"], submit["manual"], submit["type"]) == (["client"], True, "SAVE_DATA")
    assert [child["name"] for child in submit["callbackActions"]] == ["below"]


def test_e157_without_input_keys_data_gives_all_but_the_sensitive_values(rider: User) -> None:
    running = start(
        rider, form(save_data("submit"), sensitiveKeys=["client.iban"]), {"client": {"name": "A", "iban": "D"}}
    )
    node = running.published.definition.node("Form")["id"]
    assert Api(rider).get(f"{running.uuid}/data/{node}").ok()["data"] == {"client": {"name": "A"}}
    assert Api(rider).get(f"{running.uuid}/data/999999").refusal[0] == 404
    assert Api(rider).get(f"{running.uuid}/data/x").refusal[0] == 404
    assert Api(rider).get(f"{running.uuid}/data/{'9' * 5000}").refusal[0] == 404


def test_e157_data_says_until_when_the_node_waits(rider: User) -> None:
    lease = (
        process().start().add("TIMER_INTERMEDIATE", "Wait", timerExpression="P14D").user_task("Form").end().publish()
    )
    running = start(rider, lease)
    path = f"{running.uuid}/data/{lease.definition.node('Wait')['id']}"
    timer = running.timers()[0]
    assert Api(rider).get(path).ok()["waitsUntil"] == timestamp(timer.due_at)
    assert Api(rider).get(f"{running.uuid}/data/{lease.definition.node('Form')['id']}").ok()["waitsUntil"] is None
    apply(RunTimer(Instance.objects.get(uuid=running.uuid).uuid, timer.id, Actor("operator"), "now"))
    assert Api(rider).get(path).ok()["waitsUntil"] is None


# -- execute -----------------------------------------------------------------------------------------------------------


def test_e083_execute_runs_a_manual_action_and_answers_the_documented_keys(rider: User) -> None:
    running = start(rider, form(save_data("submit", keys=["client"])))
    answer = execute(rider, running, body={"client": 1}).ok()
    assert set(answer) == {"tokenUuid", "currentNodeId", "templatesSequence", "backAction", "resetToken"}
    assert answer["tokenUuid"] == str(running.token.uuid)
    assert answer["currentNodeId"] == running.published.definition.node("Check")["id"]
    assert (answer["templatesSequence"], answer["backAction"], answer["resetToken"]) == (None, False, False)


def test_e087_an_automatic_action_answers_400(rider: User) -> None:
    running = start(rider, form(save_data("submit"), websocket_send("greet")))
    assert execute(rider, running, "greet").refusal == (400, "Only manual actions can be executed.")


def test_e088_unknown_instance_and_token_answer_404_unknown_action_400(rider: User) -> None:
    running, other = start(rider, form(save_data("submit"))), start(rider, form(save_data("submit")))
    api = Api(rider)
    unknown = api.post(f"{uuid4()}/token/{running.token.uuid}/action/submit/execute")
    assert unknown.refusal == (404, "Process instance not found.")
    for token in (uuid4(), other.token.uuid, "x"):
        answer = api.post(f"{running.uuid}/token/{token}/action/submit/execute")
        assert answer.refusal == (404, "Token not found.")
    assert execute(rider, running, "nothing").refusal == (400, "Action not found on the current node.")
    assert execute(rider, running, "approve").refusal == (400, "Action not found on the current node.")


def test_e089_an_instance_that_is_not_started_and_a_token_that_is_not_active_answer_409(
    rider: User, admin: User
) -> None:
    running = start(rider, form(save_data("submit")))
    Api(admin).post(f"{running.uuid}/hold", {"reason": "wait"}).ok()
    assert execute(rider, running).refusal == (409, "Process instance is not running.")
    Api(admin).post(f"{running.uuid}/unhold", {"reason": "go on"}).ok()
    Token.objects.filter(uuid=running.token.uuid).update(state="ABORTED")
    assert execute(rider, running).refusal == (409, "Token is not active.")
    Api(admin).post(f"{running.uuid}/terminate", {"reason": "stop"}).ok()
    assert execute(rider, running).refusal == (409, "Process instance is not running.")


def test_e090_a_viewer_without_execute_answers_403(rider: User) -> None:
    running = start(rider, form(save_data("submit")))
    SwimlanePermission.objects.create(
        process_name=running.row.process_name, swimlane="Default", operation="view", group="viewers"
    )
    viewer = make_user("viewer", "viewers")
    assert Api(viewer).get(f"{running.uuid}/status").status == 200
    assert execute(viewer, running, body=[1]).refusal[0] == 403  # before the body is looked at


def test_e090_the_owner_without_a_role_may_view_and_not_execute(rider: User) -> None:
    running = start(rider, form(save_data("submit")))
    SwimlanePermission.objects.all().delete()
    assert Api(rider).get(f"{running.uuid}/status").status == 200
    assert execute(rider, running).refusal[0] == 403


def test_e085_the_second_execute_of_an_action_that_is_not_repeatable_answers_409(rider: User) -> None:
    running = start(rider, form(save_data("note", optional=True), save_data("submit")))
    assert execute(rider, running, "note").status == 200
    assert execute(rider, running, "note").refusal == (409, "Action was already executed.")


def test_e184_e185_e186_e188_only_values_under_a_key_are_kept_by_whole_segments_and_flattened_ones_too(
    rider: User,
) -> None:
    actions = (
        save_data("none", optional=True),
        save_data("save", keys=["application.client", "list"], optional=True, repeatable=True),
        save_data("submit"),
    )
    running = start(rider, form(*actions))
    assert execute(rider, running, "none", {"application": {"client": {"email": "x"}}}).status == 200
    assert running.params == {}
    body = {"application": {"client": {"email": "x"}, "clientX": 1, "other": 2}, "list": [1, 2], "more": 3}
    execute(rider, running, "save", body).ok()
    assert running.params == {"application": {"client": {"email": "x"}}, "list": [1, 2]}
    execute(rider, running, "save", {"application.client.phone": "1", "application.clientX.y": 1}).ok()
    assert running.params == {"application": {"client": {"email": "x", "phone": "1"}}, "list": [1, 2]}


def test_e187_accepted_values_are_there_when_the_action_runs(rider: User) -> None:
    running = start(rider, form(websocket_send("tell", '{"name": "${client.name}"}', manual=True, keys=["client"])))
    execute(rider, running, "tell", {"client": {"name": "Ada"}}).ok()
    assert [frame["data"] for frame in running.frames("data")] == [{"name": "Ada"}]


def test_e197_a_failing_action_answers_422_with_the_incident_and_the_merge_is_committed(rider: User) -> None:
    running = start(rider, form(websocket_send("tell", targetProcess="PARENT", manual=True, keys=["a"])))
    answer = execute(rider, running, "tell", {"a": 1})
    assert answer.refusal == (422, "Action execution failed.")
    assert answer.json["incidentId"] == Incident.objects.get().id
    assert running.params == {"a": 1}


def test_d065_refusals_are_problem_objects_and_422_names_its_incident(rider: User, admin: User) -> None:
    running = start(rider, form(websocket_send("tell", targetProcess="PARENT", manual=True)))
    missing = Api(admin).post(f"{running.uuid}/hold", {})
    assert missing.refusal[0] == 400
    assert missing.json["errors"][0]["field"] == "reason"
    syntax = execute(rider, running, "tell", raw=b'{"a": 1,\n "b": }')
    assert syntax.refusal == (400, "Request body must be a JSON object.")
    assert (syntax.json["errors"][0]["line"], syntax.json["errors"][0]["column"]) == (2, 7)
    nothing = Api(admin).post(f"{running.uuid}/token/{running.token.uuid}/retry", {"reason": "x"})
    assert nothing.refusal[0] == 409
    assert nothing.json["errors"][0]["code"] == "OPS-001"
    assert isinstance(execute(rider, running, "tell").json["incidentId"], int)


# -- commands ----------------------------------------------------------------------------------------------------------


def test_e070_retry_needs_instances_admin_and_runs_the_failed_step_again(rider: User, admin: User) -> None:
    lease = form(websocket_send("tell", targetProcess="PARENT", manual=True))
    running = start(rider, lease)
    execute(rider, running, "tell")
    path = f"{running.uuid}/token/{running.token.uuid}/retry"
    assert Api(rider).post(path, {"reason": "x"}).refusal[0] == 403
    sound = start(rider, lease)
    nothing = Api(admin).post(f"{sound.uuid}/token/{sound.token.uuid}/retry", {"reason": "x"})
    assert (nothing.status, nothing.json["errors"][0]["code"]) == (409, "OPS-001")
    assert Api(admin).post(path, {"reason": "x"}).status == 200
    assert Incident.objects.count() == 2  # it failed again


def test_dismiss_on_a_root_answers_409_and_hold_needs_the_swimlane_operation(rider: User) -> None:
    running = start(rider, form(save_data("submit")))
    assert Api(rider).post(f"{running.uuid}/dismiss", {"reason": "x"}).refusal == (
        409,
        "Only subprocesses can be dismissed.",
    )
    assert Api(rider).post(f"{running.uuid}/hold", {"reason": "x"}).refusal[0] == 403
    SwimlanePermission.objects.create(
        process_name=running.row.process_name, swimlane="Default", operation="hold", group="flowx-users"
    )
    assert Api(rider).post(f"{running.uuid}/hold", {"reason": "x"}).ok() == {
        "uuid": str(running.uuid),
        "state": "ON_HOLD",
    }


@pytest.mark.parametrize("command", ["terminate", "hold", "unhold", "dismiss"])
def test_a_command_needs_a_reason(rider: User, admin: User, command: str) -> None:
    running = start(rider, form(save_data("submit")))
    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": 1}, {"reason": "x" * 501}):
        assert Api(admin).post(f"{running.uuid}/{command}", body).refusal[0] == 400
    assert running.state == "STARTED"


def test_e227_a_changed_swimlane_permission_acts_at_once_on_a_running_instance(rider: User, admin: User) -> None:
    running = start(rider, form(save_data("note", optional=True, repeatable=True), save_data("submit")))
    helper = make_user("helper", "desk")
    assert Api(helper).get(f"{running.uuid}/status").status == 404
    rights = SwimlanePermission.objects.create(
        process_name=running.row.process_name, swimlane="Default", operation="execute", group="desk"
    )
    assert execute(helper, running, "note").status == 200
    rights.delete()
    assert Api(helper).get(f"{running.uuid}/status").status == 404
    SwimlanePermission.objects.all().delete()
    assert execute(rider, running, "note").refusal[0] == 403
    operator = make_user("operator")
    operator.user_permissions.add(Permission.objects.get(codename="operate_instances"))
    for anyone in (admin, operator):
        assert execute(anyone, running, "note").status == 200
