"""The list of process instances (designer 4.1, screen 05): one address for every combination of filters, pages by cursor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from engine import rights
from engine.admin.access import staff
from engine.models import Instance, PublishedProcess
from engine.queries.filters import LAST_WORDS, STATE_WORDS, InstanceFilter
from engine.queries.instances import PAGE_SIZES, Count, Cursor, page_of, state_counts, stuck_count, total_of

SEE = (rights.INSTANCES_READ, "see process instances")
DEFAULT_SIZE = 25
FIRST_STATES = ("STARTED", "ON_HOLD", "FINISHED", "FAILED", "EXPIRED", "TERMINATED")


@dataclass(frozen=True, slots=True)
class StateChip:
    """A state that can be switched on and off, with how many rows it holds."""

    state: str
    word: str
    count: Count
    on: bool
    query: str


@dataclass(frozen=True, slots=True)
class Without:
    """A filter that could be dropped, and how many rows that would give."""

    label: str
    value: str
    query: str
    count: Count


@staff(*SEE)
def instance_list(request: HttpRequest) -> HttpResponse:
    """The page, or only its list for a page that refreshes itself (header `X-Fragment: list`)."""
    fragment = request.headers.get("X-Fragment") == "list"
    context = list_context(request)
    response = render(request, "engine/instances_list.html" if fragment else "engine/instances.html", context)
    response["Vary"] = "X-Fragment"
    return response


def list_context(request: HttpRequest) -> dict[str, Any]:
    """Everything the list shows; the number of statements does not depend on the rows (designer 6.5)."""
    now = timezone.now()
    wanted = InstanceFilter.from_query(request.GET)
    size = size_of(request)
    rows: QuerySet[Instance] = Instance.objects.all()
    cursor = Cursor.read(request.GET.get("older", ""), request.GET.get("newer", ""))
    page = page_of(rows, wanted, now=now, cursor=cursor, size=size)
    if cursor is not None and cursor.newer and len(page.rows) < size:  # what is newest is always a full first page
        page, cursor = page_of(rows, wanted, now=now, size=size), None
    counts = state_counts(rows, wanted, now=now)
    position = position_of(request) if cursor else 1
    return {
        "filter": wanted,
        "page": page,
        "total": total_of(counts, wanted.states),
        "position": position,
        "last": position + len(page.rows) - 1,
        "older_at": position + len(page.rows),
        "newer_at": max(1, position - size),
        "chips": [(chip, wanted.without(chip.name).query_string()) for chip in wanted.chips],
        "state_chips": state_chips(wanted, counts),
        "views": views_of(wanted, stuck_count(rows)),
        "query": wanted.query_string(**size_pair(size)),
        "first_page": cursor is None,
        "size": size,
        "sizes": PAGE_SIZES,
        "last_words": LAST_WORDS,
        "process_names": PublishedProcess.objects.order_by("name").values_list("name", flat=True)[:500],
        "may_operate": rights.may_operate(request.user),
        "without": [] if page.rows else without_each(rows, wanted, now=now),
        "empty": not page.rows and wanted.is_empty and not cursor,
        "now": now,
        "dialog_back": f"{reverse('operate:instances')}?{wanted.query_string()}",
    }


def size_of(request: HttpRequest) -> int:
    text = request.GET.get("rows", "")
    return int(text) if text in {str(size) for size in PAGE_SIZES} else DEFAULT_SIZE


def size_pair(size: int) -> dict[str, str]:
    return {} if size == DEFAULT_SIZE else {"rows": str(size)}


def position_of(request: HttpRequest) -> int:
    """The number of the first row, as the link that led here counted it."""
    text = request.GET.get("at", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 10 else 1


def state_chips(wanted: InstanceFilter, counts: dict[str, Count]) -> dict[str, list[StateChip]]:
    """The chips that stand open and those behind "more"; a chosen one always stands open."""
    made = [
        StateChip(state, word, counts[state], state in wanted.states, wanted.toggled(state).query_string())
        for state, word in STATE_WORDS.items()
    ]
    return {
        "shown": [chip for chip in made if chip.state in FIRST_STATES or chip.on],
        "more": [chip for chip in made if chip.state not in FIRST_STATES and not chip.on],
    }


def views_of(wanted: InstanceFilter, stuck: Count) -> list[dict[str, Any]]:
    """The views that every site has; saved ones join here later."""
    running = InstanceFilter(states=("STARTED", "ON_HOLD", "CREATED"))
    hand = InstanceFilter(exception=True)
    return [
        {"name": "All", "icon": "list_alt", "query": "", "current": wanted.is_empty},
        {
            "name": "Needs a hand",
            "icon": "error",
            "query": hand.query_string(),
            "current": wanted == hand,
            "count": stuck,
        },
        {"name": "Running", "icon": "play_circle", "query": running.query_string(), "current": wanted == running},
    ]


def without_each(rows: QuerySet[Instance], wanted: InstanceFilter, *, now: Any) -> list[Without]:
    """For a list without a match: the filters whose dropping gives rows, the fewest rows first."""
    candidates = [(chip.label, chip.value, wanted.without(chip.name)) for chip in wanted.chips]
    if wanted.states:
        words = " or ".join(STATE_WORDS[state] for state in wanted.states)
        candidates.append(("State", words, wanted.without("states")))
    found = []
    for label, value, rest in candidates:
        count = total_of(state_counts(rows, rest, now=now), rest.states)
        if count.number:
            found.append(Without(label, value, rest.query_string(), count))
    return sorted(found, key=lambda one: one.count.number)
