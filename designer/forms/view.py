"""The action form as the templates read it: one entry per field with its notes, the rail at the left, previews and suggestions.
Everything is worked out here, so that the templates only lay it out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.utils import timezone
from django.utils.timesince import timesince

from designer import preview
from designer.catalog import ActionValues, action_type, types_for
from designer.design import same_action
from designer.forms.action_form import ActionForm, comparable, severity_word
from designer.forms.echo import PICKS, delay_echo
from designer.forms.helper import picked_headers
from designer.forms.posted import FLAGS, LISTS, MANUAL_ONLY
from designer.forms.tryit import try_keys
from designer.lint import Problem, Severity, by_severity
from designer.lint.keys import RESERVED, is_known
from designer.lint.parameters import label_of
from designer.lint.references import paths_read
from designer.models import Action
from engine.core import jsonio, paths
from engine.queries.samples import recent

TESTIDS = {
    "name": "edit.name",
    "order": "edit.order",
    "timerExpression": "edit.timer",
    "type": "edit.type",
    "manual": "edit.trigger",
    "optional": "edit.required",
    "repeatable": "edit.repeatable",
    "autoRunChildren": "edit.autorun",
    "parentName": "edit.parent",
    "allowTokenReset": "back.allow",
    "restartFromSnapshot": "back.snapshot",
    "keysForRestart": "back.keys",
    "keys": "data.keys",
}
LABELS = {
    "name": "Name",
    "order": "Order",
    "timerExpression": "Timer expression",
    "type": "Action type",
    "manual": "Trigger type",
    "optional": "Required type",
    "repeatable": "Repeatable",
    "autoRunChildren": "Autorun Children",
    "parentName": "Parent action",
    "allowTokenReset": "Allow BACK on this action",
    "restartFromSnapshot": "Restart from snapshot",
    "keysForRestart": "Keys for restart",
    "keys": "Keys",
}
FOLDED = ("name", "order", "timerExpression", "type", "parentName")
SECTIONS = {
    "edit": ("Action Edit", (*FOLDED, "manual", "optional", "repeatable", "autoRunChildren")),
    "back": ("Back in steps", MANUAL_ONLY[:3]),
    "params": ("Parameters", ()),
    "data": ("Data to send", ("keys",)),
}  # fmt: skip
ICONS = {Severity.ERROR: "error", Severity.BLOCKER: "block", Severity.WARNING: "warning"}
CLASSES = {Severity.ERROR: "e", Severity.BLOCKER: "bl", Severity.WARNING: "w"}


@dataclass(frozen=True, slots=True)
class Note:
    """A finding as it stands under its field, with the buttons that mend it: (`op` value, label)."""

    problem: Problem
    icon: str
    word: str
    offers: tuple[tuple[str, str], ...]

    @property
    def css(self) -> str:
        return "warn" if self.problem.severity == Severity.WARNING else ""


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field: its stored name, label, test id, what is wrong, why it is locked."""

    name: str
    label: str
    testid: str
    notes: tuple[Note, ...]
    lock: str

    @property
    def faults(self) -> str:
        """Places and sentences for the editor's marks, as JSON."""
        placed = [each.problem for each in self.notes if each.problem.line]
        return json.dumps(
            [
                {"line": each.line, "column": each.column, "severity": each.severity.value, "message": each.message}
                for each in placed
            ]
        )

    @property
    def wrong(self) -> bool:
        """Whether the field has a red edge."""
        return any(note.problem.blocks_publishing for note in self.notes)


def context(form: ActionForm, *, may_see: bool, reveal: bool) -> dict[str, Any]:
    """What the templates of the form read."""
    values = form.values
    posted = form.posted
    suggestions = known(form)
    source = preview.source_of(form.design, posted.control("preview") if posted else "", reveal=reveal, may_see=may_see)
    return {
        "form": form,
        "values": values,
        "fields": {name: field_view(form, name) for name in {*form.shown, *MANUAL_ONLY, "node"}},
        "summary": [note(form, each, 0) for each in form.summary()],
        "kind": form.kind,
        "types": types_for(form.node.type),
        "parents": parents(form),
        "echo": delay_echo(values.timer_expression, manual=values.manual),
        "picks": PICKS,
        "order_text": values.order if values.order is not None else values.invalid.get("order", ""),
        "order_hint": order_hint(form),
        "lists": {name: shown_list(form, name) for name in (*LISTS, "topicName")},
        "pending": posted.pending if posted and posted.op == "check" else {},
        "was": was(form),
        "opened_on": form.opened_on(),
        "kept": kept(form),
        "touched": " ".join(sorted(posted.touched)) if posted else "",
        "reads": [(paths.format(path), is_known(form.design, path)) for path in paths_read(values) if path[0] not in RESERVED],
        "rail": rail(form),
        "sections": sections(form),
        "source": source,
        "instances": recent(form.design.version.process.name) if may_see else (),
        "tab": posted.control("preview-tab") if posted else "",
        "trial": try_keys(form.design, values.keys, posted.control("try") if posted else "") if values.manual else None,
        "known": json.dumps(suggestions),
        "completions": json.dumps(completions(suggestions)),
        "forced": forced(form),
        "edit_open": form.is_new or not values.manual or any(each.field in FOLDED for each in form.problems),
        **params(form, source),
    }  # fmt: skip


