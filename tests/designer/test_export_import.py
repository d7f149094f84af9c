"""Export and import (designer 3.3): files are stable and complete, imports are all or nothing."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from django.contrib.auth.models import Group

from designer import export, importing, sample
from designer.design import load
from designer.importing import import_version, read, report
from designer.models import Action, Node, Process, Version, VersionState
from designer.versions import VersionRefused, publish
from engine import publishing
from tests.designer.conftest import Draft

pytestmark = pytest.mark.django_db
MOMENT = datetime(2025, 11, 24, 8, 0, tzinfo=UTC)


def exported(version: Version) -> dict[str, Any]:
    return export.document(load(version), exported_by="edith", exported_at=MOMENT)


@pytest.fixture
def document(draft: Draft) -> dict[str, Any]:
    """A file of the draft, of a process that is not here any more."""
    parent = draft.action("confirm", manual=True, keys=["a"])
    draft.websocket("show", parent=parent)
    draft.kafka("send_it", headers='{"callbacksForAction": "send_it"}')
    draft.attribute("a", example={"x": 1.5})
    found = json.loads(export.to_text(exported(draft.version)))
    draft.version.process.delete()
    return found


def content(document: dict[str, Any]) -> bytes:
    return export.to_text(document).encode()


def refused(call: Any, *arguments: Any, **named: Any) -> list[tuple[str, str]]:
    with pytest.raises(VersionRefused) as raised:
        call(*arguments, **named)
    return [(each.code, each.message) for each in raised.value.problems]


def test_d082_an_import_of_an_export_is_equal_and_exports_byte_equal(document: dict[str, Any]):
    version, _ = import_version(read(content(document)))
    assert content(exported(version)) == content(document)


def test_d142_exports_pass_the_json_schema(document: dict[str, Any]):
    jsonschema.Draft202012Validator(importing.schema()).validate(document)
    for version in sample.load_sample():
        jsonschema.Draft202012Validator(importing.schema()).validate(exported(version))


def test_d142_jsondtomessage_is_read_as_message_and_never_written(document: dict[str, Any]):
    for action in document["actions"]:
        for param in action["actionParams"]:
            param["key"] = "jsonDTOMessage" if param["key"] == "message" else param["key"]
    version, _ = import_version(read(content(document)))
    assert version.actions.get(name="show").param("message") == '{"a": 1}'
    assert "jsonDTOMessage" not in export.to_text(exported(version))


def test_an_import_is_a_draft_with_the_files_own_number_for_a_new_name(document: dict[str, Any]):
    document["process"]["version"] = 4
    version, _ = import_version(document)
    assert (version.number, version.state) == (4, VersionState.DRAFT)


def test_d083_e193_a_known_name_makes_a_draft_with_max_plus_one(document: dict[str, Any]):
    first, _ = import_version(document)
    publish(first)
    second, _ = import_version(document)
    assert (second.process, second.number, second.state) == (first.process, 2, VersionState.DRAFT)


def test_d083_e193_an_existing_draft_is_imp_007_replaced_on_request(document: dict[str, Any]):
    first, _ = import_version(document)
    text = "A draft of 'crm' exists: replace it, or import under another name."
    assert refused(import_version, document) == [("IMP-007", text)]
    again, _ = import_version(document, replace=True)
    assert list(first.process.versions.all()) == [again]
    other, _ = import_version(document, name="crm_copy")
    assert other.process.name == "crm_copy"


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (b"not json", "IMP-001", "This file is not a process export ("),
        (
            b'{"format": "other"}',
            "IMP-001",
            "This file is not a process export (its format is not 'flowx-actions/process').",
        ),
        (
            b'{"format": "flowx-actions/process", "formatVersion": 9}',
            "IMP-002",
            "The file has format 9; this designer reads 1 to 1.",
        ),
        (
            b'{"format": "flowx-actions/process", "formatVersion": 1}',
            "IMP-004",
            "document: 'process' is a required property",
        ),
        (b" " * (10 * 1024 * 1024 + 1), "IMP-006", "The file is 10.0 MB; the limit is 10 MB."),
    ],
)
def test_d083_a_file_that_is_no_export_is_refused_with_its_code(body: bytes, code: str, text: str):
    found = refused(read, body)
    assert found[0][0] == code
    assert text in " ".join(message for _, message in found)
    assert not Process.objects.exists()


def test_d083_a_wrong_field_is_imp_004_with_its_path(document: dict[str, Any]):
    document["actions"][0]["order"] = "first"
    assert refused(read, content(document))[0] == ("IMP-004", "actions.0.order: 'first' is not of type 'integer'")


def test_there_is_no_checksum_an_edited_export_is_read(document: dict[str, Any]):
    document["nodes"][0]["name"] = "Renamed by hand"
    version, _ = import_version(read(content(document)))
    assert version.nodes.filter(name="Renamed by hand").exists()


def test_d083_missing_references_are_imp_005_and_the_import_goes_on(document: dict[str, Any]):
    document["requires"] = {"parameters": ["region"], "processes": ["elsewhere"], "groups": ["nobody"]}
    version, found = import_version(document)
    texts = [each.message for each in found.problems if each.code == "IMP-005"]
    assert texts == [
        "3 reference(s) (systems, parameters, processes, groups, swimlanes, environments) are missing here: "
        "parameters: region, processes: elsewhere, groups: nobody. They become problems in the draft."
    ]
    assert version.pk


def test_d083_names_that_cannot_be_used_are_imp_008_and_what_names_them_follows(document: dict[str, Any]):
    for action in document["actions"]:
        action["name"] = action["name"].replace("_", " ")
        for param in action["actionParams"]:
            param["value"] = param["value"].replace("send_it", "send it")
    version, found = import_version(document)
    texts = [each.message for each in found.problems if each.code == "IMP-008"]
    assert texts == ["1 name(s) cannot be used here and will be renamed: send it → send_it."]
    assert '"callbacksForAction": "send_it"' in version.actions.get(name="send_it").param("headers")


def test_names_that_stand_twice_are_numbered(document: dict[str, Any]):
    double = copy.deepcopy(document["actions"][0])
    double.pop("key")
    document["actions"].append(double)
    version, found = import_version(document)
    assert version.actions.filter(name=f"{double['name']}_2").exists()
    assert found.renamed


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda d: d["nodes"].append(dict(d["nodes"][0])), "nodes: key"),
        (lambda d: d["sequences"].append({"sourceNode": "x", "targetNode": "end"}), "no node 'x'"),
        (lambda d: d["actions"][0].update(node="nowhere"), "no node 'nowhere'"),
        (lambda d: d["actions"][0].update(parentName="ghost"), "no action 'ghost' on that node (ACT-014)"),
    ],
)
def test_d084_an_import_that_fails_leaves_nothing(document: dict[str, Any], change: Any, text: str):
    change(document)
    found = refused(import_version, document)
    assert found[0][0] == "IMP-004"
    assert text in " ".join(message for _, message in found)
    assert not Process.objects.exists()


def test_d084_a_failure_half_way_leaves_nothing(document: dict[str, Any]):
    document["actions"][-1]["name"] = "x" * 90
    document["swimlanes"][0]["name"] = "y" * 90
    document["nodes"][0]["type"] = "START"
    document["sequences"].append(dict(document["sequences"][0], key="again"))
    with pytest.raises(Exception, match=r"(?i)unique"):
        import_version(document)
    assert (Process.objects.count(), Node.objects.count(), Action.objects.count()) == (0, 0, 0)


def test_d085_an_unknown_action_type_survives_and_blocks_publishing(document: dict[str, Any]):
    fax = {
        "node": "user_task",
        "key": "fax",
        "name": "fax",
        "order": 9,
        "type": "FAX_SEND",
        "actionParams": [{"key": "number", "value": "1"}],
    }
    document["actions"].append(fax)
    version, _ = import_version(read(content(document)))
    again = next(each for each in exported(version)["actions"] if each["name"] == "fax")
    assert (again["type"], again["actionParams"]) == (
        "FAX_SEND",
        [{"key": "number", "value": "1", "replaceValues": True}],
    )
    with pytest.raises(VersionRefused) as raised:
        publish(version)
    assert "ACT-021" in {each.code for each in raised.value.problems}


def test_permissions_of_a_new_process_come_along_for_groups_that_exist(document: dict[str, Any]):
    document["permissions"] = {"Default": {"execute": ["flowx-users", "nobody"]}}
    publishing.store_swimlane_permissions("crm", {})
    Group.objects.get_or_create(name="flowx-users")
    import_version(document)
    assert publishing.swimlane_permissions("crm") == {"Default": {"execute": ["flowx-users"]}}


def test_the_report_says_what_would_happen_and_changes_nothing(document: dict[str, Any]):
    found = report(document, name="bad name")
    assert [(each.code, found.refused) for each in found.problems] == [("PRC-003", True)]
    assert not Process.objects.exists()
