"""Topics and headers of integrations, looked up when they are used (engine 1.2, 6.2, 6.6; scenarios 3.10)."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engine import configuration, publishing, runtime
from engine.core import jsonio
from engine.core.integrations import first_missing
from engine.core.stimuli import Hold, MessageReceived, Retry, Start, Unhold
from engine.kafka import topics
from engine.kafka.correlate import Record
from engine.kafka.intake import take_in
from engine.kafka.offsets import Offsets
from engine.kafka.outbox import MINTED
from engine.models import Incident, IntegrationScenario, IntegrationTopic, OutboxMessage
from tests.builders import TOPIC, USER, Running, action, apply, process, save_data

pytestmark = pytest.mark.django_db

ASK, ANSWER = "warehouse.ask.v1", "ai.flowx.dev.engine.receive.warehouse.v1"
LINK = {"source": "INTEGRATION", "integration": "Warehouse", "scenario": "Find a bike"}


def integration(
    *, send: dict[str, str] | None = None, receive: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> dict:
    """The system as its export has it; topics by environment."""
    listed = [
        [{"environment": environment, "topic": topic} for environment, topic in (each or {}).items()]
        for each in (send, receive)
    ]
    rows = [{"name": name, "value": value} for name, value in (headers or {}).items()]
    scenario = {
        "name": "Find a bike",
        "send": {"topics": listed[0], "headers": rows, "model": []},
        "receive": {"topics": listed[1], "model": []},
    }
    return {"name": "Warehouse", "systemName": "wms", "scenarios": [scenario]}


def store(**fields) -> None:
    publishing.store_integration(integration(**{"send": {"": ASK}, "receive": {"": ANSWER}} | fields))


def linked(message: str = '{"model": "${model}"}', *, mandatory: tuple[str, ...] = (), **params: str) -> dict:
    made = action("ask", "KAFKA_SEND", {**LINK, "message": message, **params})
    return made | {"mandatoryProperties": list(mandatory)}


def asking(*args, params: dict | None = None, **fields) -> Running:
    published = process().start().send("Ask", linked(*args, **fields)).end().publish()
    return published.start({"model": "TRAIL"} if params is None else params)


def waiting(type: str = "MESSAGE_EVENT_RECEIVE") -> process:
    return process().start().add(type, "Answered", dataStreamTopics=[{**LINK, "keyName": "reply"}]).end()


def why(running: Running) -> str:
    return Incident.objects.get(instance_id=running.row.id, closed_at=None).message


def headers_of(row: OutboxMessage) -> dict:
    return jsonio.loads(row.headers)


# -- sending -----------------------------------------------------------------------------------------------------------


def test_e117_s120_a_linked_action_sends_its_own_message_to_the_topic_of_its_scenario_with_its_headers():
    store(headers={"system": "wms", "model": "${model}", "none": "${nothing}"})
    running = asking(headers='{"system": "mine", "own": ${processInstanceId}}')
    [row] = running.sent()
    assert (row.topic, jsonio.loads(row.value)) == (ASK, {"model": "TRAIL"})
    sent = headers_of(row)
    assert (sent["system"], sent["model"], sent["own"]) == ("mine", "TRAIL", str(running.row.id))
    assert "none" not in sent
    assert sent["processInstanceId"] == str(running.row.id)


def test_an_own_header_that_is_null_takes_the_scenarios_away():
    store(headers={"system": "wms", "kept": "yes"})
    sent = headers_of(asking(headers='{"system": null}').sent()[0])
    assert "system" not in sent
    assert sent["kept"] == "yes"


def test_a_header_of_a_scenario_may_be_a_token_of_the_owner():
    store(headers={"jwt": "${user.jwt}"})
    sent = headers_of(asking().sent()[0])
    assert sent["jwt"] == "${user.jwt}"
    assert sent[MINTED] == ["jwt"]


def test_e212_e117_s120_a_renamed_topic_and_a_changed_header_work_without_republish():
    store(headers={"v": "1"})
    published = process().start().send("Ask", linked()).end().publish()
    first = published.start({"model": "TRAIL"})
    store(send={"": "warehouse.ask.v2"}, headers={"v": "2"})
    second = published.start({"model": "TRAIL"})
    assert [(row.topic, headers_of(row)["v"]) for each in (first, second) for row in each.sent()] == [
        (ASK, "1"),
        ("warehouse.ask.v2", "2"),
    ]


def test_e117_a_delayed_action_takes_the_topic_of_the_moment_when_it_runs():
    store()
    delayed = linked() | {"timerExpression": "PT1H"}
    running = process().start().user_task("Form", delayed, save_data("go")).end().publish().start()
    store(send={"": "warehouse.ask.v2"})
    running.fire()
    assert [row.topic for row in running.sent()] == ["warehouse.ask.v2"]


def test_d067_an_exact_environment_wins_over_the_one_for_all_and_others_do_not_count():
    store(send={"": ASK, "dev": "warehouse.dev.v1", "prod": "warehouse.prod.v1"})
    assert [row.topic for row in asking().sent()] == ["warehouse.dev.v1"]
    store(send={"": ASK, "prod": "warehouse.prod.v1"})
    assert [row.topic for row in asking().sent()] == [ASK]


@pytest.mark.parametrize("send", [{}, {"prod": ASK}])
def test_e212_without_a_topic_here_the_action_fails_and_nothing_is_sent_until_there_is_one(send):
    store(send=send)
    running = asking()
    assert running.action_state("ask")["state"] == "FAILED"
    assert running.position == ("Ask", "EXECUTED_PARTIAL")
    assert "no Send topic" in why(running)
    assert not OutboxMessage.objects.exists()

    store()
    apply(Retry(running.uuid, running.token.uuid, USER, "The topic is there now"))

    assert [row.topic for row in running.sent()] == [ASK]
    assert running.state == "FINISHED"


def test_e212_an_integration_that_is_gone_fails_the_action():
    store()
    publishing.remove_integration("Warehouse")
    assert "no Send topic" in why(asking())


@pytest.mark.parametrize(
    ("message", "params", "missing"),
    [
        ('{"loan": {"id": ${id}}}', {}, "loan.id"),
        ('{"loan": {"id": ${id}}}', {"id": None}, "loan.id"),
        ('{"loan": {}}', {}, "loan.id"),
        ('{"other": 1}', {}, "loan"),
        ("${whole}", {"whole": {"loan": {"id": None}}}, "loan.id"),
        ("${whole}", {"whole": [1]}, "loan"),
    ],
)
def test_e212_a_mandatory_property_that_is_absent_or_null_fails_the_action_and_sends_nothing(message, params, missing):
    store()
    running = asking(message, mandatory=("loan", "loan.id"), params=params)
    assert running.action_state("ask")["state"] == "FAILED"
    assert f"'{missing}'" in why(running)
    assert not OutboxMessage.objects.exists()


def test_a_message_with_all_mandatory_properties_is_sent_whatever_their_values():
    store()
    running = asking(
        '{"loan": {"id": ${id}, "note": ""}}', mandatory=("loan", "loan.id", "loan.note"), params={"id": 0}
    )
    assert len(running.sent()) == 1


@pytest.mark.parametrize(
    ("message", "properties", "missing"),
    [
        ({"a": 1}, ["a"], None),
        ({}, ["a"], "a"),
        ({"a": None}, ["a"], "a"),
        ({"a": False}, ["a"], None),
        ({}, ["a.b"], None),
        ({"a": {}}, ["a.b"], "a.b"),
        ({"a": []}, ["a", "a[].b"], None),
        ({"a": [{"b": 1}, {}]}, ["a[].b"], "a[].b"),
        ({"a": [{"b": [{"c": 1}, {"c": None}]}]}, ["a[].b[].c"], "a[].b[].c"),
        ({"a": [1, None]}, ["a[]"], "a[]"),
        ([{"a": 1}], ["a"], "a"),
    ],
)
def test_a_property_of_something_that_is_not_there_is_not_missed(message, properties, missing):
    assert first_missing(message, properties) == missing


# -- receiving ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type", ["MESSAGE_EVENT_RECEIVE", "TASK"])
def test_e117_s120_a_linked_stream_takes_the_record_of_its_scenarios_topic(type):
    store()
    running = waiting(type).publish().start()
    assert running.position == ("Answered", "WAITING_MESSAGE")
    assert running.reply(1, topic=TOPIC).answer == {"record": "unmatched"}
    assert running.reply({"ok": True}, topic=ANSWER).answer == {"record": "applied"}
    assert running.params == {"reply": {"ok": True}}
    assert running.state == "FINISHED"


def test_e212_e117_a_waiting_token_listens_on_the_renamed_topic_without_republish():
    store()
    running = waiting().publish().start()
    store(receive={"": f"{ANSWER}.renamed"})
    assert running.reply(1, topic=ANSWER).answer == {"record": "unmatched"}
    assert running.reply(2, topic=f"{ANSWER}.renamed").answer == {"record": "applied"}
    assert running.params == {"reply": 2}


def test_a_receive_topic_of_the_exact_environment_wins():
    store(receive={"": ANSWER, "dev": f"{ANSWER}.dev"})
    running = waiting().publish().start()
    assert running.reply(1, topic=ANSWER).answer == {"record": "unmatched"}
    assert running.reply(2, topic=f"{ANSWER}.dev").answer == {"record": "applied"}


@pytest.mark.parametrize("receive", [{}, {"prod": ANSWER}])
def test_a_node_whose_scenario_has_no_topic_waits_and_no_record_is_for_it(receive):
    store(receive=receive)
    running = waiting().publish().start()
    assert running.position == ("Answered", "WAITING_MESSAGE")
    assert running.reply(1, topic="").answer == {"record": "unmatched"}
    store()
    assert running.reply(2, topic=ANSWER).answer == {"record": "applied"}


def test_early_and_held_records_of_a_linked_stream_are_applied_when_it_is_their_turn():
    store()
    form = process().start().user_task("Form", save_data("go"))
    running = form.receive("Answered").end()
    running.node("Answered")["dataStreamTopics"] = [{**LINK, "keyName": "reply"}]
    early = running.publish().start()
    assert early.reply("early", topic=ANSWER).answer == {"record": "early"}
    early.execute("go")
    assert (early.params, early.state) == ({"reply": "early"}, "FINISHED")

    held = waiting().publish().start()
    apply(Hold(held.uuid, USER))
    assert held.reply("held", topic=ANSWER).answer == {"record": "held"}
    apply(Unhold(held.uuid, USER))
    assert (held.params, held.state) == ({"reply": "held"}, "FINISHED")


def test_e117_the_consumer_gives_a_batch_to_the_nodes_that_have_the_topics_now():
    store()
    first, second = (waiting().publish().start() for _ in range(2))
    store(receive={"": f"{ANSWER}.renamed"})

    take_in([record(first, ANSWER, 0), record(second, f"{ANSWER}.renamed", 1)], Offsets("flowx-test", "cluster"))

    assert (first.state, [row.reason for row in first.kept()]) == ("STARTED", ["NO_SUBSCRIPTION"])
    assert (second.state, second.params) == ("FINISHED", {"reply": 1})


def record(running: Running, topic: str, offset: int) -> Record:
    return Record(topic, 0, offset, None, b"1", {"processInstanceUuid": str(running.uuid)}, running.row.started_at)


# -- how they are kept -------------------------------------------------------------------------------------------------


def test_a_batch_asks_for_integrations_once_however_many_records_and_actions_it_has():
    store()
    published = (
        process()
        .start()
        .send("Ask", linked())
        .add("MESSAGE_EVENT_RECEIVE", "Answered", dataStreamTopics=[{**LINK, "keyName": "reply"}])
    )
    snapshot = published.end().publish().snapshot_id

    def statements(count: int) -> tuple[int, int]:
        configuration.forget()
        numbers = [uuid.uuid4() for _ in range(count)]
        with CaptureQueriesContext(connection) as starting:
            runtime.apply([Start(each, snapshot, {"model": "T"}, USER) for each in numbers])
        moment = OutboxMessage.objects.latest("seq").created_at
        configuration.forget()
        with CaptureQueriesContext(connection) as replying:
            runtime.apply([MessageReceived(each, ANSWER, 1, b"1", moment) for each in numbers])
        asked = [
            sum("integration" in query["sql"] for query in captured.captured_queries)
            for captured in (starting, replying)
        ]
        return asked[0], asked[1]

    assert statements(1) == (2, 2)
    assert statements(50) == (2, 2)


def test_what_is_in_force_is_kept_and_asked_for_again_after_a_second(monkeypatch):
    store()
    assert configuration.scenarios()["Warehouse", "Find a bike"].send_topic == ASK
    IntegrationTopic.objects.filter(direction="SEND").update(topic="another.v1")  # as another process does
    with CaptureQueriesContext(connection) as queries:
        assert configuration.scenarios()["Warehouse", "Find a bike"].send_topic == ASK
    assert not queries.captured_queries
    monkeypatch.setattr(configuration, "KEPT_S", 0.0)
    assert configuration.scenarios()["Warehouse", "Find a bike"].send_topic == "another.v1"


def test_storing_an_integration_replaces_it_and_leaves_others_alone():
    store()
    publishing.store_integration({"name": "Other", "scenarios": [{"name": "Find a bike"}]})
    store(send={"": "two.v1"})
    assert IntegrationScenario.objects.count() == 2
    assert IntegrationTopic.objects.get(direction="SEND").topic == "two.v1"


@pytest.mark.parametrize(
    ("topics", "text"),
    [
        ([{"environment": "", "topic": "a b"}], "not a legal topic"),
        ([{"environment": "", "topic": "a.v1"}, {"topic": "b.v1"}], "two send topics"),
    ],
)
def test_an_integration_that_is_not_right_is_not_stored(topics, text):
    store()
    wrong = {"name": "Warehouse", "scenarios": [{"name": "Find a bike", "send": {"topics": topics}}]}
    with pytest.raises(ValueError, match=text):
        publishing.store_integration(wrong)
    assert IntegrationTopic.objects.get(direction="SEND").topic == ASK


def test_topics_of_integrations_are_among_the_topics_in_use():
    store()
    waiting().publish()
    process().start().send("Ask", linked()).end().publish()
    used = topics.in_use()
    assert "read by 'Answered'" in used[ANSWER]
    assert "written by 'ask'" in used[ASK]
