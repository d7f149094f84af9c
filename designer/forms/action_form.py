"""The action form as one object: what was posted or stored, what is wrong with it, what is shown, locked, kept and asked. Views
turn it into a page; the rules are those of `designer.lint` and `designer.forms.matrix`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from designer import fixes, jsontext
from designer.catalog import ActionType, ActionValues, action_type
from designer.compile import action_json
from designer.design import Design, load
from designer.forms.helper import apply_helper, apply_pickers
from designer.forms.matrix import locks, shown_fields
from designer.forms.posted import LISTS, Posted
from designer.forms.switches import Ask, apply_switches
from designer.lint import Problem, Severity, by_severity, check_action, count
from designer.lint.action import clean_name, free_name
from designer.lint.template import json_template
from designer.models import Action, DataModelAttribute, Node, Version
from designer.node_form import touch
from designer.rows import new_action_key

SAVES = ("save", "save_close")


@dataclass
class ActionForm:
    """One action being edited. `stored` are the saved values, None for a new action."""

    design: Design
    values: ActionValues
    stored: ActionValues | None = None
    row: Action | None = None
    problems: list[Problem] = field(default_factory=list)
    kept: dict[str, list[str]] = field(default_factory=dict)
    ask: Ask | None = None
    forced: set[str] = field(default_factory=set)
    said: str = ""
    touched: set[str] | None = None
    posted: Posted | None = None
    swap_with: ActionValues | None = None

    @property
    def node(self) -> Node:
        return self.design.node_by_id[self.values.node_id]

    @property
    def kind(self) -> ActionType | None:
        """The action's type; None when it is not installed."""
        return action_type(self.values.type)

    @property
    def is_new(self) -> bool:
        return self.stored is None

    @property
    def dirty(self) -> bool:
        """Whether the form holds anything that is not saved."""
        return self.stored is None or comparable(self.values) != comparable(self.stored)

    @property
    def refused(self) -> list[Problem]:
        """The findings that keep the form from being saved."""
        return [each for each in self.problems if each.blocks_saving and each.code != "ACT-021"]

    @property
    def counts(self) -> dict[str, int]:
        """How many findings of each severity; that the form is stale is no fault of the action."""
        return count([each for each in self.problems if each.code not in ("ACT-016", "ACT-017")])

    @property
    def shown(self) -> tuple[str, ...]:
        return shown_fields(self.values)

    @property
    def locks(self) -> dict[str, str]:
        return locks(self.values)

    def opened_on(self) -> tuple[int, str]:
        """The revision the form was opened on, and the values of then as JSON, which a stale save compares (ACT-016). A live
        check keeps them: only opening, saving and the answer to a stale save begin anew."""
        if self.posted is not None and self.posted.revision is not None:
            return self.posted.revision, self.posted.base
        if self.stored is None or self.row is None:
            return 0, ""
        return self.row.revision, json.dumps(comparable(self.stored))

    def visible(self, name: str) -> list[Problem]:
        """The findings of one field that are shown: before a save only those of touched fields (designer 6.2)."""
        found = by_severity([each for each in self.problems if each.field == name])
        return found if self.touched is None or name in self.touched else []

    def summary(self) -> list[Problem]:
        """Findings of fields that the form does not show, and after a refused save all that refuse it."""
        if self.touched is None and self.posted is not None and self.posted.op in SAVES:
            return self.refused
        return [each for each in self.refused if each.field not in self.shown]


def comparable(values: ActionValues) -> dict[str, Any]:
    """The values under their stored names, without identity: what a stale save compares and an unsaved form differs in."""
    found = action_json(values)
    params = {
        row["key"]: [row["value"].replace("\r\n", "\n"), row["replaceValues"]] for row in found.pop("actionParams")
    }
    known = action_type(values.type)
    for spec in known.params if known else ():
        params.setdefault(spec.key, [spec.default if spec.key in ("source",) else "", True])
    for name in ("id", "key", "actionRuleDefinitions"):
        found.pop(name)
    return {**found, **{f"params.{key}": value for key, value in sorted(params.items())}}


def new_values(design: Design, node: Node, type_name: str, parent_name: str = "") -> ActionValues:
    """The defaults of a new action: next free order, Automatic, Mandatory, everything else off (designer 1.4)."""
    known = action_type(type_name)
    verb = known.suggested_name if known else "action"
    name = free_name(design, clean_name(f"{verb}_{node.name.lower()}".replace(" ", "_")).strip("_"))
    return ActionValues(
        node_id=node.pk,
        key=new_action_key(),
        name=name,
        order=design.next_order(node.pk, parent_name),
        type=type_name,
        manual=bool(known and known.locked_manual),
        parent_name=parent_name,
        params=known.defaults() if known else {},
    )


def opened(design: Design, row: Action) -> ActionForm:
    """The form of a stored action, with every finding shown."""
    values = next(each for each in design.actions if each.id == row.pk)
    form = ActionForm(design, values.copy(), stored=values, row=row)
    form.problems = check_action(design, values)
    return form


