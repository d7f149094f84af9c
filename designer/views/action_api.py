"""The same address for programs: JSON in, JSON or a problem object out (engine 0, designer 1.13). The body is the action under
the stored names of engine 4.2; checks and saving are those of the form."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from designer.catalog import ActionValues, Param
from designer.compile import action_json
from designer.forms.view import changed_meanwhile
from designer.lint import Problem, check_action, problem
from designer.models import Action, Node
from designer.nodetypes import node_kind
from designer.rows import stored_param
from designer.saving import Stale, save_action
from designer.views.page import Page, find_page
from engine.core import jsonio

TEXTS = {"name": "name", "type": "type", "timerExpression": "timer_expression", "parentName": "parent_name"}
FLAGS = {
    "manual": "manual",
    "optional": "optional",
    "repeatable": "repeatable",
    "autoRunChildren": "auto_run_children",
    "allowTokenReset": "allow_token_reset",
    "restartFromSnapshot": "restart_from_snapshot",
}
LARGEST_ORDER = 999_999_999
LISTS = {"keys": "keys", "keysForRestart": "keys_for_restart"}


def wanted(request: HttpRequest) -> bool:
    """Whether the caller speaks JSON."""
    return request.content_type == "application/json" or request.headers.get("Accept") == "application/json"


def answer(request: HttpRequest, page: Page, node: Node, row: Action | None) -> HttpResponse:
    """GET reads, POST makes, PUT changes, DELETE removes with the children."""
    if request.method == "GET":
        return not_found() if row is None else JsonResponse(document(page, row))
    if not request.user.has_perm("designer.change_process"):
        return refusal(403, "You need the right 'PROCESS edit' to change an action.")
    if not page.version.editable:
        state = page.version.get_state_display().lower()
        return refusal(409, "", [problem("ACT-017", n=page.version.number, state=state)])
    if request.method == "DELETE":
        if row is None:
            return not_found()
        row.delete()
        return HttpResponse(status=204)
    try:
        body = jsonio.loads(request.body)
    except jsonio.JsonError as error:
        return refusal(400, str(error))
    if not isinstance(body, dict):
        return refusal(400, "Request body must be a JSON object.")
    values = values_of(body, page, node, row)
    found = check_action(page.design.with_action(values), values)
    if not node_kind(node.type).takes_actions:
        found = [each for each in found if each.code == "ACT-018"]
    refused = [each for each in found if each.blocks_saving]
    if refused:
        return refusal(400, "", refused)
    return store(request, page, values, body, created=row is None)


def store(
    request: HttpRequest, page: Page, values: ActionValues, body: dict[str, Any], *, created: bool
) -> HttpResponse:
    """Save; a `revision` older than the stored one answers 409 with ACT-016."""
    revision = body.get("revision")
    try:
        row = save_action(
            page.version, values, user=request.user, revision=revision if isinstance(revision, int) else None
        )
    except Stale as stale:
        fresh = find_page(request, page.process.name, page.version.number)
        stored = next(each for each in fresh.design.actions if each.id == stale.row.pk)
        facts = changed_meanwhile("{}", stale.row, stored)
        facts.pop("changed")
        return refusal(409, "", [problem("ACT-016", **facts)])
    fresh = find_page(request, page.process.name, page.version.number)
    return JsonResponse(document(fresh, row), status=201 if created else 200)


def document(page: Page, row: Action) -> dict[str, Any]:
    """The action under its stored names, with its revision and its children."""
    values = next(each for each in page.design.actions if each.id == row.pk)
    defaults = {"allowTokenReset": False, "restartFromSnapshot": False, "keysForRestart": [], "keys": []}
    children = [action_json(each) for each in page.design.children(values)]
    params = [
        {"id": position, **each, "actionDefinitionId": row.pk}
        for position, each in enumerate(values.stored_params(), 1)
    ]
    found = check_action(page.design, values)
    return {
        **defaults,
        **action_json(values),
        "actionParams": params,
        "callbackActions": children or None,
        "revision": row.revision,
        "problems": [{**each.as_error(), "severity": each.severity.value} for each in found],
    }


def values_of(body: dict[str, Any], page: Page, node: Node, row: Action | None) -> ActionValues:
    """The values that a body gives; members it does not name keep what is stored, or the default of a new action."""
    stored = next((each for each in page.design.actions if row is not None and each.id == row.pk), None)
    values = stored.copy() if stored else ActionValues(node_id=node.pk, order=page.design.next_order(node.pk))
    for member, attribute in TEXTS.items():
        if member in body:
            setattr(values, attribute, body[member] if isinstance(body[member], str) else "")
    for member, attribute in FLAGS.items():
        if member in body:
            flag = body[member]
            setattr(values, attribute, flag is True)
            if not isinstance(flag, bool):
                values.invalid[member] = str(flag)
    for member, attribute in LISTS.items():
        if isinstance(body.get(member), list):
            setattr(values, attribute, [str(each) for each in body[member]])
    if "order" in body:
        order = body["order"]
        values.order = (
            order if isinstance(order, int) and not isinstance(order, bool) and 1 <= order <= LARGEST_ORDER else None
        )
    if isinstance(body.get("actionParams"), list):
        rows = [
            stored_param(each)
            for each in body["actionParams"]
            if isinstance(each, dict) and "key" in each and "value" in each
        ]
        values.params = {each["key"]: Param(str(each["value"]), bool(each["replaceValues"])) for each in rows}
    return values


def refusal(status: int, message: str, problems: list[Problem] | None = None) -> JsonResponse:
    """A problem object; `errors` carries code, field, message, line, column and fix of each finding."""
    found = problems or []
    title = message or (found[0].message if found else "")
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "message": f"error.http.{status}",
        "errorKey": f"error.http.{status}",
        "defaultMessage": title,
        "entityName": "action",
        "params": "",
    }
    if found:
        body["errors"] = [each.as_error() for each in found]
    return JsonResponse(body, status=status, content_type="application/problem+json")


def not_found() -> JsonResponse:
    return refusal(404, "Action not found.")
