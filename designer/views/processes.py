"""The list of processes, and how one comes into being: new, imported, or the sample (screens 10 and 11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import Group
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from designer import definitions, importing, versions
from designer.definitions import STATES, Filters
from designer.lint import Problem
from designer.sample import load_sample
from designer.views.access import staff
from designer.views.version import VIEW
from flowx_site.navigation import address

PAGE_SIZE = 50
CREATE = ("designer.add_process", "create processes")
IMPORT = ("designer.import_process", "import processes")


def filters_of(request: HttpRequest) -> Filters:
    """The filters that the address names; what it says wrongly is ignored."""
    state, sort = request.GET.get("state", ""), request.GET.get("sort", "edited")
    return Filters(
        text=request.GET.get("q", "").strip(),
        state=state if state in STATES else "",
        problems=request.GET.get("problems") == "1",
        edited_by=request.GET.get("edited_by", ""),
        sort=sort if sort in definitions.SORTS else "edited",
    )


def query_of(filters: Filters) -> str:
    """The filters as an address writes them."""
    named = {
        "q": filters.text,
        "state": filters.state,
        "problems": "1" if filters.problems else "",
        "edited_by": filters.edited_by,
        "sort": "" if filters.sort == "edited" else filters.sort,
    }
    return urlencode({key: value for key, value in named.items() if value})


@staff(*VIEW)
def processes(request: HttpRequest) -> HttpResponse:
    """Every definition, narrowed by the address."""
    return render(request, "designer/processes.html", list_context(request))


def list_context(request: HttpRequest, **more: Any) -> dict[str, Any]:
    """The list behind this address, also for the dialogs that open over it."""
    filters = filters_of(request)
    every = definitions.rows()
    found = definitions.narrow(every, filters)
    instances = address("operate:instances")
    return {
        "page": Paginator(found, PAGE_SIZE).get_page(request.GET.get("page")),
        "filters": filters,
        "empty": not every,
        "states": STATES,
        "state_words": STATES.get(filters.state, ""),
        "editors": sorted({row.edited_by for row in every if row.edited_by}),
        "with_problems": len(definitions.narrow(every, replace(filters, problems=True))),
        "without": [(words, query_of(rest), count) for words, rest, count in definitions.without_each(every, filters)]
        if not found
        else [],
        "instances_url": instances if request.user.has_perm("engine.view_instance") else None,
        "dialog_back": reverse("designer:processes"),
        **more,
    }


def over_list(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """A dialog: alone for htmx, else open over the list, so that its address works without JavaScript."""
    if request.headers.get("HX-Request"):
        return render(request, template, {"dialog_back": reverse("designer:processes"), **context}, status=status)
    return render(
        request,
        "designer/processes_with_dialog.html",
        list_context(request, dialog_template=template, **context),
        status=status,
    )


def leave_for(request: HttpRequest, url: str) -> HttpResponse:
    """Go to another page, from a form that htmx sent or not."""
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


@staff(*CREATE)
def new(request: HttpRequest) -> HttpResponse:
    """New process: its name and the group that may start it; opens the canvas of its draft v1."""
    name, group = request.POST.get("name", "").strip(), request.POST.get("group", versions.DEFAULT_GROUP)
    groups = sorted({versions.DEFAULT_GROUP, *Group.objects.values_list("name", flat=True)})
    problems: list[Problem] = []
    if request.method == "POST":
        try:
            made = versions.create_process(
                name, group=group if group in groups else versions.DEFAULT_GROUP, user=request.user
            )
            return leave_for(request, reverse("designer:version", args=[made.process.name, made.number]))
        except versions.VersionRefused as refused:
            problems = refused.problems
    return over_list(request, "designer/dialogs/new.html", name=name, group=group, groups=groups, problems=problems)


@staff(*IMPORT)
@require_POST
def sample(request: HttpRequest) -> HttpResponse:
    """Load and publish the sample process and open it; where it is there already, only open it."""
    loaded = load_sample(user=request.user)
    if not loaded:
        messages.warning(request, "The sample was deleted here; import it from its file to have it again.")
        return leave_for(request, reverse("designer:processes"))
    version = loaded[-1]
    return leave_for(request, reverse("designer:version", args=[version.process.name, version.number]))


@staff(*IMPORT)
def import_(request: HttpRequest) -> HttpResponse:
    """Choose an export file, read the report, confirm: it becomes a draft, all or nothing (designer 3.3)."""
    if request.method != "POST":
        return over_list(request, "designer/dialogs/import.html")
    file, text = request.FILES.get("file"), request.POST.get("text", "")
    content = file.read() if file is not None else text.encode()
    if not content:
        return over_list(request, "designer/dialogs/import.html", status=422, nothing=True)
    try:
        document, name = importing.read(content), request.POST.get("name", "").strip()
        found = importing.report(document, name=name)
    except versions.VersionRefused as refused:
        return over_list(request, "designer/dialogs/import.html", status=422, problems=refused.problems)
    replace = request.POST.get("replace") == "1"
    if request.POST.get("confirm") != "1" or found.refused or (found.draft is not None and not replace):
        shown = content.decode("utf-8", "replace")
        return over_list(request, "designer/dialogs/import_report.html", report=found, text=shown)
    version, _ = importing.import_version(document, name=name, user=request.user, replace=replace)
    messages.success(request, f"{version.process.name} v{version.number} was imported as a draft.")
    return leave_for(request, reverse("designer:version", args=[version.process.name, version.number]))
