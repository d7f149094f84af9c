"""Threads of one process that call `runtime.apply` at the same time, 8 and 32 of them: each gets what is its own.

Whether their calls share commits is the engine's affair; what a caller sees is not. A stimulus that fails harms no other, a
broken connection reaches those whose stimuli were not stored, and a caller inside its own transaction stays inside it.
Every call gives its connection back, as a request does at its end.
"""

from __future__ import annotations

import os
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.db import InterfaceError, OperationalError, connection, transaction

from engine import runtime
from engine.core import jsonio
from engine.core.stimuli import Done, Execute, Hold, Outcome, Refused, Start, Stimulus, Terminate, TimerDue, Unhold
from engine.models import HandledRequest, Instance, JournalEntry, PendingStimulus, Snapshot
from tests import servers
from tests.builders import USER, Published, action, process, save_data
from tests.services import checks
from tests.services.scenes import Place, actor, start_many

CALLS = int(os.environ.get("CALLER_CALLS", "640"))
"""How many calls a test makes, over all of its threads."""

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(max(300, CALLS // 4)),
    pytest.mark.usefixtures("no_deadlock"),
]
NO_SNAPSHOT = 2**40
CUT = (
    "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND state <> 'idle' ORDER BY random() LIMIT 1"
)
PATIENCE_S = 20.0

Answer = Outcome | Exception


@pytest.fixture(autouse=True)
def pool_of_its_own(transactional_db: None) -> Iterator[None]:
    """A crowd leaves a full pool behind, which other tests that stop the server would have to empty first."""
    yield
    connection.close()
    connection.close_pool()


def counting() -> Published:
    """A form that counts in its data what it is asked to, and may be left."""
    rule = {"language": "ZEN", "target": "n", "message": "(input.n ?? 0) + 1"}
    count = action("count", "BUSINESS_RULE", actionRuleDefinitions=[rule], parentName="add", repeatable=True)
    add = save_data("add", ["value"], repeatable=True, optional=True, autoRunChildren=True)
    return process().start().user_task("Form", add, count, save_data("go")).end().publish()


def telling() -> Published:
    """A form whose action writes into its INHERITED parent's data."""
    params = {"params": '{"n": 1}', "destination": "told"}
    tell = action("tell", "APPEND_PARAMS_TO_PARENT", params, parentName="add", repeatable=True)
    add = save_data("add", repeatable=True, optional=True, autoRunChildren=True)
    return process().start().user_task("Form", add, tell, save_data("go")).end().publish()


def call(stimulus: Stimulus) -> Answer:
    """What one caller gets."""
    try:
        [outcome] = runtime.apply([stimulus])
    except Exception as error:
        return error
    else:
        return outcome
    finally:
        connection.close()


def crowd(threads: int, deeds: Sequence[Callable[[], Any]]) -> list[Any]:
    """All deeds, dealt out to so many threads that begin together; what each gave, in their order."""
    begin = threading.Barrier(threads)
    given: list[Any] = [None] * len(deeds)

    def work(number: int) -> None:
        begin.wait(60)
        for place in range(number, len(deeds), threads):
            given[place] = deeds[place]()

    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, number) for number in range(threads)]:
            done.result()
    return given


def calls(threads: int, stimuli: Sequence[Stimulus]) -> list[Answer]:
    return crowd(threads, [lambda stimulus=stimulus: call(stimulus) for stimulus in stimuli])


def add(place: Place, *words: object, **body: object) -> Execute:
    return Execute(place.uuid, place.token, "add", body, actor(*words))


def accepted(stimuli: Sequence[Stimulus], answers: Sequence[Answer]) -> Counter[str]:
    """By user: the executions that were done."""
    pairs = zip(stimuli, answers, strict=True)
    return Counter(each.actor.name for each, answer in pairs if isinstance(each, Execute) and isinstance(answer, Done))


