"""Two OS processes want opposite things of one instance at the same moment, a thousand times: one of the two orders happened.

Each kind of conflict names what may become of both stimuli, and where the instance is then. A round that ends otherwise has
lost or doubled something; a pair of outcomes that never occurs would mean that there was no conflict.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from engine.core import jsonio
from engine.core.stimuli import (
    Actor,
    ChangeTimer,
    EditVariables,
    Execute,
    ExecuteByOperator,
    Hold,
    Retry,
    RunTimer,
    SkipAction,
    Stimulus,
    Terminate,
    TimerDue,
    Unhold,
)
from engine.models import Instance, JournalEntry, ReceivedMessage, Timer, Token
from tests.builders import TOPIC, process, save_data, websocket_send
from tests.services import checks
from tests.services.duel import Arrives, Fighters, overlapping
from tests.services.scenes import LIMIT, ROUNDS, Place, actor, apply_all, places, start_many

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(LIMIT),
    pytest.mark.usefixtures("no_deadlock"),
]

Strike = Callable[[Place, Actor], Stimulus | Arrives]


@dataclass(frozen=True)
class Kind:
    """A conflict: the process, what is done before, both stimuli, and {(left, right): where that ends}."""

    name: str
    made: process
    left: Strike
    right: Strike
    ends: dict[tuple[str, str], str]
    before: Sequence[Strike] = ()
    params: str = "{}"


def form() -> process:
    return process().start().user_task("Form", save_data("go", autoRunChildren=True), tell()).end()


def tell() -> dict:
    """A frame for each of the callers, so that a doubled step shows in the numbers of frames too."""
    return websocket_send("tell", '{"go": 1}', parentName="go")


def bounded(made: process, host: str, **fields: object) -> process:
    attached = made.node(host)["key"]
    made.add("TIMER_BOUNDARY", "Late", timerExpression="P1D", attachedTo=attached, connect=False, **fields)
    return made.task("React", websocket_send("late", '{"late": 1}')).end("Too late")


def waiting() -> process:
    return process().start().receive("Wait").end()


def cooling(expression: str = "P1D") -> process:
    return process().start().add("TIMER_INTERMEDIATE", "Cool off", timerExpression=expression).end()


def steps() -> process:
    made = process().start().user_task("One", save_data("first", allowTokenReset=True))
    return made.user_task("Two", save_data("second")).user_task("Three", save_data("third")).end()


def go(place: Place, who: Actor) -> Execute:
    return Execute(place.uuid, place.token, "go", {}, who)


def run(name: str) -> Strike:
    return lambda place, who: Execute(place.uuid, place.token, name, {}, who)


def due(place: Place, who: Actor) -> TimerDue:
    return TimerDue(place.uuid, *place.timers[0])


def hold(place: Place, who: Actor) -> Hold:
    return Hold(place.uuid, who)


def unhold(place: Place, who: Actor) -> Unhold:
    return Unhold(place.uuid, who)


def terminate(place: Place, who: Actor) -> Terminate:
    return Terminate(place.uuid, who)


def retry(place: Place, who: Actor) -> Retry:
    return Retry(place.uuid, place.token, who)


def run_timer(place: Place, who: Actor) -> RunTimer:
    return RunTimer(place.uuid, place.timers[0][0], who)


def cancel_timer(place: Place, who: Actor) -> ChangeTimer:
    return ChangeTimer(place.uuid, place.timers[0][0], who)


def stumble(place: Place) -> Stimulus:
    """Takes a moment and does nothing: so that of two strikes the longer one comes first now and then."""
    return TimerDue(uuid.UUID(int=place.id), 0)


def edit(place: Place, who: Actor) -> EditVariables:
    return EditVariables(place.uuid, who, set={"by": who.name}, version=place.revision)


def skip(place: Place, who: Actor) -> SkipAction:
    return SkipAction(place.uuid, place.token, "go", who)


def by_operator(place: Place, who: Actor) -> ExecuteByOperator:
    return ExecuteByOperator(place.uuid, place.token, "go", who)


def mend(place: Place, who: Actor) -> EditVariables:
    return EditVariables(place.uuid, who, set={"wait": "P1D"})


def record(seat: int, *, same: bool = False) -> Strike:
    """A record that a consumer reads: with an id of its own, or one of the instance's; each consumer has a partition."""

    def arrives(place: Place, who: Actor) -> Arrives:
        name = uuid.uuid5(place.uuid, "one" if same else who.name)
        return Arrives(TOPIC, jsonio.dumps({"by": who.name}), name, place.id, seat, 0)

    return arrives


