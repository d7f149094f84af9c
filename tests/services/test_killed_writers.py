"""Of two processes that write to the same trees one is killed, again and again: what was acknowledged counts, and all once.

A writer dies right before its commit, right after it (before the effects on other trees), or anywhere. Whoever lives goes on, and
the sweep applies what the dead have left behind.
"""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from engine import runtime
from engine.core import jsonio
from engine.core.stimuli import Execute
from engine.models import Instance, JournalEntry, PendingStimulus
from flowx_site.config import BASE_DIR
from tests.builders import Published, action, process, save_data
from tests.services import checks
from tests.services.doomed import Life
from tests.services.scenes import Place, actor, places, start_many

LIVES = int(os.environ.get("KILLED_WRITERS", "36"))
CALLS = 24

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(max(300, 4 * LIVES)),
    pytest.mark.usefixtures("no_deadlock"),
]


def counting() -> Published:
    """Counts in its own data, tells its INHERITED parent."""
    rule = {"language": "ZEN", "target": "n", "message": "(input.n ?? 0) + 1"}
    count = action("count", "BUSINESS_RULE", actionRuleDefinitions=[rule], parentName="add", repeatable=True)
    params = {"params": '{"n": ${n}}', "destination": "told"}
    tell = action("tell", "APPEND_PARAMS_TO_PARENT", params, parentName="add", repeatable=True)
    add = save_data("add", repeatable=True, optional=True, autoRunChildren=True)
    return process().start().user_task("Form", add, count, tell, save_data("go")).end().publish()


def heirs(published: Published, hub: Place, many: int) -> list[Place]:
    inherited = {"parent_id": hub.id, "parent_uuid": hub.uuid, "relation": "INHERITED"}
    made = [place.uuid for place in start_many(published, [{}] * many, **inherited)]
    return places(made)


def calls(name: str, life: int, made: Sequence[Place], chance: random.Random) -> list[list[Execute]]:
    """One writer's: single ones and pairs, in an order of their own; each stimulus has a user of its own."""
    given = []
    for number in range(CALLS):
        chosen = chance.sample(list(made), chance.choice((1, 1, 2)))
        given.append(
            [
                Execute(place.uuid, place.token, "add", {}, actor(name, life, number, each))
                for each, place in enumerate(chosen)
            ]
        )
    return given


def plan(made: Sequence[Place], chance: random.Random) -> list[Life]:
    points = ("runtime.before_commit", "runtime.after_commit", "", "")
    return [
        Life(
            calls("doomed", number, made, chance),
            calls("lives", number, made, chance),
            points[number % len(points)],
            chance.randrange(1, CALLS // 2),
            chance.randrange(12),
        )
        for number in range(LIVES)
    ]


def test_what_was_acknowledged_counts_once_and_nothing_counts_twice_when_writers_are_killed(
    program_environ: Callable[[], dict[str, str]], tmp_path: Path
) -> None:
    [hub] = start_many(process("hub").start().user_task("Form", save_data("go")).end().publish(), [{}])
    made = heirs(counting(), hub, 4)
    acknowledged, lives = tmp_path / "acknowledged", plan(made, random.Random("kill"))
    run = subprocess.run(
        [sys.executable, "-c", "from tests.services import doomed; doomed.main()"],
        input=pickle.dumps((acknowledged, lives)),
        cwd=BASE_DIR,
        env=program_environ(),
        stdout=subprocess.PIPE,
        timeout=250 + 4 * LIVES,
        check=True,
    )
    ends: list[tuple[int, int]] = pickle.loads(run.stdout)
    killed = [doomed for doomed, _ in ends if doomed == -9]
    assert {other for _, other in ends} == {0}, "the one that lives must not be touched"
    assert {doomed for doomed, _ in ends} <= {-9, 0}
    assert len(killed) >= LIVES * 3 // 4

    runtime.apply_pending()
    issued = Counter(each.actor.name for life in lives for call in (*life.doomed, *life.lives) for each in call)
    counted = checks.entries("Execute action", action="add")
    answered = acknowledged.read_text().split("\n")[:-1]
    assert set(answered) <= set(counted) <= set(issued)
    assert set(counted.values()) == {1}
    assert len(counted) < len(issued), "nobody was killed in the middle"
    assert all(name in counted for name in issued if name.startswith("lives"))
    unheard = set(counted) - set(answered)
    assert 0 < len(unheard) <= 2 * len(killed), (
        "of a dead writer's calls at most the last is counted and not acknowledged"
    )
    ns = [jsonio.loads(row.params)["n"] for row in Instance.objects.filter(id__in=[place.id for place in made])]  # type: ignore[index, call-overload]
    assert sum(ns) == len(counted)  # type: ignore[arg-type]
    told = JournalEntry.objects.filter(instance_id=hub.id, event="Update")
    assert told.count() == len(counted), "each effect on another tree took place once"
    assert not PendingStimulus.objects.exists()
    checks.all_holds()
