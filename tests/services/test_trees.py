"""Two OS processes drive a tree of a parent and its children at the same moment, a thousand times; trees are in flight together.

The parent waits in three parallel branches: for a synchronous child, for two children of a list, and on a form whose
asynchronous helper writes into the parent's data. Both fighters end every child, count in the parent, let the helper write, leave
the form; some hold, dismiss, terminate. Each call is a batch over several trees, in an order of the fighter's own.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from engine.core import jsonio
from engine.core.stimuli import Actor, Dismiss, Execute, Hold, Stimulus, Terminate, Unhold
from engine.models import Instance, JournalEntry, Token
from tests.builders import Published, action, process, save_data
from tests.services import checks
from tests.services.duel import Became, Fighters, Fought, overlapping
from tests.services.scenes import LIMIT, ROUNDS, Place, actor, apply_all, below, places, start_many

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(LIMIT),
    pytest.mark.usefixtures("no_deadlock"),
]
IN_FLIGHT = 16
NAMES = ("left", "right")


@dataclass(frozen=True)
class Tree:
    """A parent, its synchronous child, the children of its list in order, and its helper."""

    parent: Place
    single: Place
    listed: tuple[Place, Place]
    helper: Place


@dataclass(frozen=True)
class Given:
    """A stimulus with what it was for, to be found again in what became of it."""

    tree: Tree
    what: str
    stimulus: Stimulus
    by: str


def family() -> Published:
    """Publishes all; gives the parent."""
    process("worker").start().user_task("Work", save_data("done", ["result"])).end().publish()
    process("helper").start().user_task("Help", *telling("left"), *telling("right"), save_data("done")).end().publish()

    add = save_data("add", ["by"], repeatable=True, optional=True, autoRunChildren=True)
    rule = {"language": "ZEN", "target": "n", "message": "(input.n ?? 0) + 1"}
    count = action("count", "BUSINESS_RULE", actionRuleDefinitions=[rule], parentName="add", repeatable=True)
    spawn = action("spawn", "START_SUBPROCESS", {"processName": "helper", "startedAsync": "true"})
    made = process("parent").start().add("PARALLEL_GATEWAY", "Split")
    made.add("SUBPROCESS_RUN", "One", processName="worker", outputKey="one")
    made.add("SUBPROCESS_RUN", "Many", processName="worker", collectionKey="items", outputKey="many", connect=False)
    made.task("Spawn", spawn, connect=False).user_task("Form", add, count, save_data("go"))
    made.add("PARALLEL_GATEWAY", "Join").link("One", "Join").link("Many", "Join")
    return made.link("Split", "Many").link("Split", "Spawn").end().publish()


def telling(by: str) -> list[dict[str, Any]]:
    """An action that writes 1 under this name into the parent's data."""
    params = {"params": f'{{"{by}": 1}}', "destination": "told"}
    tell = save_data(f"tell {by}", optional=True, autoRunChildren=True)
    return [tell, action(f"write {by}", "APPEND_PARAMS_TO_PARENT", params, parentName=tell["name"])]


def plant(published: Published, many: int) -> list[Tree]:
    """So many trees, each at the point where all of it waits."""
    parents = start_many(published, [{"items": ["a", "b"]} for _ in range(many)])
    trees = []
    for parent, children in zip(parents, below(parents).values(), strict=True):
        listed = sorted((each for each in children if each.item is not None), key=lambda each: each.item or 0)
        [helper] = [each for each in children if each.process == "helper"]
        [single] = [each for each in children if each.process == "worker" and each.item is None]
        trees.append(Tree(parent, single, (listed[0], listed[1]), helper))
    return trees