def check_counted(expected: Counter[str], made: Sequence[Place]) -> None:
    """Those and no others are in the journals, once each, and in the data."""
    assert checks.entries("Execute action", action="add") == expected
    rows = Instance.objects.filter(id__in=[place.id for place in made])
    assert sum(jsonio.loads(row.params).get("n", 0) for row in rows) == expected.total()  # type: ignore[union-attr, misc, arg-type]
    checks.all_holds()


# -- failing stimuli ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [8, 32])
def test_a_stimulus_that_fails_harms_no_other_and_each_answer_is_its_callers_own(threads: int) -> None:
    published = counting()
    shared = start_many(published, [{}] * 3)
    twice = Start(uuid.uuid4(), published.snapshot_id, {}, USER)
    chance = random.Random(threads)

    def one(number: int) -> Stimulus:
        place = chance.choice(shared)
        return chance.choice(
            (
                add(place, number),
                add(place, number),
                add(place, number),
                Start(uuid.uuid4(), published.snapshot_id, {"number": number}, actor(number)),
                Execute(place.uuid, place.token, "unknown", {}, actor(number)),
                Execute(uuid.uuid4(), place.token, "add", {}, actor(number)),
                add(place, number, value=object()),  # nothing that JSON can hold: fails when it is stored
                Start(uuid.uuid4(), NO_SNAPSHOT, {}, actor(number)),
                twice,
            )
        )

    stimuli = [one(number) for number in range(CALLS)]
    answers = calls(threads, stimuli)

    seen: Counter[str] = Counter()
    for stimulus, answer in zip(stimuli, answers, strict=True):
        seen[check_answer(stimulus, answer, twice)] += 1
    assert set(seen) == {"counted", "started", "400", "404", "not JSON", "no snapshot", "first", "again"}
    assert seen["first"] == 1
    assert Instance.objects.count() == len(shared) + seen["started"] + 1
    check_counted(accepted(stimuli, answers), shared)


def check_answer(stimulus: Stimulus, answer: Answer, twice: Start) -> str:
    """That the answer belongs to the stimulus; says what it was."""
    if not isinstance(answer, Exception):
        assert answer.instance_uuid == stimulus.instance_uuid
    if stimulus is twice:
        assert isinstance(answer, Exception | Done)
        return "first" if isinstance(answer, Done) else "again"
    if isinstance(stimulus, Start):
        if stimulus.snapshot_id == NO_SNAPSHOT:
            assert isinstance(answer, Snapshot.DoesNotExist)
            return "no snapshot"
        assert isinstance(answer, Done)
        params = jsonio.loads(Instance.objects.get(uuid=stimulus.uuid).params)
        assert params == dict(stimulus.params)
        return "started"
    assert isinstance(stimulus, Execute)
    if "value" in stimulus.body:
        assert isinstance(answer, Exception), answer
        assert not isinstance(answer, OperationalError | InterfaceError)
        return "not JSON"
    if stimulus.action_name == "unknown":
        assert isinstance(answer, Refused)
        assert answer.refusal.status == 400
        return "400"
    if isinstance(answer, Refused):
        assert answer.refusal.status == 404
        return "404"
    assert isinstance(answer, Done), answer
    assert answer.answer["tokenUuid"] == str(stimulus.token_uuid)
    return "counted"


