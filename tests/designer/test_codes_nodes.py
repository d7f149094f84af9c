"""Codes of nodes, sequences, conditions and the process: positive, negative, text (designer 1.13). What no node type of this
release can raise yet stands in `PENDING` of test_catalogue."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from designer.lint import Problem, Severity, check
from designer.lint.expression import check_expression
from designer.models import Action, Node, Sequence
from designer.versions import VersionRefused, create_process, name_problems
from engine import publishing
from tests.designer.conftest import Draft

pytestmark = pytest.mark.django_db


def found(draft: Draft, code: str) -> Problem | None:
    return next((each for each in check(draft.design) if each.code == code), None)


def codes(draft: Draft) -> set[str]:
    return {each.code for each in check(draft.design)}


def sound(draft: Draft) -> Draft:
    """The draft with a mandatory manual action on its user task: nothing is wrong with it."""
    draft.attribute("a")
    draft.action("confirm", manual=True, keys=["a"])
    return draft


def test_a_small_process_has_no_problem(draft: Draft):
    assert check(sound(draft).design) == []


@pytest.mark.parametrize("name", ["", " ", "n" * 101, "bell\x07"])
def test_d064_a_node_name_that_is_none_is_nod_001(draft: Draft, name: str):
    Node.objects.filter(pk=draft.nodes["user_task"].pk).update(name=name)
    problem = found(draft, "NOD-001")
    assert (problem.message, problem.severity) == ("Enter a name of at most 100 characters.", Severity.ERROR)


def test_d064_e007_a_name_twice_is_nod_001(draft: Draft):
    design = draft.design
    design.nodes[1].name = design.nodes[0].name
    problem = next(each for each in check(design) if each.code == "NOD-001")
    assert problem.message == "Another node is already named 'start'."


@pytest.mark.parametrize(("kinds", "missing"), [("USER_TASK END", "start"), ("START USER_TASK", "end")])
def test_d064_a_process_without_start_or_end_is_nod_002(make_draft, kinds: str, missing: str):
    problem = found(make_draft(kinds=kinds), "NOD-002")
    assert (problem.message, problem.severity) == (f"The process needs a {missing} node.", Severity.BLOCKER)


def test_d064_several_starts_need_conditions_of_their_own_nod_003(draft: Draft):
    second = draft.node("START", key="second")
    draft.flow("second", "user_task")
    assert found(draft, "NOD-003").message == "Give each start node its own start condition."
    for node, condition in ((draft.nodes["start"], "a"), (second, "a")):
        Node.objects.filter(pk=node.pk).update(start_condition=condition)
    assert found(draft, "NOD-003") is not None
    Node.objects.filter(pk=second.pk).update(start_condition="b")
    assert found(draft, "NOD-003") is None


def test_d064_a_node_that_cannot_be_reached_or_left_is_nod_004(draft: Draft):
    draft.node("TASK", key="island")
    texts = {each.message for each in check(draft.design) if each.code == "NOD-004"}
    assert texts == {"Node 'island' cannot be reached.", "Node 'island' has no outgoing sequence."}


def gateway(make_draft, rules: list[tuple[str, str]]) -> Draft:
    """Start → gateway → (one, two), with these conditions and targets."""
    draft = make_draft(kinds="START EXCLUSIVE_GATEWAY")
    for key in ("one", "two"):
        draft.node("END", key=key)
        draft.flow("exclusive_gateway", key)
    stored = [
        {"order": order, "language": "ZEN", "expression": condition, "nextNodeName": target}
        for order, (condition, target) in enumerate(rules, start=1)
    ]
    Node.objects.filter(key="exclusive_gateway").update(rules=stored)
    draft.attribute("a")
    return draft


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ([], "an else rule is missing"),
        ([("input.a == 1", "one"), ("input.a == 2", "two")], "an else rule is missing"),
        ([("", "two"), ("input.a == 1", "one")], "the else rule must stand last"),
        ([("", "one"), ("", "two")], "rule 1 has no condition"),
        ([("input.a == 1", "three"), ("", "two")], "'three' is not connected to it"),
    ],
)
def test_d064_wrong_gateway_rules_are_nod_005(make_draft, rules, reason: str):
    texts = [each.message for each in check(gateway(make_draft, rules).design) if each.code == "NOD-005"]
    assert f"Gateway 'exclusive_gateway': {reason}." in texts


def test_d064_right_gateway_rules_are_none(make_draft):
    draft = gateway(make_draft, [("input.a == 1", "one"), ("", "two")])
    assert found(draft, "NOD-005") is None


def receive(make_draft, topic: str = "ai.flowx.dev.engine.receive.x", key: str = "reply", **fields: object) -> Draft:
    draft = make_draft(kinds="START MESSAGE_EVENT_RECEIVE END")
    rows = [{"topicName": topic, "keyName": key}]
    Node.objects.filter(key="message_event_receive").update(data_stream_topics=rows, **fields)
    return draft


def test_d064_a_stream_topic_outside_the_pattern_is_nod_006(make_draft):
    problem = found(receive(make_draft, topic="elsewhere.v1"), "NOD-006")
    assert problem.message.startswith("The engine does not listen on 'elsewhere.v1' (pattern ai")
    assert problem.severity == Severity.BLOCKER
    assert found(receive(lambda kinds: Draft("second", kinds)), "NOD-006") is None


def test_d064_a_stream_without_a_key_or_listed_twice_is_nod_007(make_draft):
    draft = receive(make_draft, key=" ")
    assert found(draft, "NOD-007").message == "Enter the key that receives the reply."
    row = {"topicName": "ai.flowx.dev.engine.receive.x", "keyName": "reply"}
    Node.objects.filter(key="message_event_receive").update(data_stream_topics=[row, row])
    assert found(draft, "NOD-007").message == "Topic 'ai.flowx.dev.engine.receive.x' is listed twice."


def test_d064_a_send_task_that_sends_nothing_is_nod_008(make_draft):
    draft = make_draft(kinds="START MESSAGE_EVENT_SEND END")
    problem = found(draft, "NOD-008")
    assert (problem.message, problem.fix.kind) == ("'message_event_send' sends nothing.", "add_action")
    draft.kafka(on="message_event_send")
    assert found(draft, "NOD-008") is None


def test_d064_a_user_task_that_nothing_stops_is_nod_009(draft: Draft):
    draft.action("later", manual=True, optional=True, keys=["a"])
    problem = found(draft, "NOD-009")
    assert problem.message == "The token passes 'user_task' without stopping. Add a Mandatory Manual action."
    assert problem.severity == Severity.WARNING
    assert found(sound(draft), "NOD-009") is None


def test_d064_a_loop_without_a_wait_is_nod_010(make_draft):
    draft = make_draft(kinds="START TASK EXCLUSIVE_GATEWAY END")
    draft.flow("exclusive_gateway", "task")
    assert found(draft, "NOD-010").message == "'task → … → task' can run forever without waiting."
    draft.websocket("later", on="task", timer_expression="PT1M")
    assert found(draft, "NOD-010") is None


def test_a_long_chain_of_nodes_is_checked_without_recursion(make_draft):
    draft = make_draft(kinds="START " + "TASK " * 1200 + "END")
    assert found(draft, "NOD-010") is None


def test_d064_a_gateway_that_joins_and_splits_is_nod_012(make_draft):
    draft = gateway(make_draft, [("input.a == 1", "one"), ("", "two")])
    draft.node("TASK", key="again")
    draft.flow("again", "exclusive_gateway")
    assert found(draft, "NOD-012").message == "Gateway 'exclusive_gateway' both joins and splits. Use two gateways."


def test_d064_ways_that_may_not_be_are_nod_014(draft: Draft):
    draft.node("END", key="other_end")
    for source, target in (("user_task", "other_end"), ("user_task", "start"), ("end", "user_task")):
        Sequence.objects.create(
            version=draft.version, key=f"{source}{target}", source=draft.nodes[source], target=draft.nodes[target]
        )
    texts = {each.message for each in check(draft.design) if each.code == "NOD-014"}
    assert texts == {
        "'user_task' may have only one outgoing sequence.",
        "'start' may have no incoming sequence.",
        "'end' may have no outgoing sequence.",
    }


def test_d064_a_receive_task_without_a_topic_is_nod_015(make_draft):
    draft = make_draft(kinds="START MESSAGE_EVENT_RECEIVE END")
    assert found(draft, "NOD-015").message == "'message_event_receive' needs a data stream topic."


def test_d064_a_timeout_that_no_gateway_tests_is_nod_016(make_draft):
    draft = make_draft(kinds="START MESSAGE_EVENT_RECEIVE EXCLUSIVE_GATEWAY")
    for key in ("one", "two"):
        draft.node("END", key=key)
        draft.flow("exclusive_gateway", key)
    rows = [{"topicName": "ai.flowx.dev.engine.receive.x", "keyName": "reply"}]
    Node.objects.filter(key="message_event_receive").update(data_stream_topics=rows, response_timeout="PT1M")
    rules = [
        {"order": 1, "expression": "input.other == 1", "nextNodeName": "one"},
        {"order": 2, "expression": "", "nextNodeName": "two"},
    ]
    Node.objects.filter(key="exclusive_gateway").update(rules=rules)
    assert (
        found(draft, "NOD-016").message
        == "After a timeout 'reply' is missing, and 'exclusive_gateway' does not test it."
    )
    rules[0]["expression"] = "input.reply.error == null"
    Node.objects.filter(key="exclusive_gateway").update(rules=rules)
    assert found(draft, "NOD-016") is None


@pytest.mark.parametrize(
    ("kind", "config", "missing"),
    [
        ("TIMER_INTERMEDIATE", {}, "a timer"),
        ("MESSAGE_THROW", {"messageName": "paid"}, "a correlation key"),
        ("MESSAGE_CATCH_START", {}, "a message name"),
        ("TIMER_BOUNDARY", {"timerExpression": "PT1H"}, "a node to sit on"),
    ],
)
def test_d064_an_event_node_without_its_fields_is_nod_015(draft: Draft, kind: str, config: dict, missing: str):
    node = draft.node(kind, key="event", config=config)
    assert f"'event' needs {missing}." in {each.message for each in check(draft.design) if each.code == "NOD-015"}
    full = {"timerExpression": "PT1H", "messageName": "paid", "correlationKey": "id", "attachedTo": "user_task"}
    Node.objects.filter(pk=node.pk).update(config=full)
    assert f"'event' needs {missing}." not in {each.message for each in check(draft.design)}


def test_d064_a_boundary_event_on_a_wrong_host_is_nod_015(draft: Draft):
    draft.node("TIMER_BOUNDARY", key="limit", config={"timerExpression": "PT1H", "attachedTo": "start"})
    assert "'limit' cannot sit on a start." in {each.message for each in check(draft.design)}


def test_d064_a_waiting_subprocess_without_output_key_is_nod_013(draft: Draft):
    node = draft.node("SUBPROCESS_RUN", key="child")
    assert found(draft, "NOD-013").message == "'child' waits for its subprocess: enter the output key."
    Node.objects.filter(pk=node.pk).update(config={"startedAsync": True})
    assert found(draft, "NOD-013") is None


def test_d064_a_user_task_behind_a_non_interrupting_event_is_nod_017(draft: Draft):
    event = draft.node("TIMER_BOUNDARY", key="reminder", config={"interrupting": False, "attachedTo": "user_task"})
    draft.node("USER_TASK", key="remind", name="Remind")
    draft.flow("reminder", "remind")
    assert found(draft, "NOD-017").message == "'Remind' is reached by a side token; a user task should not be."
    Node.objects.filter(pk=event.pk).update(config={"interrupting": True, "attachedTo": "user_task"})
    assert found(draft, "NOD-017") is None


def test_d064_two_timer_starts_are_nod_011(draft: Draft):
    draft.node("TIMER_START", key="nightly")
    draft.node("TIMER_START", key="weekly")
    assert found(draft, "NOD-011").message == "'nightly' and 'weekly': only one timer start node is allowed."


KINDS = {
    "duration": "PT30S",
    "date": "2030-05-01T09:00:00Z",
    "cycle": "R5/PT10M",
    "cron": "0 0 9 ? * MON-FRI",
    "dynamic": "${delay}",
}
TIMER_PLACES = {
    "TIMER_INTERMEDIATE": {"cycle": "TMR-012", "cron": "TMR-012"},
    "TIMER_BOUNDARY": {"cycle": "TMR-012", "cron": "TMR-012"},
    "TIMER_START": {"duration": "TMR-017", "dynamic": "TMR-019"},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", TIMER_PLACES)
def test_d139_each_timer_node_takes_the_kinds_of_its_place_and_no_others(draft: Draft, place: str, kind: str):
    draft.attribute("delay")
    draft.node(place, config={"timerExpression": KINDS[kind], "attachedTo": "user_task"})
    timers = {code for code in codes(draft) if code.startswith("TMR")}
    assert timers == {TIMER_PLACES[place][kind]} if kind in TIMER_PLACES[place] else timers == set()


@pytest.mark.parametrize("kind", KINDS)
def test_d139_an_action_and_a_response_timeout_take_durations_only(draft: Draft, kind: str):
    expected = {"date": "TMR-009", "cycle": "TMR-012", "cron": "TMR-012"}.get(kind)
    draft.attribute("delay")
    draft.action("later", timer_expression=KINDS[kind])
    assert {code for code in codes(draft) if code.startswith("TMR")} == ({expected} if expected else set())
    Action.objects.all().delete()
    draft.node("TASK", key="wait", response_timeout=KINDS[kind])
    assert {code for code in codes(draft) if code.startswith("TMR")} == ({expected} if expected else set())


@pytest.mark.parametrize(
    ("place", "text", "code", "sentence"),
    [
        ("TIMER_INTERMEDIATE", "soon", "TMR-001", "'soon' is not an ISO 8601 duration. PT30S waits 30 seconds."),
        ("TIMER_INTERMEDIATE", "P900Y", "TMR-011", "The delay is longer than 100 years."),
        (
            "TIMER_BOUNDARY",
            "2030-02-30T09:00:00Z",
            "TMR-016",
            "'2030-02-30T09:00:00Z' is not a date-time, such as 2030-05-01T09:00:00Z.",
        ),
        ("TIMER_START", "R5/", "TMR-001", "'' is not an ISO 8601 duration. PT30S waits 30 seconds."),
        ("TIMER_START", "R5", "TMR-017", "'R5' is not a cycle, such as R5/PT10M."),
        ("TIMER_START", "0 0 9 * *", "TMR-018", "A cron expression needs six fields, seconds first (5 given)."),
        ("TIMER_START", "${x}", "TMR-019", "'${ }' cannot be used here."),
    ],
)
def test_d139_wrong_timers_of_nodes_have_the_texts_of_the_catalogue(
    draft: Draft, place: str, text: str, code: str, sentence: str
):
    draft.node(place, config={"timerExpression": text, "attachedTo": "user_task"})
    problem = found(draft, code)
    assert (problem.message, problem.severity, problem.field) == (sentence, Severity.ERROR, "timerExpression")


def test_d139_months_for_minutes_are_warned_of_and_no_delay_is_not(draft: Draft):
    draft.node("TIMER_INTERMEDIATE", key="one", config={"timerExpression": "P30M"})
    draft.node("TIMER_INTERMEDIATE", key="two", config={"timerExpression": "PT0S"})
    assert found(draft, "TMR-015").message == "P30M is 30 months. For 30 minutes write PT30M."
    assert found(draft, "TMR-014") is None


def test_d139_keys_in_a_timer_are_looked_up(draft: Draft):
    draft.node("TIMER_BOUNDARY", config={"timerExpression": "${dealy}", "attachedTo": "user_task"})
    assert found(draft, "KEY-101").field == "timerExpression"
    draft.node("TIMER_INTERMEDIATE", config={"timerExpression": "PT${a..b}M"})
    assert found(draft, "JSN-007").field == "timerExpression"


def test_d064_a_process_that_no_group_may_start_is_prc_006(draft: Draft):
    sound(draft)
    publishing.store_swimlane_permissions("crm", {"Default": {"view": ["flowx-users"]}})
    problem = found(draft, "PRC-006")
    assert (problem.message, problem.severity) == ("Only superusers can start this process.", Severity.WARNING)
    assert problem.fix.kind == "group"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("soon", "'soon' is not an ISO 8601 duration. PT30S waits 30 seconds."),
        ("0 0 9 * *", "A cron expression needs six fields, seconds first (5 found)."),
    ],
)
def test_an_expiry_time_that_is_neither_is_prc_005(draft: Draft, text: str, message: str):
    draft.version.expiry_time = text
    draft.version.save()
    assert found(draft, "PRC-005").message == message


@pytest.mark.parametrize("text", ["", "P7D", "0 0 9 ? * MON-FRI"])
def test_an_expiry_time_may_be_a_duration_or_six_field_cron(draft: Draft, text: str):
    draft.version.expiry_time = text
    draft.version.save()
    assert not codes(draft) & {"PRC-005", "TMR-019"}


def test_a_placeholder_in_the_expiry_time_is_tmr_019(draft: Draft):
    draft.version.expiry_time = "${limit}"
    draft.version.save()
    assert found(draft, "TMR-019").message == "'${ }' cannot be used here."


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("", "PRC-001", "Enter a name of at most 100 characters."),
        ("n" * 101, "PRC-001", "Enter a name of at most 100 characters."),
        ("CRM", "PRC-002", "'CRM' already exists."),
        ("my process", "PRC-003", "' ' cannot be used."),
        ("größe", "PRC-003", "'ö' cannot be used."),
    ],
)
def test_process_names_are_refused_with_prc_001_to_003(draft: Draft, name: str, code: str, text: str):
    assert [(each.code, each.message) for each in name_problems(name)] == [(code, text)]
    with pytest.raises(VersionRefused):
        create_process(name)


def test_a_good_process_name_is_accepted(draft: Draft):
    assert name_problems("Order[1].(v-2)_x") == []


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("", "EXP-001", "Enter a condition."),
        ("income > 1", "EXP-003", "Line 1, column 1: 'income' is not known here. Write input.income or config.income."),
        ("rand(3) == 1", "EXP-004", "Line 1, column 1: 'rand' answers differently each time. Use a key instead."),
        ("input.a > 1", "EXP-006", "Line 1, column 1: 'input.a' may be missing or no number."),
    ],
)
def test_d135_conditions_are_checked_with_place_and_text(draft: Draft, text: str, code: str, sentence: str):
    draft.attribute("a")
    problems = list(check_expression(draft.design, text, "rules"))
    assert problems[0].code == code
    assert problems[0].message == sentence


def test_d135_a_syntax_fault_is_exp_002_with_its_place(draft: Draft):
    problem = next(iter(check_expression(draft.design, "input.a == ", "rules")))
    assert (problem.code, problem.line, problem.severity) == ("EXP-002", 1, Severity.ERROR)


def test_d135_another_language_is_exp_005_and_blocks(draft: Draft):
    problem = next(iter(check_expression(draft.design, "a > 1", "rules", language="MVEL")))
    assert problem.code == "EXP-005"
    assert (problem.message, problem.severity) == ("MVEL does not run here. Rewrite it in ZEN.", Severity.BLOCKER)


def test_d135_fixes_of_conditions_give_the_whole_condition(draft: Draft):
    draft.attribute("a")
    unknown = next(iter(check_expression(draft.design, "a == 1 and input.a == 2", "rules")))
    assert unknown.fix.value == "input.a == 1 and input.a == 2"
    guarded = next(iter(check_expression(draft.design, "input.a > 1", "rules")))
    assert guarded.fix.value == "(input.a ?? 0) > 1"


def test_d135_paths_of_conditions_are_looked_up_also_through_brackets(draft: Draft):
    draft.attribute("first-name")
    draft.attribute("größe")
    assert list(check_expression(draft.design, 'input["first-name"] == "x" and input["größe"] == 1', "rules")) == []
    problem = next(iter(check_expression(draft.design, 'input["last-name"] == "x"', "rules")))
    assert problem.code == "KEY-101"
    assert "last-name" in problem.message


def test_d009_a_new_process_has_a_swimlane_a_start_an_end_and_a_group(db):
    Group.objects.get_or_create(name="flowx-users")
    version = create_process("fresh")
    assert (version.number, version.state) == (1, "DRAFT")
    assert sorted(version.nodes.values_list("type", flat=True)) == ["END", "START"]
    assert publishing.swimlane_permissions("fresh")["Default"].keys() == {"execute", "self-assign", "view"}
