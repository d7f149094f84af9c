"""The pages of the action form (designer 1.5-1.13): open, check live, save. One address takes all: a GET opens, a POST names in
`op` what its button does; without `op` it is the live check, which answers what a save would and stores nothing.

With JavaScript the answer is merged into the page by `static/designer/actions/form.js`; without it the same answer is the page.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path
from django.views.decorators.http import require_http_methods

from designer.catalog import ActionValues, action_type, types_for
from designer.forms import action_form
from designer.forms.action_form import SAVES, ActionForm, comparable
from designer.forms.posted import Posted, read
from designer.forms.view import changed_meanwhile, context
from designer.lint import Problem, problem
from designer.models import Action, Node
from designer.nodetypes import node_kind
from designer.saving import Stale, save_action
from designer.views import action_api
from designer.views.access import refused, staff
from designer.views.page import Page, find_page

OPEN = ("designer.view_process", "open an action")
NODE = "processes/<str:name>/v/<int:number>/node/<str:key>"


@staff(*OPEN)
@require_http_methods(["GET", "POST", "PUT", "DELETE"])
def action(request: HttpRequest, name: str, number: int, key: str, action: str) -> HttpResponse:
    """The form of a stored action."""
    page = find_page(request, name, number)
    node = page.node(key)
    row = Action.objects.filter(version=page.version, node=node, name=action).first()
    if action_api.wanted(request):
        return action_api.answer(request, page, node, row)
    if row is None:
        raise Http404(f"No action named {action} on this node.")
    if request.method == "GET":
        return answer(page, node, action_form.opened(page.design, row))
    stored = next(each for each in page.design.actions if each.id == row.pk)
    return submit(page, node, read(request.POST, start=stored), row)


@staff(*OPEN)
@require_http_methods(["GET", "POST"])
def action_new(request: HttpRequest, name: str, number: int, key: str) -> HttpResponse:
    """The form of a new action of `?type=`, below `?parent=`; without a type, the choice of one (designer 1.4)."""
    page = find_page(request, name, number)
    node = page.node(key)
    if action_api.wanted(request):
        return action_api.answer(request, page, node, None)
    if not node_kind(node.type).takes_actions:
        refusal = problem("ACT-018", nodeType=node_kind(node.type).label)
        return render(request, "designer/actions/refused.html", page.context(node=node, refusal=refusal), status=400)
    if not page.may_edit:
        return refused(request, "designer.change_process", "add an action")
    if not page.version.editable:
        return render(
            request, "designer/actions/refused.html", page.context(node=node, refusal=frozen(page)), status=409
        )
    wanted = request.GET.get("type", "")
    start = action_form.new_values(page.design, node, wanted, request.GET.get("parent", ""))
    if request.method == "POST":
        return submit(page, node, read(request.POST, start=start), None)
    if action_type(wanted) is None:
        parent = request.GET.get("parent", "")
        return render(
            request, "designer/actions/choose.html", page.context(node=node, types=types_for(node.type), parent=parent)
        )
    return answer(page, node, action_form.opened_new(page.design, start))


def submit(page: Page, node: Node, posted: Posted, row: Action | None) -> HttpResponse:
    """What a posted form leads to."""
    request = page.request
    if posted.op in SAVES:
        if not page.may_edit:
            return refused(request, "designer.change_process", "save an action")
        if not page.version.editable:
            form = action_form.submitted(page.design, posted, row=row, user=request.user)
            form.problems = [frozen(page), *form.problems]
            return answer(page, node, form, status=409)
    elif not page.editable:
        posted.op = "check"
    form = action_form.submitted(page.design, posted, row=row, user=request.user)
    if posted.op not in SAVES or form.refused:
        return answer(page, node, form)
    return save(page, node, form, posted)


def save(page: Page, node: Node, form: ActionForm, posted: Posted) -> HttpResponse:
    """Store what the form holds; a stale form answers 409 with what changed meanwhile, and keeps the typed text."""
    try:
        with transaction.atomic():
            row = save_action(
                page.version,
                form.values,
                user=page.request.user,
                revision=posted.revision if form.row is not None else None,
                swap_with=form.swap_with.id if form.swap_with else None,
            )
    except Stale as stale:
        stored = ActionValues.from_row(stale.row, parent_name=stale.row.parent.name if stale.row.parent else "")
        if comparable(stored) != comparable(form.values):
            return conflict(page, node, form, posted, stale.row)
        row = stale.row  # a double click: what was asked is stored already
    close = page.address("node-actions", node.key)
    if posted.op == "save_close":
        return go_to(page.request, close)
    address = page.address("action", node.key, row.name)
    if not page.request.headers.get("HX-Request"):
        return HttpResponseRedirect(address)
    fresh = find_page(page.request, page.process.name, page.version.number)
    opened = action_form.opened(fresh.design, row)
    opened.said = "Saved."
    response = answer(fresh, fresh.node(node.key), opened, saved=True)
    response["HX-Replace-Url"] = address
    return response


def conflict(page: Page, node: Node, form: ActionForm, posted: Posted, row: Action) -> HttpResponse:
    """ACT-016: the form again on the newer revision, so that saving again overwrites."""
    fresh = find_page(page.request, page.process.name, page.version.number)
    stored = next(each for each in fresh.design.actions if each.id == row.pk)
    form.stored, form.row = stored, row
    posted.revision = None
    facts = changed_meanwhile(posted.base, row, stored)
    changed = facts.pop("changed")
    form.problems = [problem("ACT-016", **facts), *form.problems]
    return answer(fresh, node, form, status=409, changed=changed)


def answer(page: Page, node: Node, form: ActionForm, *, status: int = 200, **more: Any) -> HttpResponse:
    """The whole page, or for htmx the parts that it merges."""
    may_see = page.request.user.has_perm("engine.view_instance")
    reveal = page.request.user.has_perm("engine.reveal_sensitive")
    back = page.address("node-actions", node.key)
    address = page.address("action-new", node.key) if form.is_new else page.address("action", node.key, form.row.name)  # type: ignore[union-attr]
    if form.is_new:
        address = page.request.get_full_path()
    found = context(form, may_see=may_see, reveal=reveal)
    full = page.context(node=node, back=back, address=address, counts=form.counts, **found, **more)
    live = page.request.headers.get("HX-Request")
    template = "designer/actions/live.html" if live else "designer/actions/page.html"
    return render(page.request, template, full, status=status)


def frozen(page: Page) -> Problem:
    """ACT-017: the version is not a draft."""
    return problem("ACT-017", n=page.version.number, state=page.version.get_state_display().lower())


def go_to(request: HttpRequest, address: str) -> HttpResponse:
    """To another page, for htmx as for a plain form."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


patterns: list[URLPattern] = [
    path(f"{NODE}/add", action_new, name="action-new"),
    path(f"{NODE}/actions/<str:action>", action, name="action"),
]
