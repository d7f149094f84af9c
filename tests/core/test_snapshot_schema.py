"""The contract between designer and engine: published snapshots fit the JSON Schema of their format (engine 1.2)."""

import json
import random
from typing import Any

import jsonschema
import pytest

from designer.sample import load_sample
from engine.core import graph
from engine.core.kinds import ActionType, NodeType
from engine.models import Snapshot
from flowx_site.config import BASE_DIR
from tests.builders import kafka_send, process
from tests.model.choices import Choices
from tests.model.processes import family

SCHEMA = json.loads((BASE_DIR / "engine" / "core" / "snapshot.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def faults(snapshot: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(snapshot)]


def test_the_schema_is_one_and_names_the_engines_format_and_types() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["format"] == {"const": graph.FORMAT}
    assert set(SCHEMA["$defs"]["node"]["properties"]["type"]["enum"]) == set(NodeType)
    assert set(SCHEMA["$defs"]["action"]["properties"]["type"]["enum"]) == set(ActionType)


@pytest.mark.django_db
def test_e192_published_samples_fit_the_schema() -> None:
    load_sample()
    bodies = [json.loads(row.body) for row in Snapshot.objects.all()]
    assert len(bodies) == 2
    assert [faults(body) for body in bodies] == [[], []]


@pytest.mark.parametrize("seed", range(20))
def test_e192_random_processes_fit_the_schema_and_make_a_graph(seed: int) -> None:
    for made in family(Choices(random.Random(seed).randbytes(200))):
        snapshot = made.snapshot()
        assert faults(snapshot) == []
        graph.Graph.from_json(snapshot)


WRONG: dict[str, tuple[Any, str]] = {
    "another format": ({"format": 2}, "$.format"),
    "no nodes": ({"nodes": []}, "$.nodes"),
    "a name with a blank": ({"name": "a b"}, "$.name"),
    "a sequence without a target": ({"sequences": [{"id": 1, "sourceNode": 1}]}, "$.sequences[0]"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_the_engine_could_not_run_does_not_fit(case: str) -> None:
    changed, place = WRONG[case]
    snapshot = {**process("p").start().end().snapshot(), **changed}
    assert [fault.partition(": ")[0] for fault in faults(snapshot)] == [place]


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("NO_SUCH_TYPE", {}),
        ("TIMER_INTERMEDIATE", {}),
        ("TIMER_BOUNDARY", {"timerExpression": "P1D"}),
        ("MESSAGE_THROW", {"messageName": "x"}),
        ("MESSAGE_EVENT_RECEIVE", {}),
        ("MESSAGE_EVENT_RECEIVE", {"dataStreamTopics": [{"topicName": "t"}]}),
        ("SUBPROCESS_RUN", {}),
        ("END", {"actions": [kafka_send("send", order=1)]}),
    ],
)
def test_nodes_without_their_fields_do_not_fit(type: str, fields: dict) -> None:
    snapshot = process("p").start().end().snapshot()
    snapshot["nodes"].append({"id": 99, "key": "n99", "name": "Node", "type": type, **fields})
    assert faults(snapshot)
