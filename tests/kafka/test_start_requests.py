"""Starting a process over Kafka (engine 7, scenarios 3.9.1)."""

import json
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from engine.core import jsonio
from engine.core.actions import kafka_send as kafka_send_action
from engine.kafka import minting
from engine.kafka.correlate import Record
from engine.models import FailedStart, HandledRequest, Instance, ReceivedMessage
from engine.rights import SERVICE_USER
from flowx_site.config import config
from tests.builders import Published, kafka_send, process, save_data
from tests.kafka.asking import CALLBACK, answers, ask, confirmed, headers, rows, token_of, trust, user

pytestmark = pytest.mark.django_db
START = config.topic_start_in


def lease(**fields) -> Published:
    return process(**fields).start().user_task("Form", save_data("go")).end().publish()


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch)


def test_e141_s110_a_start_makes_an_instance_and_answers_on_both_topics(trusted: None) -> None:
    published = lease()

    ask(START, {"processName": published.name, "lease": {"id": 7}}, headers={"callbackTopic": CALLBACK})

    made = Instance.objects.get()
    assert jsonio.loads(made.params) == {"lease": {"id": 7}}
    assert made.owner_name == SERVICE_USER
    expected = {
        "processName": published.name,
        "processInstanceId": made.id,
        "processInstanceUuid": str(made.uuid),
        "state": "STARTED",
        "requestID": None,
        "error": None,
    }
    assert answers(config.topic_start_out) == answers(CALLBACK) == [expected]
    assert rows(CALLBACK)[0].key == str(made.uuid)


def test_e141_s110_the_answer_reaches_the_process_that_asked(trusted: None) -> None:
    started = lease()
    asking = process().start().receive("Wait", CALLBACK, "handover").end().publish().start()
    request = {"processInstanceId": asking.row.id, "processInstanceUuid": asking.uuid, "callbackTopic": CALLBACK}
    ask(START, {"processName": started.name}, headers=request, key=str(asking.uuid).encode())
    [row] = rows(CALLBACK)

    ask(CALLBACK, json.loads(row.value), headers=json.loads(row.headers))

    assert row.key == str(asking.uuid)
    assert asking.state == "FINISHED"
    assert asking.params["handover"]["processName"] == started.name
    assert Instance.objects.get(process_name=started.name).parent_id is None


def test_e142_s110_the_body_takes_the_keys_of_a_rest_start(trusted: None) -> None:
    made = process().start("Web", startCondition="web").user_task("A", save_data("a"))
    made.add("START", "Shop", connect=False, startCondition="shop").user_task("B", save_data("b"))
    published = made.end().publish()

    ask(START, {"processName": published.name, "startCondition": "shop", "flowName": "short", "x": 1})

    row = Instance.objects.get()
    assert jsonio.loads(row.params) == {"startCondition": "shop", "flowName": "short", "x": 1}
    assert [each["nodeName"] for each in json.loads(row.where)] == ["B"]


def test_e142_s110_with_a_header_the_body_is_data_only_and_a_name_in_the_body_wins(trusted: None) -> None:
    first, second = lease(), lease()

    ask(START, {"x": 1}, headers={"Fx_ProcessName": first.name})
    ask(START, {"x": 2, "processName": second.name}, headers={"Fx_ProcessName": first.name})

    made = [(row.process_name, jsonio.loads(row.params)) for row in Instance.objects.order_by("id")]
    assert made == [(first.name, {"x": 1}), (second.name, {"x": 2})]


def test_e143_the_user_of_the_token_owns_the_instance() -> None:
    rider = user("rider", "flowx-users")

    ask(START, {"processName": lease().name}, headers={"jwt": token_of(rider)})

    assert Instance.objects.get().owner_id == rider.pk


def wrong_tokens() -> dict[str, str]:
    rider = user("rider", "flowx-users")
    now = timezone.now()
    return {
        "missing": "",
        "forged": "fxa_nobody-made-this",
        "expired": token_of(rider, expires_at=now - timedelta(seconds=1)),
        "minted for another topic": minting.mint(rider, "another.topic.v1"),
        "minted too long ago": minting.mint(rider, START, now=now - timedelta(minutes=11)),
        "signed by another": minting.mint(rider, START)[:-6] + "AAAAAA",
    }


@pytest.mark.parametrize(
    "case", ["missing", "forged", "expired", "minted for another topic", "minted too long ago", "signed by another"]
)
def test_e143_s112_without_a_valid_token_nothing_starts(case: str) -> None:
    text = wrong_tokens()[case]

    ask(START, {"processName": lease().name}, headers={"jwt": text} if text else {})

    assert headers(config.topic_start_out)["Fx-ErrorCode"] == "UNAUTHORIZED"
    assert confirmed()["error"]
    assert not Instance.objects.exists()
    assert not FailedStart.objects.exists(), "401 leaves no record"


@pytest.mark.parametrize("right", ["role", "scope"])
def test_e143_s112_a_user_without_the_role_or_a_token_without_the_scope_is_forbidden(right: str) -> None:
    text = token_of(user("stranger")) if right == "role" else token_of(user("rider", "flowx-users"), scopes=["read"])

    ask(START, {"processName": lease().name}, headers={"jwt": text})

    assert headers(config.topic_start_out)["Fx-ErrorCode"] == "FORBIDDEN"
    assert not Instance.objects.exists()


def test_e143_s154_a_minted_token_starts_for_its_owner() -> None:
    rider = user("rider", "flowx-users")

    ask(START, {"processName": lease().name}, headers={"jwt": minting.mint(rider, START)})

    assert Instance.objects.get().owner_id == rider.pk


