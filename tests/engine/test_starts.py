"""Starting an instance: which START node, what the answer shows, what is refused (engine 1.6, 2.4, 2.6)."""

import uuid

import pytest

from engine.core.stimuli import Start
from engine.models import Incident, Instance
from tests.builders import USER, apply, process, refusal, save_data

pytestmark = pytest.mark.django_db


def two_doors():
    return (
        process()
        .start("Web", startCondition="web")
        .user_task("Form", save_data("go"))
        .end()
        .start("Desk", startCondition="desk")
        .link("Desk", "Form")
    )


def start(published, params=None, **fields):
    return Start(uuid.uuid4(), published.snapshot_id, params or {}, USER, **fields)


def test_e015_the_start_condition_picks_its_start_node():
    running = two_doors().publish().start(start_condition="desk")
    assert [entry.node_name for entry in running.journal("Start", "Advance")] == ["Desk", "Form"]


def test_e016_several_start_nodes_and_no_condition_are_refused_with_the_documented_text():
    refused = refusal(start(two_doors().publish()))
    assert refused.status == 400
    assert refused.message == "Multiple start nodes found, but start condition not specified."
    assert refused.error_key == "error.validation.process_instance.start_condition_missing"
    assert not Instance.objects.exists()


def test_e017_an_unmatched_condition_is_refused_with_the_documented_text():
    refused = refusal(start(two_doors().publish(), start_condition="phone"))
    assert refused.message == "Start node for process definition not found."
    assert refused.error_key == "error.validation.process_instance.start_node_for_process_def_missing"


@pytest.mark.parametrize(("stored", "sent"), [("", "anything"), ("web", None), ("web", "web")])
def test_one_start_node_is_picked_unless_another_condition_is_asked_for(stored, sent):
    published = process().start(startCondition=stored).end().publish()
    assert published.start(start_condition=sent).state == "FINISHED"


def test_one_start_node_with_another_condition_is_refused():
    published = process().start(startCondition="web").end().publish()
    assert refusal(start(published, start_condition="desk")).status == 400


def test_e026_e028_the_start_answer_has_the_documented_keys_and_the_token_on_its_start_node():
    definition = process(generalData={"icon": "bike"}).start().user_task("Form", save_data("go")).end()
    running = definition.publish().start({"a": 1})
    answer = running.answer
    assert set(answer) == {
        "processDefinitionName", "uuid", "state", "tokens", "templateConfig", "generalData", "backCounter",
        "startedByActionId", "subProcesses", "subprocessesUuids", "baseUrl", "webSocketPath",
    }  # fmt: skip
    [token] = answer["tokens"]
    assert set(token) == {
        "id", "uuid", "startNodeId", "currentNodeId", "currentNodeName", "state", "statusCurrentNode", "dateUpdated",
    }  # fmt: skip
    assert (answer["state"], token["state"], token["statusCurrentNode"]) == ("STARTED", "ACTIVE", "ARRIVED")
    assert token["currentNodeId"] == definition.node("Start")["id"]
    assert answer["generalData"] == {"icon": "bike"}
    assert answer["webSocketPath"] == "/ws/updates/process"
    assert token["dateUpdated"].endswith("Z")
    assert running.position == ("Form", "EXECUTED_PARTIAL")


def test_e036_a_missing_or_null_mandatory_value_is_refused():
    published = process(mandatoryParams=["client.id"]).start().end().publish()
    for params in ({}, {"client": {}}, {"client": {"id": None}}):
        refused = refusal(start(published, params))
        assert refused.message == "Some mandatory params are missing."
        assert refused.error_key == "error.validation.process_instance.mandatory_params_missing"
    assert published.start({"client": {"id": 7}}).state == "FINISHED"


def test_e038_the_instance_is_created_only_when_the_token_cannot_leave_its_start_node():
    running = process().start().publish().start()
    assert running.state == "CREATED"
    assert running.answer["state"] == "CREATED"
    assert Incident.objects.get(instance_id=running.row.id).type == "Node"
    stuck_later = process().start().task("Lost").publish().start()
    assert stuck_later.state == "STARTED"


def test_e006_a_running_instance_keeps_its_version_after_another_is_published():
    first = process("lease").start().user_task("Form", save_data("go")).end("First end")
    second = process("lease", version=2).start().user_task("Form", save_data("go")).end("Second end")
    old = first.publish().start()
    new = second.publish().start()
    for running in (old, new):
        running.execute("go")
    assert [running.journal("Advance")[-1].node_name for running in (old, new)] == ["First end", "Second end"]
    assert (old.row.version, new.row.version) == (1, 2)


def test_the_same_message_id_cannot_start_a_second_instance():
    published = process().start().end().publish()
    message_id = uuid.uuid4()
    apply(start(published, message_id=message_id))
    with pytest.raises(Exception, match=r"(?i)unique"):
        apply(start(published, message_id=message_id))
    assert Instance.objects.filter(start_message_id=message_id).count() == 1


def test_e201_start_values_over_the_limit_are_refused_and_nothing_is_stored():
    published = process().start().end().publish()
    assert refusal(start(published, {"big": "x" * 1024 * 1024})).status == 413
    assert not Instance.objects.exists()