def deeds(tree: Tree, by: str, chance: random.Random, kind: str) -> list[Given]:
    """What one fighter does to a tree, in an order of its own."""
    who: Actor = actor(by, tree.parent.id)

    def end(child: Place, what: str) -> Given:
        return Given(tree, what, Execute(child.uuid, child.token, "done", {"result": by}, who), by)

    made = [
        end(tree.single, "end single"),
        end(tree.listed[0], "end first"),
        end(tree.listed[1], "end second"),
        end(tree.helper, "end helper"),
        Given(tree, "tell", Execute(tree.helper.uuid, tree.helper.token, f"tell {by}", {}, who), by),
        Given(tree, "add", Execute(tree.parent.uuid, tree.parent.tokens["Form"], "add", {"by": by}, who), by),
        Given(tree, "go", Execute(tree.parent.uuid, tree.parent.tokens["Form"], "go", {}, who), by),
    ]
    chance.shuffle(made)
    if kind == "hold":
        target = chance.choice((tree.parent, tree.single, tree.listed[0]))
        made.insert(chance.randrange(4), Given(tree, "hold", Hold(target.uuid, who), by))
        made.append(Given(tree, "unhold", Unhold(target.uuid, who), by))
    elif kind == "dismiss":
        made.insert(chance.randrange(4), Given(tree, "dismiss", Dismiss(tree.listed[1].uuid, who), by))
    elif kind == "terminate":
        made.insert(chance.randrange(2, 7), Given(tree, "terminate", Terminate(tree.parent.uuid, who), by))
    elif kind == "fail":
        made.insert(0, Given(tree, "fail", Terminate(tree.single.uuid, who), by))
    return made


KINDS = ("plain", "plain", "hold", "hold", "dismiss", "terminate", "fail")


def batches(trees: Sequence[Tree], kinds: dict[int, str], by: str, chance: random.Random) -> Iterator[list[Given]]:
    """The calls of one fighter over these trees: the first deed of each in one batch, then the second, and so on."""
    lists = [deeds(tree, by, chance, kinds[tree.parent.id]) for tree in trees]
    while any(lists):
        batch = [each.pop(0) for each in lists if each]
        chance.shuffle(batch)
        yield batch


def test_two_that_drive_the_same_trees_lose_and_double_nothing_and_never_deadlock(fighters: Fighters) -> None:
    trees = plant(family(), ROUNDS)
    kinds = {tree.parent.id: KINDS[number % len(KINDS)] for number, tree in enumerate(trees)}
    groups = [trees[first : first + IN_FLIGHT] for first in range(0, len(trees), IN_FLIGHT)]
    given = [
        [list(batches(group, kinds, name, random.Random(f"{name} {number}"))) for number, group in enumerate(groups)]
        for name in NAMES
    ]
    plans = [[[[each.stimulus for each in batch] for batch in calls] for calls in rounds] for rounds in given]

    fought = fighters.fight(*plans)

    assert overlapping(*fought) == len(groups)
    became = dict(collected(given, fought))
    words = Counter(
        (what, word) for done in became.values() for (what, _), each in done.items() for word in [each.word]
    )
    assert {word for _, word in words} == {"done", "409"}
    for what in ("end single", "end first", "end second", "end helper", "go", "hold", "dismiss", "terminate", "fail"):
        assert words[what, "done"] > 0
        assert words[what, "409"] > 0, f"nobody came second to {what}"
    go_on(trees)
    rows = {row.id: row for row in Instance.objects.all()}
    assert len(rows) == 5 * len(trees)
    written = writes()
    for tree in trees:
        check_tree(tree, kinds[tree.parent.id], became[tree.parent.id], rows, written[tree.helper.id])
    check_journal(became)
    checks.all_holds()


def collected(
    given: Sequence[Sequence[Sequence[Sequence[Given]]]], fought: Sequence[Sequence[Fought]]
) -> Iterator[tuple[int, dict[tuple[str, str], Became]]]:
    """For each tree what became of its stimuli, by what they were for and whose they were."""
    found: dict[int, dict[tuple[str, str], Became]] = {}
    for rounds, answers in zip(given, fought, strict=True):
        for calls, answer in zip(rounds, answers, strict=True):
            for batch, outcomes in zip(calls, answer.calls, strict=True):
                for each, outcome in zip(batch, outcomes, strict=True):
                    found.setdefault(each.tree.parent.id, {})[each.what, each.by] = outcome
    yield from found.items()


