"""The life of versions: publish, draft, discard, delete, test start (designer 3.1, engine 1.2)."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from designer import export, versions
from designer.compile import compile_version
from designer.design import load
from designer.models import Process, Version, VersionState
from designer.versions import DraftExists, VersionRefused
from engine import publishing, runtime
from engine.core.graph import Graph
from engine.core.stimuli import Actor, Refusal, Start
from engine.models import Instance, PublishedProcess, Snapshot
from tests.designer.conftest import Draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def sound(draft: Draft) -> Draft:
    """A draft without a problem."""
    draft.attribute("a")
    draft.action("confirm", manual=True, keys=["a"])
    return draft


def states(process: Process) -> dict[int, str]:
    return dict(process.versions.values_list("number", "state"))


def test_d074_e001_publishing_deprecates_the_version_before(sound: Draft, editor: User):
    first = versions.publish(sound.version, message="First", user=editor)
    assert (first.message, first.published_by, first.state) == ("First", editor, VersionState.PUBLISHED)
    second = versions.create_draft(first, user=editor)
    versions.publish(second, user=editor)
    assert states(first.process) == {1: "DEPRECATED", 2: "PUBLISHED"}


@pytest.mark.parametrize("state", [VersionState.DRAFT, VersionState.PUBLISHED])
def test_d074_e001_one_draft_and_one_published_version_at_most(sound: Draft, state: str):
    sound.version.state = state
    sound.version.save()
    with pytest.raises(IntegrityError), transaction.atomic():
        Version.objects.create(process=sound.version.process, number=9, state=state)


def test_d075_e025_publishing_lists_all_blockers_together_and_refuses(draft: Draft):
    draft.kafka(topic="a.${unknown}", headers='{"destinationId": "nobody"}')
    with pytest.raises(VersionRefused) as refused:
        versions.publish(draft.version)
    first, *blockers = refused.value.problems
    assert (first.code, first.message) == ("PRC-004", "Fix 2 problem(s) before publishing.")
    assert {each.code for each in blockers} == {"KFK-016", "KFK-007"}
    assert not PublishedProcess.objects.exists()
    draft.version.refresh_from_db()
    assert draft.version.state == VersionState.DRAFT


def test_d075_a_message_over_200_characters_is_refused(sound: Draft):
    with pytest.raises(VersionRefused) as refused:
        versions.publish(sound.version, message="x" * 201)
    assert refused.value.problems[0].message == "Use at most 200 characters for the message (now 201)."
    assert versions.publish(sound.version, message="x" * 200).state == VersionState.PUBLISHED


def test_the_published_snapshot_is_what_the_engine_starts_by_name(sound: Draft):
    published = versions.publish(sound.version)
    started = PublishedProcess.objects.get(name_key="crm")
    graph = Graph.from_json(json.loads(started.snapshot.body))
    assert (graph.name, graph.version, graph.definition_id) == ("crm", 1, published.pk)
    assert started.snapshot.pk == published.snapshot
    assert "node_" in started.snapshot.bpmn


def test_e192_a_snapshot_never_changes_and_a_deprecated_version_is_published_again(sound: Draft):
    first = versions.publish(sound.version)
    body = Snapshot.objects.get(pk=first.snapshot).body
    versions.publish(versions.create_draft(first))
    assert Snapshot.objects.get(pk=first.snapshot).body == body
    first.refresh_from_db()
    again = versions.publish(first)
    assert (again.snapshot, states(first.process)) == (first.snapshot, {1: "PUBLISHED", 2: "DEPRECATED"})
    assert PublishedProcess.objects.get(name_key="crm").snapshot_id == first.snapshot


def test_d077_rolling_back_checks_the_older_version_again(sound: Draft, make_draft):
    other = make_draft("advice", kinds="START END")
    versions.publish(other.version)
    message = '{"processName": "advice", "type": "START_PROCESS_INHERIT"}'
    sound.websocket("open", kind="action", message=message)
    first = versions.publish(sound.version)
    versions.publish(versions.create_draft(first))
    versions.delete_process(other.version.process)
    first.refresh_from_db()
    with pytest.raises(VersionRefused) as refused:
        versions.publish(first)
    assert [each.code for each in refused.value.problems] == ["PRC-004", "WS-003"]


def test_e004_a_published_version_is_never_published_or_discarded_as_a_draft(sound: Draft):
    published = versions.publish(sound.version)
    for refuse in (versions.publish, versions.discard_draft):
        with pytest.raises(VersionRefused) as refused:
            refuse(published)
        assert refused.value.problems[0].message == "Version 1 is published and cannot be edited."


def test_d145_e004_a_draft_gets_max_plus_one_and_an_existing_one_is_opened_or_replaced(sound: Draft):
    published = versions.publish(sound.version)
    draft = versions.create_draft(published)
    assert (draft.number, draft.state, draft.based_on) == (2, VersionState.DRAFT, 1)
    with pytest.raises(DraftExists) as exists:
        versions.create_draft(published)
    assert exists.value.draft == draft
    replaced = versions.create_draft(published, replace=True)
    assert (replaced.number, Version.objects.filter(pk=draft.pk).exists()) == (2, False)


def test_a_draft_holds_all_that_its_version_holds(sound: Draft):
    sound.kafka()
    sound.version.mandatory_params = ["a"]
    sound.version.save()
    published = versions.publish(sound.version)
    draft = versions.create_draft(published)
    before, after = (export.document(load(each)) for each in (published, draft))
    for document in (before, after):
        document["process"].pop("version")
        document.pop("exportedAt")
    assert after == before


def test_d078_e005_discarding_a_draft_leaves_all_other_versions(sound: Draft):
    published = versions.publish(sound.version)
    draft = versions.create_draft(published)
    versions.discard_draft(draft)
    assert states(published.process) == {1: "PUBLISHED"}


def start(snapshot: int, *, test: bool = False) -> Instance:
    """A started instance of a snapshot, by the engine's runtime."""
    stimulus = Start(uuid=uuid4(), snapshot_id=snapshot, params={}, actor=Actor("edith", None), test=test)
    runtime.apply([stimulus])
    return Instance.objects.get(uuid=stimulus.uuid)


