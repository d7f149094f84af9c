"""An action of a node (engine 4.2). The parameters of its type are one list, so that adding a type adds no column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from designer.models.graph import Node
from designer.models.version import Version

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager


class Action(models.Model):
    """One action. Names are unique in the version; deleting an action deletes its children (engine 4.3).

    `params`: `[{"key", "value", "replaceValues"}]` under the stored names of designer 1.6, 1.7 and 1.14. `type` may name a
    type that is not installed; such an action is kept as it came and blocks publishing (ACT-021).
    `revision` counts saves of this action, so that a stale form is noticed (ACT-016).
    """

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="actions")
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="actions")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    key = models.CharField(max_length=100)
    name = models.CharField(max_length=100)
    order = models.PositiveIntegerField(default=1)
    type = models.CharField(max_length=40)
    timer_expression = models.CharField(max_length=200, blank=True, default="")
    manual = models.BooleanField(default=False)
    optional = models.BooleanField(default=False)
    repeatable = models.BooleanField(default=False)
    auto_run_children = models.BooleanField(default=False)

    allow_token_reset = models.BooleanField(default=False)
    restart_from_snapshot = models.BooleanField(default=False)
    keys_for_restart = models.JSONField(default=list, blank=True)
    keys = models.JSONField(default=list, blank=True)

    params = models.JSONField(default=list, blank=True)
    rule_definitions = models.JSONField(default=list, blank=True)

    revision = models.PositiveIntegerField(default=1)
    edited_by = models.CharField(max_length=150, blank=True, default="")
    edited_at = models.DateTimeField(null=True, blank=True)

    if TYPE_CHECKING:
        children: RelatedManager[Action]
        parent_id: int | None
        node_id: int

    class Meta:
        ordering = ["order", "id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "key"], name="action_key_once"),
            models.UniqueConstraint(fields=["version", "name"], name="action_name_once"),
        ]

    def __str__(self) -> str:
        return self.name

    def param(self, key: str, default: str = "") -> str:
        """The stored text of one parameter."""
        row = self.param_row(key)
        return row["value"] if row else default

    def replaces(self, key: str) -> bool:
        """Whether `${...}` in that parameter is substituted; true when the parameter is not stored."""
        row = self.param_row(key)
        return bool(row["replaceValues"]) if row else True

    def param_row(self, key: str) -> dict[str, Any] | None:
        """The stored row `{"key", "value", "replaceValues"}` of one parameter."""
        return next((row for row in self.params if row["key"] == key), None)
