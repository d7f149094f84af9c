"""Codes of keys, Kafka and websockets: when each comes, its text, its place and its fix (designer 1.13)."""

from __future__ import annotations

import pytest

from designer.catalog import Param
from designer.lint import Severity, check
from designer.models import GenericParameter
from designer.versions import publish
from tests.designer.checked import found, problems, values_of
from tests.designer.conftest import Draft

pytestmark = pytest.mark.django_db


def test_d041_an_unknown_key_is_key_101_with_the_nearest_and_a_fix(draft: Draft):
    draft.attribute("rider.address.postCode")
    values = values_of(draft, message='{\n  "postCode": "${rider.adress.postCode}"\n}')
    problem = found(draft, values, "KEY-101")
    assert problem.message == (
        "Line 2, column 16: 'rider.adress.postCode' is not in the data model. Did you mean 'rider.address.postCode'?"
    )
    assert (problem.severity, [fix.kind for fix in problem.fixes]) == (Severity.WARNING, ["replace_key", "add_key"])
    far = found(draft, values_of(draft, message='{"a": ${zzz}}'), "KEY-101")
    assert far.message == "Line 1, column 7: 'zzz' is not in the data model."


def test_d041_strict_keys_make_an_unknown_key_a_blocker(draft: Draft):
    draft.version.strict_keys = True
    draft.version.save()
    assert found(draft, values_of(draft, message='{"a": ${zzz}}'), "KEY-101").severity == Severity.BLOCKER


def test_reserved_names_reply_keys_and_parameters_are_known(draft: Draft):
    GenericParameter.objects.create(key="region", value="north")
    node = draft.nodes["user_task"]
    node.data_stream_topics = [{"topicName": "ai.flowx.dev.engine.receive.x", "keyName": "reply"}]
    node.save()
    text = '{"a": ${processInstanceId}, "b": "${region}", "c": ${reply.any.thing}, "d": "${startCondition}"}'
    assert found(draft, values_of(draft, message=text), "KEY-101") is None


def test_d042_a_sensitive_key_in_a_message_is_key_102(draft: Draft):
    draft.attribute("rider.email", sensitive=True)
    draft.attribute("rider.name")
    text = '{"mail": "${rider.email}", "who": "${rider.name}"}'
    kafka = [each.message for each in problems(draft, values_of(draft, message=text)) if each.code == "KEY-102"]
    assert kafka == ["Line 1, column 11: 'rider.email' is marked sensitive and would be sent to crm.lookup.v1."]
    browser = found(draft, values_of(draft, "WEBSOCKET_SEND", message=text), "KEY-102")
    assert browser.message.endswith("would be sent to browsers.")


def test_d042_the_flag_of_an_object_goes_down_and_is_seen_from_above(draft: Draft):
    draft.attribute("rider", type="OBJECT")
    draft.attribute("rider.secret", type="OBJECT", sensitive=True)
    draft.attribute("rider.secret.pin")
    assert found(draft, values_of(draft, message='{"a": ${rider.secret.pin}}'), "KEY-102") is not None
    assert found(draft, values_of(draft, message='{"a": ${rider}}'), "KEY-102") is not None


def test_a_process_value_that_hides_a_parameter_is_key_103(draft: Draft):
    GenericParameter.objects.create(key="region", value="north")
    draft.attribute("region")
    problem = found(draft, values_of(draft, message='{"a": "${region}"}'), "KEY-103")
    assert problem.message == "Line 1, column 8: The process value 'region' hides the generic parameter."


@pytest.mark.parametrize(
    ("path", "part", "kind"), [("rider.name.first", "rider.name", "STRING"), ("rows.name", "rows", "ARRAY")]
)
def test_a_path_below_a_scalar_or_a_list_is_key_104(draft: Draft, path: str, part: str, kind: str):
    draft.attribute("rider.name")
    draft.attribute("rows", type="ARRAY", item_type="OBJECT")
    problem = found(draft, values_of(draft, message='{"a": ${' + path + "}}"), "KEY-104")
    assert problem.message == f"Line 1, column 7: '{path}' goes into '{part}', which is a {kind}."
    assert found(draft, values_of(draft, message='{"a": ${rows[0].name}}'), "KEY-104") is None


