"""The HTTP API as a whole: its routers, who may call, how refusals look, and the OpenAPI document (engine 2.3, designer 5.3)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Router
from ninja.errors import ValidationError
from ninja.openapi.docs import Swagger

from engine.api import actions, lists, operations, starts, tickets, uploads, views
from engine.api.callers import Authentication
from engine.api.problems import Problem
from engine.core.stimuli import Refusal

SECURITY = {
    "components": {
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API token, or a token of the OIDC issuer.",
            },
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": "sessionid",
                "description": "With X-CSRFToken to change.",
            },
        }
    },
    "security": [{"bearer": []}, {"session": []}],
}
DESCRIPTION = """Start processes, run manual actions, read instances. Errors are problem objects; a POST may carry an
`Idempotency-Key`. Every path below `/api/process` but the start by name also stands below `/api/internal/process`.
Frames to browsers travel over the websocket `/ws/updates/process/{uuid}/`; the module `/static/flowx/client.js` does both."""

api = NinjaAPI(
    title="flowx-actions",
    version="1",
    description=DESCRIPTION,
    auth=Authentication(),
    openapi_extra=SECURITY,
    urls_namespace="api",
    docs=Swagger(settings={"validatorUrl": None}),  # or the page would ask a server elsewhere
)


@api.exception_handler(Problem)
def refuse(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A problem raised by an operation."""
    return problem.answer()


@api.exception_handler(Refusal)
def refuse_by_engine(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """A refusal of the engine that an operation let through."""
    return Problem.of(refusal).answer()


@api.exception_handler(ValidationError)
def refuse_query(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A query parameter of the wrong kind."""
    errors = [{"code": "", "field": str(fault["loc"][-1]), "message": fault["msg"]} for fault in error.errors]
    return Problem(400, "The request is not valid.", errors=errors).answer()


def _mount() -> None:
    for prefix, shown in (("/process", True), ("/internal/process", False)):
        router = Router()
        if shown:
            starts.add_by_name(router)
        else:
            starts.add_draft(router)
        starts.add_inheriting(router, shown=shown)
        lists.add_to(router, shown=shown)
        views.add_to(router, shown=shown)
        actions.add_to(router, shown=shown)
        uploads.add_to(router, shown=shown)
        operations.add_to(router, shown=shown)
        api.add_router(prefix, router)
    api.add_router("", tickets.router)
    api.add_router("", operations.failed_starts)


_mount()
