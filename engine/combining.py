"""Concurrent calls of one OS process share commits: whoever comes while others are at work waits, and goes with the next batch.

`Combiner` knows nothing of databases. At most `leaders` batches are under way at once: the first callers lead theirs at once,
alone; those who come meanwhile wait, and one of them then leads a batch of all who wait, its own call among them. So a single
caller waits for nobody, and under load a batch grows by itself to what came during the last one. Each caller gets its own
outcome, or the error of its own call: when a batch fails with nothing stored, its calls are applied one by one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from engine.core.stimuli import Outcome, Stimulus

log = logging.getLogger("flowx.runtime")

AT_MOST = 100
LEADERS = 2


class NothingStored(Exception):
    """The batch was rolled back whole before its commit: its calls may be applied one by one."""


class Call:
    """One waiting caller."""

    __slots__ = ("error", "finished", "leads", "outcome", "stimulus", "woken")

    def __init__(self, stimulus: Stimulus) -> None:
        self.stimulus = stimulus
        self.outcome: Outcome | None = None
        self.error: BaseException | None = None
        self.leads = False
        self.finished = False
        self.woken = threading.Event()


class Combiner:
    """`alone` applies one stimulus, `together` several: it raises `NothingStored` where they may be applied one by one. `rest` is
    called by a thread that is about to wait: it holds nothing that a leader needs."""

    def __init__(
        self,
        alone: Callable[[Stimulus], Outcome],
        together: Callable[[list[Stimulus]], Sequence[Outcome]],
        rest: Callable[[], None],
    ) -> None:
        self._alone, self._together, self._rest = alone, together, rest
        self._lock = threading.Lock()
        self._waiting: list[Call] = []
        self._leaders = 0

    def apply(self, stimulus: Stimulus) -> Outcome:
        """The outcome of this stimulus; raises what applying it alone would raise."""
        call = Call(stimulus)
        with self._lock:
            self._waiting.append(call)
            if self._leaders < LEADERS:
                self._leaders += 1
                call.leads = True
        while True:
            if call.leads:  # also when another leader has served this call meanwhile: the place must be handed on
                call.leads = False
                self._lead()
            elif call.finished:
                break
            else:
                self._rest()
                call.woken.wait()
                call.woken.clear()
        if call.error is not None:
            raise call.error
        assert call.outcome is not None
        return call.outcome

    def _lead(self) -> None:
        with self._lock:
            calls, self._waiting = self._waiting[:AT_MOST], self._waiting[AT_MOST:]
        try:
            self._serve(calls)
        except BaseException as error:  # the thread is being ended: nobody may wait for it for ever
            for call in calls:
                call.error = call.error or (None if call.outcome is not None else error)
            raise
        finally:
            self._hand_on()
            for call in calls:
                call.finished = True
                call.woken.set()

    def _hand_on(self) -> None:
        with self._lock:
            if self._waiting:
                heir = self._waiting[0]
                heir.leads = True
                heir.woken.set()
            else:
                self._leaders -= 1

    def _serve(self, calls: list[Call]) -> None:
        if len(calls) > 1:
            try:
                outcomes = self._together([call.stimulus for call in calls])
                for call, outcome in zip(calls, outcomes, strict=True):
                    call.outcome = outcome
                return
            except NothingStored:
                log.info("A batch of %s calls failed; they are applied one by one.", len(calls), exc_info=True)
            except Exception as error:
                for call in calls:
                    call.error = error
                return
        for call in calls:
            try:
                call.outcome = self._alone(call.stimulus)
            except Exception as error:
                call.error = error
