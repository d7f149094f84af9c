"""The combiner by itself: who goes with whom, whose error is whose, and that nobody waits for ever."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

import pytest

from engine.combining import Combiner, NothingStored
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
        self.locked: Stimulus | None = None
        self.error: Exception | None = None

    def alone(self, stimulus: Stimulus) -> Outcome:
        self.begun.release()
        assert self.gate.wait(10)
        if stimulus is self.bad:
            raise ValueError("bad")
        self.batches.append([stimulus])
        return Done(stimulus.instance_uuid, {})

    def together(self, stimuli: list[Stimulus]) -> list[Outcome | None]:
        if self.error is not None:
            raise self.error
        if any(each is self.bad for each in stimuli):
            raise NothingStored
        self.batches.append([each for each in stimuli if each is not self.locked])
        return [None if each is self.locked else Done(each.instance_uuid, {}) for each in stimuli]

    @contextmanager
    def resting(self) -> Iterator[None]:
        self.rested.release()
        yield

    def combiner(self) -> Combiner:
        return Combiner(self.alone, self.together, self.resting, patience_s=60)


def run(work: Work, calls: list[Hold]) -> list[object]:
    """All calls at once: the first one stands at the gate until the others wait."""
    combiner = work.combiner()

    def one(stimulus: Hold) -> object:
        try:
            return combiner.apply(stimulus)
        except BaseException as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        first = pool.submit(one, calls[0])
        assert work.begun.acquire(timeout=10)
        others = [pool.submit(one, stimulus) for stimulus in calls[1:]]
        for _ in others:
            assert work.rested.acquire(timeout=10)
        work.gate.set()
        return [each.result(10) for each in [first, *others]]


def test_a_lone_caller_waits_for_nobody() -> None:
    work, stimulus = Work(), call()
    work.gate.set()
    assert work.combiner().apply(stimulus) == Done(stimulus.instance_uuid, {})
    assert work.batches == [[stimulus]]


def test_who_comes_while_others_are_at_work_goes_with_the_next_batch_and_gets_his_own_outcome() -> None:
    work, calls = Work(), [call() for _ in range(20)]
    found = run(work, calls)
    assert found == [Done(each.instance_uuid, {}) for each in calls]
    assert [len(batch) for batch in work.batches] == [1, 19]


def test_one_bad_call_of_a_batch_has_its_error_and_the_others_their_outcomes() -> None:
    work, calls = Work(), [call() for _ in range(10)]
    work.bad = calls[5]
    found = run(work, calls)
    assert [str(each) for each in found if isinstance(each, Exception)] == ["bad"]
    assert isinstance(found[5], ValueError)
    assert sum(len(batch) for batch in work.batches) == 9


def test_what_a_batch_left_out_its_caller_applies_alone() -> None:
    work, calls = Work(), [call() for _ in range(10)]
    work.locked = calls[5]
    assert run(work, calls) == [Done(each.instance_uuid, {}) for each in calls]
    assert [calls[5]] in work.batches
    assert sum(len(batch) for batch in work.batches) == 10


def test_an_error_at_the_commit_is_everybodys_and_nothing_is_tried_again() -> None:
    work, calls = Work(), [call() for _ in range(10)]
    work.error = OSError("the connection broke")
    found = run(work, calls)
    assert [type(outcome) for outcome in found] == [Done, *[OSError] * 9]
    assert work.batches == [[calls[0]]]


def test_many_threads_are_all_served() -> None:
    work = Work()
    work.gate.set()
    combiner = work.combiner()

    def many(_: int) -> int:
        return sum(isinstance(combiner.apply(call()), Done) for _ in range(50))

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(many, range(16))) == 800
    assert sum(len(batch) for batch in work.batches) == 800


def test_when_a_leader_is_ended_another_leads() -> None:
    broken = [True]

    def alone(stimulus: Stimulus) -> Outcome:
        if broken:
            broken.pop()
            raise KeyboardInterrupt
        return Done(stimulus.instance_uuid, {})

    combiner = Combiner(alone, lambda stimuli: [None] * len(stimuli), nullcontext)
    with pytest.raises(KeyboardInterrupt):
        combiner.apply(call())
    stimulus = call()
    assert combiner.apply(stimulus) == Done(stimulus.instance_uuid, {})


def test_when_the_leader_of_a_batch_is_ended_those_who_went_with_it_are_told() -> None:
    work, calls = Work(), [call() for _ in range(10)]

    def ended(stimuli: list[Stimulus]) -> list[Outcome | None]:
        raise KeyboardInterrupt

    work.together = ended  # type: ignore[method-assign]
    found = run(work, calls)
    kinds = [type(each) for each in found]
    assert (kinds.count(Done), kinds.count(KeyboardInterrupt), kinds.count(RuntimeError)) == (1, 1, 8)


def test_callers_who_wait_for_a_lock_leave_a_leader_for_the_others() -> None:
    work, held = Work(), [call() for _ in range(4)]

    def free(stimuli: list[Stimulus]) -> list[Outcome | None]:
        return [None if each in held else Done(each.instance_uuid, {}) for each in stimuli]

    combiner = Combiner(work.alone, free, work.resting)
    with ThreadPoolExecutor(len(held) + 1) as pool:
        waiting = []
        for stimulus in held:
            waiting.append(pool.submit(combiner.apply, stimulus))
            assert work.begun.acquire(timeout=10), "each has come to the lock"
        others = [call() for _ in range(10)]
        assert [pool.submit(combiner.apply, each).result(10) for each in others] == [
            Done(each.instance_uuid, {}) for each in others
        ]
        assert not any(each.done() for each in waiting)
        work.gate.set()
        assert [each.result(10) for each in waiting] == [Done(each.instance_uuid, {}) for each in held]


def test_a_batch_that_takes_long_keeps_no_others_waiting() -> None:
    work, calls = Work(), [call() for _ in range(10)]
    combiner = Combiner(work.alone, work.together, work.resting, patience_s=0.01)
    with ThreadPoolExecutor(len(calls)) as pool:
        slow = pool.submit(combiner.apply, calls[0])
        assert work.begun.acquire(timeout=10)
        others = [pool.submit(combiner.apply, each) for each in calls[1:]]
        assert [each.result(10) for each in others] == [Done(each.instance_uuid, {}) for each in calls[1:]]
        assert not slow.done()
        work.gate.set()
        assert slow.result(10) == Done(calls[0].instance_uuid, {})
