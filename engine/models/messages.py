"""Kafka's rows: what leaves (outbox), what came and was not applied at once, and how far each topic has been read.

The outbox and received rows are written by `engine.runtime` with the transition; the relay and the consumer in `engine.kafka`
change delivery state and offsets (scenarios 6.3).
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

SHARDS = 8


class OutboxMessage(models.Model):
    """A record to send; `seq` gives the order, `id` is the record's `Fx-MessageId`."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RETRYING = "retrying", "Retrying"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    seq = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True)
    topic = models.CharField(max_length=249)
    key = models.TextField(null=True)
    value = models.TextField()
    headers = models.TextField(default="{}", help_text="JSON object name -> text, as sent.")
    shard = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    instance_id = models.BigIntegerField(null=True)
    visit_id = models.BigIntegerField(null=True)
    visit_number = models.BigIntegerField(null=True)
    action_id = models.BigIntegerField(null=True)
    action_name = models.CharField(max_length=100, blank=True)
    node_name = models.CharField(max_length=100, blank=True)
    run = models.PositiveIntegerField(default=1)
    attempts = models.PositiveIntegerField(default=0)
    available_at = models.DateTimeField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    partition = models.IntegerField(null=True)
    offset = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["shard", "seq"], name="outbox_waiting", condition=Q(state__in=["queued", "retrying"])),
            models.Index(fields=["instance_id", "seq"], name="outbox_by_instance"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.topic} {self.state}"


class OutboxShard(models.Model):
    """The lease on one shard of the outbox: one relay at a time, told apart by `epoch`."""

    shard = models.PositiveSmallIntegerField(primary_key=True)
    owner = models.CharField(max_length=100, blank=True)
    epoch = models.BigIntegerField(default=0)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"shard {self.shard}"


class KafkaOffset(models.Model):
    """The next offset to read; compared and set in the transaction of the effect (engine 6.6)."""

    group = models.CharField(max_length=100)
    cluster_id = models.CharField(max_length=100, blank=True)
    topic = models.CharField(max_length=249)
    topic_id = models.CharField(max_length=60, blank=True)
    partition = models.IntegerField()
    next = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group", "cluster_id", "topic", "partition"], name="one_offset_per_partition"
            )
        ]

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}] {self.next}"


class HandledRequest(models.Model):
    """The `Fx-MessageId` of a request to the engine itself (start, operation, message event) that had its effect."""

    message_id = models.UUIDField(primary_key=True)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.message_id)


class ReceivedMessage(models.Model):
    """A record that was not applied at once: early, held, late, unmatched or dead (engine 6.6)."""

    class State(models.TextChoices):
        EARLY = "early", "Early"
        HELD = "held", "Held"
        LATE = "late", "Late"
        UNMATCHED = "unmatched", "Unmatched"
        DEAD = "dead", "Dead"
        APPLIED = "applied", "Applied"
        DISCARDED = "discarded", "Discarded"

    id = models.BigAutoField(primary_key=True)
    state = models.CharField(max_length=10, choices=State.choices)
    reason = models.CharField(
        max_length=20, blank=True, help_text="NO_INSTANCE, NO_SUBSCRIPTION, NOT_JSON, OVERFLOW, FAILED"
    )
    error = models.TextField(blank=True)
    topic = models.CharField(max_length=249)
    partition = models.IntegerField(null=True)
    offset = models.BigIntegerField(null=True)
    key = models.TextField(null=True)
    value = models.BinaryField()
    headers = models.TextField(default="{}")
    message_id = models.UUIDField(null=True)
    request = models.TextField(blank=True, help_text="JSON of the request it answers: visit number, action, run.")
    instance_id = models.BigIntegerField(null=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message_id"], name="record_kept_once", condition=Q(message_id__isnull=False)
            )
        ]
        indexes = [
            models.Index(
                fields=["instance_id", "id"], name="kept_by_instance", condition=Q(state__in=["early", "held"])
            ),
            models.Index(fields=["state", "-received_at"], name="received_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.state}"
