"""Message events between instances: throw, catch, boundaries, starts (engine 1.8)."""

import pytest

from engine.core.stimuli import Execute, Hold, Unhold
from engine.models import EventSubscription, Incident, Instance, Token
from tests.builders import USER, Published, Running, apply, process, save_data

pytestmark = pytest.mark.django_db

EVENT = {"messageName": "bikeBack", "correlationKey": "bike.id"}
BIKE = {"bike": {"id": 7}}


def thrower(**fields) -> Published:
    event = {**EVENT, "data": '{"km": ${km}}', **fields}
    return process().start().add("MESSAGE_THROW", "Throw", **event).end().publish()


def catcher(**fields) -> process:
    event = {**EVENT, "receiveDataKey": "back", **fields}
    return process().start().add("MESSAGE_CATCH_INTERMEDIATE", "Catch", **event).end()


def host(**fields) -> process:
    made = process().start().user_task("Form", save_data("go")).end()
    event = {**EVENT, "receiveDataKey": "back", "attachedTo": made.node("Form")["key"], **fields}
    made.add("MESSAGE_CATCH_BOUNDARY", "On event", connect=False, **event)
    return made.task("React").end("Reacted")


def test_e019_e021_a_throw_reaches_the_waiting_catch_which_stores_the_data_and_moves_on():
    waiting = catcher().publish().start(BIKE)
    assert waiting.position == ("Catch", "WAITING_MESSAGE_EVENT")
    thrown = thrower().start({**BIKE, "km": 12})
    assert thrown.state == "FINISHED"
    assert waiting.state == "FINISHED"
    assert waiting.params == {**BIKE, "back": {"km": 12}}
    assert not EventSubscription.objects.exists()


@pytest.mark.parametrize("fields", [{"messageName": "other"}, {}])
def test_e020_another_name_or_value_catches_nothing(fields):
    waiting = catcher(**fields).publish().start({"bike": {"id": 7 if fields else 8}})
    thrower().start({**BIKE, "km": 1})
    assert waiting.position == ("Catch", "WAITING_MESSAGE_EVENT")


def test_a_text_does_not_equal_a_number():
    waiting = catcher().publish().start({"bike": {"id": "7"}})
    thrower().start({**BIKE, "km": 1})
    assert waiting.state == "STARTED"


def test_an_event_is_matched_once_to_all_who_wait_then_and_is_not_kept():
    both = [catcher().publish().start(BIKE) for _ in range(2)]
    thrower().start({**BIKE, "km": 1})
    assert [running.state for running in both] == ["FINISHED", "FINISHED"]
    late = catcher().publish().start(BIKE)
    assert late.state == "STARTED"


def test_e022_an_interrupting_boundary_ends_the_host_and_leaves_by_its_sequence():
    running = host().publish().start(BIKE)
    thrower().start({**BIKE, "km": 3})
    assert running.state == "FINISHED"
    assert [entry.node_name for entry in running.journal("Advance")] == ["Form", "On event", "React", "Reacted"]
    assert running.params["back"] == {"km": 3}
    assert Token.objects.filter(instance_id=running.row.id).count() == 1


def test_e023_a_non_interrupting_boundary_makes_a_side_token_each_time():
    running = host(interrupting=False).publish().start(BIKE)
    for km in (1, 2):
        thrower().start({**BIKE, "km": km})
    assert running.params["back"] == {"km": 2}
    assert running.position[0] == "Reacted"
    assert Token.objects.filter(instance_id=running.row.id, current_node_name="Form", state="ACTIVE").count() == 1
    assert Token.objects.filter(instance_id=running.row.id, current_node_name="Reacted").count() == 2
    assert running.state == "STARTED"


def test_a_boundary_is_no_longer_awaited_once_the_token_has_left():
    running = host().publish().start(BIKE)
    running.execute("go")
    assert running.state == "FINISHED"
    assert not EventSubscription.objects.exists()


def test_e024_a_catch_start_makes_an_instance_unless_one_with_the_value_exists():
    definition = process("returned").add("MESSAGE_CATCH_START", "Came", connect=False, receiveDataKey="back", **EVENT)
    definition.user_task("Look", save_data("done")).end().publish()
    thrower().start({**BIKE, "km": 3})
    thrower().start({**BIKE, "km": 4})
    made = Instance.objects.filter(process_name="returned")
    assert made.count() == 1
    running = Running(None, made.get().uuid)
    assert running.params == {**BIKE, "back": {"km": 3}}
    assert (running.row.owner_name, running.position[0]) == ("flowx-service", "Look")
    thrower().start({"bike": {"id": 8}, "km": 5})
    assert made.count() == 2


def test_a_catch_start_without_a_key_starts_each_time():
    fields = {"messageName": "bikeBack", "receiveDataKey": "back"}
    process("each").add("MESSAGE_CATCH_START", "Came", connect=False, **fields).end().publish()
    for km in (1, 2):
        thrower().start({**BIKE, "km": km})
    assert Instance.objects.filter(process_name="each").count() == 2


def test_a_throw_without_a_value_to_compare_is_an_incident():
    running = thrower().start({"km": 1})
    assert Incident.objects.get(instance_id=running.row.id).type == "Engine"
    assert running.position[0] == "Throw"


def test_on_hold_an_event_waits_for_the_unhold():
    running = catcher().publish().start(BIKE)
    apply(Hold(running.uuid, USER, "wait"))
    thrower().start({**BIKE, "km": 5})
    assert running.position == ("Catch", "WAITING_MESSAGE_EVENT")
    apply(Unhold(running.uuid, USER, "go"))
    assert running.state == "FINISHED"
    assert running.params["back"] == {"km": 5}


def test_the_waiting_catch_survives_a_reload_by_another_stimulus():
    made = process().start().add("PARALLEL_GATEWAY", "Split").user_task("Form", save_data("go"))
    made.add("MESSAGE_CATCH_INTERMEDIATE", "Catch", connect=False, **EVENT).link("Split", "Catch")
    made.add("PARALLEL_GATEWAY", "Join").link("Form", "Join").end()
    running = made.publish().start(BIKE)
    thrower().start({**BIKE, "km": 5})
    assert running.state == "STARTED"
    form = Token.objects.get(instance_id=running.row.id, current_node_name="Form")
    apply(Execute(running.uuid, form.uuid, "go", {}, USER))
    assert running.state == "FINISHED"
