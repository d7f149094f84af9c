"""The same random processes and stimuli through the real runtime and the database: what is stored is what the core says.

Smaller than `test_model.py`, since each step costs some milliseconds; `MODEL_STORED_STEPS` asks for more.
"""

import os
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine import clock, ids, publishing, runtime, snapshots
from engine.core import jsonio
from engine.core.graph import Graph
from engine.core.state import InstanceState
from engine.core.stimuli import Crashed, Done, MessageReceived, Refusal, Refused, Start, Stimulus, Throw
from engine.models import Instance, JournalEntry, OutboxMessage, PendingStimulus, StartCorrelation, Timer
from engine.storage import load
from tests.engine.stored.scene import MODELS
from tests.model.choices import Choices
from tests.model.invariants import check
from tests.model.processes import family
from tests.model.stimuli import Stimuli
from tests.model.store import Store

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(0 if "MODEL_STORED_STEPS" in os.environ else 300)]
STEPS_AN_EXAMPLE = 30
CI_STEPS = 900
WANTED = int(os.environ.get("MODEL_STORED_STEPS", CI_STEPS))


class StoredStore(Store):
    """A store whose instances are in the database: every stimulus goes through `runtime.apply`, every look is a load."""

    def __init__(self, graphs: dict[int, Graph]) -> None:
        super().__init__(graphs)
        self.seen: set[UUID | None] = set()

    def apply(self, stimulus: Stimulus) -> Done | Refusal:
        if isinstance(stimulus, MessageReceived):
            if stimulus.message_id in self.seen:
                return Refusal(409, "Taken out by the consumer: it has come before.")
            self.seen.add(stimulus.message_id)
        before = self._rows()
        with clock.taken_from(lambda: self.now):
            [outcome] = runtime.apply([stimulus])
        assert not isinstance(outcome, Crashed), outcome
        self.pending = []  # the runtime has applied them
        self._look()
        if isinstance(outcome, Refused):
            assert self._rows() == before, f"a refusal left rows: {outcome.refusal}"
            return outcome.refusal
        return outcome

    def _rows(self) -> list[Any]:
        """What any change would show in."""
        numbers = Instance.objects.order_by("id").values_list(
            "id", "state", "params", "journal_seq", "visit_seq", "revision"
        )
        return [*numbers, JournalEntry.objects.count(), OutboxMessage.objects.count(), Timer.objects.count()]

    def _look(self) -> None:
        uuids = list(Instance.objects.values_list("uuid", flat=True))
        self.instances = load.trees(uuids, snapshots.graph)
        self.journal = {}
        for row in JournalEntry.objects.order_by("instance_id", "number"):
            self.journal.setdefault(row.instance_id, []).append(row)  # type: ignore[arg-type]
        by_id = {state.id: state for state in self.instances.values()}
        rows = OutboxMessage.objects.exclude(instance_id=None).order_by("seq")
        self.outgoing = [(by_id[row.instance_id or 0], _outgoing(row)) for row in rows if row.action_id]
        self.timers = {row.id: by_id[row.instance_id].uuid for row in Timer.objects.order_by("id")}


def _outgoing(row: OutboxMessage) -> Any:
    """The row with its headers as the core names them."""

    row.headers = jsonio.loads(row.headers)  # type: ignore[assignment]
    return row


def run(shape: bytes, actions: bytes) -> Counter[str]:
    """Play one example in an empty database; gives what was done."""
    for model in (*MODELS[::-1], StartCorrelation):
        model.objects.all().delete()
    snapshots.forget()
    made = family(Choices(shape))
    rows = [publishing.publish_snapshot(each.snapshot(), published_by="model") for each in made]
    store = StoredStore({row.id: snapshots.graph(row.id) for row in rows})
    stimuli = Stimuli(store, Choices(actions))
    done: Counter[str] = Counter()
    for _ in range(STEPS_AN_EXAMPLE):
        stimulus = stimuli.next()
        if stimulus is None:
            continue
        before: dict[int, InstanceState] = {state.id: state for state in store.instances.values()}
        outcome = store.apply(stimulus)
        check(store, before)
        check_rows(store)
        done[type(stimulus).__name__ if isinstance(outcome, Done) else "refused"] += 1
    return done


def check_rows(store: Store) -> None:
    """What lists and screens read fits the state, and no effect on another tree is left behind."""
    assert not PendingStimulus.objects.exists()
    for row in Instance.objects.all():
        state = store.instances[row.uuid]
        assert row.open_incidents == len(state.incidents)
        assert row.pending_timers == len(state.timers)
        assert row.next_due_at == min((timer.due_at for timer in state.timers.values()), default=None)
        assert (row.finished_at is not None) == state.ended


def test_nothing_breaks_an_invariant_of_the_runtime() -> None:
    total: Counter[str] = Counter()

    @settings(
        max_examples=WANTED // 18,
        deadline=None,
        database=None,
        derandomize=WANTED == CI_STEPS,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(shape=st.binary(min_size=160, max_size=160), actions=st.binary(min_size=200, max_size=200))
    def play(shape: bytes, actions: bytes) -> None:
        ids.forget()
        total.update(run(shape, actions))

    play()
    assert sum(total.values()) >= WANTED * 0.8, total
    assert total[Start.__name__] > 0
    assert total[Throw.__name__] == 0
