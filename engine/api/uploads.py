"""The call of an upload action: a multipart form with `file`, and the frontend's values (engine 2.3, 4.8)."""

from __future__ import annotations

import hashlib
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from ninja import Router

from engine import rights, uploads
from engine.api import schemas
from engine.api.bodies import json_object
from engine.api.callers import caller_of
from engine.api.calls import call_of, perform, repeated
from engine.api.found import instance_for, token_of
from engine.api.problems import Problem
from engine.core.stimuli import Execute, Refusal
from engine.starting import actor_of
from flowx_site.config import config

FORM_BYTES = 64 * 1024  # what a form has around its file
FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "data": {"type": "string", "description": "JSON object with the frontend's values."},
                },
                "additionalProperties": {"type": "string"},
            }
        }
    },
}


def add_to(router: Router, *, shown: bool) -> None:
    """The operation, on a router whose paths begin with the instance; `shown` in the OpenAPI document."""
    router.post(
        "/{instance}/token/{token}/action/{actionName}/upload",
        summary="Run an upload action",
        tags=["Act"],
        include_in_schema=shown,
        **schemas.documented(schemas.ExecuteAnswer, body=FORM),
    )(upload)


def upload(request: HttpRequest, instance: str, token: str, actionName: str) -> HttpResponse:
    """The file is kept for 24 hours, for requests of this instance; other systems are told its id. Values come as fields, or as a
    JSON object in `data`."""
    user = caller_of(request).needs("execute")
    found = instance_for(user, instance)
    named = token_of(found, token)
    lanes = rights.execute_lanes(user, found.process_name)
    if lanes is not None and not lanes:
        raise Problem(403, f"You may not run actions in the swimlane '{named.swimlane}'.", entity="token")
    file = _file(request)
    values = _values(request)
    call = call_of(request, user.pk, _fingerprint(request, file))
    if (again := repeated(call)) is not None:
        return again
    try:
        row = uploads.store(found.uuid, file)
    except uploads.UploadRefused as refused:
        raise Problem(400, f"The file was refused: {refused}", entity="file") from refused
    try:
        return perform(
            Execute(found.uuid, named.uuid, actionName, values, actor_of(user), lanes, upload=str(row.id)), call
        )
    except (Problem, Refusal):
        uploads.remove(row)
        raise


def _file(request: HttpRequest) -> UploadedFile[bytes]:
    """The form's file; raises `Problem` 413 over the one limit, before the form is read where its length is told."""
    too_large = Problem(413, f"The file is too large; the limit is {config.max_upload:,} bytes.", entity="file")
    if int(request.headers.get("Content-Length") or 0) > config.max_upload + config.max_body + FORM_BYTES:
        raise too_large
    try:
        file = request.FILES.get("file")
    except RequestDataTooBig as error:
        raise Problem(413, f"The fields are too large; the limit is {config.max_body:,} bytes.") from error
    if not isinstance(file, UploadedFile):
        raise Problem(400, "Send a multipart form with a field 'file'.", entity="file")
    if (file.size or 0) > config.max_upload:
        raise too_large
    return file


def _values(request: HttpRequest) -> dict[str, Any]:
    """The frontend's values: the fields, and what `data` holds."""
    fields: dict[str, Any] = {name: request.POST[name] for name in request.POST if name != "data"}
    fields.pop("csrfmiddlewaretoken", None)
    return fields | json_object(request.POST.get("data", "").encode())


def _fingerprint(request: HttpRequest, file: UploadedFile[bytes]) -> bytes:
    """What makes two uploads the same call: file and fields, not the form's own boundary."""
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    digest.update(repr(sorted(request.POST.lists())).encode())
    return digest.digest()
