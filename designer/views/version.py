"""The designer page of one version: canvas or outline, and the list of problems (screens 01, 01b, 04)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from designer.definitions import shown_version
from designer.lint import Severity
from designer.models import Process, VersionState
from designer.views.access import staff
from designer.views.page import find_page, placed, severities

VIEW = ("designer.view_process", "see process definitions")
WINDOW = 200
"""How many problems one page lists; stepping and the links at its end lead to the others."""


@staff(*VIEW)
def process(request: HttpRequest, name: str) -> HttpResponse:
    """The short address of a process leads to its draft, else to its published version."""
    found = get_object_or_404(Process, name=name, deleted=False)
    version = shown_version(found.versions.exclude(state=VersionState.DELETED))
    return HttpResponseRedirect(reverse("designer:version", args=[name, version.number]))


@staff(*VIEW)
def version(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Canvas, or with `?view=outline` the same graph as a table; no node is open."""
    page = find_page(request, name, number)
    return render(request, "designer/version.html", page.context(selected=None, tab=""))


@staff(*VIEW)
def diagram(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """What the canvas draws, as JSON, for a page that is open while something was saved."""
    return HttpResponse(find_page(request, name, number).diagram, content_type="application/json")


@staff(*VIEW)
def problems(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Every problem with its fix. The address keeps the filter by severity or node, and which one is selected (`at`)."""
    page = find_page(request, name, number)
    every = placed(page)
    severity, node = request.GET.get("severity", ""), request.GET.get("node", "")
    listed = [
        each
        for each in every
        if (severity not in list(Severity) or each.problem.severity == severity)
        and (not node or each.problem.node == node)
    ]
    at = request.GET.get("at", "")
    selected = next((each for each in listed if str(each.position) == at), None)
    steps = {each.position: index for index, each in enumerate(listed)}
    index = steps[selected.position] if selected else -1
    first = max(index, 0) // WINDOW * WINDOW
    chosen = next((each for each in page.design.nodes if selected and each.key == selected.problem.node), None)
    context = page.context(
        listed=listed[first : first + WINDOW],
        matching=len(listed),
        window=f"{first + 1}–{min(first + WINDOW, len(listed))}" if len(listed) > WINDOW else "",
        before_window=listed[first - 1] if first else None,
        after_window=listed[first + WINDOW] if first + WINDOW < len(listed) else None,
        total=len(every),
        severity=severity,
        node_filter=next((each for each in page.design.nodes if each.key == node), None),
        severities=severities(page),
        selected_problem=selected,
        selected=chosen,
        number=index + 1,
        previous=listed[index - 1] if listed and index > 0 else None,
        following=listed[index + 1] if index + 1 < len(listed) else None,
        tab="",
    )
    return render(request, "designer/problems.html", context)