def go_on(trees: Sequence[Tree]) -> None:
    """End the holds that a fighter's Hold has left behind the other's Unhold."""
    held = [row.uuid for row in Instance.objects.filter(state="ON_HOLD")]
    apply_all([Unhold(each, actor("after")) for each in held])
    missed = [place for place in places([tree.parent.uuid for tree in trees]) if place.state == "STARTED"]
    working = [child for children in below(missed).values() for child in children if child.state == "STARTED"]
    apply_all([Execute(child.uuid, child.token, "done", {"result": "after"}, actor("after")) for child in working])
    forms = [
        place for place in places([each.uuid for each in missed]) if place.state == "STARTED" and "Form" in place.tokens
    ]
    apply_all(
        [Execute(place.uuid, place.tokens["Form"], "go", {}, actor("after")) for place in forms if still_there(place)]
    )


def writes() -> dict[int, dict[str, str]]:
    """For each helper whose writes were tried, and how that went: a parent that has ended takes none."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    rows = JournalEntry.objects.filter(event="Execute action", action_name__startswith="write ")
    for number, name, status in rows.values_list("instance_id", "action_name", "status"):
        by = name.removeprefix("write ")
        assert by not in found[number], "written twice"
        found[number][by] = status
    return found


def still_there(place: Place) -> bool:
    return Token.objects.filter(uuid=place.tokens["Form"], state="ACTIVE", current_node_name="Form").exists()


def check_tree(
    tree: Tree, kind: str, became: dict[tuple[str, str], Became], rows: dict[int, Instance], written: dict[str, str]
) -> None:
    """What the outcomes say is what the tree's data say."""
    parent = rows[tree.parent.id]
    params: dict[str, Any] = jsonio.loads(parent.params)  # type: ignore[assignment]

    def accepted(what: str) -> list[str]:
        return [by for by in NAMES if became.get((what, by), Became("")).word == "done"]

    assert params.get("n", 0) == len(accepted("add"))
    assert sorted(written) == accepted("tell")
    assert params.get("told", {}) == {by: 1 for by, status in written.items() if status == "success"}
    for what, child in (("end single", tree.single), ("end first", tree.listed[0]), ("end second", tree.listed[1])):
        winners = accepted(what)
        assert len(winners) <= 1
        result = jsonio.loads(rows[child.id].params).get("result")  # type: ignore[union-attr]
        assert result in (winners or [None, "after"])
    assert len(accepted("go")) <= 1
    assert len(accepted("terminate")) <= 1
    if kind in ("plain", "hold", "dismiss"):
        assert parent.state == "FINISHED"
        assert params["one"]["result"] == (accepted("end single") or ["after"])[0]
        results = [jsonio.loads(rows[child.id].params).get("result") for child in tree.listed]  # type: ignore[union-attr]
        assert params["many"] == results
    elif kind == "terminate":
        assert parent.state == ("TERMINATED" if accepted("terminate") else "FINISHED")
    elif accepted("fail"):
        assert (parent.state, rows[tree.single.id].state, parent.open_incidents) == ("STARTED", "TERMINATED", 1)
    else:
        assert parent.state == "FINISHED"


def check_journal(became: dict[int, dict[tuple[str, str], Became]]) -> None:
    """Each accepted stimulus has its entry once, under the name of who gave it."""
    for action_name, what in (
        ("done", "end"),
        ("tell left", "tell"),
        ("tell right", "tell"),
        ("add", "add"),
        ("go", "go"),
    ):
        expected = Counter(
            f"{by} {number}"
            for number, done in became.items()
            for (each, by), outcome in done.items()
            if outcome.word == "done" and each.split()[0] == what and (what != "tell" or action_name.endswith(by))
        )
        found = checks.entries("Execute action", action=action_name)
        del found["after"]
        assert found == expected