def field_view(form: ActionForm, name: str) -> FieldView:
    """The field with its findings, as far as they are shown now."""
    kind = form.kind
    spec = kind.spec(name) if kind else None
    testid = spec.testid if spec else TESTIDS.get(name, f"params.{name}")
    counted: dict[str, int] = {}
    notes = []
    for each in form.visible(name):
        notes.append(note(form, each, counted.get(each.code, 0)))
        counted[each.code] = counted.get(each.code, 0) + 1
    label = spec.label if spec else LABELS.get(name, label_of(name))
    return FieldView(name, label, f"action.{testid}", tuple(notes), form.locks.get(name, ""))


def note(form: ActionForm, problem: Problem, position: int) -> Note:
    """The finding with its buttons; a fix is named by code, field and place, and worked out anew when it is pressed."""
    offers = tuple(
        (f"fix:{problem.code}:{problem.field}:{position}.{offer}", fix.label) for offer, fix in enumerate(problem.fixes)
    )
    return Note(problem, ICONS[problem.severity], severity_word(problem.severity), offers)


def parents(form: ActionForm) -> list[str]:
    """The actions that may be the parent: of the same node, neither the action itself nor below it."""
    below = {each.name for each in form.design.descendants(form.values)}
    found = [each.name for each in form.design.actions_by_node.get(form.values.node_id, [])]
    return [name for name in found if name != form.values.name and name not in below]


def order_hint(form: ActionForm) -> str:
    """Where the action runs among its siblings: 'Runs first', 'Runs after greet_rider'."""
    if form.values.order is None:
        return ""
    before = [each for each in form.design.siblings(form.values) if (each.order or 0) < form.values.order]
    last = max(before, key=lambda each: each.order or 0, default=None)
    return f"Runs after {last.name}" if last else "Runs first"


def shown_list(form: ActionForm, name: str) -> list[str]:
    """The entries of a list that stand as chips or rows; what is being typed during a live check is not among them."""
    listed = form.values.topics if name == "topicName" else list(getattr(form.values, LISTS[name]))
    if form.posted is not None and form.posted.op == "check" and name in form.posted.pending:
        typed = [part for part in form.posted.pending[name].replace("\n", ",").split(",") if part.strip()]
        return listed[: len(listed) - len(typed)]
    return listed


def was(form: ActionForm) -> dict[str, str]:
    """How the form stands now, so that the next request sees what was switched or picked."""
    values = form.values
    return {
        "type": values.type,
        "manual": str(values.manual).lower(),
        "allowTokenReset": str(values.allow_token_reset).lower(),
        "messageType": values.text("messageType"),
        **{f"picker-{name}": text for name, text in picked_headers(values).items()},
    }


def kept(form: ActionForm) -> list[tuple[str, str]]:
    """Hidden values for a switch back, as (name, value) of `kept-…` inputs."""
    return [(f"kept-{name}", value) for name, listed in form.kept.items() for value in listed]


def params(form: ActionForm, source: preview.Source) -> dict[str, Any]:
    """What only the parameters of this type show: `context` of `designer.forms.types.<type>`, where there is one."""
    name = f"designer.forms.types.{form.values.type.lower()}"
    if form.kind is None or find_spec(name) is None:
        return {}
    found: dict[str, Any] = import_module(name).context(form, source)
    return found


