"""What the status page says of an instance, how its diagram is painted, and its tokens as documents."""

from __future__ import annotations

import re

from django.utils import timezone

from engine import runtime
from engine.core.stimuli import Actor, Hold, Terminate
from engine.models import OutboxMessage
from engine.queries import status
from engine.queries.diagram import Painting, paint
from engine.queries.sentence import Saying, sentence_of
from engine.queries.tokens import token_documents
from engine.queries.whereabouts import where_is
from engine.queries.words import plain
from tests.builders import TOPIC, Running, apply, kafka_send, process, save_data
from tests.operate.processes import asking, delayed, finished, stuck_now, waiting

OTTO = Actor("otto", None)


def loaded(running: Running) -> status.InstanceStatus:
    return status.load(running.row, now=timezone.now())


def said(running: Running) -> Saying:
    return sentence_of(loaded(running))


def sentence(running: Running) -> str:
    """The sentence, its times of day taken out."""
    return re.sub(r"(\d+ \w+ )?\d\d:\d\d(:\d\d)?", "T", plain(said(running).words))


def states(painting: Painting) -> dict[str, str]:
    return {node.name: node.state for node in painting.nodes}


# -- the sentence ------------------------------------------------------------------------------------------------------


def test_the_sentence_says_for_whom_it_waits_and_what_is_missing(db: None) -> None:
    running = asking()
    assert sentence(running) == "Waiting since T on Rider details for a person in Rider to run submit_details."
    assert said(running).tone == "wait"


def test_the_sentence_says_for_which_message_it_waits_and_when_it_times_out(db: None) -> None:
    text = sentence(waiting())
    assert text.startswith(
        f"Waiting since T on Bike reserved for a message on {TOPIC}; the reply times out at T (in 1 min)"
    )


def test_the_sentence_says_until_when_it_is_delayed_and_what_runs_then(db: None) -> None:
    assert sentence(delayed()) == "Waiting since T on Tell rider until T (in 4 min): then tell_rider runs."


def test_the_sentence_says_where_it_is_stuck_why_and_what_to_do(db: None) -> None:
    running = stuck_now()
    assert sentence(running).startswith(
        "Stuck since T on Tell the shop: No value for topic placeholder region. Set the key"
    )
    assert said(running).tone == "stop"


def test_the_sentence_of_an_instance_that_could_not_start(db: None) -> None:
    running = process().start().gateway("Choose", ("nonsense(", "End")).end().publish().start()
    assert running.state in ("CREATED", "STARTED")
    assert "tuck since T on" in sentence(running)


def test_the_sentence_says_who_froze_it_and_why(db: None) -> None:
    running = waiting()
    apply(Hold(running.uuid, OTTO, "Stock check"))
    assert sentence(running) == (
        "On hold since T by otto: “Stock check”. It stands on Bike reserved; "
        "messages and timers are kept and run when it goes on."
    )


def test_the_sentence_says_how_it_ended(db: None) -> None:
    assert re.fullmatch(r"Finished at T on Active after \d+ s\.", sentence(finished()))
    ended = asking()
    apply(Terminate(ended.uuid, OTTO, "Withdrew"))
    assert sentence(ended) == "Terminated at T by otto: “Withdrew”; it stood on Rider details."


def test_a_refused_record_is_told_beside_what_goes_on_meanwhile(db: None) -> None:
    running = waiting()
    row = running.sent()[0]
    OutboxMessage.objects.filter(seq=row.seq).update(state="failed", last_error="too large")
    runtime.delivery_failed(row.id, "too large")
    text = sentence(running)
    assert text.startswith("Since T: Kafka refused the message of 'reserve_bike' for bikes.v1: too large.")
    assert "Meanwhile: Waiting since T on Bike reserved" in text


# -- the diagram -------------------------------------------------------------------------------------------------------


def test_e054_passed_nodes_are_green_the_stuck_one_red_a_waiting_one_amber(db: None) -> None:
    assert states(paint(loaded(waiting()))) == {
        "Opened": "passed",
        "Rider details": "passed",
        "Reserve bike": "passed",
        "Bike reserved": "wait",
        "Tell rider": "future",
        "Active": "future",
    }
    running = stuck_now()
    assert states(paint(loaded(running)))["Tell the shop"] == "stuck"


def test_all_ways_of_waiting_are_amber_and_the_end_of_a_finished_one_is_green(db: None) -> None:
    assert states(paint(loaded(asking())))["Rider details"] == "wait"
    assert states(paint(loaded(delayed())))["Tell rider"] == "wait"
    assert set(states(paint(loaded(finished()))).values()) == {"passed"}


def test_the_node_where_it_was_ended_by_hand_is_told_apart(db: None) -> None:
    running = asking()
    apply(Terminate(running.uuid, OTTO, "Withdrew"))
    assert states(paint(loaded(running)))["Rider details"] == "ended"


def test_sequences_are_passed_where_a_token_went(db: None) -> None:
    running = waiting()
    nodes = {node["name"]: node["id"] for node in running.published.definition.nodes}
    assert paint(loaded(running)).passed == [
        (nodes["Opened"], nodes["Rider details"]),
        (nodes["Rider details"], nodes["Reserve bike"]),
        (nodes["Reserve bike"], nodes["Bike reserved"]),
    ]


def test_the_diagram_is_told_in_words(db: None) -> None:
    assert paint(loaded(waiting())).label == "Opened, Rider details, Reserve bike passed; Bike reserved waiting"


# -- tokens ------------------------------------------------------------------------------------------------------------


def documents(running: Running) -> list[dict]:
    shown = loaded(running)
    return token_documents(shown.tokens, shown.visits, shown.graph)