def opened_new(design: Design, values: ActionValues) -> ActionForm:
    """The form of a new action: nothing is red before it was touched."""
    edited = design.with_action(values)
    return ActionForm(edited, values, problems=check_action(edited, values), touched=set())


def submitted(design: Design, posted: Posted, *, row: Action | None, user: Any) -> ActionForm:
    """The form as it was posted, after the operation that its button asked for. A save is checked strictly, as it came; every
    other operation follows the switches first (designer 1.9, 1.10)."""
    stored = next((each for each in design.actions if row is not None and each.id == row.pk), None)
    form = ActionForm(design, posted.values, stored=stored, row=row, posted=posted)
    if other := posted.control("swap-with"):
        _swap(form, other)
    strict = posted.op in SAVES
    if strict:
        form.forced |= apply_helper(posted) | apply_pickers(posted)
        _check(form)
        if not form.refused:
            return form
        refused = form.problems
        _switch(form, posted)
        form.problems = refused
    else:
        _switch(form, posted)
        _operate(form, posted, user)
        _check(form)
        form.touched = touched_fields(posted, is_new=stored is None)
    form.kept = posted.kept
    return form


def touched_fields(posted: Posted, *, is_new: bool) -> set[str] | None:
    """Which fields may turn red: all of a stored action and after Update form, else the ones that were touched."""
    return posted.touched if is_new and posted.op == "check" else None


def _switch(form: ActionForm, posted: Posted) -> None:
    outcome = apply_switches(posted)
    form.ask, form.said = outcome.ask, outcome.said
    form.forced |= outcome.forced | apply_helper(posted) | apply_pickers(posted)


def _check(form: ActionForm) -> None:
    form.design = form.design.with_action(form.values)
    form.problems = check_action(form.design, form.values)


def _operate(form: ActionForm, posted: Posted, user: Any) -> None:
    """What a button of the form does: `remove:<list>:<n>`, `pick:<duration>`, `fix:<code>:<field>:<n>`, `format`."""
    name, _, rest = posted.op.partition(":")
    if name == "remove":
        field_name, _, position = rest.rpartition(":")
        _remove(form, field_name, int(position) if position.isdecimal() else -1)
    elif name == "pick":
        form.values.timer_expression = rest
        form.forced.add("timerExpression")
    elif name == "format":
        _format(form, rest)
    elif name == "fix":
        _fix(form, posted, rest, user)


def _format(form: ActionForm, key: str) -> None:
    """Indent a JSON text, placeholders as they are; one that does not parse stays as it was typed."""
    compiled, _ = json_template(form.values.text(key), key, root="message")
    if compiled is not None:
        form.values.set_text(key, jsontext.write(jsontext.read(form.values.text(key), compiled)))
        form.forced.add(key)


def _remove(form: ActionForm, name: str, position: int) -> None:
    values = form.values
    if name in LISTS:
        listed = getattr(values, LISTS[name])
        setattr(values, LISTS[name], [key for at, key in enumerate(listed) if at != position])
    elif name == "topicName":
        values.set_text(name, ",".join(topic for at, topic in enumerate(values.topics) if at != position))


def _fix(form: ActionForm, posted: Posted, wanted: str, user: Any) -> None:
    """Apply the fix that the button names to what is typed; nothing is saved but a key for the data model."""
    code, _, rest = wanted.partition(":")
    field_name, _, index = rest.rpartition(":")
    _check(form)
    found = [each for each in form.problems if each.code == code and each.field == field_name]
    position, _, offer = index.partition(".")
    if not position.isdecimal() or int(position) >= len(found):
        return
    problem = found[int(position)]
    fix = problem.fixes[int(offer) if offer.isdecimal() and int(offer) < len(problem.fixes) else 0]
    if fix.kind == "add_key":
        _add_key(form, fix.value, user)
    elif fix.kind == "swap":
        _swap(form, fix.value)
    elif fix.field == "type" and fix.kind == "set":
        form.values.type = fix.value
    else:
        identity = (form.values.id, form.values.key)
        form.values = posted.values = fixes.mended(form.values, fix)
        form.values.id, form.values.key = identity
    form.forced.add(fix.field)


def _add_key(form: ActionForm, path: str, user: Any) -> None:
    """Add the key to the data model, which is saved at once, and read the design again."""
    version = form.design.version
    if not version.editable:
        return
    DataModelAttribute.objects.get_or_create(version=version, path=path)
    touch(version, user)
    form.design = load(Version.objects.select_related("process").get(pk=version.pk))


def _swap(form: ActionForm, other_name: str) -> None:
    """Two siblings change places: the other one takes the order that this action had, with the save."""
    other = form.design.action_named(other_name)
    if other is None or form.stored is None or other.order != form.values.order:
        return
    swapped = other.copy()
    swapped.order = form.stored.order
    form.design = form.design.with_action(swapped)
    form.swap_with = swapped


def severity_word(severity: Severity) -> str:
    """The severity as it is read aloud."""
    return {Severity.ERROR: "Error", Severity.BLOCKER: "Blocks publishing", Severity.WARNING: "Warning"}[severity]
