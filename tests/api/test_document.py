"""The OpenAPI document: served to everyone, and true of what the API answers (designer 5.3)."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.api.conftest import Api
from tests.builders import process, save_data, websocket_send


@pytest.fixture
def document(db: None) -> dict[str, Any]:
    return Client().get("/api/openapi.json").json()


def fits(document: dict[str, Any], name: str, value: object) -> None:
    """The value fits the component, which may hold no member that the document does not name."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema.validate(value, schema)
    assert isinstance(value, dict)
    assert set(value) <= set(document["components"]["schemas"][name]["properties"])


def test_the_document_is_openapi_3_1_and_needs_no_login(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert "/api/process/{definitionName}/start" in document["paths"]
    assert not any(path.startswith("/api/internal/") and "definitionId" not in path for path in document["paths"])
    assert Client().get("/api/docs").status_code == 200


def test_answers_fit_the_document(document: dict[str, Any], rider: User, admin: User) -> None:
    lease = process().start().user_task("F", save_data("a"), websocket_send("b", manual=True, targetProcess="PARENT"))
    name = lease.end().publish().name
    api = Api(rider)
    made = api.post(f"{name}/start", {"x": 1}).ok()
    fits(document, "StartAnswer", made)
    token = made["tokens"][0]["uuid"]
    failed = api.post(f"{made['uuid']}/token/{token}/action/b/execute")
    fits(document, "ProblemObject", failed.json)
    status = api.get(f"{made['uuid']}/status").ok()
    fits(document, "StatusAnswer", status)
    fits(document, "Token", status["tokens"][0])
    fits(document, "ExceptionEntry", status["exceptions"][0])
    data = api.get(f"{made['uuid']}/data/{status['tokens'][0]['currentNodeId']}").ok()
    fits(document, "DataAnswer", data)
    fits(document, "Action", data["actions"][0])
    fits(document, "InstancePage", api.get("instances").ok())
    fits(document, "TaskPage", api.get("tasks").ok())
    fits(document, "DefinitionPage", api.get("definitions").ok())
    fits(document, "TicketAnswer", api.post("/api/socket-ticket").ok())
    fits(document, "ExecuteAnswer", api.post(f"{made['uuid']}/token/{token}/action/a/execute").ok())
    other = api.post(f"{name}/start").ok()
    fits(document, "CommandAnswer", Api(admin).post(f"{other['uuid']}/terminate", {"reason": "x"}).ok())
