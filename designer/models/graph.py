"""The drawing: swimlanes, nodes and sequences of a version. Keys are stable across versions; names are what people and
gateway rules use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from designer.models.version import Version

if TYPE_CHECKING:
    from django.db.models.fields.related_descriptors import RelatedManager

    from designer.models.action import Action


class Swimlane(models.Model):
    """A horizontal band of the pool (engine 12). Its permissions are kept per process and name in the engine."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="swimlanes")
    key = models.CharField(max_length=100)
    name = models.CharField(max_length=100)
    order = models.PositiveIntegerField(default=1)
    x = models.IntegerField(default=40)
    y = models.IntegerField(default=40)
    width = models.IntegerField(default=1000)
    height = models.IntegerField(default=200)

    class Meta:
        ordering = ["order", "id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "key"], name="swimlane_key_once"),
            models.UniqueConstraint(fields=["version", "name"], name="swimlane_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Node(models.Model):
    """One node (engine 1.3, 1.4). `type` holds the engine's name, such as USER_TASK; fields that only some types have stay at
    their default on the others. `config` holds the fields of timer and message event nodes (engine 1.8) under their stored
    names.

    `data_stream_topics`: `[{"topicName", "keyName"}]`. `rules`: gateway rules in order,
    `[{"order", "language", "expression", "nextNodeName"}]`; the else rule has an empty expression and stands last.
    """

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="nodes")
    key = models.CharField(max_length=100)
    name = models.CharField(max_length=100)
    type = models.CharField(max_length=40)
    swimlane = models.ForeignKey(Swimlane, null=True, blank=True, on_delete=models.SET_NULL, related_name="nodes")
    stage = models.CharField(max_length=100, blank=True, default="")

    x = models.IntegerField(default=0)
    y = models.IntegerField(default=0)
    width = models.IntegerField(default=100)
    height = models.IntegerField(default=80)
    label = models.JSONField(null=True, blank=True)

    can_go_back = models.BooleanField(default=True)
    start_condition = models.CharField(max_length=200, blank=True, default="")
    flow_names = models.JSONField(default=list, blank=True)
    response_timeout = models.CharField(max_length=200, blank=True, default="")
    data_stream_topics = models.JSONField(default=list, blank=True)
    input_keys = models.JSONField(default=list, blank=True)
    update_task_management = models.BooleanField(default=False)
    rules = models.JSONField(default=list, blank=True)
    config = models.JSONField(default=dict, blank=True)
    revision = models.PositiveIntegerField(default=1)

    if TYPE_CHECKING:
        actions: RelatedManager[Action]

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "key"], name="node_key_once"),
            models.UniqueConstraint(fields=["version", "name"], name="node_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Sequence(models.Model):
    """A directed edge from one node to another (engine 1.5). `waypoints`: `[{"x", "y"}]`, empty = drawn straight."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="sequences")
    key = models.CharField(max_length=100)
    source = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="outgoing")
    target = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="incoming")
    waypoints = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["version", "key"], name="sequence_key_once"),
            models.UniqueConstraint(fields=["source", "target"], name="sequence_once"),
        ]

    def __str__(self) -> str:
        return f"{self.source_id} -> {self.target_id}"