@pytest.mark.parametrize("threads", [8, 32])
def test_threads_that_want_opposite_things_lose_and_double_nothing(threads: int) -> None:
    made = start_many(counting(), [{}] * (CALLS // 16))
    chance = random.Random(threads)
    stimuli: list[Stimulus] = []
    for number, place in enumerate(made):
        stimuli += [add(place, number, each) for each in range(9)]
        stimuli += [Execute(place.uuid, place.token, "go", {}, actor("go", number, each)) for each in range(2)]
        stimuli += [Hold(place.uuid, USER), Unhold(place.uuid, USER), TimerDue(place.uuid, 0)]
        stimuli += (
            [Terminate(place.uuid, USER)] * 2 if number % 3 == 0 else [Hold(place.uuid, USER), Unhold(place.uuid, USER)]
        )
        tail = stimuli[-16:]
        chance.shuffle(tail)
        stimuli[-16:] = tail

    answers = calls(threads, stimuli)

    assert not [answer for answer in answers if isinstance(answer, Exception)]
    words = Counter(type(answer).__name__ for answer in answers)
    assert words["Done"] > 0
    assert words["Refused"] > 0
    left = checks.entries("Execute action", action="go")
    done = zip(stimuli, answers, strict=True)
    assert left == Counter(
        each.actor.name
        for each, answer in done
        if isinstance(each, Execute) and each.action_name == "go" and isinstance(answer, Done)
    )
    assert len({name.split()[1] for name in left}) == len(left), "left twice"
    adds = [
        (each, answer)
        for each, answer in zip(stimuli, answers, strict=True)
        if getattr(each, "action_name", "") == "add"
    ]
    check_counted(accepted(*zip(*adds, strict=True)), made)


# -- broken connections ------------------------------------------------------------------------------------------------


class Cutting:
    """Breaks a connection that is at work each time that so many more calls have been answered."""

    def __init__(self, each: int) -> None:
        self.cut = 0
        self._each, self._answered, self._stop = each, 0, threading.Event()
        self._url = servers.postgres_url(str(connection.settings_dict["NAME"]))
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Cutting:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def call(self, stimulus: Stimulus) -> Answer:
        answer = call(stimulus)
        self._answered += 1
        return answer

    def calls(self, threads: int, stimuli: Sequence[Stimulus]) -> list[Answer]:
        return crowd(threads, [lambda stimulus=stimulus: self.call(stimulus) for stimulus in stimuli])

    def _work(self) -> None:
        due = self._each
        with psycopg.connect(self._url, autocommit=True) as own:
            while not self._stop.wait(0.001):
                if self._answered >= due and own.execute(CUT).fetchall():
                    self.cut += 1
                    due = self._answered + self._each


@pytest.mark.parametrize("threads", [8, 32])
def test_a_broken_connection_reaches_those_whose_stimuli_were_not_stored_and_only_those(threads: int) -> None:
    made = start_many(counting(), [{}] * 6)
    stimuli = [add(made[number % 7 % len(made)], number) for number in range(2 * CALLS)]
    with Cutting(3 * threads) as cutting:
        answers = cutting.calls(threads, stimuli)
    check_broken(answers, cutting.cut)
    check_counted(accepted(stimuli, answers), made)


def check_broken(answers: Sequence[Answer], cut: int) -> None:
    """There were breaks, some were felt, and there was no other error."""
    errors = [answer for answer in answers if not isinstance(answer, Done)]
    assert cut > 2
    assert 0 < len(errors) < len(answers) * 3 / 4
    assert not [error for error in errors if not isinstance(error, OperationalError | InterfaceError)]


@pytest.mark.parametrize("threads", [8, 32])
def test_a_connection_that_breaks_after_the_commit_is_no_error_of_the_caller(threads: int) -> None:
    """What a stimulus does to other trees is stored with it: were that cut off, the sweep does it."""
    [hub] = start_many(process("hub").start().user_task("Form", save_data("go")).end().publish(), [{}])
    inherited = {"parent_id": hub.id, "parent_uuid": hub.uuid, "relation": "INHERITED"}
    made = start_many(telling(), [{}] * 8, **inherited)
    stimuli = [add(made[number % len(made)], number) for number in range(CALLS)]
    with Cutting(3 * threads) as cutting:
        answers = cutting.calls(threads, stimuli)
    check_broken(answers, cutting.cut)
    runtime.apply_pending()
    expected = accepted(stimuli, answers)
    assert checks.entries("Execute action", action="add") == expected
    assert JournalEntry.objects.filter(instance_id=hub.id, event="Update").count() == expected.total()
    assert not PendingStimulus.objects.exists()
    checks.all_holds()


# -- callers inside a transaction of their own -------------------------------------------------------------------------


class ThoughtBetter(Exception):
    """Rolls a caller's own transaction back."""


@pytest.mark.parametrize("threads", [8, 32])
def test_a_caller_inside_its_own_transaction_stays_inside_it(threads: int) -> None:
    made = start_many(counting(), [{}] * 4)
    chance = random.Random(threads)
    ways = [chance.choice(("plain", "plain", "kept", "rolled back")) for _ in range(CALLS // 2)]
    stimuli = [add(made[number % len(made)], number) for number in range(len(ways))]
    markers = [uuid.uuid4() for _ in ways]

    def inside(number: int, *, keep: bool) -> Answer:
        """The stimulus beside a row of the caller's own: both or neither are stored."""
        try:
            with transaction.atomic():
                HandledRequest.objects.create(message_id=markers[number], at="2026-01-01T00:00:00Z")
                [outcome] = runtime.apply([stimuli[number]])
                assert connection.in_atomic_block
                mine = JournalEntry.objects.filter(user=str(number), action_name="add")
                assert mine.count() == 1, "the caller sees what it has done"
                assert seen_by_others(number) == (0, 0), "nobody else does"
                if not keep:
                    raise ThoughtBetter
        except ThoughtBetter as error:
            return error
        else:
            return outcome
        finally:
            connection.close()

    def deed(number: int) -> Callable[[], Answer]:
        if ways[number] == "plain":
            return lambda: call(stimuli[number])
        return lambda: inside(number, keep=ways[number] == "kept")

    def seen_by_others(number: int) -> tuple[int, int]:
        with others_lock:
            rows = others.execute(
                "SELECT (SELECT count(*) FROM engine_journalentry WHERE \"user\" = %s AND action_name = 'add'),"
                " (SELECT count(*) FROM engine_handledrequest WHERE message_id = %s)",
                [str(number), markers[number]],
            ).fetchall()
        return rows[0]

    others_lock = threading.Lock()
    with psycopg.connect(servers.postgres_url(str(connection.settings_dict["NAME"])), autocommit=True) as others:
        answers = crowd(threads, [deed(number) for number in range(len(ways))])

    assert [type(answer) for answer in answers] == [ThoughtBetter if way == "rolled back" else Done for way in ways]
    kept = {markers[number] for number, way in enumerate(ways) if way == "kept"}
    assert set(HandledRequest.objects.values_list("message_id", flat=True)) == kept
    check_counted(accepted(stimuli, answers), made)


def test_callers_of_a_tree_that_is_held_wait_for_it_alone() -> None:
    """A caller that has done something in its own transaction and is slow keeps nobody waiting who wants another tree."""
    held, *free = start_many(counting(), [{}] * 4)
    done_inside, let_go = threading.Event(), threading.Event()

    def slow() -> Answer:
        try:
            with transaction.atomic():
                [outcome] = runtime.apply([add(held, "slow")])
                done_inside.set()
                assert let_go.wait(PATIENCE_S)
            return outcome
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        holder = pool.submit(slow)
        assert done_inside.wait(PATIENCE_S)
        waiting = [pool.submit(call, add(held, "waits", number)) for number in range(4)]
        others = [add(free[number % len(free)], "free", number) for number in range(120)]
        begun = time.monotonic()
        answers = [each.result(PATIENCE_S) for each in [pool.submit(call, stimulus) for stimulus in others]]
        assert time.monotonic() - begun < PATIENCE_S
        assert not any(each.done() for each in waiting)
        let_go.set()
        outcomes = [each.result(PATIENCE_S) for each in (holder, *waiting)]
    assert all(isinstance(answer, Done) for answer in (*answers, *outcomes))
    check_counted(
        accepted(others, answers) + Counter({"slow": 1} | {f"waits {number}": 1 for number in range(4)}), [held, *free]
    )
