"""The panel of one node: Node Config, its actions, its problems (screens 01 and 01b, designer 1.3 and 1.4)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_POST

from designer import canvas, node_form, timerwords, wording
from designer.catalog import action_type, types_for
from designer.lint import Problem, Severity, problem
from designer.lint.events import HOSTS
from designer.models import Node
from designer.nodetypes import node_kind
from designer.views.access import refused, staff
from designer.views.lifecycle import EDIT
from designer.views.page import Page, find_page, placed
from designer.views.version import VIEW

MOST_NAMES = 200


def answer(page: Page, node: Node, tab: str, *, status: int = 200, **more: Any) -> HttpResponse:
    """The panel alone for htmx, with the header and the canvas it changes beside it; else the whole page with it open."""
    context = page.context(selected=node, tab=tab, **panel(page, node), **more)
    template = (
        "designer/panel_answer.html" if page.request.headers.get("HX-Target") == "panel" else "designer/version.html"
    )
    return render(page.request, template, context, status=status)


def panel(page: Page, node: Node) -> dict[str, Any]:
    """What the head and the tabs of the panel show."""
    kind = node_kind(node.type)
    own = [each for each in placed(page) if each.problem.node == node.key]
    worst = own[0].problem.severity if own else None
    lane = next((lane.name for lane in page.design.swimlanes if lane.pk == node.swimlane_id), "")
    return {
        "kind": kind,
        "node_icon": wording.node_icon(node.type),
        "lane": lane,
        "action_count": len(page.design.actions_by_node.get(node.pk, [])),
        "own_problems": own,
        "problem_class": "wait" if worst is Severity.WARNING else "stop",
    }


# ---------- Node Config ----------


@staff(*VIEW)
def config(request: HttpRequest, name: str, number: int, key: str) -> HttpResponse:
    """Show the form; POST saves it, or adds or removes a row of it (`op`), which works without JavaScript too."""
    page = find_page(request, name, number)
    node = page.node(key)
    if request.method != "POST":
        return answer(page, node, "config", form=form_context(page, node, node_form.values_of(node)))
    if not page.may_edit:
        return refused(request, EDIT[0], "edit drafts")
    values = node_form.read(node, request.POST)
    operation = request.POST.get("op", "save")
    if operation.startswith(("add_", "remove_", "fill_")):
        changed = with_row(values, operation)
        return answer(page, node, "config", form=form_context(page, node, changed, touched=True, posted=request.POST))
    return save(page, node, values, close=operation == "close")


def save(page: Page, node: Node, values: dict[str, Any], *, close: bool) -> HttpResponse:
    """Store the form; errors, a conflict (409) or a read-only version (409) keep what was typed."""
    posted = page.request.POST
    revision = int(posted["revision"]) if posted.get("revision", "").isdigit() else 0
    result = node_form.save(
        page.design, node, values, revision=revision, base=posted.get("base", ""), user=page.request.user
    )
    if result.saved is None:
        stale = result.conflict is not None or any(each.code == "ACT-017" for each in result.problems)
        form = form_context(
            page, node, values, touched=True, posted=posted, found=result.problems, conflict=result.conflict
        )
        return answer(page, node, "config", status=409 if stale else 200, form=form)
    if not page.request.headers.get("HX-Request"):
        to = page.address() if close else page.address("node-config", node.key)
        return HttpResponseRedirect(to)
    fresh = find_page(page.request, page.process.name, page.version.number)
    saved = fresh.node(node.key)
    form = form_context(fresh, saved, node_form.values_of(saved), saved=True)
    response = answer(fresh, saved, "config", form=form, close=close)
    response["HX-Trigger"] = "designer:saved"
    return response


@staff(*VIEW)
@require_POST
def check(request: HttpRequest, name: str, number: int, key: str) -> HttpResponse:
    """What a save of the form would answer, as the notes under its fields; asked 300 ms after the last key."""
    page = find_page(request, name, number)
    node = page.node(key)
    values = node_form.read(node, request.POST)
    form = form_context(page, node, values, touched=True, posted=request.POST)
    return render(request, "designer/node_notes.html", {"form": form, "page": page, "live": True})


def with_row(values: dict[str, Any], operation: str) -> dict[str, Any]:
    """The values with one row more or less: `add_topic`, `remove_topic_0`, `add_rule`, `remove_rule_1`; `fill_<timer>`."""
    verb, _, rest = operation.partition("_")
    what, _, index = rest.partition("_")
    changed = dict(values)
    if verb == "fill":
        changed["timerExpression" if "timerExpression" in changed else "responseTimeout"] = operation.removeprefix(
            "fill_"
        )
        return changed
    field, row = {
        "topic": ("dataStreamTopics", {"topicName": "", "keyName": ""}),
        "rule": ("rules", {"order": 0, "language": "ZEN", "expression": "", "nextNodeName": ""}),
    }[what]
    rows = list(changed.get(field, []))
    if verb == "add":
        rows.insert(len(rows) - (what == "rule" and bool(rows) and not rows[-1]["expression"]), row)
    elif index.isdigit() and int(index) < len(rows):
        rows.pop(int(index))
    changed[field] = rows
    return changed


def form_context(
    page: Page,
    node: Node,
    values: dict[str, Any],
    *,
    touched: bool = False,
    posted: QueryDict | None = None,
    found: list[Problem] | None = None,
    conflict: node_form.Conflict | None = None,
    saved: bool = False,
) -> dict[str, Any]:
    """Values, notes and choices of the form. After a conflict the form carries the stored revision: saving again overwrites."""
    problems = node_form.check(page.design, node, values) if found is None or conflict else found
    stale = conflict is not None
    return {
        "fields": node_form.fields_of(node),
        "kind": node.type,
        "values": values,
        "notes": notes(problems),
        "general": [each for each in problems if each.field not in node_form.fields_of(node)],
        "errors": [each for each in problems if each.blocks_saving],
        "touched": touched,
        "saved": saved,
        "conflict": conflict,
        "revision": node.revision if posted is None or stale else posted.get("revision", node.revision),
        "base": node_form.base_of(node) if posted is None or stale else posted.get("base", ""),
        "lanes": page.design.swimlanes,
        "stages": sorted({each.stage for each in page.design.nodes if each.stage}),
        "echo": timerwords.echo(node.type, values),
        "picks": timerwords.picks_of(node.type),
        "rules": [row for row in values.get("rules", []) if row.get("expression") or row is not last_rule(values)],
        "else_rule": (last_rule(values) or {}).get("nextNodeName", ""),
        "targets": [target.name for target in page.design.outgoing.get(node.pk, [])],
        "behind": behind(page, node) if not values.get("canGoBack", True) else [],
        "key_readers": key_readers(page, values),
        "hosts": hosts_of(page, node, values),
        "message_names": message_names(node) if "messageName" in values else [],
    }


def hosts_of(page: Page, node: Node, values: dict[str, Any]) -> list[Node]:
    """The nodes that an event of this type may sit on, and the one it sits on whatever that is."""
    allowed = HOSTS.get(node.type, ())
    stored = values.get("attachedTo", "")
    return [each for each, _ in canvas.walk(page.design) if each.type in allowed or (allowed and each.key == stored)]


def message_names(node: Node) -> list[str]:
    """Message names that other nodes use, in every process: throw and catch have the same one. One query."""
    rows = Node.objects.filter(type__startswith="MESSAGE_", version__process__deleted=False).exclude(pk=node.pk)
    found = rows.exclude(config={}).values_list("config__messageName", flat=True).distinct()
    return sorted({name for name in found if isinstance(name, str) and name})[:MOST_NAMES]


def last_rule(values: dict[str, Any]) -> dict[str, Any] | None:
    """The else of a gateway: its last rule, when it has no condition."""
    rules: list[dict[str, Any]] = values.get("rules", [])
    return rules[-1] if rules and not rules[-1].get("expression") and rules[-1].get("nextNodeName") else None


def notes(problems: list[Problem]) -> dict[str, list[Problem]]:
    """Problems under the field they stand at, worst first."""
    grouped: dict[str, list[Problem]] = {}
    for each in problems:
        grouped.setdefault(each.field, []).append(each)
    return grouped


def behind(page: Page, node: Node) -> list[str]:
    """Names of the nodes before this one, which a token past it can no longer go back to."""
    seen, waiting = {node.pk}, [node]
    while waiting:
        for source in page.design.incoming.get(waiting.pop().pk, []):
            if source.pk not in seen:
                seen.add(source.pk)
                waiting.append(source)
    found = seen - {node.pk}
    return [
        each.name for each, _ in canvas.walk(page.design) if each.pk in found and node_kind(each.type).takes_actions
    ]


def key_readers(page: Page, values: dict[str, Any]) -> list[tuple[str, str]]:
    """Gateways whose conditions read what a topic's key receives: ('Bike available?', 'reservation.error')."""
    found = []
    for row in values.get("dataStreamTopics", []):
        key = row.get("keyName", "")
        for gateway in page.design.nodes if key else []:
            for rule in gateway.rules:
                words = (rule.get("expression") or "").replace("(", " ").replace(")", " ").split()
                paths = [word.removeprefix("input.") for word in words if word.startswith(f"input.{key}")]
                found += [(gateway.name, path) for path in paths if (gateway.name, path) not in found]
    return found


