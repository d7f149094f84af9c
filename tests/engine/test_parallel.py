"""Parallel gateways and milestones (engine 1.4, 3.5)."""

import pytest

from engine.core.stimuli import Execute
from engine.models import Incident, Token
from tests.builders import USER, Running, apply, process, save_data

pytestmark = pytest.mark.django_db


def branches(*names: str, **fields) -> process:
    """Start -> Split -> one user task a name -> Join -> After -> End; each branch is held by an action of its name."""
    made = process(**fields).start().add("PARALLEL_GATEWAY", "Split")
    for name in names:
        made.user_task(name, save_data(f"do_{name}"), connect=False).link("Split", name)
    made.add("PARALLEL_GATEWAY", "Join", connect=False)
    for name in names:
        made.link(name, "Join")
    return made.user_task("After", save_data("finish")).end()


def tokens(running: Running) -> dict[str, Token]:
    """The newest token on each node."""
    return {token.current_node_name: token for token in Token.objects.filter(instance_id=running.row.id).order_by("id")}


def do(running: Running, node: str, name: str | None = None) -> None:
    apply(Execute(running.uuid, tokens(running)[node].uuid, name or f"do_{node}", {}, USER))


def test_e062_opening_makes_one_child_a_sequence_and_the_parent_waits_at_the_closing_gateway():
    running = branches("A", "B", "C").publish().start()
    found = tokens(running)
    parent = found["Join"]
    assert (parent.state, parent.sync_count, parent.sync_finished) == ("ON_HOLD", 3, 0)
    children = [found[name] for name in "ABC"]
    assert {child.parent_token_id for child in children} == {parent.id}
    assert {child.state for child in children} == {"ACTIVE"}


def test_e063_e064_children_that_join_are_counted_and_the_last_one_lets_the_parent_go_on():
    running = branches("A", "B").publish().start()
    do(running, "A")
    parent = Token.objects.get(instance_id=running.row.id, parent_token_id=None)
    assert (parent.state, parent.sync_finished) == ("ON_HOLD", 1)
    joined = Token.objects.filter(instance_id=running.row.id, current_node_name="Join").exclude(id=parent.id).get()
    assert joined.state == "INACTIVE"
    do(running, "B")
    parent.refresh_from_db()
    assert (parent.state, parent.current_node_name) == ("ACTIVE", "After")
    assert Token.objects.filter(instance_id=running.row.id).count() == 3, "no third token after the join"
    do(running, "After", "finish")
    assert running.state == "FINISHED"


def test_e065_a_branch_that_ends_early_counts_as_finished():
    made = process().start().add("PARALLEL_GATEWAY", "Split")
    made.user_task("A", save_data("do_A"), connect=False).link("Split", "A").end("Early")
    made.user_task("B", save_data("do_B"), connect=False).link("Split", "B").add("PARALLEL_GATEWAY", "Join")
    made.task("C", connect=False).link("Split", "C").link("C", "Join")
    made.task("After", connect=False).link("Join", "After").end()
    running = made.publish().start()
    do(running, "A")
    assert running.state == "STARTED"
    do(running, "B")
    assert running.state == "FINISHED"
    assert "After" in [entry.node_name for entry in running.journal("Advance")]


def test_e065_when_no_branch_reaches_the_join_the_parent_ends_with_them():
    made = process().start().add("PARALLEL_GATEWAY", "Split")
    for name in "AB":
        made.user_task(name, save_data(f"do_{name}"), connect=False).link("Split", name).end(f"End {name}")
    running = made.publish().start()
    do(running, "A")
    assert running.state == "STARTED"
    do(running, "B")
    assert running.state == "FINISHED"
    assert set(Token.objects.values_list("state", flat=True)) == {"INACTIVE"}


def test_e066_nested_sections_join_each_for_itself():
    made = process().start().add("PARALLEL_GATEWAY", "Split").user_task("A", save_data("do_A"))
    made.add("PARALLEL_GATEWAY", "Inner split", connect=False).link("Split", "Inner split")
    made.user_task("B", save_data("do_B")).user_task("C", save_data("do_C"), connect=False).link("Inner split", "C")
    made.add("PARALLEL_GATEWAY", "Inner join").link("B", "Inner join")
    made.add("PARALLEL_GATEWAY", "Join").link("A", "Join").end()
    running = made.publish().start()
    for name in "CAB":
        assert running.state == "STARTED"
        do(running, name)
    assert running.state == "FINISHED"
    assert not Incident.objects.exists()


def test_e067_a_token_without_a_parent_at_a_closing_gateway_is_an_incident():
    made = process().start().add("EXCLUSIVE_GATEWAY", "Choose", rules=[
        {"order": 1, "language": "ZEN", "expression": None, "nextNodeName": "A"}
    ])  # fmt: skip
    made.task("A").task("B", connect=False).link("Choose", "B").add("PARALLEL_GATEWAY", "Join").link("A", "Join").end()
    running = made.publish().start()
    assert Incident.objects.get(instance_id=running.row.id).type == "Gateway Evaluation"
    assert running.position[0] == "Join"


def test_e009_milestones_let_the_token_pass():
    running = process().start().add("MILESTONE_START", "From here").task("Work").add("MILESTONE_END", "To here").end()
    running = running.publish().start()
    assert running.state == "FINISHED"
    assert [entry.node_name for entry in running.journal("Advance")] == ["From here", "Work", "To here", "End"]
