"""Websocket Send: frames for this instance and its parent (engine 8.3 to 8.5)."""

import uuid

import pytest

from engine.models import Incident, Instance, PendingStimulus
from tests.builders import kafka_send, process, save_data, websocket_send

pytestmark = pytest.mark.django_db

START_MESSAGE = """{"processName": "demoProcess", "type": "START_PROCESS_INHERIT", "clientDataKeys": ["webAppKeys"],
 "params": {"startCondition": "${startCondition}", "paramsToCopy": []}}"""


def push(params=None, **fields):
    return process().start().task("Tell", websocket_send("tell", **fields)).end().publish().start(params or {})


def child_of(parent, *actions):
    row = parent.row
    return (
        process().start().task("Tell", *actions).end().publish()
        .start({"name": "child"}, parent_id=row.id, parent_uuid=row.uuid, relation="INHERITED")
    )  # fmt: skip


def test_e147_e148_a_default_message_is_a_data_frame_with_the_resolved_object():
    message = '{ "name": "${application.client.firstName}" }'
    running = push({"application": {"client": {"firstName": "Tamsin"}}}, message=message)
    [frame] = running.frames("data")
    assert (frame["event"], frame["type"], frame["data"]) == ("Data", "data", {"name": "Tamsin"})
    assert frame["processInstanceUuid"] == str(running.uuid)
    assert uuid.UUID(frame["id"])
    assert frame["timestamp"].endswith("Z")


def test_e152_e154_an_action_message_is_a_runaction_frame_and_starts_nothing():
    running = push({"startCondition": "web"}, message=START_MESSAGE, messageType="action")
    [frame] = running.frames("action")
    assert (frame["event"], frame["action"]["processName"]) == ("RunAction", "demoProcess")
    assert frame["action"]["params"]["startCondition"] == "web"
    assert Instance.objects.count() == 1


def test_e149_the_target_active_is_the_instance_itself_and_parent_its_parent():
    parent = process().start().user_task("Form", save_data("go")).end().publish().start({"name": "parent"})
    child = child_of(
        parent, websocket_send("up", targetProcess="PARENT"), websocket_send("own", targetProcess="ACTIVE")
    )
    assert [frame["data"] for frame in parent.frames("data")] == [{"name": "child"}]
    assert [frame["data"] for frame in child.frames("data")] == [{"name": "child"}]
    assert parent.frames("data")[0]["processInstanceUuid"] == str(parent.uuid)
    assert not PendingStimulus.objects.exists()


def test_an_ended_parent_still_gets_its_frame():
    parent = process().start().end().publish().start()
    child_of(parent, websocket_send("up", targetProcess="PARENT"))
    assert parent.state == "FINISHED"
    assert len(parent.frames("data")) == 1


def test_e150_a_parent_target_without_a_parent_fails_the_action():
    running = push(targetProcess="PARENT")
    incident = Incident.objects.get(instance_id=running.row.id)
    assert (incident.type, incident.message) == ("Definition", "Parent process not found.")


def test_e151_sending_to_the_ui_changes_no_params():
    parent = process().start().user_task("Form", save_data("go")).end().publish().start({"name": "parent"})
    child = child_of(parent, websocket_send("up", targetProcess="PARENT", message='{"name": "new"}'))
    assert parent.params == {"name": "parent"}
    assert child.params == {"name": "child"}


def test_e156_one_progress_frame_a_moved_token_names_its_resting_place():
    definition = process().start().task("Pass").task("By").user_task("Form", save_data("go")).end()
    running = definition.publish().start()
    [frame] = running.frames("progress")
    assert frame["event"] == "ProcessMetadata"
    assert frame["progressUpdateDTO"] == {
        "processInstanceUuid": str(running.uuid),
        "tokenUuid": str(running.token.uuid),
        "currentNodeId": definition.node("Form")["id"],
    }
    running.execute("go")
    assert len(running.frames("progress")) == 2


def test_e222_numbers_have_no_gap_and_state_frames_tell_state_and_incident():
    stuck = kafka_send("bad", topic="${topic}")
    running = process().start().user_task("Form", save_data("go")).task("Send", stuck).end().publish().start()
    running.execute("go")
    frames = running.frames()
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    assert len({frame["id"] for frame in frames}) == len(frames)
    states = [frame["state"] for frame in running.frames("state")]
    assert states == [
        {"state": "STARTED", "readOnly": False, "incident": False},
        {"state": "STARTED", "readOnly": False, "incident": True},
    ]


def test_a_frame_over_the_limit_fails_the_action():
    running = push({"big": "x" * 300_000}, message='{"big": "${big}"}')
    assert "at most 256 kB" in Incident.objects.get(instance_id=running.row.id).message
    assert not running.frames("data")


def test_the_journal_has_no_gap_and_holds_the_frames():
    running = push()
    numbers = [entry.number for entry in running.journal()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert running.row.journal_seq == numbers[-1]
