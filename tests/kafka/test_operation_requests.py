"""Operations over Kafka, single and in bulk (engine 2.7, scenarios 3.7)."""

import json
import uuid

import pytest
from django.contrib.auth.models import User

from engine.core.commands import hold
from engine.core.stimuli import Hold, Terminate, Unhold
from engine.models import Instance, ReceivedMessage, Token
from flowx_site.config import config
from tests.builders import USER, Running, apply, process, save_data
from tests.kafka.asking import CALLBACK, answers, ask, headers, rows, token_of, trust, user
from tests.kafka.test_start_requests import produced_again

pytestmark = pytest.mark.django_db
SINGLE, BULK = config.topic_operations_in, config.topic_operations_bulk_in
ALL = {name: ["staff"] for name in ("execute", "view", "hold", "unhold", "assign", "unassign")}
TO = {"callbackTopic": CALLBACK}


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch)


@pytest.fixture
def ana(db: None) -> User:
    """May do everything in the swimlane, and terminate."""
    return User.objects.create_superuser("ana", password="secret")


@pytest.fixture
def jun(db: None) -> User:
    """May do what the swimlane allows to the group `staff`."""
    return user("jun", "staff")


def bike(**permissions: list[str]) -> Running:
    lanes = {"Workshop": ALL | permissions}
    made = process().start(swimlane="Workshop").user_task("Repair", save_data("go"), swimlane="Workshop").end()
    return made.publish(lanes).start()


def operation(kind: str, instance: Running, author: str | None = "jun", **fields: object) -> dict:
    made = {"operationType": kind, "processInstanceUuid": str(instance.uuid), "author": author, **fields}
    return {name: value for name, value in made.items() if value is not None}


# --- the five operations -------------------------------------------------------------------------------------------------


def test_e048_s090_terminate_hold_and_unhold_change_the_instance_in_the_authors_name(
    trusted: None, ana: User, jun: User
) -> None:
    instance = bike()

    ask(SINGLE, operation("HOLD", instance))
    assert instance.state == "ON_HOLD"
    ask(SINGLE, operation("UNHOLD", instance))
    assert instance.state == "STARTED"
    ask(SINGLE, operation("TERMINATE", instance, author="ana"))
    assert instance.state == "TERMINATED"

    entries = instance.journal("Hold", "Unhold", "Update state")
    assert [(entry.event, entry.user) for entry in entries] == [
        ("Hold", "jun"),
        ("Unhold", "jun"),
        ("Update state", "ana"),
    ]


@pytest.mark.parametrize("lane", ["swimlaneName", "swimlaneId", None])
def test_e048_s090_assign_and_unassign_set_and_clear_the_assignee_which_limits_nobody(
    trusted: None, jun: User, lane: str | None
) -> None:
    instance = bike()
    named = {lane: "Workshop"} if lane else {}

    ask(SINGLE, operation("ASSIGN", instance, owner={"username": "mo", "firstName": "Mo"}, **named))
    assert instance.token.assignee == "mo"
    ask(SINGLE, operation("UNASSIGN", instance, **named))
    assert instance.token.assignee == ""

    [given, taken] = instance.journal("Assign", "Unassign")
    assert (given.user, given.details["before"], given.details["after"]) == ("jun", "", "mo")
    assert (taken.event, taken.details["after"]) == ("Unassign", "")
    ask(SINGLE, operation("ASSIGN", instance, owner={"username": "mo"}))
    assert instance.execute("go").answer["backAction"] is False, "another than the assignee may still act"


def test_the_assignee_ends_with_the_swimlane(trusted: None, ana: User) -> None:
    made = process().start().user_task("One", save_data("one"), swimlane="Workshop")
    instance = made.user_task("Two", save_data("two"), swimlane="Office").end().publish().start()
    ask(SINGLE, operation("ASSIGN", instance, author="ana", owner={"username": "mo"}))

    instance.execute("one")

    assert (instance.position[0], instance.token.assignee) == ("Two", "")


def test_e048_the_swimlane_must_be_named_where_there_are_several(trusted: None, ana: User) -> None:
    made = process().start().add("PARALLEL_GATEWAY", "Split").user_task("A", save_data("a"), swimlane="Workshop")
    made.add("USER_TASK", "B", save_data("b"), connect=False, swimlane="Office").link("Split", "B")
    made.add("PARALLEL_GATEWAY", "Join", connect=False).link("A", "Join").link("B", "Join").end()
    instance = made.publish().start()

    ask(SINGLE, operation("ASSIGN", instance, author="ana", owner={"username": "mo"}), headers=TO)
    ask(SINGLE, operation("ASSIGN", instance, author="ana", owner={"username": "mo"}, swimlaneName="Office"))

    assert answers(CALLBACK)[0]["operations"][0]["success"] is False
    tokens = Token.objects.filter(instance_id=instance.row.id, state="ACTIVE")
    assert dict(tokens.values_list("current_node_name", "assignee")) == {"A": "", "B": "mo"}


