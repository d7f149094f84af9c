"""Error answers: problem objects with the documented members, one shape for every refusal (engine 0, 2.6, 4.7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

from engine.core import jsonio
from engine.core.stimuli import Refusal

CONTENT_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that refuses a call: HTTP status and what the caller should know."""

    def __init__(
        self,
        status: int,
        message: str,
        error_key: str = "",
        *,
        entity: str = "",
        params: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
        incident_id: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.error_key = error_key or f"error.http.{status}"
        self.entity = entity
        self.params = params
        self.errors = list(errors)
        self.incident_id = incident_id
        self.headers = dict(headers or {})

    @classmethod
    def of(cls, refusal: Refusal) -> Problem:
        """The engine's own refusal as an answer."""
        errors = [{"code": refusal.code, "field": "", "message": refusal.message}] if refusal.code else []
        return cls(
            refusal.status,
            refusal.message,
            refusal.error_key,
            entity=refusal.entity,
            params=refusal.params,
            errors=errors,
        )

    @property
    def body(self) -> dict[str, Any]:
        """The problem object; `message` repeats `errorKey`, as documented."""
        made: dict[str, Any] = {
            "type": "about:blank",
            "title": self.message,
            "status": self.status,
            "message": self.error_key,
            "errorKey": self.error_key,
            "defaultMessage": self.message,
            "entityName": self.entity,
            "params": self.params,
        }
        if self.errors:
            made["errors"] = self.errors
        if self.incident_id is not None:
            made["incidentId"] = self.incident_id
        return made

    def answer(self) -> HttpResponse:
        response = HttpResponse(jsonio.dumps(self.body), status=self.status, content_type=CONTENT_TYPE)
        for name, value in self.headers.items():
            response[name] = value
        return response


def instance_not_found() -> Problem:
    """Unknown, or not viewable by the caller: the same answer (architecture 4.9)."""
    return Problem(404, "Process instance not found.", entity="processInstance")


class ProblemMiddleware:
    """Makes problem objects of the framework's own refusals under /api/: unknown address, wrong method, a crash. An
    address with NUL goes no further: neither an answer nor a row can hold it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/") and ("\0" in request.path or "%00" in request.META.get("QUERY_STRING", "")):
            return Problem(400, "The address holds the character NUL, which is not allowed.").answer()
        response = self.get_response(request)
        refused = response.status_code >= 400 and request.path.startswith("/api/")
        if not refused or "json" in response.headers.get("Content-Type", ""):
            return response
        made = Problem(response.status_code, f"{HTTPStatus(response.status_code).phrase}.").answer()
        for name, value in response.headers.items():
            made.headers.setdefault(name, value)
        made.headers["Content-Length"] = str(len(made.content))
        return made
