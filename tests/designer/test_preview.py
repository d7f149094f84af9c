"""Previews: the engine's own renderer, a source that is always named, nothing secret (designer 1.12, 6.2)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from designer import preview
from designer.catalog import ActionValues, Param
from designer.models import GenericParameter
from engine.core import jsonio, template
from engine.core.lookup import lookup_for
from engine.models import Instance
from tests.designer.conftest import Draft
from tests.designer.forms import open_form, post

pytestmark = pytest.mark.django_db
MESSAGE = """{
  "id": "LR-${processInstanceId}",
  "name": "${rider.name}",
  "height": ${rider.height},
  "rows": ${rows},
  "none": ${missing},
  "first": "${rows[0].n}",
  "where": "${region}"
}"""


def instance_of(draft: Draft, params: dict[str, Any]) -> Instance:
    """A started instance of the draft with this data, as the engine stores one."""
    number = Instance.objects.count() + 1
    now = datetime.now(UTC)
    return Instance.objects.create(
        id=number, uuid=uuid4(), root_id=number, snapshot_id=1, definition_id=draft.version.pk, process_name="crm", version=1,
        state="STARTED", params=jsonio.dumps(params), start_params="{}", started_at=now, updated_at=now,
    )  # fmt: skip


def shown(rendered: preview.Rendered) -> str:
    return "\n".join("".join(piece.text for piece in line) for line in rendered.lines)


def test_d059_the_preview_is_what_the_engine_sends_for_the_same_data(draft: Draft):
    GenericParameter.objects.create(key="region", value="north")
    data = {"rider": {"name": 'T"${x}', "height": 174}, "rows": [{"n": 1.5}]}
    row = instance_of(draft, data)
    source = preview.source_of(draft.design, str(row.uuid))
    rendered = preview.render_json(MESSAGE, source, root="message")
    world = preview._world({"region": "north"})
    sent = template.compile_json(MESSAGE, root="message").render(lookup_for(world, source.state))
    assert rendered.text == sent
    assert json.loads(sent) == {
        "id": f"LR-{row.pk}", "name": 'T"${x}', "height": 174, "rows": [{"n": 1.5}], "none": None, "first": "1.5",
        "where": "north",
    }  # fmt: skip
    assert json.loads(shown(rendered)) == json.loads(sent)
    assert rendered.size_bytes == len(sent.encode())


def test_each_line_of_the_preview_stands_beside_its_line_of_the_template(draft: Draft):
    source = preview.source_of(draft.design, preview.EXAMPLES)
    assert len(preview.render_json(MESSAGE, source).lines) == MESSAGE.count("\n") + 1


def test_values_from_data_are_marked_with_their_key_and_missing_ones_named(draft: Draft):
    draft.attribute("rider.name", example="Tamsin")
    rendered = preview.render_json('{"a": "${rider.name}", "b": ${rider.age}}', preview.source_of(draft.design, ""))
    pieces = {piece.path: piece.text for line in rendered.lines for piece in line if piece.kind == "val"}
    assert pieces == {"rider.name": "Tamsin", "rider.age": "null"}
    assert rendered.missing == ("rider.age",)


def test_long_values_are_cut_in_the_preview_only(draft: Draft):
    draft.attribute("scan", example="x" * 500)
    rendered = preview.render_json('{"a": "${scan}"}', preview.source_of(draft.design, ""))
    assert "…" in shown(rendered)
    assert len(rendered.text) > 500


def test_d060_the_source_is_always_named_examples_or_an_instance(client: Client, draft: Draft):
    draft.attribute("rider.name", example="Example name")
    row = instance_of(draft, {"rider": {"name": "Real name"}})
    url = draft.form_url(draft.websocket(message='{"name": "${rider.name}"}'))
    page = open_form(client, url)
    assert page.has("Example name")
    assert page.has("example values")
    of_instance = post(client, url, page, live=True, preview=str(row.uuid))
    assert of_instance.has("Real name")
    assert not of_instance.has("Example name</span>")
    assert of_instance.fields["preview"] == [str(row.uuid)]


def test_d060_without_instance_read_only_example_values_are_offered(draft: Draft):
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename__in=("view_process", "change_process")))
    browser = Client()
    browser.force_login(reader)
    row = instance_of(draft, {"rider": {"name": "Real name"}})
    url = draft.form_url(draft.websocket(message='{"name": "${rider.name}"}'))
    page = post(browser, url, open_form(browser, url), live=True, preview=str(row.uuid))
    assert not page.has("Real name")
    assert str(row.uuid) not in page.text


def test_an_instance_of_another_process_is_no_source(draft: Draft, make_draft):
    row = instance_of(draft, {"a": 1})
    other = make_draft("other")
    assert preview.source_of(other.design, str(row.uuid)).key == preview.EXAMPLES


def test_sensitive_values_of_an_instance_are_masked_without_the_right(draft: Draft):
    draft.attribute("rider.email", sensitive=True, example="a@example")
    row = instance_of(draft, {"rider": {"email": "tamsin@vell.example", "name": "Tamsin"}})
    text = '{"mail": "${rider.email}", "all": ${rider}}'
    masked = preview.render_json(text, preview.source_of(draft.design, str(row.uuid))).text
    assert "tamsin@" not in masked
    assert masked.count("•••") == 2
    revealed = preview.render_json(text, preview.source_of(draft.design, str(row.uuid), reveal=True)).text
    assert revealed.count("tamsin@vell.example") == 2


def test_d144_tokens_and_secret_parameters_are_masked_in_every_preview(client: Client, draft: Draft):
    GenericParameter.objects.create(key="api_key", kind="SECRET", value="FLOWX_PARAM_API")
    headers = '{"jwt": "${user.jwt}", "key": "${api_key}"}'
    action = draft.kafka(message='{"a": "${user.jwt}", "b": "${api_key}"}', headers=headers, topic="t.${api_key}")
    source = preview.source_of(draft.design, "")
    assert preview.render_json(action.param("message"), source).text == '{"a": "•••", "b": "•••"}'
    values = ActionValues.from_row(action)
    shown_headers = dict(preview.record_headers(values, source))
    assert (shown_headers["jwt"], shown_headers["key"]) == ("•••", "•••")
    page = post(
        client, draft.form_url(action), open_form(client, draft.form_url(action)), live=True, preview__tab="headers"
    )
    assert "FLOWX_PARAM_API" not in page.text


def test_headers_are_shown_as_they_leave_with_the_ids_the_engine_adds(draft: Draft):
    values = ActionValues(node_id=0, params={"headers": Param('{"n": 1, "b": true, "none": null, "o": {"x": [1]}}')})
    source = preview.source_of(draft.design, "")
    assert dict(preview.record_headers(values, source)) == {
        "n": "1", "b": "true", "o": '{"x":[1]}', "processInstanceId": "40127", "processInstanceUuid": str(preview.EXAMPLE_UUID),
    }  # fmt: skip
    other = ActionValues(node_id=0, params={"headers": Param('{"processInstanceId": "7"}')})
    assert dict(preview.record_headers(other, source)) == {"processInstanceId": "7"}


def test_a_template_that_cannot_be_read_has_no_preview_but_a_reason(draft: Draft):
    source = preview.source_of(draft.design, "")
    assert preview.render_json('{"a": 1,}', source).fault == "Line 1, column 8: Remove the comma before '}'."
    assert preview.render_json("${rows}", source, root="message").fault


def test_without_replace_values_the_text_is_shown_as_it_is_sent(draft: Draft):
    rendered = preview.render_json('{"a": "${b}"}', preview.source_of(draft.design, ""), replaces=False)
    assert rendered.text == '{"a": "${b}"}'
    assert shown(rendered) == '{"a": "${b}"}'
