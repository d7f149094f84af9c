"""Exclusive gateways, flow names and missing sequences (engine 1.5, 1.7)."""

import pytest

from engine.models import Incident
from tests.builders import process

pytestmark = pytest.mark.django_db


def fork(*rules, **fields):
    """Start -> Choose -> Left or Right, each a task of its own before its END."""
    return (
        process(**fields)
        .start()
        .gateway("Choose", *rules)
        .task("Left")
        .end("Left end")
        .task("Right", connect=False)
        .link("Choose", "Right")
        .end("Right end")
    )


def passed(running):
    return [entry.node_name for entry in running.journal("Advance")]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [(5, "Left"), (50, "Right"), (500, "Left")],
)
def test_e010_first_true_rule_decides_and_later_ones_are_not_evaluated(amount, expected):
    rules = [("input.amount < 10", "Left"), ("input.amount < 100", "Right"), (None, "Left")]
    running = fork(*rules, ("input.missing > 1", "Right")).publish().start({"amount": amount})
    assert expected in passed(running)
    assert running.state == "FINISHED"


def test_e011_without_a_true_rule_else_is_taken():
    running = fork(("input.amount > 10", "Left"), (None, "Right")).publish().start({"amount": 1})
    assert "Right" in passed(running)


def test_e011_e051_without_else_the_token_stays_with_an_incident():
    running = fork(("input.amount > 10", "Left")).publish().start({"amount": 1})
    incident = Incident.objects.get(instance_id=running.row.id)
    assert (running.state, running.position[0]) == ("STARTED", "Choose")
    assert (incident.type, incident.source, incident.node_name) == ("Gateway Evaluation", "Node", "Choose")
    assert incident.process_name == running.published.name
    assert incident.token_uuid == running.token.uuid
    assert incident.instance_uuid == running.uuid
    assert "else" in incident.message
    assert incident.opened_at is not None


def test_e012_a_gateway_without_rules_and_one_sequence_passes_through():
    running = process().start().gateway("Join").end().publish().start()
    assert running.state == "FINISHED"
    assert passed(running) == ["Join", "End"]


@pytest.mark.parametrize("expression", ["input.missing > 1", "input.amount < 'x'", "input.amount + 1"])
def test_e013_a_failing_or_not_boolean_rule_is_an_incident_that_names_the_way_out(expression):
    running = fork((expression, "Left"), (None, "Right")).publish().start({"amount": 1})
    incident = Incident.objects.get(instance_id=running.row.id)
    assert incident.type == "Gateway Evaluation"
    assert "??" in incident.message
    assert running.position[0] == "Choose"


def test_e014_a_node_without_outgoing_sequence_is_an_incident():
    running = process().start().task("Lost").publish().start()
    incident = Incident.objects.get(instance_id=running.row.id)
    assert (incident.type, incident.node_name) == ("Node", "Lost")
    assert (running.state, running.position) == ("STARTED", ("Lost", "EXECUTED_COMPLETE"))


def test_a_rule_to_a_node_that_is_not_connected_is_an_incident():
    running = fork((None, "Left end")).publish().start()
    assert Incident.objects.get(instance_id=running.row.id).type == "Gateway Evaluation"


@pytest.mark.parametrize(
    ("flow", "expected"),
    [("long", ["Extra", "Always", "End"]), ("short", ["Always", "End"]), (None, ["Always", "End"])],
)
def test_e018_flow_names_choose_the_nodes_that_take_part(flow, expected):
    published = process().start().task("Extra", flowNames=["long"]).task("Always").end().publish()
    running = published.start({"flowName": flow} if flow else {})
    assert passed(running) == expected
    assert running.state == "FINISHED"