def either(end: str, *, refused: str = "409") -> dict[tuple[str, str], str]:
    """One of two equals wins."""
    return {("done", refused): end, (refused, "done"): end}


KINDS: Sequence[Callable[[], Kind]] = (
    lambda: Kind("the same action twice", form(), go, go, either("FINISHED End")),
    lambda: Kind("skipped and run", form(), skip, go, either("FINISHED End")),
    lambda: Kind("run by an operator and by a user", form(), by_operator, go, either("FINISHED End")),
    lambda: Kind(
        "a timer of a token that leaves",
        bounded(form(), "Form"),
        go,
        due,
        {("done", "ignored"): "FINISHED End", ("409", "fired"): "FINISHED Too late"},
    ),
    lambda: Kind(
        "a reminder for a token that leaves",
        bounded(form(), "Form", interrupting=False),
        go,
        due,
        {("done", "ignored"): "FINISHED End", ("done", "fired"): "FINISHED End, Too late"},
    ),
    lambda: Kind(
        "one timer twice",
        cooling(),
        due,
        due,
        {("fired", "ignored"): "FINISHED End", ("ignored", "fired"): "FINISHED End"},
    ),
    lambda: Kind(
        "a timer fired by hand",
        cooling(),
        run_timer,
        due,
        {("done", "ignored"): "FINISHED End", ("409", "fired"): "FINISHED End"},
    ),
    lambda: Kind(
        "a timer cancelled",
        cooling(),
        cancel_timer,
        due,
        {("done", "ignored"): "STARTED Cool off", ("409", "fired"): "FINISHED End"},
    ),
    lambda: Kind(
        "terminated and left",
        form(),
        terminate,
        go,
        {("done", "409"): "TERMINATED Form", ("409", "done"): "FINISHED End"},
    ),
    lambda: Kind("terminated twice", form(), terminate, terminate, either("TERMINATED Form")),
    lambda: Kind("held and left", form(), hold, go, {("done", "409"): "ON_HOLD Form", ("409", "done"): "FINISHED End"}),
    lambda: Kind("held twice", form(), hold, hold, either("ON_HOLD Form")),
    lambda: Kind(
        "a hold ended twice, with a timer that waited",
        bounded(form(), "Form", interrupting=False),
        unhold,
        unhold,
        either("STARTED Form, Too late"),
        before=(hold, due),
    ),
    lambda: Kind(
        "a timer at the end of a hold",
        bounded(form(), "Form"),
        unhold,
        due,
        {("done", "fired"): "FINISHED Too late", ("done", "ignored"): "FINISHED Too late"},
        before=(hold,),
    ),
    lambda: Kind("back twice", steps(), run("first"), run("first"), either("STARTED Two"), before=(run("first"),)),
    lambda: Kind(
        "back and on",
        steps(),
        run("first"),
        run("second"),
        {("done", "done"): "STARTED Two", ("done", "409"): "STARTED Two"},
        before=(run("first"),),
    ),
    lambda: Kind(
        "retried twice", cooling("${wait}"), retry, retry, either("STARTED Cool off"), (mend,), '{"wait": "soon"}'
    ),
    lambda: Kind(
        "retried and terminated",
        cooling("${wait}"),
        retry,
        terminate,
        {("done", "done"): "TERMINATED Cool off", ("409", "done"): "TERMINATED Cool off"},
        (mend,),
        '{"wait": "soon"}',
    ),
    lambda: Kind("edited twice", form(), edit, edit, either("STARTED Form")),
    lambda: Kind(
        "edited and left", form(), edit, go, {("done", "done"): "FINISHED End", ("409", "done"): "FINISHED End"}
    ),
    lambda: Kind(
        "one record twice", waiting(), record(0, same=True), record(1, same=True), {("taken", "taken"): "FINISHED End"}
    ),
    lambda: Kind("two records", waiting(), record(0), record(1), {("taken", "taken"): "FINISHED End"}),
    lambda: Kind(
        "a reply and the end of patience",
        bounded(waiting(), "Wait"),
        record(0),
        due,
        {("taken", "ignored"): "FINISHED End", ("taken", "fired"): "FINISHED Too late"},
    ),
    lambda: Kind(
        "a reply and the end of the instance",
        waiting(),
        record(0),
        terminate,
        {("taken", "409"): "FINISHED End", ("taken", "done"): "TERMINATED Wait"},
    ),
)


