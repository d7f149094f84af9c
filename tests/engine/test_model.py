"""Random processes, random stimuli, and no invariant broken (architecture 4), on the pure core.

Each example is a family of processes and a list of stimuli, both made of bytes, so that hypothesis shrinks what it finds; a
found case becomes a plain test in `test_found_cases.py`. The run is the same each time; `MODEL_STEPS=1000000` asks for other
and more examples.

After each step the invariants of `tests.model.invariants` hold, and the data of every instance is what the journals give when
they are replayed (`tests.model.replay`).
"""

import os
from collections import Counter
from typing import get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.core.kinds import ActionType, NodeType
from engine.core.stimuli import Done, Stimulus
from tests.model.choices import Choices
from tests.model.invariants import check
from tests.model.processes import family
from tests.model.replay import Replayer
from tests.model.stimuli import Stimuli
from tests.model.store import Store

pytestmark = pytest.mark.timeout(0 if "MODEL_STEPS" in os.environ else 300)  # shrinking a failure takes its time
STEPS_AN_EXAMPLE = 40
CI_STEPS = 24_000
KINDS = {kind.__name__ for kind in get_args(Stimulus)} | {"refused"} | {str(kind) for kind in ActionType}
KINDS |= {str(kind) for kind in NodeType if kind is not NodeType.MILESTONE_END}
"""What must have been seen in a run: each stimulus applied, each action completed, each node entered."""
WANTED = int(os.environ.get("MODEL_STEPS", CI_STEPS))


def run(shape: bytes, actions: bytes, trace: list[str] | None = None) -> Counter[str]:
    """Play one example; gives what was done, by kind of stimulus."""
    made = family(Choices(shape))
    store = Store({number: each.graph() for number, each in enumerate(made, 1)})
    stimuli, replayer = Stimuli(store, Choices(actions)), Replayer(store)
    done: Counter[str] = Counter()
    for _ in range(STEPS_AN_EXAMPLE):
        stimulus = stimuli.next()
        if stimulus is None:
            continue
        if trace is not None:
            trace.append(str(stimulus))
        before = {state.id: state for state in store.instances.values()}
        outcome = store.apply(stimulus)
        check(store, before)
        replayer.follow(stimulus, outcome)
        done[type(stimulus).__name__ if isinstance(outcome, Done) else "refused"] += 1
        done["steps"] += 1
    done.update({str(each): 1 for each in (*replayer.ran, *replayer.visited)})
    return done


def test_nothing_breaks_an_invariant_of_the_core() -> None:
    total: Counter[str] = Counter()

    @settings(
        max_examples=WANTED // 24,
        deadline=None,
        database=None,
        derandomize=WANTED == CI_STEPS,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(shape=st.binary(min_size=240, max_size=240), actions=st.binary(min_size=240, max_size=240))
    def play(shape: bytes, actions: bytes) -> None:
        total.update(run(shape, actions))

    play()
    assert total["steps"] >= min(WANTED, 10_000), total
    assert set(total) >= KINDS, f"never seen: {KINDS - set(total)}"
