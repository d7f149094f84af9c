"""Generic parameters: checks, values per environment, and what the engine reads of them (designer 3.6, engine 6.4)."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from designer import preview
from designer.models import GenericParameter
from designer.parameters import delete_parameter, parameter_problems, save_parameter
from engine import configuration
from flowx_site.config import config
from tests.designer.conftest import Draft

pytestmark = pytest.mark.django_db


def parameter(
    key: str = "region", value: str = "north", environment: str = "", kind: str = "VALUE"
) -> GenericParameter:
    return GenericParameter(key=key, value=value, environment=environment, kind=kind)


@pytest.fixture(autouse=True)
def fresh_values():
    """The engine keeps values for a second; each test reads anew."""
    configuration.forget()
    yield
    configuration.forget()


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        (parameter(key=""), "PRM-001", "Enter a key such as warehouse.region, at most 100 characters."),
        (parameter(key="a b"), "PRM-001", "Enter a key such as warehouse.region, at most 100 characters."),
        (parameter(value="x" * 256), "PRM-003", "At most 255 characters (now 256)."),
        (parameter(key="user.jwt"), "PRM-004", "'user.jwt' is a reserved name."),
        (parameter(key="processInstanceId"), "PRM-004", "'processInstanceId' is a reserved name."),
        (
            parameter(kind="VARIABLE", value="FLOWX_PARAM_NONE"),
            "PRM-005",
            "Environment variable 'FLOWX_PARAM_NONE' is not set here.",
        ),
        (parameter(kind="SECRET", value="DATABASE_URL"), "PRM-006", "The name must begin with FLOWX_PARAM_."),
    ],
)
def test_d088_wrong_parameters_have_their_codes(given: GenericParameter, code: str, text: str):
    assert [(each.code, each.message) for each in parameter_problems(given)] == [(code, text)]


def test_d088_a_key_has_one_value_per_environment():
    save_parameter(parameter())
    assert [each.code for each in parameter_problems(parameter())] == ["PRM-002"]
    assert parameter_problems(parameter(environment="test")) == []


def test_d088_the_exact_environment_wins_and_the_engine_reads_it_at_once():
    save_parameter(parameter(value="everywhere"))
    assert configuration.generic_parameters()["region"] == "everywhere"
    save_parameter(parameter(value="here", environment=config.environment))
    save_parameter(parameter(value="there", environment="elsewhere"))
    assert configuration.generic_parameters()["region"] == "here"


def test_d088_a_process_value_wins_unless_it_is_null(draft: Draft):
    save_parameter(parameter())
    for data, sent in (({"region": "own"}, "own"), ({"region": None}, "north"), ({}, "north")):
        source = preview.source_of(draft.design, "")
        source.state.params = data
        assert preview.render_json('{"a": "${region}"}', source).text == f'{{"a": "{sent}"}}'


def test_a_renamed_or_deleted_parameter_leaves_nothing_behind():
    kept = parameter()
    save_parameter(kept)
    kept.key = "area"
    save_parameter(kept)
    assert dict(configuration.generic_parameters()) == {"area": "north"}
    delete_parameter(kept)
    assert dict(configuration.generic_parameters()) == {}


def test_the_admin_page_checks_saves_and_deletes(client: Client, editor: User):
    User.objects.filter(pk=editor.pk).update(is_superuser=True)
    add = reverse("admin:designer_genericparameter_add")
    refused = client.post(add, {"key": "user", "environment": "", "kind": "VALUE", "value": "x"})
    assert "PRM-004" in refused.content.decode()
    client.post(add, {"key": "region", "environment": "", "kind": "VALUE", "value": "north"})
    assert configuration.generic_parameters()["region"] == "north"
    listed = client.get(reverse("admin:designer_genericparameter_changelist"))
    assert listed.status_code == 200
    assert "region" in listed.content.decode()
    row = GenericParameter.objects.get()
    client.post(reverse("admin:designer_genericparameter_delete", args=[row.pk]), {"post": "yes"})
    assert dict(configuration.generic_parameters()) == {}


def test_d089_the_value_of_a_secret_stands_on_no_page_and_in_no_export(
    client: Client, editor: User, draft: Draft, monkeypatch: pytest.MonkeyPatch
):
    from designer import export

    monkeypatch.setenv("FLOWX_PARAM_API", "s3cr3t-value")
    User.objects.filter(pk=editor.pk).update(is_superuser=True)
    save_parameter(parameter(key="api_key", kind="SECRET", value="FLOWX_PARAM_API"))
    assert configuration.generic_parameters()["api_key"] == "s3cr3t-value"
    action = draft.kafka(message='{"k": "${api_key}"}', headers='{"k": "${api_key}"}', topic="t.${api_key}")
    pages = [
        client.get(reverse("admin:designer_genericparameter_changelist")),
        client.get(reverse("admin:designer_genericparameter_change", args=[GenericParameter.objects.get().pk])),
        client.get(draft.form_url(action)),
        client.post(draft.form_url(action), {"preview-tab": "headers"}),
    ]
    assert all("s3cr3t-value" not in page.content.decode() for page in pages)
    assert "s3cr3t-value" not in export.to_text(export.document(draft.design))