@pytest.mark.parametrize("path", ["api_secret", "user.jwt"])
def test_d144_a_secret_in_a_websocket_message_is_key_105_and_blocks(draft: Draft, path: str):
    GenericParameter.objects.create(key="api_secret", kind="SECRET", value="FLOWX_PARAM_X")
    text = '{"a": "${' + path + '}"}'
    problem = found(draft, values_of(draft, "WEBSOCKET_SEND", message=text), "KEY-105")
    assert problem.message == f"Line 1, column 8: '{path}' is secret and must not go to browsers."
    assert problem.severity == Severity.BLOCKER
    assert found(draft, values_of(draft, message=text), "KEY-105") is None


def test_d143_one_grammar_of_paths_in_placeholders_keys_and_plain_templates(draft: Draft):
    for path in ("a.b", "list[0].name", "list.0.name", "größe.x-1", "_a"):
        assert found(draft, values_of(draft, message='{"a": ${ ' + path + " }}"), "JSN-007") is None
        keys = values_of(draft, "WEBSOCKET_SEND")
        keys.manual, keys.allow_token_reset, keys.restart_from_snapshot, keys.keys_for_restart = (
            True,
            True,
            True,
            [path],
        )
        assert found(draft, keys, "DTS-002") is None
    for path in ("a..b", "1x", "a b", "a.", "[0]"):
        assert found(draft, values_of(draft, message='{"a": ${' + path + "}}"), "JSN-007") is not None
        assert found(draft, values_of(draft, messageKey="${" + path + "}"), "JSN-007") is not None
    escaped = values_of(draft, messageKey="$${not.a.key}")
    assert [each.code for each in problems(draft, escaped) if each.field == "messageKey"] == []


def test_d044_a_send_without_a_topic_is_kfk_001(draft: Draft):
    assert found(draft, values_of(draft, topicName=""), "KFK-001").message == "Add at least one topic."


@pytest.mark.parametrize("topic", ["bad topic", "..", "ümlaut", "x" * 250])
def test_d044_an_illegal_topic_is_kfk_002(draft: Draft, topic: str):
    problem = found(draft, values_of(draft, topicName=topic), "KFK-002")
    text = f"'{topic}' is not a legal topic name: letters, digits, '.', '_', '-', at most 249, not '.' or '..'."
    assert problem.message == text


def test_d044_a_topic_twice_is_kfk_003_and_several_are_allowed(draft: Draft):
    assert found(draft, values_of(draft, topicName="a.b,c.d,a.b"), "KFK-003").message == "'a.b' is listed twice."
    assert problems(draft, values_of(draft, topicName="a.b,c.d")) == []


def test_d044_a_header_without_a_name_is_kfk_004_and_values_may_be_of_any_type(draft: Draft):
    assert found(draft, values_of(draft, headers='{"": 1}'), "KFK-004").message == "A header has no name."
    assert problems(draft, values_of(draft, headers='{"a": 1, "b": true, "c": null, "d": [1], "e": {"x": 1}}')) == []


def test_d048_unknown_names_in_headers_are_kfk_006_and_007_and_the_fix_picks(draft: Draft):
    draft.action("show_reservation", manual=True, keys=["a"])
    draft.nodes["user_task"].name = "Bike reserved"
    draft.nodes["user_task"].save()
    headers = '{"callbacksForAction": "show_reservaton", "destinationId": "Bike reservd", "x": ${processInstanceId}}'
    values = values_of(draft, headers=headers)
    action, node = found(draft, values, "KFK-006"), found(draft, values, "KFK-007")
    assert (action.message, action.severity) == ("No action named 'show_reservaton' in this process.", Severity.BLOCKER)
    assert (node.message, node.severity) == ("No node named 'Bike reservd' in this process.", Severity.BLOCKER)
    values.set_text("headers", action.fix.value)
    values.set_text("headers", found(draft, values, "KFK-007").fix.value)
    assert found(draft, values, "KFK-006") is None
    assert found(draft, values, "KFK-007") is None
    assert '"x": ${processInstanceId}' in values.text("headers")


