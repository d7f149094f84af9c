"""Entering and leaving swimlanes and stages stands in the journal (engine 3.4 step 1, 12)."""

import pytest

from engine.core.stimuli import Actor, MoveToken
from tests.builders import Running, apply, process, save_data

pytestmark = pytest.mark.django_db


def crossings(instance: Running) -> list[tuple[str, str]]:
    entries = (entry for entry in instance.journal() if entry.subject in ("Swimlane", "Stage"))
    return [(entry.event, entry.details["name"]) for entry in entries]


def test_e191_entering_a_node_of_another_stage_is_an_exit_and_an_enter():
    made = (
        process()
        .start(stage="Intake")
        .task("A", stage="Intake")
        .task("B")
        .user_task("C", save_data("c"), stage="Offer")
    )
    instance = made.end(stage="Offer").publish().start()
    assert crossings(instance) == [
        ("Swimlane enter", "Default"),
        ("Stage enter", "Intake"),
        ("Stage exit", "Intake"),
        ("Stage enter", "Offer"),
    ]
    assert instance.token.stage == "Offer"
    [entered] = instance.journal("Stage enter")[-1:]
    assert (entered.node_name, entered.token_id) == ("C", instance.token.id)


def test_e191_a_node_without_a_stage_keeps_the_current_one():
    made = process().start(stage="Intake").user_task("A", save_data("a")).user_task("B", save_data("b"), stage="Intake")
    instance = made.end().publish().start()
    instance.execute("a")
    assert instance.token.stage == "Intake"
    assert [name for event, name in crossings(instance) if event.startswith("Stage")] == ["Intake"]


def test_a_swimlane_is_left_and_entered():
    made = process().start(swimlane="Rider").user_task("A", save_data("a"), swimlane="Workshop").end(swimlane="Rider")
    instance = made.publish().start()
    instance.execute("a")
    assert crossings(instance) == [
        ("Swimlane enter", "Rider"),
        ("Swimlane exit", "Rider"),
        ("Swimlane enter", "Workshop"),
        ("Swimlane exit", "Workshop"),
        ("Swimlane enter", "Rider"),
    ]


def test_a_branch_comes_from_where_its_parent_was_and_a_moved_token_from_the_old_one():
    made = (
        process().start(stage="One").add("PARALLEL_GATEWAY", "Split").user_task("A", save_data("a"), swimlane="Office")
    )
    made.add("USER_TASK", "B", save_data("b"), connect=False, stage="Two").link("Split", "B")
    made.add("PARALLEL_GATEWAY", "Join", connect=False).link("A", "Join").link("B", "Join").end()
    instance = made.publish().start()
    assert crossings(instance) == [
        ("Swimlane enter", "Default"),
        ("Stage enter", "One"),
        ("Swimlane exit", "Default"),
        ("Swimlane enter", "Office"),
        ("Stage exit", "One"),
        ("Stage enter", "Two"),
    ]
    forms = (
        process().start().user_task("A", save_data("a"), stage="One").user_task("B", save_data("b"), swimlane="Office")
    )
    moved = forms.end().publish().start()
    before = len(crossings(moved))
    target = moved.published.definition.node("B")["id"]
    apply(MoveToken(moved.uuid, moved.token.uuid, target, Actor("operator"), "go"))
    assert crossings(moved)[before:] == [("Swimlane exit", "Default"), ("Swimlane enter", "Office")]
    assert moved.token.stage == "One"
