"""What the OpenAPI document says of bodies and answers. Answers are written by `engine.core.jsonio`, not by these classes, so
that numbers stay exact; `tests/api` holds the two together."""

# Members are named as in the JSON.

from __future__ import annotations

from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import Field


class ProblemError(Schema):
    code: str = Field("", description="Code of the check catalogue, e.g. ACT-010.")
    field: str = ""
    message: str
    line: int | None = None
    column: int | None = None
    fix: str | None = None


class ProblemObject(Schema):
    type: str = "about:blank"
    title: str
    status: int
    message: str = Field(description="Repeats errorKey.")
    errorKey: str
    defaultMessage: str
    entityName: str = ""
    params: str = ""
    errors: list[ProblemError] | None = None
    incidentId: int | None = None


class StartToken(Schema):
    id: int
    uuid: UUID
    startNodeId: int | None
    currentNodeId: int
    currentNodeName: str | None
    state: str
    statusCurrentNode: str
    dateUpdated: str


class StartAnswer(Schema):
    processDefinitionName: str
    uuid: UUID
    state: str
    tokens: list[StartToken]
    templateConfig: list[Any]
    generalData: Any
    backCounter: int
    startedByActionId: int | None
    subProcesses: list[dict[str, Any]] | None
    subprocessesUuids: list[UUID] | None
    baseUrl: str | None
    webSocketPath: str


class Token(StartToken):
    version: int
    parentTokenId: int | None
    syncNodeTokensCount: int
    syncNodeTokensFinished: int
    paramValues: None = None
    processInstanceId: int
    currentNode: None = None
    nodesActionStates: list[dict[str, Any]]
    backSeq: dict[str, Any]


class ExceptionEntry(Schema):
    id: int
    state: str = Field(description="open or closed")
    closedBy: str
    closedHow: str
    processDefinition: str
    source: str
    message: str
    type: str
    causeType: str
    processInstanceUuid: UUID
    parentProcessInstanceUuid: UUID | None
    tokenUuid: UUID | None
    timestamp: str
    details: str


class StatusAnswer(StartAnswer):
    processDefinitionId: int
    version: int
    revision: int = Field(description="Grows with each change; `version` of the command edit-variables.")
    dateStarted: str
    dateFinished: str | None
    params: dict[str, Any]
    tokens: list[Token]  # type: ignore[assignment]
    exceptions: list[ExceptionEntry]


class ExecuteAnswer(Schema):
    tokenUuid: UUID
    currentNodeId: int
    templatesSequence: None = None
    backAction: bool
    resetToken: bool


class CommandAnswer(Schema):
    uuid: UUID
    state: str


class ActionParam(Schema):
    id: int | None
    key: str
    value: str
    replaceValues: bool
    actionDefinitionId: int


class Action(Schema):
    id: int
    name: str
    order: int
    timerExpression: str
    type: str
    manual: bool
    optional: bool
    repeatable: bool
    autoRunChildren: bool
    parentName: str | None
    callbackActions: list[dict[str, Any]] | None
    allowTokenReset: bool
    restartFromSnapshot: bool
    keysForRestart: list[str]
    keys: list[str]
    actionParams: list[ActionParam]
    actionRuleDefinitions: list[dict[str, Any]]


class DataAnswer(Schema):
    data: dict[str, Any]
    actions: list[Action]
    waitsUntil: str | None = Field(description="When the timer or the response timeout of the node is due.")


class TicketAnswer(Schema):
    ticket: str
    expiresIn: int


class ListedNode(Schema):
    nodeId: int
    name: str


class ListedInstance(Schema):
    uuid: UUID
    name: str
    version: int
    state: str
    dateStarted: str
    dateFinished: str | None
    currentNodes: list[ListedNode]


class InstancePage(Schema):
    items: list[ListedInstance]
    next: str | None


class ListedTask(Schema):
    processInstanceUuid: UUID
    tokenUuid: UUID
    processName: str
    nodeId: int
    nodeName: str
    arrivedDate: str
    actions: list[str]


class TaskPage(Schema):
    items: list[ListedTask]
    next: str | None


class ListedDefinition(Schema):
    name: str
    version: int
    startConditions: list[str]


class DefinitionPage(Schema):
    items: list[ListedDefinition]
    next: str | None


REFUSALS = {
    400: "wrong request",
    401: "not logged in",
    403: "no right",
    404: "not found",
    409: "not now",
    413: "too large",
}
BODY = {
    "required": False,
    "content": {"application/json": {"schema": {"type": "object", "additionalProperties": True}}},
}
KEY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "A repeat with the same key and body gets the stored answer for 24 hours and has no second effect.",
}


def documented(answer: type[Schema], *, body: dict[str, Any] | None = None, reads: bool = False) -> dict[str, Any]:
    """Arguments for an operation: its answers and, unless it only reads, its body and key."""
    responses: dict[int, type[Schema]] = {200: answer} | dict.fromkeys(REFUSALS, ProblemObject)
    if reads:
        return {"response": responses}
    responses |= {422: ProblemObject, 429: ProblemObject}
    return {"response": responses, "openapi_extra": {"requestBody": body or BODY, "parameters": [KEY_HEADER]}}


REASON = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["reason"],
                "properties": {"reason": {"type": "string", "minLength": 1, "maxLength": 500}},
            }
        }
    },
}


class AnyAnswer(Schema):
    """What a command gives: where the token or timer is now."""

    model_config = {"extra": "allow"}
