"""Reading request bodies and writing answers: JSON with exact numbers, through the one door (engine 0, 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse

from engine.api.problems import Problem
from engine.core import jsonio
from flowx_site.config import config

NOT_AN_OBJECT = "Request body must be a JSON object."


def raw_body(request: HttpRequest) -> bytes:
    """The body's bytes; raises `Problem` 413 over the limit."""
    try:
        declared = int(request.headers.get("Content-Length") or 0)
        body = b"" if declared > config.max_body else request.body
    except RequestDataTooBig:
        declared, body = config.max_body + 1, b""
    if max(declared, len(body)) > config.max_body:
        raise Problem(413, f"The body is too large; the limit is {config.max_body:,} bytes.")
    return body


def json_object(body: bytes) -> dict[str, Any]:
    """The body as an object, empty for an empty body; raises `Problem` 400 with the place of the fault."""
    if not body.strip():
        return {}
    try:
        value = jsonio.loads(body)
    except jsonio.JsonError as error:
        fault = {"message": error.reason, "line": error.line, "column": error.column}
        raise Problem(400, NOT_AN_OBJECT, errors=[fault]) from error
    if not isinstance(value, dict):
        raise Problem(400, NOT_AN_OBJECT)
    return value


def answer(value: Mapping[str, Any], status: int = 200) -> HttpResponse:
    """A JSON answer."""
    return text_answer(jsonio.dumps(dict(value)), status)


def text_answer(text: str, status: int = 200) -> HttpResponse:
    """An answer whose JSON text is there already."""
    return HttpResponse(text, status=status, content_type="application/json")
