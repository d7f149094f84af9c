"""Conflicting stimuli from two OS processes and from threads, on PostgreSQL: no deadlock, no lost update, each counted once."""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import connection

from engine import runtime
from engine.core import jsonio
from engine.core.stimuli import Crashed, Done, Execute, Outcome
from engine.models import Instance, JournalEntry, Timer, Token, Visit
from flowx_site.config import BASE_DIR
from tests.builders import USER, Running, action, process, save_data, websocket_send

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(120)]
HAMMERS, ROUNDS, INSTANCES = 2, 250, 3  # 250 x 2 x 3: 1,500 conflicting executions, in 500 batches


def counting() -> process:
    """A form whose action counts its runs in the data and pushes a frame; 40 timers are fired by several at once."""
    add = save_data("add", ["one", "two"], repeatable=True, optional=True, autoRunChildren=True)
    rule = {"language": "ZEN", "target": "n", "message": "(input.n ?? 0) + 1"}
    count = action("count", "BUSINESS_RULE", actionRuleDefinitions=[rule], parentName="add", repeatable=True)
    tell = websocket_send("tell", '{"n": ${n}}', parentName="add", repeatable=True)
    later = save_data("later", repeatable=True, optional=True, timerExpression="P1D")
    return process().start().user_task("Form", add, count, tell, later, save_data("go")).end()


def check_numbers(running: Running) -> None:
    """Journal, frames and visits without a gap or a double."""
    rows = JournalEntry.objects.filter(instance_id=running.row.id).order_by("number")
    assert [row.number for row in rows] == list(range(1, running.row.journal_seq + 1))
    frames = [row.frame_seq for row in rows if row.frame_seq is not None]
    assert frames == list(range(1, running.row.frame_seq + 1))
    visits = Visit.objects.filter(instance_id=running.row.id).order_by("number").values_list("number", flat=True)
    assert list(visits) == list(range(1, running.row.visit_seq + 1))


def test_two_processes_that_hammer_the_same_instances_lose_and_double_nothing(
    program_environ: Callable[[], dict[str, str]],
) -> None:
    published = counting().publish()
    running = [published.start() for _ in range(INSTANCES)]
    for each in running:
        for _ in range(40):
            each.execute("later")
    names = ["one", "two"][:HAMMERS]
    arguments = [str(ROUNDS), *(str(each.uuid) for each in running)]
    programs = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.services.hammer", name, *arguments],
            cwd=BASE_DIR,
            env=program_environ(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    given = sum((Counter(json.loads(program.communicate(timeout=100)[0])) for program in programs), Counter())
    assert [program.returncode for program in programs] == [0] * HAMMERS
    assert not [kind for kind in given if kind.endswith("Crashed")]
    assert given["Execute Done"] + given["Execute Refused"] == HAMMERS * ROUNDS * INSTANCES
    assert given["Execute Done"] > ROUNDS
    assert sum(each.params.get("n", 0) for each in running) == given["Execute Done"]
    fired = Timer.objects.filter(state="FIRED").count()
    assert fired >= given["TimerDue Done"] > 0  # one that came due on hold fires when the hold ends
    assert sum(len(each.journal("Run scheduled action")) for each in running) == fired
    for each in running:
        added = each.action_state("add")
        assert added is not None
        assert added["completed"] == each.params["n"] == len(each.frames("data"))
        assert [frame["data"]["n"] for frame in each.frames("data")] == list(range(1, each.params["n"] + 1))
        check_numbers(each)


def test_children_that_end_at_once_let_their_parent_go_on_once() -> None:
    """Each round starts two children, ends both at the same moment beside a call of the parent, and comes round again."""
    process("child").start().user_task("Work", save_data("done", ["result"])).end().publish()
    made = process().start().add("EXCLUSIVE_GATEWAY", "Again", rules=[])
    made.add("SUBPROCESS_RUN", "Run", processName="child", collectionKey="items", outputKey="made")
    rule = {"language": "ZEN", "target": "n", "message": "(input.n ?? 0) + 1"}
    made.task("Count", action("count", "BUSINESS_RULE", actionRuleDefinitions=[rule])).link("Count", "Again")
    running = made.publish().start({"items": ["a", "b"]})
    rounds = 170
    hammers = Lockstep(3)
    for number in range(1, rounds + 1):
        first, second = Instance.objects.filter(parent_id=running.row.id, state="STARTED").order_by("id")
        outcomes = hammers.run(
            lambda child=first, number=number: finish(child, number),
            lambda child=second, number=number: finish(child, number),
            lambda child=first, number=number: finish(child, number),
        )
        kinds = Counter(type(outcome).__name__ for outcome in outcomes)
        assert kinds == {"Done": 2, "Refused": 1}
        assert running.params["n"] == number
        assert running.params["made"] == [number, number]
    hammers.stop()
    check_numbers(running)
    assert Instance.objects.filter(parent_id=running.row.id).count() == 2 * (rounds + 1)


def finish(child: Instance, number: int) -> Outcome:
    token = Token.objects.filter(instance_id=child.id).latest("id")
    [outcome] = runtime.apply([Execute(child.uuid, token.uuid, "done", {"result": number}, USER)])
    return outcome


class Lockstep:
    """Threads that do one thing each at the same moment, again and again, each with a connection of its own."""

    def __init__(self, size: int) -> None:
        self._start, self._end = threading.Barrier(size + 1), threading.Barrier(size + 1)
        self._deeds: list[Callable[[], Outcome]] = []
        self._outcomes: list[Outcome] = []
        self._threads = [threading.Thread(target=self._work, args=[number], daemon=True) for number in range(size)]
        for thread in self._threads:
            thread.start()

    def run(self, *deeds: Callable[[], Outcome]) -> list[Outcome]:
        self._deeds = list(deeds)
        self._outcomes = []
        self._start.wait(60)
        self._end.wait(60)
        return self._outcomes

    def stop(self) -> None:
        self._deeds = []
        self._start.wait(60)
        for thread in self._threads:
            thread.join(60)

    def _work(self, number: int) -> None:
        try:
            while True:
                self._start.wait(60)
                if not self._deeds:
                    return
                try:
                    self._outcomes.append(self._deeds[number]())
                except Exception as error:
                    self._outcomes.append(Crashed(USER.id, error))  # type: ignore[arg-type]
                self._end.wait(60)
        finally:
            connection.close()


def test_batches_over_the_same_trees_in_opposite_order_do_not_deadlock() -> None:
    published = counting().publish()
    running = [published.start() for _ in range(4)]
    there = [Execute(each.uuid, each.token.uuid, "add", {}, USER) for each in running]
    hammers = Lockstep(2)
    outcomes = [
        outcome for _ in range(80) for outcome in hammers.run(lambda: all_done(there), lambda: all_done(there[::-1]))
    ]
    hammers.stop()
    assert {type(outcome) for outcome in outcomes} == {Done}
    assert [each.params["n"] for each in running] == [160] * 4
    assert jsonio.dumps(running[0].params) == '{"n":160}'


def all_done(batch: list[Execute]) -> Outcome:
    """The first outcome that is not Done, else the last."""
    outcomes = runtime.apply(batch)
    return next((each for each in outcomes if not isinstance(each, Done)), outcomes[-1])
