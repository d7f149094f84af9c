"""Concurrent calls of one OS process share commits: whoever comes while others are at work waits, and goes with the next batch.

`Combiner` knows nothing of databases. The first caller leads a batch at once, alone; those who come meanwhile wait, and one of
them then leads a batch of all who wait, its own call among them. So a single caller waits for nobody, and under load a batch
grows by itself to what came during the last one. A batch that takes long keeps nobody waiting: after `PATIENCE_S` one who waits
leads another. Each caller gets its own outcome, or the error of its own call: what a batch could not take, or one that was rolled
back whole, each of its callers applies by itself.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from engine.core.stimuli import Outcome, Stimulus

log = logging.getLogger("flowx.runtime")

AT_MOST = 100
LEADERS = 4
"""Batches under way at once, when each takes long."""

PATIENCE_S = 0.05
"""How long a call waits for a batch under way before it leads another."""

GATHER_S = 0.0001
"""How long one who was handed the lead leaves the interpreter to those who were just served: they come again at once."""


class NothingStored(Exception):
    """The batch was rolled back whole before its commit: each of its callers may apply its own call."""


class Call:
    """One caller; `gate` opens when its call has been served, or when it is to lead."""

    __slots__ = ("error", "gate", "leads", "outcome", "stimulus")

    def __init__(self, stimulus: Stimulus) -> None:
        self.stimulus = stimulus
        self.outcome: Outcome | None = None
        self.error: Exception | None = None
        self.leads = False
        self.gate = threading.Lock()
        self.gate.acquire()


class Combiner:
    """`alone` applies one stimulus. `together` applies several and gives None for those it left out; it raises `NothingStored`
    where each may be applied alone. A thread waits within `resting()`, where it holds nothing that a leader needs."""

    def __init__(
        self,
        alone: Callable[[Stimulus], Outcome],
        together: Callable[[list[Stimulus]], Sequence[Outcome | None]],
        resting: Callable[[], AbstractContextManager[None]],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._alone, self._together, self._resting, self._patience_s = alone, together, resting, patience_s
        self._lock = threading.Lock()
        self._waiting: list[Call] = []
        self._leaders = 0

    def apply(self, stimulus: Stimulus) -> Outcome:
        """The outcome of this stimulus; raises what applying it alone would raise."""
        call = Call(stimulus)
        with self._lock:
            if self._leaders == 0:
                self._leaders = 1
                call.leads = True
            else:
                self._waiting.append(call)
        if not call.leads:
            self._wait(call)
            return self._lead(call, GATHER_S) if call.leads else self._own(call)
        return self._lead(call)

    def _wait(self, call: Call) -> None:
        try:
            with self._resting():
                while not call.leads and not call.gate.acquire(timeout=self._patience_s):
                    self._lead_another(call)
        except BaseException:  # the thread is being ended: its place must be handed on
            with self._lock:
                if call in self._waiting:
                    self._waiting.remove(call)
            if call.leads:
                self._hand_on()
            raise

    def _lead_another(self, call: Call) -> None:
        """The batch under way takes long: lead one beside it, unless the call goes with a batch already."""
        with self._lock:
            if self._leaders < LEADERS and call in self._waiting:
                self._waiting.remove(call)
                self._leaders += 1
                call.leads = True

    def _lead(self, call: Call, gather_s: float = 0) -> Outcome:
        others: list[Call] = []
        try:
            if gather_s:
                time.sleep(gather_s)
            with self._lock:
                others, self._waiting = self._waiting[: AT_MOST - 1], self._waiting[AT_MOST - 1 :]
                only = self._leaders == 1
            if not others and only:  # the one leader who may wait for the database's locks; `together` never does
                return self._alone(call.stimulus)
            self._serve([call, *others])
        except BaseException:  # of `alone`, or the thread is being ended
            for other in others:
                other.error = other.error or RuntimeError("The thread that applied the call was ended.")
            raise
        finally:
            for other in others:  # they first: whoever calls again at once goes with the next batch
                other.gate.release()
            self._hand_on()
        return self._own(call)

    def _serve(self, calls: list[Call]) -> None:
        try:
            outcomes = self._together([call.stimulus for call in calls])
        except NothingStored:
            log.info("A batch of %s calls failed; each is applied alone.", len(calls), exc_info=True)
        except Exception as error:
            for call in calls:
                call.error = error
        else:
            for call, outcome in zip(calls, outcomes, strict=True):
                call.outcome = outcome

    def _hand_on(self) -> None:
        with self._lock:
            if self._waiting and self._leaders == 1:
                heir = self._waiting.pop(0)
                heir.leads = True
                heir.gate.release()
            else:
                self._leaders -= 1

    def _own(self, call: Call) -> Outcome:
        if call.error is not None:
            raise call.error
        return self._alone(call.stimulus) if call.outcome is None else call.outcome
