"""Two OS processes whose trees act on each other, a thousand times: values and frames for a common parent, events both ways.

Such effects are stored with the commit that caused them and applied next, by whoever comes first (engine 1.8, 3.4): each takes
effect once, an instance that waits for events misses none, and no two trees are ever locked in a ring.
"""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from engine.core import jsonio
from engine.core.stimuli import Execute, Start, Stimulus
from engine.models import Instance, JournalEntry, StartCorrelation
from tests.builders import USER, Published, action, process, save_data, websocket_send
from tests.services import checks
from tests.services.duel import Call, Fighters, overlapping
from tests.services.scenes import LIMIT, ROUNDS, Place, actor, apply_all, places, start_many

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(LIMIT),
    pytest.mark.usefixtures("no_deadlock"),
]
HUBS, PAIRS, OPENED_EACH = 50, 250, 5
NAMES = ("left", "right")


def heir(by: str) -> Published:
    """Writes a number under its name into its INHERITED parent's data and sends it a frame, again and again."""
    params = {"params": f'{{"{by}": ${{n}}}}', "destination": "told"}
    write = action("write", "APPEND_PARAMS_TO_PARENT", params, parentName="tell", repeatable=True)
    push = websocket_send("push", f'{{"{by}": ${{n}}}}', targetProcess="PARENT", parentName="tell", repeatable=True)
    tell = save_data("tell", ["n"], repeatable=True, optional=True, autoRunChildren=True)
    return process().start().user_task("Form", tell, write, push, save_data("go")).end().publish()


def pen_pal() -> Published:
    """Writes a letter each time it is asked to, and counts those that it gets meanwhile, in any number."""
    rule = {"language": "ZEN", "target": "letters", "message": "(input.letters ?? 0) + 1"}
    made = process().start().gateway("Again").user_task("Desk", save_data("send"))
    made.add("MESSAGE_THROW", "Post", messageName="letter", correlationKey="peer", data='{"from": ${me}}').link(
        "Post", "Again"
    )
    event = {"messageName": "letter", "correlationKey": "me", "receiveDataKey": "last", "interrupting": False}
    made.add("MESSAGE_CATCH_BOUNDARY", "Letter", attachedTo=made.node("Desk")["key"], connect=False, **event)
    return made.task("Read", action("count", "BUSINESS_RULE", actionRuleDefinitions=[rule])).end().publish()


def opener() -> Published:
    """Throws an event that starts a process, which there may be once for each key."""
    event = {"messageName": "opening", "correlationKey": "key"}
    process("opened").add("MESSAGE_CATCH_START", "Open", **event).user_task("Form", save_data("go")).end().publish()
    return process().start().add("MESSAGE_THROW", "Throw", **event).end().publish()


def heirs(published: dict[str, Published], hubs: Sequence[Place]) -> dict[str, list[Place]]:
    """One of each side for each hub."""
    made: dict[str, list[Place]] = {}
    for name in NAMES:
        stimuli = [
            Start(
                uuid.uuid4(),
                published[name].snapshot_id,
                {},
                USER,
                parent_id=hub.id,
                parent_uuid=hub.uuid,
                relation="INHERITED",
            )
            for hub in hubs
        ]
        apply_all(stimuli)
        made[name] = places([stimulus.uuid for stimulus in stimuli])
    return made


def test_effects_on_other_trees_take_place_once_each_whoever_is_faster(fighters: Fighters) -> None:
    hubs = start_many(process("hub").start().user_task("Form", save_data("go")).end().publish(), [{}] * HUBS)
    family = heirs({name: heir(name) for name in NAMES}, hubs)
    pal = pen_pal()
    pals = {
        "left": start_many(pal, [{"me": f"l{number}", "peer": f"r{number}"} for number in range(PAIRS)]),
        "right": start_many(pal, [{"me": f"r{number}", "peer": f"l{number}"} for number in range(PAIRS)]),
    }
    opening = opener().snapshot_id

    def plan(name: str) -> list[list[Call]]:
        chance, rounds = random.Random(name), []
        for number in range(ROUNDS):
            teller, writer = family[name][number // 2 % HUBS], pals[name][number // 2 % PAIRS]
            who = actor(name, number)
            todo: list[Stimulus] = [
                Execute(teller.uuid, teller.token, "tell", {"n": number}, who)
                if number % 2
                else Execute(writer.uuid, writer.token, "send", {}, who)
            ]
            if number % OPENED_EACH == 0:
                todo.append(Start(uuid.uuid4(), opening, {"key": number}, who))
            chance.shuffle(todo)
            rounds.append([todo] if chance.random() < 0.3 else [[each] for each in todo])
        return rounds

    fought = fighters.fight(*(plan(name) for name in NAMES))

    assert {word for both in fought for each in both for word in each.words} == {"done"}
    assert overlapping(*fought) > ROUNDS / 2
    check_hubs(hubs)
    check_letters(pals)
    check_opened()
    checks.all_holds()


def check_hubs(hubs: Sequence[Place]) -> None:
    """Each number came once, as value and as frame, of each side in the order in which it was told."""
    for index, hub in enumerate(hubs):
        expected = [number for number in range(1, ROUNDS, 2) if number // 2 % HUBS == index]
        rows = JournalEntry.objects.filter(instance_id=hub.id).order_by("number")
        written: dict[str, list[Any]] = {name: [] for name in NAMES}
        pushed: dict[str, list[Any]] = {name: [] for name in NAMES}
        for row in rows:
            if row.event == "Update":
                [(name, number)] = jsonio.loads(row.payload).items()  # type: ignore[union-attr, arg-type]
                written[name].append(number)
            elif row.frame_type == "data":
                [(name, number)] = jsonio.loads(row.payload)["data"].items()  # type: ignore[index, arg-type, call-overload]
                pushed[name].append(number)
        assert written == dict.fromkeys(NAMES, expected)
        assert pushed == dict.fromkeys(NAMES, expected)
        params = jsonio.loads(Instance.objects.get(id=hub.id).params)
        assert params == {"told": dict.fromkeys(NAMES, expected[-1])}


def check_letters(pals: dict[str, list[Place]]) -> None:
    """Who waits at the desk, before and after each letter of his own, gets every letter, once."""
    sent = Counter(number // 2 % PAIRS for number in range(0, ROUNDS, 2))
    params = {row.id: jsonio.loads(row.params) for row in Instance.objects.filter(process_name=pal_name(pals))}
    got = {
        name: {index: params[place.id].get("letters", 0) for index, place in enumerate(pals[name])} for name in NAMES
    }  # type: ignore[union-attr]
    assert got == {name: dict(sent) for name in NAMES}


def pal_name(pals: dict[str, list[Place]]) -> str:
    return pals["left"][0].process


def check_opened() -> None:
    """One instance a key, though both asked for it at the same moment."""
    keys = [jsonio.loads(row.params)["key"] for row in Instance.objects.filter(process_name="opened").order_by("id")]  # type: ignore[index, call-overload]
    assert Counter(keys) == Counter(range(0, ROUNDS, OPENED_EACH))
    assert StartCorrelation.objects.count() == len(keys)
