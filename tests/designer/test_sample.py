"""The sample processes: nothing is wrong in them, the engine reads them, and loading them again changes nothing."""

import json

import pytest

from designer import export, lint, sample
from designer.compile import compile_version
from designer.design import load
from designer.models import Process, Version
from engine import publishing
from engine.core.graph import Graph

pytestmark = pytest.mark.django_db


def test_d129_the_sample_process_has_no_problem_and_nests_its_actions():
    for version in sample.load_sample():
        design = load(version)
        assert lint.check(design) == []
    leasing = load(Version.objects.get(process__name="bicycle_leasing_request"))
    assert [child.name for child in leasing.children(leasing.action_named("submit_rider_details"))] == ["greet_rider"]


def test_loading_the_sample_twice_publishes_it_once():
    first = [version.pk for version in sample.load_sample()]
    assert [version.pk for version in sample.load_sample()] == first
    assert Version.objects.count() == 2


def test_the_default_group_may_execute_in_every_swimlane():
    sample.load_sample()
    permissions = publishing.swimlane_permissions("bicycle_leasing_request")
    assert {lane: operations["execute"] for lane, operations in permissions.items()} == {
        "Rider": ["flowx-users"],
        "Leasing desk": ["flowx-users"],
    }


def test_a_deleted_sample_stays_deleted():
    sample.load_sample()
    Process.objects.filter(name="bike_advice").update(deleted=True)
    Version.objects.filter(process__name="bike_advice").update(state="DELETED")
    assert [version.process.name for version in sample.load_sample()] == ["bicycle_leasing_request"]


def test_the_engine_reads_the_compiled_sample():
    version = sample.load_sample()[1]
    graph = Graph.from_json(compile_version(load(version)))
    receive = graph.node_named("Bike reserved")
    assert receive is not None
    assert (receive.response_timeout, receive.streams[0].key_name) == ("PT2M", "reservation")
    assert [graph.nodes[target].name for target in graph.node_named("Reserve bike").outgoing] == ["Bike reserved"]
    assert graph.sensitive_keys == ("application.client.email",)


def test_the_shipped_files_are_what_an_export_would_write():
    for version in sample.load_sample():
        shipped = json.loads((sample.SAMPLES / f"{version.process.name}.json").read_text("utf-8"))
        exported = export.document(load(version), exported_by=shipped["exportedBy"])
        assert {**exported, "exportedAt": shipped["exportedAt"]} == shipped
