"""Two OS processes at one instance, and at several in opposite orders, a thousand rounds each: no deadlock, nothing is lost.

What each stimulus did is read off the journal: each has a user of its own. Fresh instances, of which one of two strikes is the
last, are in `test_duels`, trees in `test_trees`, effects between trees in `test_between_trees`.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from django.db import connection

from engine import runtime
from engine.core.stimuli import Crashed, Execute, Hold, Outcome, RunTimer, Start, Stimulus, TimerDue, Unhold
from engine.models import Instance, OutboxMessage, ReceivedMessage, StartCorrelation, Timer, Token
from tests.builders import TOPIC, USER, Published, Running, action, process, save_data, websocket_send
from tests.services import checks
from tests.services.duel import Arrives, Fighters, overlapping
from tests.services.scenes import LIMIT, ROUNDS, Place, actor, apply_all, places, start_many

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(LIMIT),
    pytest.mark.usefixtures("no_deadlock"),
]
NAMES = ("left", "right")
CYCLE, TIMED = 10, 5  # timers in every fifth cycle: the instance has them all from the start
TIMERS = 3 * (ROUNDS // CYCLE // TIMED + 1)


def counting(**fields: object) -> Published:
    """A form whose action counts its runs in the data and pushes a frame; it takes records, and any number of timers."""
    add = save_data("add", repeatable=True, optional=True, autoRunChildren=True)
    rule = {"language": "ZEN", "target": "n", "message": "(input.n ?? 0) + 1"}
    count = action("count", "BUSINESS_RULE", actionRuleDefinitions=[rule], parentName="add", repeatable=True)
    tell = websocket_send("tell", '{"n": ${n}}', parentName="add", repeatable=True)
    later = save_data("later", repeatable=True, optional=True, timerExpression="P1D")
    stream = {"dataStreamTopics": [{"topicName": TOPIC, "keyName": "got"}], **fields}
    return process().start().user_task("Form", add, count, tell, later, save_data("go"), **stream).end().publish()


def strikes(
    place: Place, timers: list[tuple[int, object]], number: int
) -> tuple[Stimulus | Arrives, Stimulus | Arrives]:
    """What both do in a round to the one instance; it is on hold after the rounds 5 and 6 of each cycle only."""
    left, right = (actor(name, number) for name in NAMES)

    def add(who: object) -> Execute:
        return Execute(place.uuid, place.token, "add", {}, who)  # type: ignore[arg-type]

    def record(seat: int, *, same: bool = True) -> Arrives:
        name = uuid.uuid5(place.uuid, f"{number} {0 if same else seat}")
        return Arrives(TOPIC, f"[{number}]", name, place.id, seat, number)

    timed = number // CYCLE % TIMED == 0
    match number % CYCLE:
        case 2:
            return record(0), record(1)
        case 3 if timed:
            due = TimerDue(place.uuid, timers.pop()[0])
            return due, due
        case 4:
            return record(0, same=False), record(1, same=False)
        case 5:
            return Hold(place.uuid, left), Hold(place.uuid, right) if number % 20 == 5 else add(right)
        case 6:
            return add(left), TimerDue(place.uuid, timers.pop()[0]) if timed else record(1)
        case 7:
            return Unhold(place.uuid, left), Unhold(place.uuid, right) if number % 20 == 7 else add(right)
        case 9 if timed:
            timer, _ = timers.pop()
            return RunTimer(place.uuid, timer, left), TimerDue(place.uuid, timer)
        case _:
            return add(left), add(right)


def test_two_that_hammer_one_instance_lose_and_double_nothing(fighters: Fighters) -> None:
    [place] = start_many(counting(), [{}])
    apply_all([Execute(place.uuid, place.token, "later", {}, USER)] * TIMERS)
    [place] = places([place.uuid])
    timers = list(place.timers)
    given = [strikes(place, timers, number) for number in range(ROUNDS)]  # type: ignore[arg-type]
    plans = [[[[both[(seat + number) % 2]]] for number, both in enumerate(given)] for seat in (0, 1)]

    fought = fighters.fight(*plans)

    assert overlapping(*fought) > ROUNDS / 2
    became = [
        (each, fought[seat][number].words[0])
        for number, both in enumerate(given)
        for seat in (0, 1)
        for each in [both[(seat + number) % 2]]
    ]
    words = Counter((type(each).__name__, word) for each, word in became)
    assert {word for _, word in words} == {"done", "409", "taken", "fired", "ignored"}
    for kind in ("Execute", "Hold", "Unhold", "RunTimer"):
        assert words[kind, "done"] > 0
        assert words[kind, "409"] > 0
    assert words["TimerDue", "fired"] > 0
    assert words["TimerDue", "ignored"] > 0
    running = Running(None, place.uuid)  # type: ignore[arg-type]
    assert running.state == "STARTED"
    check_executions(
        running, [each.actor.name for each, word in became if isinstance(each, Execute) and word == "done"]
    )
    for event, kind in (("Hold", Hold), ("Unhold", Unhold)):
        accepted = [each.actor.name for each, word in became if type(each) is kind and word == "done"]  # type: ignore[union-attr]
        assert checks.entries(event) == Counter(accepted)
    timers_given = {each.timer_id for each, _ in became if isinstance(each, TimerDue | RunTimer)}
    assert set(Timer.objects.filter(state="FIRED").values_list("id", flat=True)) == timers_given
    assert sum("type" in row.details for row in running.journal("Run scheduled action")) == len(timers_given)
    names = [row.message_id for row in running.journal("Message Receive")]
    assert Counter(names) == Counter({each.message_id for each, _ in became if isinstance(each, Arrives)})
    assert set(ReceivedMessage.objects.values_list("state", flat=True)) <= {"applied"}
    checks.all_holds()


def check_executions(running: Running, accepted: Sequence[str]) -> None:
    """Counter, action state, frames and journal agree, and each that was accepted is there once."""
    added = running.action_state("add")
    assert added is not None
    assert running.params["n"] == added["completed"] == len(accepted) > 0
    assert [frame["data"]["n"] for frame in running.frames("data")] == list(range(1, len(accepted) + 1))
    mine = Counter(row.user for row in running.journal("Execute action") if row.action_name == "add")
    assert mine == Counter(accepted)


def test_batches_over_the_same_instances_in_opposite_orders_do_not_deadlock(fighters: Fighters) -> None:
    """Also records of no instance, doubled, and starts by the same values: whatever two batches could wait for in a ring."""
    made = start_many(counting(), [{}] * 4)
    keyed = process("keyed").add("MESSAGE_CATCH_START", "Came", messageName="come", correlationKey="key", connect=False)
    by_key = keyed.user_task("Form", save_data("go")).end().publish().snapshot_id
    came = keyed.node("Came")["id"]

    def plan(seat: int) -> list[list[list[Stimulus | Arrives]]]:
        chance, rounds = random.Random(seat), []
        for number in range(ROUNDS):
            who = actor(NAMES[seat], number)
            batch: list[Stimulus | Arrives] = [Execute(each.uuid, each.token, "add", {}, who) for each in made]
            if number % 4 == 1:
                batch = [Start(uuid.uuid4(), by_key, {"key": f"{number} {key}"}, who, node_id=came) for key in range(4)]
            elif number % 4 == 3:
                names = [uuid.UUID(int=4 * number + each) for each in range(4)]
                batch = [Arrives(TOPIC, "1", name, 0, seat, 0) for name in names]
                for name, place in zip(names, made, strict=True):
                    batch.append(Arrives(TOPIC, "1", uuid.uuid5(name, "x"), place.id, seat, 0))
            chance.shuffle(batch) if number % 8 < 4 else batch.sort(key=str, reverse=bool(seat))
            offsets = range(8 * number, 8 * number + 8)
            rounds.append([[at(each, offset) for each, offset in zip(batch, offsets, strict=False)]])
        return rounds

    fought = fighters.fight(plan(0), plan(1))

    assert {word for both in fought for each in both for word in each.words} == {"done", "taken"}
    assert overlapping(*fought) > ROUNDS / 2
    executing = [number for number in range(ROUNDS) if number % 2 == 0]
    receiving = [number for number in range(ROUNDS) if number % 4 == 3]
    starting = [number for number in range(ROUNDS) if number % 4 == 1]
    for place in made:
        running = Running(None, place.uuid)  # type: ignore[arg-type]
        check_executions(running, [f"{name} {number}" for number in executing for name in NAMES])
        assert len(running.journal("Message Receive")) == len(receiving)
    assert ReceivedMessage.objects.filter(state="unmatched").count() == 4 * len(receiving)
    assert OutboxMessage.objects.count() == 4 * len(receiving), "one dead-letter copy each"
    assert Instance.objects.filter(process_name="keyed").count() == 8 * len(starting)
    assert StartCorrelation.objects.count() == 4 * len(starting)
    checks.all_holds()


def at(each: Stimulus | Arrives, offset: int) -> Stimulus | Arrives:
    """A record at its place in the partition; other stimuli as they are."""
    if not isinstance(each, Arrives):
        return each
    return Arrives(each.topic, each.value, each.message_id, each.instance_id, each.partition, offset)


def test_children_that_end_at_once_let_their_parent_go_on_once() -> None:
    """Each round starts two children, ends both at the same moment beside a third call, and comes round again."""
    process("child").start().user_task("Work", save_data("done", ["result"])).end().publish()
    made = process().start().add("EXCLUSIVE_GATEWAY", "Again", rules=[])
    made.add("SUBPROCESS_RUN", "Run", processName="child", collectionKey="items", outputKey="made")
    rule = {"language": "ZEN", "target": "n", "message": "(input.n ?? 0) + 1"}
    made.task("Count", action("count", "BUSINESS_RULE", actionRuleDefinitions=[rule])).link("Count", "Again")
    published = made.publish()
    parents, turns = 9, 20
    hammers = Lockstep(3)
    for _ in range(parents):
        running = published.start({"items": ["a", "b"]})
        for number in range(1, turns + 1):
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
        assert Instance.objects.filter(parent_id=running.row.id).count() == 2 * (turns + 1)
    hammers.stop()
    checks.all_holds()


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
