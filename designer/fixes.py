"""Applies the one-click fix of a problem to the stored rows (designer 1.13, 6.1). A fix of an action is checked like a save:
where it would leave an error of its own field, nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from designer import lint, node_form
from designer.catalog import ActionValues, Param
from designer.design import Design
from designer.lint import Fix, Problem
from designer.models import Action, AttributeType, DataModelAttribute, Node
from designer.node_form import touch
from designer.saving import save_action

FLAGS = {
    "manual": "manual",
    "optional": "optional",
    "repeatable": "repeatable",
    "autoRunChildren": "auto_run_children",
    "allowTokenReset": "allow_token_reset",
    "restartFromSnapshot": "restart_from_snapshot",
}
TEXTS = {"name": "name", "timerExpression": "timer_expression", "parentName": "parent_name", "type": "type"}
LISTS = {"keys": "keys", "keysForRestart": "keys_for_restart"}
OPENS_A_PAGE = frozenset({"add_action", "group", "draft"})
"""Fixes that lead to a form instead of changing a row."""


def is_it(problem: Problem, wanted: Mapping[str, str]) -> bool:
    """Whether a posted description means this problem."""
    return all(str(getattr(problem, part)) == text for part, text in wanted.items())


@transaction.atomic
def apply(design: Design, problem: Problem, *, index: int = 0, user: Any) -> Problem | None:
    """Apply one of the problem's fixes and note the change on the version; gives the problem that forbids it, or None."""
    fix = problem.fixes[index]
    if fix.kind == "add_key":
        DataModelAttribute.objects.get_or_create(
            version=design.version, path=fix.value, defaults={"type": AttributeType.STRING}
        )
    elif problem.action:
        return _mend_action(design, problem, fix, user)
    elif problem.node:
        _mend_node(design, problem, fix)
    touch(design.version, user)
    return None


def mended(action: ActionValues, fix: Fix) -> ActionValues:
    """The action as the fix makes it; the given one is left as it is."""
    changed = action.copy()
    if fix.field in LISTS:
        name = LISTS[fix.field]
        setattr(changed, name, mended_list(list(getattr(changed, name)), fix))
    elif fix.kind == "replace_values":
        changed.params[fix.field] = Param(changed.text(fix.field), True)
    elif fix.kind == "clear":
        changed.params.pop(fix.field, None)
        changed.invalid.pop(fix.field, None)
        if fix.field in FLAGS:
            setattr(changed, FLAGS[fix.field], False)
    elif fix.field in FLAGS:
        setattr(changed, FLAGS[fix.field], fix.value == "true")
    elif fix.field in TEXTS:
        setattr(changed, TEXTS[fix.field], replaced(getattr(changed, TEXTS[fix.field]), fix))
    elif fix.field == "order":
        changed.order = int(fix.value)
    else:
        _mend_param(changed, fix)
    return changed


def _mend_param(changed: ActionValues, fix: Fix) -> None:
    if fix.kind == "remove_double":
        topics = mended_list(changed.topics, fix)
        changed.set_text(fix.field, ",".join(topics))
    else:
        changed.set_text(fix.field, replaced(changed.text(fix.field), fix))


def replaced(text: str, fix: Fix) -> str:
    """A text after `set` or, for `replace_key`, with another path in its placeholders."""
    if fix.kind != "replace_key":
        return fix.value
    before, _, after = fix.value.partition("\n")
    return text.replace("${" + before + "}", "${" + after + "}") if "${" in text else text.replace(before, after)


def mended_list(keys: list[str], fix: Fix) -> list[str]:
    """A list of keys after `replace_key`, `remove_key`, `remove_double` or `clear`."""
    if fix.kind == "replace_key":
        before, _, after = fix.value.partition("\n")
        return [after if key.strip() == before else key for key in keys]
    if fix.kind == "remove_key":
        return [key for key in keys if key.strip() != fix.value]
    if fix.kind == "remove_double":
        first = next((at for at, key in enumerate(keys) if key.strip() == fix.value), -1)
        return [key for at, key in enumerate(keys) if at == first or key.strip() != fix.value]
    return []


def _mend_action(design: Design, problem: Problem, fix: Fix, user: Any) -> Problem | None:
    action = design.action_named(problem.action)
    if action is None or action.id is None:
        return problem
    if fix.kind == "swap":
        return _swap(design, action, fix.value, user)
    changed = mended(action, fix)
    found = lint.check_action(design.with_action(changed), changed)
    refusal = next((each for each in found if each.blocks_saving and each.field == fix.field), None)
    if refusal is None:
        save_action(design.version, changed, user=user, revision=None)
    return refusal


def _swap(design: Design, action: ActionValues, other_name: str, user: Any) -> Problem | None:
    other = design.action_named(other_name)
    if other is None or other.id is None:
        return None
    changed = action.copy()
    changed.order = other.order
    free = action.order if action.order != other.order else design.next_order(action.node_id, action.parent_name)
    Action.objects.filter(pk=other.id).update(order=free)
    save_action(design.version, changed, user=user, revision=None)
    return None


def _mend_node(design: Design, problem: Problem, fix: Fix) -> None:
    node = next(each for each in design.nodes if each.key == problem.node)
    if fix.field in node_form.IN_CONFIG:
        stored = Node.objects.select_for_update().get(pk=node.pk)
        text = str(stored.config.get(fix.field, node_form.IN_CONFIG[fix.field]))
        stored.config = {**stored.config, fix.field: replaced(text, fix)}
        stored.revision += 1
        stored.save()
        return
    column = node_form.COLUMNS.get(fix.field)
    if column is None:
        return
    stored = Node.objects.select_for_update().get(pk=node.pk)
    value = getattr(stored, column)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        setattr(stored, column, mended_list(value, fix))
    elif fix.field == "rules":
        before = problem_expression(stored, fix)
        stored.rules = [
            {**rule, "expression": fix.value} if rule.get("expression") == before else rule for rule in stored.rules
        ]
    else:
        setattr(stored, column, replaced(str(value), fix))
    stored.revision += 1
    stored.save()


def problem_expression(node: Node, fix: Fix) -> str:
    """The condition that the fix is for: the one that differs from it by a written-out `input.` only."""
    for rule in node.rules:
        expression = str(rule.get("expression") or "")
        if expression and fix.value.replace("input.", "", 1) == expression:
            return expression
    return ""