def test_names_with_placeholders_are_not_looked_up(draft: Draft):
    headers = '{"callbacksForAction": "${a}", "destinationId": ${b}}'
    codes = {each.code for each in problems(draft, values_of(draft, headers=headers))}
    assert not codes & {"KFK-006", "KFK-007"}


def test_a_topic_that_the_engine_listens_on_is_kfk_009(draft: Draft):
    problem = found(draft, values_of(draft, topicName="ai.flowx.dev.engine.receive.x"), "KFK-009")
    assert problem.message == "The engine listens on 'ai.flowx.dev.engine.receive.x' and would receive its own message."
    assert problem.severity == Severity.WARNING


def test_an_integration_without_a_scenario_is_kfk_011(draft: Draft):
    values = values_of(draft, source="INTEGRATION")
    assert (found(draft, values, "KFK-011").message, found(draft, values, "KFK-011").severity) == (
        "Choose a scenario.",
        Severity.ERROR,
    )
    values.params |= {"integration": Param("Stock"), "scenario": Param("Reserve")}
    gone = found(draft, values, "KFK-011")
    assert (gone.message, gone.severity) == ("'Stock · Reserve' no longer exists.", Severity.BLOCKER)


def test_d051_a_topic_of_a_parameter_is_accepted_and_an_unknown_one_is_kfk_016(draft: Draft):
    GenericParameter.objects.create(key="region", value="north")
    draft.attribute("order.kind")
    assert problems(draft, values_of(draft, topicName="audit.${region}.${order.kind}.v1")) == []
    problem = found(draft, values_of(draft, topicName="audit.${regon}.v1"), "KFK-016")
    assert problem.message == "'regon' in the topic is neither a generic parameter nor a known key."
    assert problem.severity == Severity.BLOCKER


def test_d129_a_callback_above_the_send_is_kfk_017_and_its_fix_names_the_send(draft: Draft):
    button = draft.action("request", manual=True, optional=True, repeatable=True, keys=["a"], auto_run_children=True)
    sent = draft.kafka("send_code", headers='{"callbacksForAction": "request"}', parent=button, repeatable=True)
    draft.websocket("show", parent=sent, repeatable=True)
    draft.action("confirm", manual=True, keys=["a"])
    problem = next(each for each in check(draft.design) if each.code == "KFK-017")
    assert problem.message == "A reply would run 'request' and this send again, for ever."
    assert problem.severity == Severity.BLOCKER
    sent.params = [{**row, "value": problem.fix.value} if row["key"] == "headers" else row for row in sent.params]
    sent.save()
    assert not {"KFK-017", "KFK-018"} & {each.code for each in check(draft.design)}


def test_d129_callbacks_that_nothing_holds_the_token_for_are_kfk_018(draft: Draft):
    button = draft.action("request", manual=True, repeatable=True, keys=["a"], auto_run_children=True)
    sent = draft.kafka("send_code", headers='{"callbacksForAction": "send_code"}', parent=button, repeatable=True)
    draft.websocket("show", parent=sent, repeatable=True)
    problem = next(each for each in check(draft.design) if each.code == "KFK-018")
    assert problem.message == (
        "The token may leave 'user_task' before the reply comes. Make 'request' Optional and add a Mandatory Manual action."
    )
    draft.action("confirm", manual=True, keys=["a"])
    assert "KFK-018" not in {each.code for each in check(draft.design)}


