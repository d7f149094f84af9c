"""What the rows of the Actions tab can do without the form: move, duplicate, delete (designer 1.4). One save each."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from designer import wording
from designer.catalog.values import ActionValues
from designer.design import Design
from designer.models import Action, Version
from designer.node_form import touch
from designer.rows import new_action_key


@transaction.atomic
def move(version: Version, action: Action, steps: int, *, user: object) -> bool:
    """Put an action `steps` places later (negative: earlier) among its siblings, and number them 1, 2, 3 … anew.

    False when it stands at that end already: nothing is saved then.
    """
    siblings = list(Action.objects.select_for_update().filter(node=action.node_id, parent=action.parent_id))
    at = next(index for index, each in enumerate(siblings) if each.pk == action.pk)
    to = min(max(at + steps, 0), len(siblings) - 1)
    if to == at:
        return False
    siblings.insert(to, siblings.pop(at))
    for order, sibling in enumerate(siblings, start=1):
        sibling.order, sibling.revision = order, sibling.revision + (sibling.order != order)
    Action.objects.bulk_update(siblings, ["order", "revision"])
    touch(version, user)
    return True


@transaction.atomic
def duplicate(version: Version, action: Action, *, user: object) -> Action:
    """A copy behind its siblings, with a name of its own; its children stay with the original."""
    names = set(Action.objects.filter(version=version).values_list("name", flat=True))
    orders = Action.objects.filter(node=action.node_id, parent=action.parent_id).values_list("order", flat=True)
    copied = Action.objects.get(pk=action.pk)
    copied.pk = None
    copied._state.adding = True
    copied.key = new_action_key()
    copied.name = free_name(action.name, names)
    copied.order = max(orders, default=0) + 1
    copied.revision = 1
    copied.save()
    touch(version, user)
    return copied


def free_name(name: str, taken: set[str]) -> str:
    """`name_2`, or the next number that is free."""
    number = 2
    while f"{name[:96]}_{number}" in taken:
        number += 1
    return f"{name[:96]}_{number}"


@dataclass(frozen=True, slots=True)
class Deletion:
    """What goes with an action, and what names any of it."""

    children: tuple[ActionValues, ...]
    references: tuple[str, ...]


def deletion(design: Design, action: ActionValues) -> Deletion:
    """The children at any depth that are deleted too, and every other action that names one of them as its callback."""
    children = tuple(design.descendants(action))
    gone = {action.name, *(child.name for child in children)}
    references = tuple(
        f"{each.name} names {wording.callback_of(each)} as the action whose children run on its reply."
        for each in design.actions
        if each.name not in gone and wording.callback_of(each) in gone
    )
    return Deletion(children, references)


@transaction.atomic
def delete(version: Version, action: Action, *, user: object) -> None:
    """Delete an action with its children (engine 4.3)."""
    action.delete()
    touch(version, user)
