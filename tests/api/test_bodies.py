"""JSON at the door: what is refused, and that numbers stay exact both ways (engine 0, 2.3)."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User

from engine.models import Incident
from tests.api.conftest import Api
from tests.builders import Published, Running, process, save_data

NOT_AN_OBJECT = (400, "Request body must be a JSON object.")


@pytest.fixture
def lease(rider: User) -> Published:
    return process().start().user_task("Form", save_data("submit", ["a"])).end().publish()


@pytest.mark.parametrize("raw", [b"[1]", b'"text"', b"1", b"null", b"true"])
def test_e040_a_body_that_is_no_object_answers_400(rider: User, lease: Published, raw: bytes) -> None:
    assert Api(rider).post(f"{lease.name}/start", raw=raw).refusal == NOT_AN_OBJECT


def test_e040_an_empty_body_counts_as_an_empty_object(rider: User, lease: Published) -> None:
    for raw in (b"", b"  \n", b"{}"):
        made = Api(rider).post(f"{lease.name}/start", raw=raw).ok()
        assert Running(lease, made["uuid"]).params == {}


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"a": NaN}', id="nan"),
        pytest.param(b'{"a": -Infinity}', id="infinity"),
        pytest.param(b'{"a": "\\u0000"}', id="nul"),
        pytest.param(b'{"a": "\\ud800"}', id="lone_surrogate"),
        pytest.param(b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}", id="depth_101"),
        pytest.param(b'{"a": 1, "a": 2}', id="double_member"),
        pytest.param(b'{"a": "\xff"}', id="not_utf_8"),
        pytest.param(b"{a: 1}", id="not_json"),
    ],
)
def test_e196_what_is_not_json_as_we_take_it_answers_400_with_the_reason(
    rider: User, lease: Published, raw: bytes
) -> None:
    answer = Api(rider).post(f"{lease.name}/start", raw=raw)
    assert answer.refusal == NOT_AN_OBJECT
    assert answer.json["errors"][0]["message"]


def test_e196_big_integers_and_decimals_stay_exact_both_ways(rider: User, lease: Published) -> None:
    raw = b'{"big": 123456789012345678901234567890, "price": 0.10, "long": 3.14159265358979323846264338}'
    uuid = Api(rider).post(f"{lease.name}/start", raw=raw).ok()["uuid"]
    text = Api(rider).get(f"{uuid}/status").text
    assert '"big":123456789012345678901234567890' in text
    assert '"price":0.10' in text
    assert '"long":3.14159265358979323846264338' in text


def test_e196_quotes_placeholders_emoji_and_a_megabyte_come_back_as_they_were_sent(
    rider: User, lease: Published
) -> None:
    values = {"a": 'say "hi" ${b} \\ \u2028', "b": "🚲", "c": "x" * 1_000_000}
    uuid = Api(rider).post(f"{lease.name}/start", raw=json.dumps(values).encode()).ok()["uuid"]
    assert Api(rider).get(f"{uuid}/status").ok()["params"] == values


def test_e201_json_over_1_mib_answers_413_and_values_that_grow_beyond_it_an_incident(
    rider: User, lease: Published
) -> None:
    api = Api(rider)
    assert api.post(f"{lease.name}/start", {"a": "x" * (1024 * 1024)}).refusal[0] == 413
    running = Running(lease, api.post(f"{lease.name}/start", {"b": "x" * 600_000}).ok()["uuid"])
    path = f"{running.uuid}/token/{running.token.uuid}/action/submit/execute"
    assert api.post(path, {"a": "x" * 600_000}).refusal == (422, "Action execution failed.")
    assert Incident.objects.get().type == "Engine"
    assert "a" not in running.params


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_e197_unknown_addresses_and_methods_answer_problem_objects(rider: User, method: str) -> None:
    from django.test import Client

    for path, status in (("/api/nothing", 404), ("/api/socket-ticket", 405)):
        response = getattr(Client(), method)(path, headers=Api(rider).headers)
        assert response.status_code == status
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["errorKey"] == f"error.http.{status}"


@pytest.mark.parametrize("address", ["process/%00/start", "process/instances?processName=%00"])
def test_e196_an_address_with_nul_answers_400(rider: User, address: str) -> None:
    from django.test import Client

    method = "post" if address.endswith("start") else "get"
    response = getattr(Client(), method)(f"/api/{address}", headers=Api(rider).headers)
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert "NUL" in response.json()["title"]