def test_d078_e005_deleting_a_definition_is_prc_010_while_instances_run(sound: Draft):
    published = versions.publish(sound.version)
    instance = start(published.snapshot)
    with pytest.raises(VersionRefused) as refused:
        versions.delete_process(published.process)
    found = refused.value.problems[0]
    assert (found.code, found.message) == ("PRC-010", "1 instance(s) are running.")
    assert states(published.process) == {1: "PUBLISHED"}
    Instance.objects.filter(pk=instance.pk).update(state="TERMINATED")
    versions.delete_process(published.process)
    assert states(published.process) == {1: "DELETED"}


def test_d076_a_draft_runs_in_test_mode_and_later_edits_do_not_touch_the_run(sound: Draft):
    snapshot = publishing.compile_draft(sound.version.pk, "edith")
    instance = start(snapshot.id, test=True)
    sound.kafka("added_later")
    graph = Graph.from_json(json.loads(Snapshot.objects.get(pk=instance.snapshot_id).body))
    node = graph.node_named("user_task")
    assert instance.test
    assert instance.state == "STARTED"
    assert [action.name for action in node.actions] == ["confirm"]
    assert not PublishedProcess.objects.exists()


def test_d079_a_running_instance_keeps_its_version_after_a_new_publish(sound: Draft):
    first = versions.publish(sound.version)
    instance = start(first.snapshot)
    second = versions.publish(versions.create_draft(first))
    instance.refresh_from_db()
    assert (instance.snapshot_id, instance.version) == (first.snapshot, 1)
    assert start(second.snapshot).version == 2


def test_discarding_the_only_version_removes_the_process(draft: Draft):
    versions.discard_draft(draft.version)
    assert not Process.objects.exists()


def test_deleting_a_definition_hides_all_versions_and_stops_starts(sound: Draft):
    published = versions.publish(sound.version)
    versions.create_draft(published)
    versions.delete_process(published.process)
    assert states(published.process) == {1: "DELETED", 2: "DELETED"}
    assert not PublishedProcess.objects.exists()


def test_a_deleted_name_may_be_used_again_and_goes_on_counting(sound: Draft):
    versions.delete_process(sound.version.process)
    version = versions.create_process("CRM")
    assert (version.number, version.process.name, version.process.deleted) == (2, "CRM", False)


def test_d145_a_duplicate_is_version_1_under_a_new_name(sound: Draft):
    copy = versions.duplicate(sound.version, "crm_copy")
    assert (copy.process.name, copy.number, copy.actions.get().name) == ("crm_copy", 1, "confirm")
    assert publishing.swimlane_permissions("crm_copy") == publishing.swimlane_permissions("crm")
    with pytest.raises(VersionRefused):
        versions.duplicate(sound.version, "CRM_copy")


def test_a_draft_compiles_to_one_test_snapshot_until_it_changes(sound: Draft):
    first = publishing.compile_draft(sound.version.pk, "edith")
    assert publishing.compile_draft(sound.version.pk, "edith").id == first.id
    assert Snapshot.objects.get(pk=first.id).test
    sound.kafka()
    assert publishing.compile_draft(sound.version.pk, "edith").id != first.id


def test_d076_a_draft_with_blockers_is_not_started(draft: Draft):
    draft.kafka(headers='{"destinationId": "nobody"}')
    with pytest.raises(Refusal) as refused:
        publishing.compile_draft(draft.version.pk, "edith")
    assert (refused.value.status, refused.value.code, refused.value.params) == (409, "PRC-004", "KFK-007")
    with pytest.raises(Refusal) as unknown:
        publishing.compile_draft(987654, "edith")
    assert unknown.value.status == 404


def test_a_node_type_that_does_not_run_yet_blocks_publishing(make_draft):
    draft = make_draft(kinds="START FUTURE_NODE END")
    with pytest.raises(VersionRefused) as refused:
        versions.publish(draft.version)
    text = "'future_node' needs a newer engine: future node nodes do not run here."
    assert text in {each.message for each in refused.value.problems}


def test_the_compiled_snapshot_leaves_manual_only_values_out_of_automatic_actions(sound: Draft):
    sound.websocket()
    nodes = compile_version(sound.design)["nodes"]
    actions = {action["name"]: action for node in nodes for action in node["actions"]}
    assert "keys" not in actions["show_it"]
    assert actions["confirm"]["keys"] == ["a"]


def test_publishing_makes_a_fixed_number_of_statements(sound: Draft, make_draft, django_assert_max_num_queries):
    big = make_draft("big", kinds="START " + "TASK " * 40 + "END")
    for key in [key for key in big.nodes if key.startswith("task")]:
        big.websocket(f"show_{key}", on=key)
    with django_assert_max_num_queries(40):
        versions.publish(big.version)


def test_a_version_is_loaded_in_six_statements(sound: Draft, django_assert_num_queries):
    version = Version.objects.select_related("process").get(pk=sound.version.pk)
    with django_assert_num_queries(6):
        load(version)
