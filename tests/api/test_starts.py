"""Starting processes over HTTP: by name, inheriting, drafts, and what is refused (engine 2.4-2.6)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User

from engine.models import FailedStart, Instance, SwimlanePermission
from tests.api.conftest import Api
from tests.builders import Published, Running, process, save_data
from tests.designer.conftest import Draft

KEYS = "error.validation.process_instance."
START_KEYS = {
    "processDefinitionName", "uuid", "state", "tokens", "templateConfig", "generalData", "backCounter",
    "startedByActionId", "subProcesses", "subprocessesUuids", "baseUrl", "webSocketPath",
}  # fmt: skip


@pytest.fixture
def lease(rider: User) -> Published:
    """A process that waits on a form."""
    return process(generalData={"colour": "green"}).start().user_task("Form", save_data("submit")).end().publish()


def started(answer: dict) -> Instance:
    return Instance.objects.get(uuid=answer["uuid"])


def test_e026_e158_a_start_answers_with_the_documented_keys_and_the_token_on_its_start_node(
    rider: User, lease: Published
) -> None:
    answer = Api(rider).post(f"{lease.name}/start", {}).ok()
    assert set(answer) == START_KEYS
    assert answer["state"] == "STARTED"
    assert answer["webSocketPath"] == "/ws/updates/process"
    (token,) = answer["tokens"]
    assert set(token) == {
        "id", "uuid", "startNodeId", "currentNodeId", "currentNodeName", "state", "statusCurrentNode", "dateUpdated"
    }  # fmt: skip
    assert (token["state"], token["statusCurrentNode"]) == ("ACTIVE", "ARRIVED")
    assert token["currentNodeId"] == lease.definition.node("Start")["id"]
    assert started(answer).owner_id == rider.pk


def test_e027_body_keys_end_up_in_params_start_condition_and_flow_name_too(rider: User) -> None:
    web = process().start("Web", startCondition="web").end().publish()
    body = {"startCondition": "web", "flowName": "short", "client": {"name": "Ada"}, "list": [1, None]}
    answer = Api(rider).post(f"{web.name}/start", body).ok()
    assert Running(web, answer["uuid"]).params == body


def test_e028_general_data_is_returned_by_start_and_status(rider: User, lease: Published) -> None:
    answer = Api(rider).post(f"{lease.name}/start").ok()
    assert answer["generalData"] == {"colour": "green"}
    assert Api(rider).get(f"{answer['uuid']}/status").ok()["generalData"] == {"colour": "green"}


def test_e017_an_unmatched_start_condition_answers_400_with_the_documented_problem(rider: User) -> None:
    web = process().start("Web", startCondition="web").end().publish()
    answer = Api(rider).post(f"{web.name}/start", {"startCondition": "shop"})
    assert answer.refusal == (400, "Start node for process definition not found.")
    assert answer.json["errorKey"] == KEYS + "start_node_for_process_def_missing"


def test_e016_several_starts_and_no_condition_answer_400(rider: User) -> None:
    two = (
        process().start("Web", startCondition="web").end("E1").start("Shop", startCondition="shop").end("E2").publish()
    )
    answer = Api(rider).post(f"{two.name}/start")
    assert answer.refusal == (400, "Multiple start nodes found, but start condition not specified.")
    assert answer.json["errorKey"] == KEYS + "start_condition_missing"


def test_e036_a_missing_mandatory_param_answers_400(rider: User) -> None:
    strict = process(mandatoryParams=["client.name"]).start().end().publish()
    answer = Api(rider).post(f"{strict.name}/start", {"client": {"age": 3}})
    assert answer.refusal == (400, "Some mandatory params are missing.")
    assert answer.json["errorKey"] == KEYS + "mandatory_params_missing"
    Api(rider).post(f"{strict.name}/start", {"client": {"name": "Ada"}}).ok()


def test_e002_an_unknown_process_answers_400_with_the_documented_text(rider: User) -> None:
    answer = Api(rider).post("nothing/start")
    assert answer.refusal == (400, "Process definition not found.")
    assert answer.json["errorKey"] == KEYS + "process_def_not_found"


def test_e037_no_login_401_and_no_execute_role_403_make_no_instance(stranger: User, lease: Published) -> None:
    anonymous = Api(None).post(f"{lease.name}/start")
    assert anonymous.refusal[0] == 401
    assert anonymous.json["errorKey"] == "error.http.401"
    assert not FailedStart.objects.exists()
    assert Api(stranger).post(f"{lease.name}/start").refusal[0] == 403
    assert not Instance.objects.exists()


def test_e037_the_right_is_read_live_from_the_start_nodes_swimlane(rider: User, lease: Published) -> None:
    SwimlanePermission.objects.filter(operation="execute").delete()
    assert Api(rider).post(f"{lease.name}/start").refusal[0] == 403


def test_e038_a_refused_start_is_kept_403_included_and_401_not(rider: User, stranger: User, lease: Published) -> None:
    Api(None).post(f"{lease.name}/start")
    Api(stranger).post(f"{lease.name}/start", {"x": 1})
    Api(rider).post("nothing/start")
    kept = [(row.process_name, row.caller, row.source, row.error_key) for row in FailedStart.objects.order_by("id")]
    assert kept == [
        (lease.name, "stranger", "REST", "error.http.403"),
        ("nothing", "rider", "REST", KEYS + "process_def_not_found"),
    ]
    assert FailedStart.objects.earliest("id").body == '{"x":1}'
    assert not Instance.objects.exists()


def test_e038_a_start_whose_token_cannot_leave_start_answers_created_and_leaves_no_failed_start(rider: User) -> None:
    stuck = process().start().publish()
    answer = Api(rider).post(f"{stuck.name}/start").ok()
    assert answer["state"] == "CREATED"
    status = Api(rider).get(f"{answer['uuid']}/status").ok()
    assert [(each["type"], each["state"]) for each in status["exceptions"]] == [("Node", "open")]
    assert not FailedStart.objects.exists()


def test_the_service_user_may_start_any_process(db: None, lease: Published) -> None:
    service = User.objects.create_user("flowx-service")
    assert Api(service).post(f"{lease.name}/start").status == 200


# -- inheritFrom -------------------------------------------------------------------------------------------------------

VALUES = {"client": {"name": "Ada", "age": 36}, "offer": {"price": Decimal("10.50")}, "note": "n"}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param({}, VALUES, id="e029_without_restriction_all_values"),
        pytest.param(
            {"paramsToCopy": ["client.name", "note", "none"]},
            {"client": {"name": "Ada"}, "note": "n"},
            id="e030_copy_list",
        ),
        pytest.param(
            {"withoutParams": ["client.age", "offer"]}, {"client": {"name": "Ada"}, "note": "n"}, id="e031_without_list"
        ),
        pytest.param({"paramsToCopy": [], "withoutParams": []}, VALUES, id="e032_empty_lists_mean_all"),
        pytest.param(
            {"paramsToCopy": ["client", "note"], "withoutParams": ["client.age"]},
            {"client": {"name": "Ada"}, "note": "n"},
            id="e033_copy_then_remove",
        ),
    ],
)
def test_inherited_values(rider: User, lease: Published, wanted: dict, expected: dict) -> None:
    api = Api(rider)
    first = api.post(f"{lease.name}/start", VALUES).ok()
    second = api.post(f"{lease.name}/start/inheritFrom/{first['uuid']}", {"paramsToInherit": wanted}).ok()
    assert Running(lease, second["uuid"]).params == expected


def test_e034_request_values_win_over_inherited_ones_and_params_to_inherit_is_not_stored(
    rider: User, lease: Published
) -> None:
    api = Api(rider)
    first = api.post(f"{lease.name}/start", {"client": {"name": "Ada", "age": 36}}).ok()
    body = {"client": {"name": "Bob"}, "paramsToInherit": {}}
    second = api.post(f"{lease.name}/start/inheritFrom/{first['uuid']}", body).ok()
    assert Running(lease, second["uuid"]).params == {"client": {"name": "Bob", "age": 36}}


def test_e035_inherit_from_links_the_related_instance_as_parent_without_cascades(
    rider: User, admin: User, lease: Published
) -> None:
    first = Api(rider).post(f"{lease.name}/start").ok()
    second = Api(rider).post(f"{lease.name}/start/inheritFrom/{first['uuid']}").ok()
    child, parent = started(second), started(first)
    assert (child.relation, child.parent_id, child.parent_uuid) == ("INHERITED", parent.id, parent.uuid)
    assert child.root_id == child.id
    Api(admin).post(f"{first['uuid']}/terminate", {"reason": "test"}).ok()
    assert (started(first).state, started(second).state) == ("TERMINATED", "STARTED")
    third = Api(rider).post(f"{lease.name}/start/inheritFrom/{first['uuid']}")
    assert third.status == 200  # the related instance may be in any state


def test_e202_inherit_from_needs_the_view_right_on_the_related_instance(
    rider: User, stranger: User, lease: Published
) -> None:
    theirs = Api(rider).post(f"{lease.name}/start").ok()
    open_to_all = process().start().end().publish({"Default": {"execute": ["all"]}})
    stranger.groups.create(name="all")
    for related in (theirs["uuid"], "8a4c3bb0-0000-4000-8000-000000000000", "none"):
        refused = Api(stranger).post(f"{open_to_all.name}/start/inheritFrom/{related}")
        assert refused.refusal == (404, "Process instance not found.")
    assert Instance.objects.count() == 1


@pytest.mark.parametrize(
    "wanted", ["all", {"paramsToCopy": "client"}, {"withoutParams": [1]}, {"paramsToCopy": ["a..b"]}]
)
def test_e202_params_to_inherit_of_another_shape_answer_400(rider: User, lease: Published, wanted: object) -> None:
    first = Api(rider).post(f"{lease.name}/start").ok()
    refused = Api(rider).post(f"{lease.name}/start/inheritFrom/{first['uuid']}", {"paramsToInherit": wanted})
    assert refused.refusal[0] == 400


# -- drafts ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def editor(rider: User) -> User:
    """May edit processes, and so start drafts."""
    rider.user_permissions.add(Permission.objects.get(codename="change_process"))
    return rider


def test_e003_a_draft_starts_only_by_its_number_and_its_instance_is_flagged_test(editor: User) -> None:
    draft = Draft("crm").version
    internal = Api(editor, prefix="/api/internal/process/")
    assert Api(editor).post("crm/start").refusal == (400, "Process definition not found.")
    answer = internal.post(f"{draft.pk}/start", {"x": 1}).ok()
    row = started(answer)
    assert (row.test, row.process_name, row.definition_id, row.owner_id) == (True, "crm", draft.pk, editor.pk)
    assert internal.get("instances").ok()["items"] == []


def test_e003_blockers_refuse_a_test_start_and_are_named(editor: User) -> None:
    draft = Draft("crm", "START USER_TASK").version  # no END
    answer = Api(editor, prefix="/api/internal/process/").post(f"{draft.pk}/start")
    assert answer.refusal[0] == 409
    assert answer.json["errors"][0]["code"] == "PRC-004"
    assert not Instance.objects.exists()


def test_e003_a_test_start_is_a_post_by_those_who_edit_processes(rider: User) -> None:
    internal = Api(rider, prefix="/api/internal/process/")
    draft = Draft("crm").version
    assert internal.post(f"{draft.pk}/start").refusal[0] == 403
    rider.user_permissions.add(Permission.objects.get(codename="change_process"))
    assert internal.get(f"{draft.pk}/start").refusal[0] == 405
    assert internal.post("4711/start").refusal == (404, "Process definition not found.")
    assert internal.post("crm/start").refusal[0] == 404  # the start by name has no internal alias


def test_every_other_path_also_stands_below_internal(rider: User, lease: Published) -> None:
    internal = Api(rider, prefix="/api/internal/process/")
    first = Api(rider).post(f"{lease.name}/start").ok()
    assert internal.get(f"{first['uuid']}/status").ok()["uuid"] == first["uuid"]
    assert internal.post(f"{lease.name}/start/inheritFrom/{first['uuid']}").status == 200
    assert [row["uuid"] for row in internal.get("instances").ok()["items"]][-1] == first["uuid"]
