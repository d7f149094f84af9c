"""Business rules: ZEN rows and decision tables (engine 4.8)."""

import json

import pytest

from engine import publishing
from engine.models import Incident
from tests.builders import Running, action, process

pytestmark = pytest.mark.django_db


def rules(*definitions: dict) -> dict:
    return action("decide", "BUSINESS_RULE", actionRuleDefinitions=list(definitions))


def row(target: str, message: str, language: str = "ZEN") -> dict:
    return {"language": language, "target": target, "message": message}


def decide(*definitions: dict, params: dict | None = None) -> Running:
    return process().start().task("Decide", rules(*definitions)).end().publish().start(params or {})


def table(*, hit_policy: str = "first", extra: tuple[dict, ...] = ()) -> dict:
    content = {
        "hitPolicy": hit_policy,
        "inputs": [{"id": "a", "name": "Amount", "field": "input.amount"}],
        "outputs": [{"id": "o", "name": "Status", "field": "application.status"}],
        "rules": [{"_id": "r1", "a": "> 10", "o": "'big'"}, {"_id": "r2", "a": "> 1", "o": "'small'"}],
    }
    nodes = [
        {"id": "i", "type": "inputNode", "name": "Request"},
        {"id": "t", "type": "decisionTableNode", "name": "Table", "content": content},
        {"id": "x", "type": "outputNode", "name": "Response"},
        *extra,
    ]
    edges = [
        {"id": "e1", "sourceId": "i", "targetId": "t", "type": "edge"},
        {"id": "e2", "sourceId": "t", "targetId": "x", "type": "edge"},
    ]
    return {"language": "ZEN_TABLE", "message": json.dumps({"nodes": nodes, "edges": edges})}


def test_e098_rows_read_input_and_config_and_later_rows_see_earlier_ones():
    publishing.store_generic_parameter("currency", "EUR")
    running = decide(
        row("order.total", "input.price * input.count"),
        row("order.text", "string(input.order.total) + ' ' + config.currency"),
        params={"price": 3, "count": 4},
    )
    assert running.params["order"] == {"total": 12, "text": "12 EUR"}
    assert running.state == "FINISHED"


@pytest.mark.parametrize(("amount", "status"), [(50, "big"), (5, "small")])
def test_e098_the_first_matching_row_of_a_table_is_merged(amount, status):
    running = decide(table(), params={"amount": amount, "application": {"id": 1}})
    assert running.params["application"] == {"id": 1, "status": status}


def test_e098_no_match_changes_nothing():
    running = decide(table(), params={"amount": 0})
    assert running.params == {"amount": 0}
    assert running.state == "FINISHED"


@pytest.mark.parametrize(
    "definitions",
    [
        (row("a", "1"), row("b", "input.missing > 1")),
        (row("a", "1"), row("b", "1", language="MVEL")),
        (row("a", "1"), row("list[3]", "1")),
    ],
)
def test_e210_a_fault_writes_nothing_and_is_an_incident(definitions):
    running = decide(*definitions, params={"list": []})
    assert running.params == {"list": []}
    incident = Incident.objects.get(instance_id=running.row.id)
    assert incident.type == "Business Rule Evaluation"
    assert "Rule 2" in incident.message


@pytest.mark.parametrize("kind", ["functionNode", "httpNode", "expressionNode"])
def test_e210_jdm_function_and_http_nodes_are_refused(kind):
    running = decide(table(extra=({"id": "f", "type": kind, "name": "f", "content": ""},)), params={"amount": 50})
    assert kind in Incident.objects.get(instance_id=running.row.id).message
    assert "application" not in running.params


def test_a_table_with_another_hit_policy_is_refused():
    running = decide(table(hit_policy="collect"), params={"amount": 50})
    assert "hit policy" in Incident.objects.get(instance_id=running.row.id).message