def rail(form: ActionForm) -> list[dict[str, Any]]:
    """The actions of the node, indented, with the worst finding of each that is not the edited one left to the problems list."""
    rows: list[dict[str, Any]] = []
    worst = by_severity(form.problems)

    def walk(parent: str, level: int) -> None:
        for each in form.design.actions_by_node.get(form.values.node_id, []):
            if each.parent_name != parent or any(row["action"] is each for row in rows):
                continue
            kind = action_type(each.type)
            here = each is form.values or same_action(each, form.values)
            rows.append({"action": each, "level": level, "icon": kind.icon if kind else "help", "here": here,
                         "mark": ICONS[worst[0].severity] if here and worst and form.touched is None else ""})  # fmt: skip
            if each.name:
                walk(each.name, level + 1)

    walk("", 0)
    if not any(row["here"] for row in rows):
        kind = form.kind
        rows.append(
            {
                "action": form.values,
                "level": 1 if form.values.parent_name else 0,
                "icon": kind.icon if kind else "help",
                "here": True,
                "mark": "",
            }
        )
    return rows


def sections(form: ActionForm) -> list[dict[str, Any]]:
    """The sections of the form with the worst finding in each."""
    named = {field_name for _, names in SECTIONS.values() for field_name in names}
    found = []
    for key, (title, names) in SECTIONS.items():
        if key in ("back", "data") and not form.values.manual:
            continue
        inside = [
            each for each in form.problems if (each.field in names if key != "params" else each.field not in named)
        ]
        worst = by_severity(inside)[0].severity if inside else None
        found.append(
            {
                "key": key,
                "title": title,
                "icon": ICONS[worst] if worst else "check",
                "tone": CLASSES[worst] if worst else "ok",
            }
        )
    return found


def known(form: ActionForm) -> dict[str, list[list[str]]]:
    """Suggestions: keys with type and example, topics, generic parameters, and what reserved names give."""
    design = form.design
    keys = [
        [each.path, each.get_type_display(), "" if each.example is None else jsonio.dumps(each.example).strip('"')[:40]]
        for each in design.attributes
    ]
    keys += [
        [str(row.get("keyName")), "Reply", node.name]
        for node in design.nodes
        for row in node.data_stream_topics
        if row.get("keyName")
    ]
    parameters = [
        [each.key, "Generic parameter", "•••" if each.secret else each.value] for each in design.parameters.values()
    ]
    reserved = [[name, "Reserved", ""] for name in RESERVED]
    topics = sorted(
        {(topic, node_of(form, each)) for each in design.actions if each is not form.values for topic in each.topics}
    )
    return {"keys": keys, "parameters": parameters, "reserved": reserved, "topics": [list(pair) for pair in topics]}


def completions(suggestions: dict[str, list[list[str]]]) -> list[dict[str, str]]:
    """What the editor offers after `${`, in the shape it reads."""
    rows = [*suggestions["keys"], *suggestions["parameters"], *suggestions["reserved"]]
    return [{"path": path, "type": kind, "example": example} for path, kind, example in rows]


def forced(form: ActionForm) -> str:
    """Names of inputs whose typed value the server has changed: the page takes them over from the answer."""
    names = set(form.forced)
    names |= {f"replace-{name}" for name in form.forced}
    if form.posted is not None and form.posted.op != "check":
        names |= {f"{name}-add" for name in (*LISTS, "topicName", "helper-paramsToCopy", "helper-withoutParams")}
    return " ".join(sorted(names))


def node_of(form: ActionForm, action: ActionValues) -> str:
    return form.design.node_by_id[action.node_id].name


def changed_meanwhile(base: str, row: Action, stored: ActionValues) -> dict[str, Any]:
    """ACT-016: who changed the action, how long ago, and which fields, with the old and the new value of each."""
    try:
        before = json.loads(base)
    except ValueError:
        before = {}
    now = comparable(stored)
    changed = [name for name in now if name not in before or before[name] != now[name]]
    listed = [(field_label(name), words(before.get(name)), words(now[name])) for name in changed]
    ago = timesince(row.edited_at, timezone.now()) if row.edited_at else ""
    return {
        "user": row.edited_by or "Someone",
        "ago": "just now" if not ago or ago.startswith("0") else f"{ago} ago",
        "fields": ", ".join(label for label, _, _ in listed) or "nothing that this form shows",
        "changed": listed,
    }


def field_label(name: str) -> str:
    """The label of a field of `comparable`."""
    return label_of(name.removeprefix("params.")) if name.startswith("params.") else LABELS.get(name, name)


def words(value: Any) -> str:
    """A stored value as a person reads it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], bool):
        return f"{value[0] or 'empty'}{'' if value[1] else ' (sent as written)'}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "empty"
    return str(value) if value not in (None, "") else "empty"


__all__ = ["FLAGS", "FieldView", "Note", "changed_meanwhile", "context"]
