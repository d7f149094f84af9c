"""State that an earlier release has stored runs on (engine 15.8): rows of each format, and the chain that upgrades texts."""

from pathlib import Path

import pytest
from django.core.management import call_command

from engine import ids, snapshots
from engine.core import graph, jsonio
from engine.models import Instance, Snapshot, Visit
from engine.storage import load, upgrade
from engine.testing import bench
from tests.builders import process, save_data
from tests.engine.stored import scene

pytestmark = pytest.mark.django_db
STORED = Path(scene.__file__).parent


@pytest.mark.parametrize("format", [1])
def test_e247_rows_of_an_earlier_release_run_on(format: int) -> None:
    call_command("loaddata", STORED / f"format{format}.json", verbosity=0)
    ids.forget()
    scene.run_on()


def test_e247_rows_of_today_run_on(tmp_path: Path) -> None:
    scene.write(tmp_path / "today.json")
    for model in scene.MODELS[::-1]:
        model.objects.all().delete()
    snapshots.forget()
    ids.forget()
    call_command("loaddata", tmp_path / "today.json", verbosity=0)
    scene.run_on()


def test_there_is_a_file_for_every_format_before_todays() -> None:
    newest = max(len(steps) for steps in (upgrade.VISIT, upgrade.EFFECT, upgrade.SNAPSHOT)) + 1
    assert {f"format{number}.json" for number in range(1, newest + 1)} == {each.name for each in STORED.glob("*.json")}


def test_the_snapshots_format_is_that_of_the_graph() -> None:
    assert len(upgrade.SNAPSHOT) + 1 == graph.FORMAT


STEPS: list[upgrade.Step] = [
    lambda stored: {key: {**state, "tries": state["runs"]} for key, state in stored.items()},
    lambda stored: {key: {**state, "tries": state["tries"] * 10} for key, state in stored.items()},
]


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({"7": {"runs": 2}}, {"7": {"runs": 2, "tries": 20}}),
        ({"7": {"runs": 2, "tries": 3}, "format": 2}, {"7": {"runs": 2, "tries": 30}}),
        ({"7": {"runs": 2, "tries": 3}, "format": 3}, {"7": {"runs": 2, "tries": 3}}),
        ({}, {}),
    ],
)
def test_each_text_takes_the_steps_since_its_own_format(stored: dict, expected: dict) -> None:
    assert upgrade.upgraded(stored, STEPS) == expected
    assert upgrade.upgraded(upgrade.tagged(expected, STEPS), STEPS) == expected


def test_a_text_of_a_newer_release_is_refused_and_the_first_format_carries_no_number() -> None:
    with pytest.raises(upgrade.StoredByNewerRelease, match="reads up to 3"):
        upgrade.upgraded({"format": 4}, STEPS)
    assert upgrade.tagged({"a": 1}, []) == {"a": 1}


def test_old_and_new_texts_stand_side_by_side_and_a_written_row_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench() as on:
        made = process("two").start().user_task("One", save_data("first", optional=True), save_data("go_on"))
        on.publish(
            made.user_task("Two", save_data("done", repeatable=True, optional=True), save_data("last")).end().snapshot()
        )
        run = on.start("two")
        run.execute("first")
        monkeypatch.setattr(
            upgrade, "VISIT", [lambda stored: {key: {**each, "runs": 5} for key, each in stored.items()}]
        )
        run.execute("go_on")
        run.execute("done")
        texts = {visit.node_name: visit.actions for visit in Visit.objects.all() if visit.actions != "{}"}
        assert {name: jsonio.loads(text)["format"] for name, text in texts.items()} == {"One": 2, "Two": 2}
        [first, _] = load.action_states(texts["One"]).values()
        assert first.runs == 5
        run.execute("last")
        assert run.state == "FINISHED"


def test_snapshots_of_an_earlier_format_are_upgraded_when_they_are_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    with bench() as on:
        on.publish(process("old").start().user_task("Form", save_data("go")).end().snapshot())
        snapshots.forget()
        monkeypatch.setattr(graph, "FORMAT", 2)
        monkeypatch.setattr(upgrade, "SNAPSHOT", [lambda stored: {**stored, "name": "renamed"}])
        assert snapshots.graph(Snapshot.objects.get().id).name == "renamed"
        assert on.start("old").state == "STARTED"
        assert Instance.objects.get().process_name == "renamed"
        snapshots.forget()