def test_e056_a_token_has_every_documented_field_and_its_version_grows_with_each_save(db: None) -> None:
    running = asking()
    token = documents(running)[0]
    assert set(token) == {
        "id",
        "version",
        "parentTokenId",
        "startNodeId",
        "currentNodeId",
        "currentNodeName",
        "state",
        "statusCurrentNode",
        "syncNodeTokensCount",
        "syncNodeTokensFinished",
        "dateUpdated",
        "paramValues",
        "processInstanceId",
        "currentNode",
        "nodesActionStates",
        "backSeq",
        "uuid",
    }
    assert (token["paramValues"], token["currentNode"], token["parentTokenId"]) == (None, None, None)
    assert token["currentNodeName"] == "Rider details"
    assert token["statusCurrentNode"] == "EXECUTED_PARTIAL"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", token["dateUpdated"])
    assert token["version"] == 0
    running.execute("submit_details", {})
    assert documents(running)[0]["version"] == 1


def test_e057_nodes_action_states_has_one_entry_an_arrival_and_a_map_by_action_id(db: None) -> None:
    running = waiting()
    arrivals = documents(running)[0]["nodesActionStates"]
    assert [arrival["name"] for arrival in arrivals] == ["Opened", "Rider details", "Reserve bike", "Bike reserved"]
    assert [arrival["actionStateData"] is None for arrival in arrivals] == [True, False, False, True]
    action = running.published.definition.action("submit_details")
    entry = arrivals[1]["actionStateData"][str(action["id"])]
    assert (entry["name"], entry["state"]) == ("submit_details", "COMPLETED")
    assert entry["lastExecutedDate"].endswith("Z")
    assert all(arrival["arrivedDate"].endswith("Z") for arrival in arrivals)


def test_callbacks_stand_inside_the_entry_of_their_kafka_send(db: None) -> None:
    child = save_data("note_reply", manual=False, parentName="ask")
    running = (
        process()
        .start()
        .user_task("Ask", save_data("go"), kafka_send("ask", manual=False), child, dataStreamTopics=[
            {"topicName": "answers.v1", "keyName": "reply"}
        ])
        .end()
        .publish()
        .start()
    )  # fmt: skip
    running.reply({"ok": True}, topic="answers.v1", headers={"callbacksForAction": "ask"})
    data = documents(running)[0]["nodesActionStates"][1]["actionStateData"]
    ask = data[str(running.published.definition.action("ask")["id"])]
    assert [entry["name"] for entry in ask["callbackActions"].values()] == ["note_reply"]
    assert "note_reply" not in [entry["name"] for entry in data.values()]


def test_e058_back_seq_lists_the_visited_nodes_in_order_the_current_one_last(db: None) -> None:
    running = waiting()
    nodes = {node["name"]: node["id"] for node in running.published.definition.nodes}
    way = ["Opened", "Rider details", "Reserve bike", "Bike reserved"]
    token = documents(running)[0]
    assert token["backSeq"] == {"nodes": [nodes[name] for name in way]}
    assert token["backSeq"]["nodes"][-1] == token["currentNodeId"]


# -- the other node types ----------------------------------------------------------------------------------------------


def test_it_says_until_when_a_timer_node_waits(db: None) -> None:
    running = process().start().add("TIMER_INTERMEDIATE", "Cool off", timerExpression="P14D").end().publish().start()
    assert sentence(running) == "Waiting since T on Cool off until T (in 13 days)."
    assert states(paint(loaded(running)))["Cool off"] == "wait"
    assert where(running) == ("timer", "Cool off", "Until T")


def test_it_says_for_which_message_event_it_waits(db: None) -> None:
    event = {"messageName": "bikeBack", "correlationKey": "bike"}
    made = process().start().add("MESSAGE_CATCH_INTERMEDIATE", "Catch", **event).end()
    running = made.publish().start({"bike": 7})
    assert sentence(running) == "Waiting since T on Catch for the message event bikeBack."
    assert where(running) == ("message", "Catch", "Waits for a message event")


def test_it_says_how_many_branches_have_arrived_and_what_the_others_wait_for(db: None) -> None:
    made = process().start().add("PARALLEL_GATEWAY", "Split")
    for name in ("A", "B"):
        made.user_task(name, save_data(f"do_{name}"), connect=False).link("Split", name)
    made.add("PARALLEL_GATEWAY", "Join", connect=False).link("A", "Join").link("B", "Join")
    running = made.end().publish().start()
    text = sentence(running)
    assert "Waiting since T on Join for its branches: 0 of 2 have arrived." in text
    assert "Waiting since T on A for a person in Default to run do_A." in text
    painting = paint(loaded(running))
    assert {name: states(painting)[name] for name in ("Split", "A", "B", "Join")} == {
        "Split": "passed",
        "A": "wait",
        "B": "wait",
        "Join": "wait",
    }
    assert where(running)[1] in ("A", "B")


def test_it_says_that_it_waits_for_a_subprocess(db: None) -> None:
    process("child").start().user_task("Work", save_data("done")).end().publish()
    running = (
        process().start().add("SUBPROCESS_RUN", "Run", processName="child", outputKey="out").end().publish().start()
    )
    assert "Waiting since T on Run for a subprocess to end." in sentence(running)
    assert where(running) == ("message", "Run", "Waits for its subprocess")
    assert [child.instance.process_name for child in loaded(running).subprocesses] == ["child"]


def where(running: Running) -> tuple[str, str, str]:
    """The cell "Where it is now" of the list, its times of day taken out."""
    found = where_is(running.row, [])
    return found.kind, found.node, re.sub(r"(\d+ \w+ )?\d\d:\d\d", "T", plain(found.detail))
