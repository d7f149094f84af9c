"""A program that applies conflicting stimuli to running instances, for `test_conflicts.py`: one of several at the same time.

`python -m tests.services.hammer NAME ROUNDS UUID...` prints as JSON what became of them, by kind and outcome. Each round
executes an action in every instance, in an order of its own, and now and then holds one, lets it go on, or fires a timer that
the others fire as well.
"""

import json
import os
import random
import sys
from collections import Counter
from uuid import UUID

import django


def hammer(name: str, rounds: int, uuids: list[UUID]) -> Counter[str]:
    """Apply the stimuli; gives how many were done and refused."""
    from engine import runtime
    from engine.core.stimuli import Actor, Execute, Hold, TimerDue, Unhold
    from engine.models import Instance, Timer, Token

    ids = dict(Instance.objects.filter(uuid__in=uuids).values_list("uuid", "id"))
    tokens = dict(Token.objects.filter(instance_id__in=ids.values(), state="ACTIVE").values_list("instance_id", "uuid"))
    timers = {
        uuid: list(Timer.objects.filter(instance_id=number).values_list("id", flat=True))
        for uuid, number in ids.items()
    }
    chance, actor = random.Random(name), Actor(name)
    given: Counter[str] = Counter()
    for number in range(rounds):
        chance.shuffle(uuids)
        batch = [Execute(uuid, tokens[ids[uuid]], "add", {name: number}, actor) for uuid in uuids]
        if chance.random() < 0.1:
            batch.append(chance.choice((Hold, Unhold))(chance.choice(uuids), actor))
        if chance.random() < 0.2 and timers[uuids[0]]:
            batch.append(TimerDue(uuids[0], timers[uuids[0]].pop()))
        for stimulus, outcome in zip(batch, runtime.apply(batch), strict=True):
            fired = isinstance(stimulus, TimerDue) and not outcome.answer["fired"]
            became = "ignored" if fired else type(outcome).__name__
            given[f"{type(stimulus).__name__} {became}"] += 1
    for uuid in uuids:
        runtime.apply([Unhold(uuid, actor)])
    return given


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flowx_site.settings")
    django.setup()
    print(json.dumps(hammer(sys.argv[1], int(sys.argv[2]), [UUID(each) for each in sys.argv[3:]])))
