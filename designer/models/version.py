"""A numbered version of a process with its settings. A draft is edited, a published version never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q

from designer.models.process import Process

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from designer.models.action import Action
    from designer.models.attribute import DataModelAttribute
    from designer.models.graph import Node, Sequence, Swimlane


class VersionState(models.TextChoices):
    """Engine 1.1. Only a draft is editable; DELETED versions are kept for the instances that ran on them."""

    DRAFT = "DRAFT", "Draft"
    PUBLISHED = "PUBLISHED", "Published"
    DEPRECATED = "DEPRECATED", "Deprecated"
    DELETED = "DELETED", "Deleted"


class Version(models.Model):
    """One version of a process definition; its id is the numeric `processDefinitionId` of the API.

    `revision` counts every change of the version or of a row of it, so that two editors notice each other (ACT-016).
    """

    process = models.ForeignKey(Process, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=VersionState.choices, default=VersionState.DRAFT)

    general_data = models.JSONField(null=True, blank=True)
    expiry_time = models.CharField(max_length=200, blank=True, default="")
    use_in_reporting = models.BooleanField(default=False)
    use_in_task_management = models.BooleanField(default=False)
    mandatory_params = models.JSONField(default=list, blank=True)
    search_keys = models.JSONField(default=list, blank=True)
    strict_keys = models.BooleanField(default=False)

    message = models.CharField(max_length=200, blank=True, default="")
    based_on = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    edited_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=1)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    published_at = models.DateTimeField(null=True, blank=True)
    snapshot = models.BigIntegerField(null=True, blank=True)

    if TYPE_CHECKING:
        nodes: RelatedManager[Node]
        sequences: RelatedManager[Sequence]
        actions: RelatedManager[Action]
        swimlanes: RelatedManager[Swimlane]
        attributes: RelatedManager[DataModelAttribute]

    class Meta:
        ordering = ["process_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["process", "number"], name="version_number_once"),
            models.UniqueConstraint(fields=["process"], condition=Q(state="DRAFT"), name="version_one_draft"),
            models.UniqueConstraint(fields=["process"], condition=Q(state="PUBLISHED"), name="version_one_published"),
        ]

    def __str__(self) -> str:
        return f"{self.process.name} v{self.number}"

    @property
    def editable(self) -> bool:
        """True for a draft; every other state is read-only in pages and API (ACT-017)."""
        return self.state == VersionState.DRAFT
