"""The combiner by itself: who goes with whom, whose error is whose, and that nobody waits for ever."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.combining import LEADERS, Combiner, NothingStored
from engine.core.stimuli import Done, Hold, Outcome, Stimulus
from tests.builders import USER


def call() -> Hold:
    return Hold(uuid.uuid4(), USER)


class Work:
    """Applies stimuli by noting them; batches wait at a gate while it is shut."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Semaphore(0)
        self.batches: list[list[Stimulus]] = []
        self.rested = threading.Semaphore(0)
        self.bad: Stimulus | None = None
        self.error: Exception | None = None

    def alone(self, stimulus: Stimulus) -> Outcome:
        self.begun.release()
        assert self.gate.wait(10)
        if stimulus is self.bad:
            raise ValueError("bad")
        self.batches.append([stimulus])
        return Done(stimulus.instance_uuid, {})

    def together(self, stimuli: list[Stimulus]) -> list[Outcome]:
        if self.error is not None:
            raise self.error
        if any(each is self.bad for each in stimuli):
            raise NothingStored
        self.batches.append(stimuli)
        return [Done(each.instance_uuid, {}) for each in stimuli]

    def rest(self) -> None:
        self.rested.release()

    def combiner(self) -> Combiner:
        return Combiner(self.alone, self.together, self.rest)


def run(work: Work, calls: list[Hold]) -> list[object]:
    """All calls at once: the first ones stand at the gate until the others wait."""
    combiner = work.combiner()

    def one(stimulus: Hold) -> object:
        try:
            return combiner.apply(stimulus)
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        first = [pool.submit(one, stimulus) for stimulus in calls[:LEADERS]]
        for _ in first:
            assert work.begun.acquire(timeout=10)
        others = [pool.submit(one, stimulus) for stimulus in calls[LEADERS:]]
        for _ in others:
            assert work.rested.acquire(timeout=10)
        work.gate.set()
        return [each.result(10) for each in first + others]


def test_a_lone_caller_waits_for_nobody() -> None:
    work, stimulus = Work(), call()
    work.gate.set()
    assert work.combiner().apply(stimulus) == Done(stimulus.instance_uuid, {})
    assert work.batches == [[stimulus]]


def test_who_comes_while_others_are_at_work_goes_with_the_next_batch_and_gets_his_own_outcome() -> None:
    work, calls = Work(), [call() for _ in range(20)]
    found = run(work, calls)
    assert found == [Done(each.instance_uuid, {}) for each in calls]
    assert max(len(batch) for batch in work.batches) == 20 - LEADERS
    assert sum(len(batch) for batch in work.batches) == 20


def test_one_bad_call_of_a_batch_has_its_error_and_the_others_their_outcomes() -> None:
    work, calls = Work(), [call() for _ in range(10)]
    work.bad = calls[5]
    found = run(work, calls)
    assert [str(each) for each in found if isinstance(each, Exception)] == ["bad"]
    assert isinstance(found[5], ValueError)
    assert sum(len(batch) for batch in work.batches) == 9


def test_an_error_at_the_commit_is_everybodys_and_nothing_is_tried_again() -> None:
    work, calls = Work(), [call() for _ in range(10)]
    work.error = OSError("the connection broke")
    found = run(work, calls)
    assert [type(each) for each in found[LEADERS:]] == [OSError] * (10 - LEADERS)
    assert sum(len(batch) for batch in work.batches) == LEADERS


def test_many_threads_are_all_served() -> None:
    work = Work()
    work.gate.set()
    combiner = work.combiner()

    def many(_: int) -> int:
        return sum(isinstance(combiner.apply(call()), Done) for _ in range(50))

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(many, range(16))) == 800
    assert sum(len(batch) for batch in work.batches) == 800


def test_when_a_leader_is_ended_nobody_waits_for_ever() -> None:
    def broken(stimulus: Stimulus) -> Outcome:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Combiner(broken, lambda stimuli: [], lambda: None).apply(call())
