"""What the engine knows of processes: frozen snapshots, which one is published, and what is looked up live.

Written by `engine.publishing` only, the designer's door into the engine.
"""

from __future__ import annotations

from django.db import models


class Snapshot(models.Model):
    """One published (or test) version, frozen. `body` is the JSON text that `engine.core.graph.Graph.from_json` reads."""

    definition_id = models.BigIntegerField(help_text="The designer's numeric id of the version.", db_index=True)
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    format = models.PositiveSmallIntegerField()
    hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the body: a test start compiles to it.")
    body = models.TextField()
    bpmn = models.TextField(blank=True, help_text="The drawing; shape ids are node_<node id>, flow_<sequence id>.")
    test = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        permissions = [
            ("operate_instances", "Operate instances (retry, terminate, hold and the like)"),
            ("reveal_sensitive", "Reveal sensitive values"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class PublishedProcess(models.Model):
    """The version that a start by name uses; at most one a name (engine 1.2)."""

    name_key = models.CharField(max_length=100, primary_key=True, help_text="The name in lower case.")
    name = models.CharField(max_length=100)
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT)
    start_conditions = models.JSONField(default=list)
    start_swimlanes = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.name


class EventStart(models.Model):
    """A published process that a message event starts (engine 1.8)."""

    process_name = models.CharField(max_length=100, db_index=True)
    message_name = models.CharField(max_length=100, db_index=True)
    correlation_key = models.CharField(max_length=255, blank=True)
    receive_data_key = models.CharField(max_length=255, blank=True)
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT)
    node_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.message_name} starts {self.process_name}"


class TimerStart(models.Model):
    """The timer start of a published process; only `engine.timer_starts` writes it (engine 5.4).

    `next_due_at` stands while it is active and has a moment left: the sweep claims the row by moving it.
    """

    process_name = models.CharField(max_length=100, unique=True)
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT)
    node_id = models.BigIntegerField()
    node_name = models.CharField(max_length=100)
    expression = models.CharField(max_length=200)
    starts_at = models.DateTimeField(null=True, help_text="No moment before it.")
    ends_at = models.DateTimeField(null=True, help_text="No moment after it.")
    active = models.BooleanField(default=False)
    armed_at = models.DateTimeField()
    next_due_at = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.node_name} starts {self.process_name}"


class IntegrationScenario(models.Model):
    """A scenario of an integration, looked up when it is used; written by `engine.integrations` (engine 6.2)."""

    system = models.CharField(max_length=100)
    name = models.CharField(max_length=100)
    headers = models.JSONField(default=dict, help_text="Headers of the Send side: name -> text with placeholders.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "name"], name="one_scenario_per_name")]

    def __str__(self) -> str:
        return f"{self.system}: {self.name}"


class IntegrationTopic(models.Model):
    """The topic of a scenario in one direction and environment; the empty environment means all (designer 2.1)."""

    class Direction(models.TextChoices):
        SEND = "SEND", "Send"
        RECEIVE = "RECEIVE", "Receive"

    scenario = models.ForeignKey(IntegrationScenario, on_delete=models.CASCADE, related_name="topics")
    direction = models.CharField(max_length=7, choices=Direction.choices)
    environment = models.CharField(max_length=50, blank=True)
    topic = models.CharField(max_length=249)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scenario", "direction", "environment"], name="one_topic_per_environment")
        ]

    def __str__(self) -> str:
        return f"{self.topic} ({self.direction}, {self.environment or 'all environments'})"


class GenericParameterValue(models.Model):
    """A generic parameter's value for one environment; the empty environment means all (engine 6.4, designer 3.6)."""

    class Kind(models.TextChoices):
        VALUE = "VALUE", "Value"
        VARIABLE = "VARIABLE", "Environment variable"
        SECRET = "SECRET", "Secret environment variable"

    key = models.CharField(max_length=100)
    environment = models.CharField(max_length=50, blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.VALUE)
    value = models.CharField(max_length=255)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "environment"], name="one_value_per_environment")]

    def __str__(self) -> str:
        return f"{self.key} ({self.environment or 'all environments'})"