def test_a_callback_topic_outside_the_pattern_is_kfk_019(draft: Draft):
    problem = found(draft, values_of(draft, headers='{"callbackTopic": "elsewhere.v1"}'), "KFK-019")
    assert problem.message.startswith("The engine does not listen on 'elsewhere.v1' (pattern ")
    inside = values_of(draft, headers='{"callbackTopic": "ai.flowx.dev.engine.receive.x"}')
    assert found(draft, inside, "KFK-019") is None


def start_message(**members: object) -> str:
    import json

    base: dict[str, object] = {
        "processName": "crm",
        "type": "START_PROCESS_INHERIT",
        "clientDataKeys": [],
        "params": {},
    }
    return json.dumps({name: value for name, value in {**base, **members}.items() if value is not None})


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        ({"processName": None}, "WS-001", "An Action message needs 'processName'."),
        ({"processName": " "}, "WS-001", "An Action message needs 'processName'."),
        ({"type": None}, "WS-002", "'type' must be START_PROCESS_INHERIT."),
        ({"type": "START"}, "WS-002", "'type' must be START_PROCESS_INHERIT."),
        ({"clientDataKeys": "x"}, "WS-005", "'clientDataKeys' must be a list of texts."),
        ({"clientDataKeys": [1]}, "WS-005", "'clientDataKeys' must be a list of texts."),
        ({"params": []}, "WS-006", "'params' must be an object."),
        ({"params": {"paramsToCopy": "a"}}, "WS-007", "'paramsToCopy' must be a list of keys."),
        ({"params": {"withoutParams": [1]}}, "WS-007", "'withoutParams' must be a list of keys."),
    ],
)
def test_d053_e153_wrong_shapes_of_an_action_message_are_refused(draft: Draft, members, code: str, text: str):
    values = values_of(draft, "WEBSOCKET_SEND", messageType="action", message=start_message(**members))
    problem = found(draft, values, code)
    assert (problem.message, problem.severity) == (text, Severity.ERROR)
    values.params["messageType"] = Param("data")
    assert found(draft, values, code) is None


def test_d055_an_unknown_process_is_ws_003_an_unpublished_one_ws_004(draft: Draft, make_draft):
    make_draft("bike_advice")
    unknown = values_of(draft, "WEBSOCKET_SEND", messageType="action", message=start_message(processName="bike_advise"))
    problem = found(draft, unknown, "WS-003")
    assert (problem.message, problem.severity) == ("No process named 'bike_advise'.", Severity.BLOCKER)
    assert '"processName": "bike_advice"' in problem.fix.value
    draft_only = values_of(
        draft, "WEBSOCKET_SEND", messageType="action", message=start_message(processName="bike_advice")
    )
    assert found(draft, draft_only, "WS-004").message == "'bike_advice' has no published version."


def test_d055_a_start_condition_that_no_start_node_has_is_ws_010(draft: Draft, make_draft):
    other = make_draft("insurance", kinds="START END")
    other.nodes["start"].start_condition = "basic"
    other.nodes["start"].save()
    publish(other.version)
    message = start_message(processName="insurance", params={"startCondition": "full"})
    values = values_of(draft, "WEBSOCKET_SEND", messageType="action", message=message)
    assert found(draft, values, "WS-010").message == "'insurance' has no start node with condition 'full'."
    for condition in ("basic", "${kind}", ""):
        values.params["message"] = Param(start_message(processName="insurance", params={"startCondition": condition}))
        assert found(draft, values, "WS-010") is None


def test_d055_both_lists_are_ws_008_and_a_parent_that_never_is_one_ws_009(draft: Draft, make_draft):
    lists = {"paramsToCopy": ["a"], "withoutParams": ["b"]}
    values = values_of(
        draft, "WEBSOCKET_SEND", messageType="action", message=start_message(params=lists), targetProcess="PARENT"
    )
    assert found(draft, values, "WS-008").message == "Both lists are set: keys are copied first, then removed."
    assert found(draft, values, "WS-009").message == "'crm' is started by no other process; there may be no parent."
    caller = make_draft("caller")
    caller.websocket("open", kind="action", message=start_message())
    assert found(draft, values, "WS-009") is None