# --- bulk ----------------------------------------------------------------------------------------------------------------


def test_e048_e049_s091_a_bulk_answers_each_in_order_and_applies_the_good_ones(trusted: None, jun: User) -> None:
    good, ended, foreign = bike(), bike(), bike(hold=["others"])
    apply(Terminate(ended.uuid, USER, "over"))
    unknown = {"operationType": "HOLD", "processInstanceUuid": str(uuid.uuid4()), "author": "jun"}
    body = [
        operation("HOLD", good, requestID="h-1", taskId="t"),
        unknown,
        operation("HOLD", ended),
        operation("HOLD", foreign),
        operation("ASSIGN", good, owner={"username": "mo"}, requestID="h-2"),
    ]

    ask(BULK, {"operations": body}, headers=TO)

    [answer] = answers(CALLBACK)
    assert [each["success"] for each in answer["operations"]] == [True, False, False, False, True]
    assert [each["error"] for each in answer["operations"]] == [
        None,
        "Process instance not found.",
        "Already TERMINATED.",
        "jun may not hold this instance.",
        None,
    ]
    assert answer["error"] == "3 of 5 operations failed"
    assert headers(CALLBACK)["Fx-ErrorCode"] == "NOT_FOUND"
    first = answer["operations"][0]
    assert (first["requestID"], first["taskId"], first["operationType"]) == ("h-1", "t", "HOLD")
    assert (good.state, good.token.assignee, foreign.state) == ("ON_HOLD", "mo", "STARTED")


def test_e049_s092_extra_headers_are_copied_and_without_a_callback_topic_there_is_no_answer(
    trusted: None, jun: User
) -> None:
    instance = bike()
    more = {"requestID": "recall-7", "trace": "t", "jwt": "never"}

    ask(BULK, {"operations": [operation("HOLD", instance, requestID="h")]}, headers=TO | more)
    ask(BULK, {"operations": [operation("UNHOLD", instance)]}, headers=more)

    found = headers(CALLBACK)
    assert (found["requestID"], found["trace"]) == ("recall-7", "t")
    assert not {"jwt", "Fx-ErrorCode"} & set(found)
    [answer] = answers(CALLBACK)
    assert (answer["operations"][0]["requestID"], answer["error"]) == ("h", None)
    assert instance.state == "STARTED"


def test_s093_a_bulk_that_holds_its_own_sender_is_answered_once_the_sender_goes_on(trusted: None, ana: User) -> None:
    sender = process().start().receive("Wait", CALLBACK, "bulkResult").end().publish().start()
    own = {"processInstanceUuid": sender.uuid, "processInstanceId": sender.row.id}
    ask(BULK, {"operations": [operation("HOLD", sender, author="ana")]}, headers=TO | own)
    [row] = rows(CALLBACK)

    ask(CALLBACK, json.loads(row.value), headers=json.loads(row.headers))
    assert (sender.state, sender.kept()[0].state) == ("ON_HOLD", "held")
    apply(Unhold(sender.uuid, USER, "go on"))

    assert sender.state == "FINISHED"
    assert sender.params["bulkResult"]["error"] is None


def test_s094_a_repeated_hold_succeeds_and_a_redelivered_bulk_changes_nothing_further(trusted: None, jun: User) -> None:
    instance = bike()
    apply(Hold(instance.uuid, USER, "by hand"))
    given = TO | {"Fx_MessageId": uuid.uuid4()}

    first = ask(BULK, {"operations": [operation("HOLD", instance)]}, headers=given)
    assert answers(CALLBACK)[0]["operations"][0]["success"] is True
    assert len(instance.journal("Hold")) == 1
    apply(Unhold(instance.uuid, USER, "by hand"))
    ask(BULK, again=first)
    ask(BULK, again=[produced_again(first[0])])

    assert instance.state == "STARTED"
    assert len(answers(CALLBACK)) == 1


