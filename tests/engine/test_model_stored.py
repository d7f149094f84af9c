"""The same random processes and stimuli through the real runtime and the database: what is stored is what the core says.

Smaller than `test_model.py`, since each step costs some milliseconds; `MODEL_STORED_STEPS` asks for more.
"""

import os
from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Max
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine import (
    clock,
    configuration,
    ids,
    integrations,
    publishing,
    runtime,
    snapshots,
    starting,
    timer_starts,
)
from engine.core import jsonio
from engine.core.graph import Graph
from engine.core.integrations import Scenario
from engine.core.state import InstanceState
from engine.core.stimuli import Crashed, Done, MessageReceived, Outcome, Refusal, Refused, Start, Stimulus, Throw
from engine.models import (
    EventStart,
    Instance,
    IntegrationScenario,
    JournalEntry,
    OutboxMessage,
    PendingStimulus,
    StartCorrelation,
    Timer,
    TimerStart,
)
from engine.storage import load
from tests.engine.stored.scene import MODELS
from tests.model.choices import Choices
from tests.model.invariants import check
from tests.model.processes import family
from tests.model.replay import Replayer
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
        self.newest = JournalEntry.objects.aggregate(newest=Max("id"))["newest"] or 0

    def rename(self, link: tuple[str, str], scenario: Scenario) -> None:
        """The integration is stored anew, with all its scenarios."""
        super().rename(link, scenario)
        scenarios = [
            {
                "name": name,
                "send": {
                    "topics": [{"topic": each.send_topic}] if each.send_topic else [],
                    "headers": [{"name": key, "value": value} for key, value in each.headers.items()],
                },
                "receive": {"topics": [{"topic": each.receive_topic}] if each.receive_topic else []},
            }
            for (_, name), each in self.scenarios.items()
        ]
        integrations.store({"name": link[0], "scenarios": scenarios})

    def start_params(self, state: InstanceState) -> dict[str, Any]:
        """A load leaves it out."""
        given = jsonio.loads(Instance.objects.values_list("start_params", flat=True).get(uuid=state.uuid))
        assert isinstance(given, dict)
        return given

    def inherited(self, related: InstanceState, copied: list[str], left_out: list[str]) -> dict[str, Any]:
        """What the door of starts takes over is what the model says (engine 2.5)."""
        expected = super().inherited(related, copied, left_out)
        wanted = {"paramsToCopy": copied, "withoutParams": left_out}
        assert starting.inherited(Instance.objects.get(uuid=related.uuid), wanted) == expected
        return expected

    def apply(self, stimulus: Stimulus) -> Done | Refusal:
        self.fresh = []
        if isinstance(stimulus, MessageReceived):
            if stimulus.message_id in self.seen:
                return Refusal(409, "Taken out by the consumer: it has come before.")
            self.seen.add(stimulus.message_id)
        before = self._rows()
        with clock.taken_from(lambda: self.now):
            outcome = self._applied(stimulus)
        assert not isinstance(outcome, Crashed), outcome
        self.pending = []  # the runtime has applied them
        self._look()
        if isinstance(outcome, Refused):
            assert self._rows() == before, f"a refusal left rows: {outcome.refusal}"
            return outcome.refusal
        return outcome

    def _applied(self, stimulus: Stimulus) -> Outcome:
        if isinstance(stimulus, Start) and stimulus.node_id == self._timer_start(stimulus.snapshot_id):
            return self._on_schedule(stimulus)
        [outcome] = runtime.apply([stimulus])
        return outcome

    def _timer_start(self, snapshot_id: int) -> int:
        node = self.graph(snapshot_id).timer_start()
        return 0 if node is None else node.id

    def _on_schedule(self, stimulus: Start) -> Outcome:
        """Not by this stimulus, but by the sweep, when the process's schedule is due; a moment that was missed is no start."""
        row = TimerStart.objects.get(snapshot_id=stimulus.snapshot_id)
        assert row.next_due_at is not None
        if self.now - row.next_due_at > timer_starts.LATE:
            before = Instance.objects.filter(snapshot_id=row.snapshot_id, start_params="{}").count()
            timer_starts.start_due()
            assert Instance.objects.filter(snapshot_id=row.snapshot_id, start_params="{}").count() == before, (
                "made up for"
            )
            row.refresh_from_db()
        known = set(Instance.objects.values_list("uuid", flat=True))
        self.now = max(self.now, row.next_due_at or self.now)
        timer_starts.start_due()
        assert timer_starts.start_due() == 0, "a schedule was due twice"
        made = Instance.objects.exclude(uuid__in=known).filter(snapshot_id=row.snapshot_id, relation="")
        [uuid] = [each.uuid for each in made if each.start_params == "{}"]
        return Done(uuid, {})

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
        rows = JournalEntry.objects.filter(id__gt=self.newest).order_by("id")
        self.fresh = [(row.instance_id, row) for row in rows]  # type: ignore[misc]
        self.newest = max((row.id for row in rows), default=self.newest)
        by_id = {state.id: state for state in self.instances.values()}
        rows = OutboxMessage.objects.exclude(instance_id=None).order_by("seq")
        self.outgoing = [(by_id[row.instance_id or 0], _outgoing(row)) for row in rows if row.action_id]
        self.sent = {row.id: row for _, row in self.outgoing}
        self.timers, self.every_timer = {}, {}
        for timer in Timer.objects.order_by("id"):
            owner = by_id[timer.instance_id].uuid
            self.timers[timer.id] = owner
            self.every_timer.setdefault(owner, {})[timer.id] = timer  # type: ignore[assignment]


def _outgoing(row: OutboxMessage) -> Any:
    """The row with its headers as the core names them."""

    row.headers = jsonio.loads(row.headers)  # type: ignore[assignment]
    return row


def run(shape: bytes, actions: bytes) -> Counter[str]:
    """Play one example in an empty database; gives what was done."""
    for model in (StartCorrelation, TimerStart, EventStart, IntegrationScenario, *MODELS[::-1]):
        model.objects.all().delete()
    snapshots.forget()
    configuration.forget()
    made = family(Choices(shape))
    rows = [publishing.publish_snapshot(each.snapshot(), published_by="model") for each in made]
    store = StoredStore({row.id: snapshots.graph(row.id) for row in rows})
    for name in TimerStart.objects.values_list("process_name", flat=True):
        with clock.taken_from(lambda: store.now):
            timer_starts.activate(name, user="model")
    stimuli, replayer = Stimuli(store, Choices(actions)), Replayer(store)
    done: Counter[str] = Counter()
    for _ in range(STEPS_AN_EXAMPLE):
        stimulus = stimuli.next()
        if stimulus is None:
            continue
        before: dict[int, InstanceState] = {state.id: state for state in store.instances.values()}
        outcome = store.apply(stimulus)
        check(store, before)
        check_rows(store)
        replayer.follow(stimulus, outcome)
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
    @given(shape=st.binary(min_size=240, max_size=240), actions=st.binary(min_size=240, max_size=240))
    def play(shape: bytes, actions: bytes) -> None:
        ids.forget()
        total.update(run(shape, actions))

    play()
    assert sum(total.values()) >= WANTED * 0.8, total
    assert total[Start.__name__] > 0
    assert total[Throw.__name__] == 0
