"""What the Actions tab does with a row, and one-click fixes: move, duplicate, delete after naming what goes too, mend."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from designer import action_rows, canvas, fixes
from designer.lint import problem
from designer.models import Action
from designer.views.access import staff
from designer.views.lifecycle import EDIT, over_version
from designer.views.node import actions_context, answer
from designer.views.page import Page, find_page


def find_action(page: Page, key: str, name: str) -> Action:
    """The stored action of that name on that node, or 404."""
    found = Action.objects.filter(version=page.version, node=page.node(key), name=name).first()
    if found is None:
        raise Http404(f"No action named {name} on this node.")
    return found


def read_only(page: Page, key: str) -> HttpResponse | None:
    """409 with ACT-017 when the version is no draft."""
    if page.version.editable:
        return None
    found = problem("ACT-017", n=page.version.number, state=page.version.get_state_display().lower())
    node = page.node(key)
    return answer(page, node, "actions", status=409, refusal=found, **actions_context(page, node))


def listed(request: HttpRequest, page: Page, key: str, *, focus: str = "") -> HttpResponse:
    """The Actions tab again, from the rows as they are now."""
    if not request.headers.get("HX-Request"):
        return HttpResponseRedirect(page.address("node-actions", key))
    fresh = find_page(request, page.process.name, page.version.number)
    node = fresh.node(key)
    response = answer(fresh, node, "actions", focus=focus, **actions_context(fresh, node))
    response["HX-Trigger"] = "designer:saved"
    return response


@staff(*EDIT)
@require_POST
def move(request: HttpRequest, name: str, number: int, key: str, action: str) -> HttpResponse:
    """Move an action up or down among its siblings; `by` counts places. One save renumbers them all."""
    page = find_page(request, name, number)
    found = find_action(page, key, action)
    steps = request.POST.get("by", "0")
    if refusal := read_only(page, key):
        return refusal
    if steps.lstrip("-").isdigit():
        action_rows.move(page.version, found, int(steps), user=request.user)
    return listed(request, page, key, focus=action)


@staff(*EDIT)
@require_POST
def duplicate(request: HttpRequest, name: str, number: int, key: str, action: str) -> HttpResponse:
    """Copy an action behind its siblings."""
    page = find_page(request, name, number)
    found = find_action(page, key, action)
    if refusal := read_only(page, key):
        return refusal
    made = action_rows.duplicate(page.version, found, user=request.user)
    return listed(request, page, key, focus=made.name)


@staff(*EDIT)
def delete(request: HttpRequest, name: str, number: int, key: str, action: str) -> HttpResponse:
    """Ask first, naming the children that go too and every reference; then delete."""
    page = find_page(request, name, number)
    found = find_action(page, key, action)
    if refusal := read_only(page, key):
        return refusal
    values = page.design.action_named(found.name)
    assert values is not None
    going = action_rows.deletion(page.design, values)
    if request.method == "POST":
        action_rows.delete(page.version, found, user=request.user)
        also = f" and {canvas.plural(len(going.children), 'child action')}" if going.children else ""
        words = f"Action {action}{also} deleted."
        if request.headers.get("HX-Request"):
            response = listed(request, page, key)
            response["HX-Trigger"] = "designer:saved, designer:close-dialog"
            return response
        messages.success(request, words)
        return HttpResponseRedirect(page.address("node-actions", key))
    back = page.address("node-actions", key)
    return over_version(
        page, "designer/dialogs/delete_action.html", action=values, going=going, node=page.node(key), dialog_back=back
    )


@staff(*EDIT)
@require_POST
def fix(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Apply the fix of one problem, named by its code and place, and go back to where the button was."""
    page = find_page(request, name, number)
    wanted = {part: request.POST.get(part, "") for part in ("code", "node", "action", "field", "message")}
    found = next((each for each in page.problems if fixes.is_it(each, wanted)), None)
    back = request.POST.get("back", "")
    to = back if back.startswith(page.address()) else page.address("problems")
    if found is None or found.fix is None:
        messages.warning(request, "This problem is not there any more.")
    elif not page.version.editable:
        messages.error(request, problem("ACT-017", n=number, state=page.version.get_state_display().lower()).message)
    else:
        refusal = fixes.apply(page.design, found, user=request.user)
        if refusal is not None:
            messages.error(request, refusal.message)
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": to})
    return HttpResponseRedirect(to)