def test_an_operation_that_crashes_fails_alone_and_the_bulk_is_answered_once(
    trusted: None, jun: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    instances = [bike() for _ in range(3)]
    known = hold.hold

    def stumble(turn, stimulus):
        if turn.state.uuid == instances[1].uuid:
            raise ZeroDivisionError("nobody thought of this")
        return known(turn, stimulus)

    monkeypatch.setattr(hold, "hold", stumble)

    first = ask(BULK, {"operations": [operation("HOLD", each) for each in instances]}, headers=TO)
    monkeypatch.undo()
    trust(monkeypatch)
    ask(BULK, again=first)

    [answer] = answers(CALLBACK)
    assert [each["error"] for each in answer["operations"]] == [None, "The operation failed.", None]
    assert headers(CALLBACK)["Fx-ErrorCode"] == "INTERNAL"
    assert [each.state for each in instances] == ["ON_HOLD", "STARTED", "ON_HOLD"]


# --- wrong requests ------------------------------------------------------------------------------------------------------

WRONG_BULKS = {
    "empty": ({"operations": []}, "operations: must not be empty"),
    "none": ({}, "operations: must be a list"),
    "too many": ({"operations": [{}] * 1001}, "operations: must be at most 1000"),
    "no object": ([1], "The body must be a JSON object."),
}


@pytest.mark.parametrize(("body", "error"), WRONG_BULKS.values(), ids=WRONG_BULKS)
def test_a_bulk_of_another_shape_fails_as_a_whole(trusted: None, body: object, error: str) -> None:
    ask(BULK, body, headers=TO)

    assert answers(CALLBACK) == [{"operations": [], "error": error}]
    assert headers(CALLBACK)["Fx-ErrorCode"] == "INVALID_REQUEST"


WRONG = {
    "type": {"operationType": "EXPLODE"},
    "uuid": {"processInstanceUuid": "bike"},
    "owner": {"operationType": "ASSIGN", "owner": None},
    "lane": {"operationType": "UNASSIGN", "swimlaneName": 7},
    "author": {"author": None},
}


@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG)
def test_an_operation_with_a_wrong_field_is_invalid_and_names_it(trusted: None, jun: User, fields: dict) -> None:
    instance = bike()

    ask(SINGLE, operation("HOLD", instance) | fields, headers=TO)

    [answer] = answers(CALLBACK)
    assert answer["operations"][0]["success"] is False
    assert headers(CALLBACK)["Fx-ErrorCode"] == "INVALID_REQUEST"
    assert instance.state == "STARTED"


# --- in whose name -------------------------------------------------------------------------------------------------------


def test_e203_s112_an_author_who_is_not_the_tokens_user_is_refused(ana: User, jun: User) -> None:
    instance = bike()

    ask(SINGLE, operation("HOLD", instance, author="jun"), headers=TO | {"jwt": token_of(ana)})

    assert instance.state == "STARTED"
    assert headers(CALLBACK)["Fx-ErrorCode"] == "FORBIDDEN"


def test_e203_under_jwt_the_author_may_be_left_out(jun: User) -> None:
    instance = bike()

    ask(SINGLE, operation("HOLD", instance, author=None), headers={"jwt": token_of(jun)})

    assert instance.journal("Hold")[0].user == "jun"


@pytest.mark.parametrize("jwt", ["", "fxa_forged"])
def test_s112_operations_without_a_valid_token_are_unauthorized(jun: User, jwt: str) -> None:
    instance = bike()

    ask(SINGLE, operation("HOLD", instance), headers=TO | ({"jwt": jwt} if jwt else {}))

    assert instance.state == "STARTED"
    assert headers(CALLBACK)["Fx-ErrorCode"] == "UNAUTHORIZED"
    assert answers(CALLBACK)[0]["operations"] == []


def test_s112_an_unknown_author_is_forbidden_and_one_who_may_not_see_the_instance_finds_none(trusted: None) -> None:
    instance = bike()
    user("stranger")

    ask(SINGLE, operation("HOLD", instance, author="nobody"), headers=TO)
    ask(SINGLE, operation("HOLD", instance, author="stranger"), headers=TO)

    codes = [json.loads(row.headers)["Fx-ErrorCode"] for row in rows(CALLBACK)]
    assert codes == ["FORBIDDEN", "NOT_FOUND"]
    assert instance.state == "STARTED"


def test_s112_terminate_needs_instances_admin_and_self_assign_is_for_oneself_only(trusted: None, jun: User) -> None:
    instance = bike(assign=["others"], **{"self-assign": ["staff"]})

    ask(SINGLE, operation("TERMINATE", instance), headers=TO)
    ask(SINGLE, operation("ASSIGN", instance, owner={"username": "mo"}), headers=TO)
    ask(SINGLE, operation("ASSIGN", instance, owner={"username": "jun"}), headers=TO)

    assert [answer["operations"][0]["success"] for answer in answers(CALLBACK)] == [False, False, True]
    assert (instance.state, instance.token.assignee) == ("STARTED", "jun")


def test_an_answer_on_an_impossible_topic_makes_the_request_dead(trusted: None, jun: User) -> None:
    instance = bike()

    ask(SINGLE, operation("HOLD", instance), headers={"callbackTopic": "no topic"})

    assert instance.state == "STARTED"
    assert ReceivedMessage.objects.get().reason == "FAILED"


def test_a_bulk_reads_the_same_for_two_and_for_twenty(trusted: None, jun: User, django_assert_max_num_queries) -> None:
    few = [operation("HOLD", bike()) for _ in range(2)]
    ask(BULK, {"operations": few})
    many = [operation("HOLD", bike()) for _ in range(20)]

    with django_assert_max_num_queries(60):
        ask(BULK, {"operations": many})

    assert Instance.objects.filter(state="ON_HOLD").count() == 22
