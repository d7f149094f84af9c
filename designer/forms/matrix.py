"""Which fields an action's form shows, which are locked and why (designer 1.9). The one place that decides it; forms, tests and
the checks of what was posted all read it here."""

from __future__ import annotations

from designer.catalog import ActionValues, action_type
from designer.forms.posted import ACTION_EDIT

BACK = ("restartFromSnapshot", "keysForRestart")


def shown_fields(values: ActionValues) -> tuple[str, ...]:
    """The stored names of the fields in the order of the form."""
    fields = list(ACTION_EDIT)
    if values.manual:
        fields.append("allowTokenReset")
        if values.allow_token_reset:
            fields += BACK
    known = action_type(values.type)
    fields += [spec.key for spec in known.params] if known else list(values.params)
    if values.manual:
        fields.append("keys")
    return tuple(fields)


def locks(values: ActionValues) -> dict[str, str]:
    """Locked fields with the sentence that says why."""
    found = {}
    known = action_type(values.type)
    if known is not None and known.locked_manual is not None:
        found["manual"] = f"A {known.label} is always {'Manual' if known.locked_manual else 'Automatic'}."
    if not values.manual:
        found["optional"] = "An Automatic action is always Mandatory."
    return found
