"""Stores an action: one transaction, a conditional update against stale forms, and every name that refers to it follows."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from designer.catalog import ActionValues, action_type
from designer.models import Action, Node, Version
from designer.node_form import touch
from designer.renaming import rename_action
from designer.rows import new_action_key


class Stale(Exception):
    """Somebody saved the action since the form was opened (ACT-016); `row` is what is stored now."""

    def __init__(self, row: Action) -> None:
        self.row = row
        super().__init__(f"{row.name} was changed by {row.edited_by or 'someone'}.")


@transaction.atomic
def save_action(
    version: Version, values: ActionValues, *, user: Any, revision: int | None, swap_with: int | None = None
) -> Action:
    """Write the values to their row, or to a new one. The caller has checked them.

    `revision` is what the form was opened on; a newer row raises Stale and nothing is written. `swap_with` is the id of a
    sibling that takes over the order the action had.
    """
    row = _row(version, values, revision)
    before = (row.name, row.order)
    _fill(row, values, version)
    row.edited_by, row.edited_at = _name(user), timezone.now()
    if swap_with is not None:
        Action.objects.filter(pk=swap_with, node=row.node).update(order=before[1])
    row.save()
    if before[0] and before[0] != row.name:
        rename_action(version, before[0], row.name)
        row.refresh_from_db()
    touch(version, user)
    return row


def _row(version: Version, values: ActionValues, revision: int | None) -> Action:
    if values.id is None:
        node = Node.objects.get(pk=values.node_id, version=version)
        return Action(version=version, node=node, key=values.key or new_action_key(), revision=1)
    row = Action.objects.select_for_update().get(pk=values.id, version=version)
    if revision is not None and row.revision != revision:
        raise Stale(row)
    row.revision += 1
    return row


def _fill(row: Action, values: ActionValues, version: Version) -> None:
    row.name = values.name
    row.order = values.order or 1
    row.type = values.type
    row.timer_expression = values.timer_expression.strip()
    row.manual = values.manual
    row.optional = values.optional
    row.repeatable = values.repeatable
    row.auto_run_children = values.auto_run_children
    row.parent = Action.objects.filter(version=version, name=values.parent_name).first() if values.parent_name else None
    row.allow_token_reset = values.allow_token_reset
    row.restart_from_snapshot = values.restart_from_snapshot
    row.keys_for_restart = [key.strip() for key in values.keys_for_restart]
    row.keys = [key.strip() for key in values.keys]
    row.params = ordered_params(values)
    row.rule_definitions = values.rule_definitions


def ordered_params(values: ActionValues) -> list[dict[str, Any]]:
    """The rows of `actionParams` in the order of the type's form, so that files and diffs are stable."""
    known = action_type(values.type)
    stored = {row["key"]: row for row in values.stored_params()}
    order = [spec.key for spec in known.params] if known else list(stored)
    return [stored[key] for key in order if key in stored]


def _name(user: Any) -> str:
    return user.get_username() if user is not None and user.pk else ""