def two_starts() -> process:
    made = process().start("Web", startCondition="web").end()
    return made.add("START", "Shop", connect=False, startCondition="shop").end("Shop end")


S113 = {
    "unknown": ({"processName": "nobody knows it"}, "Process definition not found.", "NOT_FOUND"),
    "no start": (
        {"startCondition": "moon"},
        "Start node for process definition not found.",
        "NOT_FOUND",
    ),
    "several": ({}, "Multiple start nodes found, but start condition not specified.", "INVALID_REQUEST"),
    "mandatory": ({"startCondition": "web"}, "Some mandatory params are missing.", "INVALID_REQUEST"),
}


@pytest.mark.parametrize(("body", "error", "code"), S113.values(), ids=S113)
def test_e144_s113_a_documented_start_error_is_answered_and_listed(
    trusted: None, body: dict, error: str, code: str
) -> None:
    made = two_starts()
    made.fields["mandatoryParams"] = ["rider"]
    named = {"processName": made.publish().name} | body

    ask(START, named)

    assert confirmed()["error"] == error
    assert confirmed()["processInstanceId"] is None
    assert headers(config.topic_start_out)["Fx-ErrorCode"] == code
    listed = FailedStart.objects.get()
    assert (listed.message, listed.source, listed.process_name) == (error, "Kafka", named["processName"])
    assert not Instance.objects.exists()


@pytest.mark.parametrize("body", [[1], "text", {}, {"processName": 7}], ids=["list", "text", "no name", "number"])
def test_e144_a_body_of_another_shape_is_answered_as_invalid(trusted: None, body: object) -> None:
    ask(START, body)

    assert headers(config.topic_start_out)["Fx-ErrorCode"] == "INVALID_REQUEST"
    assert FailedStart.objects.count() == 1


def test_e144_what_is_no_json_is_dead_lettered_and_the_next_start_goes_on(trusted: None) -> None:
    published = lease()

    made = ask(START, {"processName": published.name}, {"processName": published.name})
    bad = ask(START, None, raw=b"good morning", headers={"jwt": "fxa_secret"})

    assert len(made) == Instance.objects.count() == 2
    row = ReceivedMessage.objects.get()
    assert (row.state, row.reason, bytes(row.value)) == ("dead", "NOT_JSON", bad[0].value)
    assert "fxa_secret" not in row.headers
    [copy] = rows(f"dlt.{START}")
    assert "fxa_secret" not in copy.headers


def test_e145_all_headers_of_the_request_come_back_but_the_token() -> None:
    sent = uuid.uuid4()
    given = {"jwt": token_of(user("rider", "flowx-users")), "requestID": "r-1", "trace": "t", "processInstanceId": "5"}

    ask(START, {"processName": lease().name}, headers=given | {"Fx_MessageId": sent})

    found = headers(config.topic_start_out)
    assert found == {"requestID": "r-1", "trace": "t", "processInstanceId": "5", "Fx-InReplyTo": str(sent)}
    assert confirmed()["requestID"] == "r-1"


def produced_again(first: Record) -> Record:
    """The same message at another offset."""
    return Record(**{name: getattr(first, name) for name in Record.__slots__} | {"offset": first.offset + 1000})


@pytest.mark.parametrize("how", ["delivered", "produced", "in one read"])
def test_s114_a_start_that_comes_twice_starts_one_instance(trusted: None, how: str) -> None:
    body = {"processName": lease().name}
    given = {"Fx_MessageId": uuid.uuid4()}
    if how == "in one read":
        ask(START, body, body, headers=given)
    else:
        first = ask(START, body, headers=given)
        ask(START, again=first if how == "delivered" else [produced_again(first[0])])

    assert Instance.objects.count() == 1
    assert len(answers(config.topic_start_out)) == 1
    assert HandledRequest.objects.count() == 1


def test_s114_a_refused_start_that_comes_twice_is_listed_once(trusted: None) -> None:
    first = ask(START, {"processName": "nobody knows it"}, headers={"Fx_MessageId": uuid.uuid4()})
    ask(START, again=[produced_again(first[0])])

    assert FailedStart.objects.count() == 1
    assert len(answers(config.topic_start_out)) == 1


@pytest.mark.parametrize("topic", ["not a topic", START, config.topic_operations_in])
def test_an_answer_on_a_topic_that_would_go_round_for_ever_is_refused(trusted: None, topic: str) -> None:
    ask(START, {"processName": lease().name}, headers={"callbackTopic": topic})

    assert headers(config.topic_start_out)["Fx-ErrorCode"] == "INVALID_REQUEST"
    assert not Instance.objects.exists()
    assert not rows(topic)


def test_a_start_that_breaks_its_own_transaction_is_dead_and_the_others_of_its_read_are_made(
    trusted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = lease()
    bad = process().start().task("Boom", kafka_send("boom")).end().publish()
    known = kafka_send_action.topics_of

    def stumble(action_run):
        if action_run.action.name == "boom":
            raise ZeroDivisionError("nobody thought of this")
        return known(action_run)

    monkeypatch.setattr(kafka_send_action, "topics_of", stumble)

    ask(START, {"processName": good.name}, {"processName": bad.name}, {"processName": good.name})

    assert [row.process_name for row in Instance.objects.all()] == [good.name, good.name]
    dead = ReceivedMessage.objects.get()
    assert (dead.state, dead.reason) == ("dead", "FAILED")
    assert sorted(json.loads(row.headers).get("Fx-ErrorCode", "") for row in rows(config.topic_start_out)) == [
        "",
        "",
        "INTERNAL",
    ]
