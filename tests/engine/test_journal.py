"""The journal misses nothing that changes the data (engine 2.9): calls that run later, subprocesses, values of children."""

import pytest

from engine.core import jsonio
from engine.models import Instance
from tests.builders import Running, action, process, save_data

pytestmark = pytest.mark.django_db


def test_e053_a_call_that_is_to_run_later_is_in_the_journal_with_its_caller() -> None:
    late = save_data("late", ["x"], timerExpression="PT1H")
    running = process().start().user_task("Form", late).end().publish().start()
    running.execute("late", {"x": 1})
    assert running.params == {"x": 1}
    [entry] = running.journal("Schedule action")
    assert (entry.user, entry.action_name, entry.node_name) == ("mira", "late", "Form")
    assert entry.details == {"type": "SAVE_DATA", "due": running.timers()[0].due_at.isoformat()}


def test_e053_a_delay_that_nobody_asked_for_changes_nothing_and_needs_no_entry() -> None:
    late = save_data("late", manual=False, timerExpression="PT1H")
    running = process().start().task("Wait", late).end().publish().start()
    assert not running.journal("Schedule action")


@pytest.mark.parametrize("asynchronous", ["true", "false"])
def test_e053_a_subprocess_is_in_the_journal_of_its_starter_before_it_ends(asynchronous: str) -> None:
    process("child").start().user_task("Work", save_data("done")).end().publish()
    sub = action("sub", "START_SUBPROCESS", {"processName": "child", "startedAsync": asynchronous}, manual=True)
    sub["keys"] = ["x"]
    running = process().start().user_task("Form", sub).user_task("Next", save_data("go")).end().publish().start()
    running.execute("sub", {"x": 1})
    [entry] = running.journal("Start subprocess")
    child = Instance.objects.get(parent_id=running.row.id)
    assert (entry.user, entry.action_name) == ("mira", "sub")
    assert entry.details == {"process": "child", "children": [str(child.uuid)]}
    assert jsonio.loads(child.start_params) == {"x": 1}


def test_e053_a_run_for_an_empty_collection_starts_nothing() -> None:
    process("child").start().end().publish()
    fields = {"processName": "child", "collectionKey": "items", "outputKey": "out"}
    running = process().start().add("SUBPROCESS_RUN", "Run", **fields).end().publish().start({"items": []})
    assert not running.journal("Start subprocess")
    assert running.params["out"] == []


def test_e182_values_of_a_child_are_in_the_journal_of_its_parent() -> None:
    tell = action("tell", "APPEND_PARAMS_TO_PARENT", {"params": '{"age": ${age}}', "destination": "a.b"})
    process("child").start().task("Tell", tell).end().publish()
    sub = action("sub", "START_SUBPROCESS", {"processName": "child"})
    made = process().start().task("Run", sub).user_task("Form", save_data("go")).end()
    running = made.publish().start({"age": 17})
    child = Instance.objects.get(parent_id=running.row.id)
    assert running.params == {"age": 17, "a": {"b": {"age": 17}}}
    [entry] = running.journal("Update")
    assert entry.details == {"destination": "a.b", "from": str(child.uuid), "action": "tell"}
    assert jsonio.loads(entry.payload or "") == {"age": 17}


def inherited(parent: Running, made: process) -> Running:
    """An instance of `made` that inherits from `parent`: the root of another tree."""
    return made.publish().start({}, parent_id=parent.row.id, parent_uuid=parent.uuid, relation="INHERITED")


def waiting() -> Running:
    return process().start().user_task("Form", save_data("go")).end().publish().start()


@pytest.mark.parametrize("named", ["id", "uuid", "parentProcessInstanceId"])
def test_e177_a_subprocess_may_be_started_under_the_parent_that_values_were_inherited_from(named: str) -> None:
    parent = waiting()
    name = {"id": str(parent.row.id), "uuid": str(parent.uuid)}.get(named, "${parentProcessInstanceId}")
    process("child").start().user_task("Work", save_data("done", ["x"])).end().publish()
    sub = action("sub", "START_SUBPROCESS", {"processName": "child", "parentProcessInstanceId": name})
    heir = inherited(parent, process().start().task("Run", sub).end())
    assert heir.state == "FINISHED"
    child = Instance.objects.get(relation="SUBPROCESS")
    assert (child.parent_id, child.root_id, child.state) == (parent.row.id, parent.row.root_id, "STARTED")
    assert heir.journal("Start subprocess")[0].details["children"] == [str(child.uuid)]
    assert Running(heir.published, child.uuid).execute("done", {"x": 1}).answer
    assert Instance.objects.get(id=child.id).state == "FINISHED"


def test_e177_a_subprocess_under_an_inherited_parent_cannot_be_waited_for() -> None:
    parent = waiting()
    process("child").start().end().publish()
    params = {"processName": "child", "parentProcessInstanceId": str(parent.uuid), "startedAsync": "false"}
    heir = inherited(parent, process().start().task("Run", action("sub", "START_SUBPROCESS", params)).end())
    assert heir.row.incident_text.startswith("A subprocess that is waited for must belong to this instance itself.")
    assert not Instance.objects.filter(relation="SUBPROCESS").exists()


@pytest.mark.parametrize("named", ["id", "uuid", "default"])
def test_e182_values_are_appended_to_the_inherited_parent_however_it_is_named(named: str) -> None:
    parent = waiting()
    target = {"id": str(parent.row.id), "uuid": str(parent.uuid)}.get(named)
    params = {"params": '{"n": 1}'} | ({"parentProcessInstanceId": target} if target else {})
    heir = inherited(parent, process().start().task("Tell", action("tell", "APPEND_PARAMS_TO_PARENT", params)).end())
    assert heir.state == "FINISHED"
    assert parent.params == {"n": 1}
    assert parent.journal("Update")[0].details["from"] == str(heir.uuid)


def test_e177_another_instance_than_the_inherited_parent_is_refused() -> None:
    parent, stranger = waiting(), waiting()
    process("child").start().end().publish()
    params = {"processName": "child", "parentProcessInstanceId": str(stranger.uuid)}
    heir = inherited(parent, process().start().task("Run", action("sub", "START_SUBPROCESS", params)).end())
    assert "is no instance of this process tree" in heir.row.incident_text
