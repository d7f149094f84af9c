"""Subprocesses: start, wait, end, abort; values for the parent (engine 10)."""

from dataclasses import replace

import pytest

from engine import runtime
from engine.core.stimuli import Dismiss, Hold, Retry, Terminate, Unhold
from engine.models import Incident, Instance
from tests.builders import USER, Running, action, apply, kafka_send, process, save_data

pytestmark = pytest.mark.django_db


def child_process(name: str = "child", **fields) -> process:
    """A process that waits for `done`, which takes `result`."""
    return process(name, **fields).start().user_task("Work", save_data("done", ["result"])).end()


def starting(name: str = "child", **params) -> dict:
    texts = {"processName": name, **{key: str(value) for key, value in params.items()}}
    return action("spawn", "START_SUBPROCESS", texts)


def parent(*actions: dict, after: str = "Next") -> process:
    return process().start().task("Spawn", *actions).user_task(after, save_data("go")).end()


def run_node(**fields) -> process:
    made = process().start().add("SUBPROCESS_RUN", "Run", processName="child", **fields)
    return made.user_task("Next", save_data("go")).end()


def children(running: Running) -> list[Running]:
    rows = Instance.objects.filter(parent_id=running.row.id, relation="SUBPROCESS").order_by("id")
    return [Running(running.published, row.uuid) for row in rows]


def test_e174_e175_e176_an_asynchronous_child_gets_all_values_and_runs_beside_its_parent():
    child_process().publish()
    running = parent(starting()).publish().start({"a": 1, "b": {"c": 2}})
    [child] = children(running)
    assert child.params == {"a": 1, "b": {"c": 2}}
    assert (child.row.parent_uuid, child.row.root_id) == (running.uuid, running.row.id)
    assert child.row.started_by_token_id == running.token.id
    assert running.position[0] == "Next"
    assert child.position == ("Work", "EXECUTED_PARTIAL")


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"paramsToCopy": '["b.c"]'}, {"b": {"c": 2}}),
        ({"withoutParams": "b"}, {"a": 1}),
        ({"paramsToCopy": "a,b", "withoutParams": "b.c"}, {"a": 1, "b": {}}),
    ],
)
def test_e174_copy_and_exclude_lists_limit_what_the_child_gets(lists, expected):
    child_process().publish()
    running = parent(starting(**lists)).publish().start({"a": 1, "b": {"c": 2}})
    assert children(running)[0].params == expected


def test_e176_e179_a_synchronous_child_holds_the_token_and_leaves_its_data_under_the_output_key():
    child_process().publish()
    running = run_node(outputKey="made").publish().start({"a": 1})
    assert running.position == ("Run", "EXECUTED_PARTIAL")
    [child] = children(running)
    child.execute("done", {"result": 7})
    assert child.state == "FINISHED"
    assert running.position[0] == "Next"
    assert running.params == {"a": 1, "made": {"a": 1, "result": 7}}


def test_a_synchronous_child_without_a_wait_ends_within_the_same_transition():
    process("child").start().end().publish()
    running = run_node(outputKey="made").publish().start({"a": 1})
    assert running.position[0] == "Next"
    assert running.params["made"] == {"a": 1}


def test_e177_an_unknown_process_or_a_parent_outside_the_tree_is_an_incident():
    unknown = parent(starting("nothing")).publish().start()
    assert Incident.objects.get(instance_id=unknown.row.id).type == "Definition"
    child_process().publish()
    stranger = process().start().user_task("Form", save_data("go")).end().publish().start()
    outside = parent(starting(parentProcessInstanceId=stranger.uuid)).publish().start()
    assert Incident.objects.get(instance_id=outside.row.id).type == "Definition"
    assert not children(stranger)


def test_e178_a_dismissed_child_lets_the_parent_go_on_without_output():
    child_process().publish()
    running = run_node(outputKey="made").publish().start()
    [child] = children(running)
    apply(Dismiss(child.uuid, USER, "not needed"))
    assert (child.state, child.token.state) == ("DISMISSED", "DISMISSED")
    assert running.position[0] == "Next"
    assert running.params == {}


def test_e178_e052_a_terminated_child_fails_the_parents_action_and_retry_starts_a_new_one():
    child_process().publish()
    running = run_node(outputKey="made").publish().start()
    [child] = children(running)
    apply(Terminate(child.uuid, USER, "wrong"))
    incident = Incident.objects.get(instance_id=running.row.id)
    assert incident.type == "Subprocess"
    apply(Retry(running.uuid, running.token.uuid, USER, "once more"))
    assert [each.state for each in children(running)] == ["TERMINATED", "STARTED"]
    assert running.position[0] == "Run"