# ---------- Actions, Problems ----------


@staff(*VIEW)
def actions(request: HttpRequest, name: str, number: int, key: str) -> HttpResponse:
    """The actions of a node in the order they run; a node type that takes none says so (ACT-018)."""
    page = find_page(request, name, number)
    node = page.node(key)
    if not node_kind(node.type).takes_actions:
        found = problem("ACT-018", nodeType=node_kind(node.type).label)
        return answer(page, node, "none", status=404, none=found)
    return answer(page, node, "actions", **actions_context(page, node))


def actions_context(page: Page, node: Node) -> dict[str, Any]:
    """The rows of the Actions tab, what may be added, and what happens on the node."""
    own = [each for each in placed(page) if each.problem.node == node.key]
    rows = [
        action_row(page, action, level, [each for each in own if each.problem.action == action.name])
        for action, level in canvas.in_running_order(page.design, node)
    ]
    children = sum(1 for row in rows if row["level"])
    return {
        "rows": rows,
        "children": children,
        "top": len(rows) - children,
        "types": types_for(node.type),
        "steps": wording.what_happens(page.design, node),
    }


def action_row(page: Page, action: Any, level: int, problems: list[Any]) -> dict[str, Any]:
    """One action as the tab lists it."""
    timing = wording.delay(action.timer_expression)
    known = action_type(action.type)
    when = wording.runs_when(page.design, action)
    return {
        "action": action,
        "level": level,
        "icon": wording.type_icon(action.type),
        "type": wording.type_words(action.type),
        "label": known.label if known else action.type,
        "trigger": "Manual" if action.manual else "Automatic",
        "required": "Optional" if action.optional else "Mandatory",
        "when": f"Runs {when}" if when == "at once" else f"{when[0].upper()}{when[1:]}",
        "timing": timing,
        "timed": f"{timing.words[0].upper()}{timing.words[1:]}" if timing and not timing.unreadable else "",
        "worst": problems[0] if problems else None,
        "more": len(problems) - 1,
    }


@staff(*VIEW)
def problems(request: HttpRequest, name: str, number: int, key: str) -> HttpResponse:
    """The problems of one node."""
    page = find_page(request, name, number)
    return answer(page, page.node(key), "problems")