def test_of_two_that_want_opposite_things_of_an_instance_one_comes_first(fighters: Fighters) -> None:
    kinds = [make() for make in KINDS]
    many = -(-ROUNDS // len(kinds))
    fields = [(kind, place) for kind in kinds for place in prepared(kind, many)]
    chance = random.Random("duels")
    chance.shuffle(fields)
    plans: list[list[list[list[Stimulus | Arrives]]]] = [[], []]
    for number, (kind, place) in enumerate(fields):
        strikes = [kind.left(place, actor("left", place.id)), kind.right(place, actor("right", place.id))]
        strikes = [replace(each, offset=number) if isinstance(each, Arrives) else each for each in strikes]
        slower = any(isinstance(each, Arrives) for each in strikes)  # a record has a longer way to the lock
        for seat in (0, 1):  # every other round they change places, should one of them be faster
            strike = strikes[(seat + number) % 2]
            late = chance.choice((0, 4, 8, 12) if slower and not isinstance(strike, Arrives) else (0, 0, 1, 2, 3))
            plans[seat].append([[stumble(place)]] * late + [[strike]])

    fought = fighters.fight(*plans)

    seen: Counter[tuple[str, tuple[str, str], str]] = Counter()
    ends = where([place for _, place in fields])
    for number, ((kind, place), *both) in enumerate(zip(fields, *fought, strict=True)):
        left, right = (both[(seat + number) % 2].words[-1] for seat in (0, 1))
        seen[kind.name, (left, right), ends[place.id]] += 1
    allowed = {(kind.name, words, end) for kind in kinds for words, end in kind.ends.items()}
    assert set(seen) - allowed == set()
    if ROUNDS >= 1000:
        assert allowed - set(seen) == set(), "these never happened: was there a conflict?"
        assert len(fields) >= 1000
    assert overlapping(*fought) > len(fields) / 2
    check_counts(fields)
    checks.all_holds()


def prepared(kind: Kind, many: int) -> list[Place]:
    """So many instances, each at the point where the conflict begins."""
    made = start_many(kind.made.publish(), [jsonio.loads(kind.params)] * many)  # type: ignore[list-item]
    for strike in kind.before:
        apply_all([each for place in made if not isinstance(each := strike(place, actor("before")), Arrives)])
        made = places([place.uuid for place in made])
    return made


def where(all_places: Sequence[Place]) -> dict[int, str]:
    """The state of each instance, and the nodes of the tokens that are not aborted, in words."""
    nodes: dict[int, list[str]] = {place.id: [] for place in all_places}
    for token in Token.objects.exclude(state="ABORTED").order_by("id"):
        nodes[token.instance_id].append(token.current_node_name)
    rows = Instance.objects.filter(id__in=list(nodes))
    return {row.id: f"{row.state} {', '.join(nodes[row.id])}" for row in rows}


def check_counts(fields: Sequence[tuple[Kind, Place]]) -> None:
    """What was done left its trace once: the action's frame, the timer's, the record."""
    ids = {
        name: [place.id for kind, place in fields if kind.name == name] for name in {kind.name for kind, _ in fields}
    }
    ran = JournalEntry.objects.filter(event="Execute action", action_name="go", details__type="SAVE_DATA").order_by()
    told = JournalEntry.objects.filter(action_name="tell", frame_seq__isnull=False).order_by()
    assert ran.count() == ran.values("instance_id").distinct().count() == told.count()
    once = {"Unhold": "a hold ended twice, with a timer that waited", "Hold": "held twice", "Retry": "retried twice"}
    for event, name in once.items():
        assert JournalEntry.objects.filter(event=event, instance_id__in=ids[name]).count() == len(ids[name])
    late = JournalEntry.objects.filter(action_name="late", frame_seq__isnull=False).count()
    assert late == Timer.objects.filter(state="FIRED", node_name="Late").count()
    for name in ("one record twice", "two records"):
        received = JournalEntry.objects.filter(event="Message Receive", status="success", instance_id__in=ids[name])
        assert received.count() == len(ids[name])
    kept = ReceivedMessage.objects.filter(instance_id__in=ids["one record twice"] + ids["two records"])
    assert Counter(kept.values_list("state", flat=True)) == {"late": len(ids["two records"])}