def test_e052_an_incident_of_a_subprocess_carries_the_parents_uuid():
    process("child").start().send("Send", kafka_send("bad", topic="${none}")).end().publish()
    running = parent(starting()).publish().start()
    [child] = children(running)
    assert Incident.objects.get(instance_id=child.row.id).parent_instance_uuid == running.uuid


def test_e180_multi_instance_makes_one_child_an_element_and_gathers_results_in_order():
    child_process().publish()
    running = run_node(collectionKey="bikes", outputKey="made").publish().start({"bikes": ["a", "b", "c"]})
    made = children(running)
    assert [child.params["item"] for child in made] == ["a", "b", "c"]
    for child, result in ((made[2], 3), (made[0], 1)):
        child.execute("done", {"result": result})
    assert running.position[0] == "Run"
    made[1].execute("done", {})
    assert running.params["made"] == [1, None, 3]
    assert running.position[0] == "Next"


def test_e181_an_empty_collection_starts_nothing_and_goes_on():
    child_process().publish()
    running = run_node(collectionKey="bikes", outputKey="made").publish().start({"bikes": []})
    assert running.position[0] == "Next"
    assert running.params["made"] == []
    assert not children(running)


def test_a_collection_that_is_no_list_is_an_incident_of_type_node():
    child_process().publish()
    running = run_node(collectionKey="bikes", outputKey="made").publish().start({"bikes": 1})
    assert Incident.objects.get(instance_id=running.row.id).type == "Node"


def append(**params) -> dict:
    return action("tell", "APPEND_PARAMS_TO_PARENT", {key: str(value) for key, value in params.items()})


def test_e182_append_params_merges_at_the_destination_and_e183_moves_nothing():
    tell = append(params='{"age": ${age}}', destination="application.client")
    process("child").start().task("Tell", tell).end().publish()
    made = process().start().task("Prepare", starting()).user_task("Next", save_data("go")).end()
    running = made.publish().start({"age": 17, "application": {"client": {"name": "Ada"}}})
    assert running.params["application"] == {"client": {"name": "Ada", "age": 17}}
    assert running.position[0] == "Next"


def test_e183_append_params_without_a_parent_fails():
    running = process().start().task("Tell", append(params="{}")).end().publish().start()
    incident = Incident.objects.get(instance_id=running.row.id)
    assert (incident.type, incident.message) == ("Definition", "Parent process not found.")


def test_e182_an_inherited_parent_gets_the_values_too():
    other = process().start().user_task("Form", save_data("go")).end().publish().start({"x": 1})
    row = other.row
    process("heir").start().task("Tell", append(params='{"y": 2}')).end().publish().start(
        {}, parent_id=row.id, parent_uuid=row.uuid, relation="INHERITED"
    )
    assert other.params == {"x": 1, "y": 2}


def test_e047_terminating_ends_the_subprocesses_too():
    child_process().publish()
    running = parent(starting()).publish().start()
    [child] = children(running)
    apply(Terminate(running.uuid, USER, "over"))
    assert (running.state, child.state, child.token.state) == ("TERMINATED", "TERMINATED", "TERMINATED")


def test_e166_going_back_aborts_subprocesses_started_after_the_target_only():
    child_process().publish()
    made = process().start().task("Early", starting())
    made.user_task("One", save_data("first", allowTokenReset=True)).task("Spawn", {**starting(), "name": "later"})
    running = made.user_task("Two", save_data("second")).end().publish().start()
    running.execute("first")
    early, later = children(running)
    running.execute("first")
    assert (early.state, later.state) == ("STARTED", "ABORTED")


@pytest.mark.parametrize(("setting", "expected"), [(True, "EXPIRED"), (False, "STARTED")])
def test_e043_subprocesses_expire_with_the_parent_by_the_setting(setting, expected, monkeypatch):
    monkeypatch.setattr(runtime, "config", replace(runtime.config, expire_subprocesses=setting))
    child_process().publish()
    made = process(expiryTime="P1D").start().task("Spawn", starting()).user_task("Next", save_data("go")).end()
    running = made.publish().start()
    running.fire()
    assert running.state == "EXPIRED"
    assert children(running)[0].state == expected


def test_e045_the_end_of_a_child_waits_while_the_parent_is_on_hold():
    child_process().publish()
    running = run_node(outputKey="made").publish().start()
    [child] = children(running)
    apply(Hold(running.uuid, USER, "wait"))
    child.execute("done", {"result": 1})
    assert child.state == "FINISHED"
    assert running.position[0] == "Run"
    apply(Unhold(running.uuid, USER, "go"))
    assert running.position[0] == "Next"
    assert running.params["made"] == {"result": 1}
