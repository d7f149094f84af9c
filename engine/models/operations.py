"""Rows for those who run the engine: failed starts, audit entries without an instance, heartbeats, reserved ids."""

from __future__ import annotations

from django.db import models


class FailedStart(models.Model):
    """A start that was refused (engine 2.6): the caller, what was asked, and why not."""

    process_name = models.CharField(max_length=100)
    caller = models.CharField(max_length=150)
    owner_id = models.BigIntegerField(null=True)
    source = models.CharField(max_length=10, help_text="REST, Kafka or timer.")
    error_key = models.CharField(max_length=150)
    message = models.TextField()
    body = models.TextField()
    related_instance_uuid = models.UUIDField(null=True)
    restarted_uuid = models.UUIDField(null=True, help_text="The instance that Start again made of it (13.7).")
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.process_name}: {self.message}"


class TemporaryUpload(models.Model):
    """A file sent to an upload action, for requests of its instance only; swept after 24 hours (engine 4.8, 15.6)."""

    id = models.UUIDField(primary_key=True)
    instance_uuid = models.UUIDField(db_index=True)
    name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100, blank=True)
    size_bytes = models.BigIntegerField()
    created_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.instance_uuid}"


class AuditEntry(models.Model):
    """An audit entry for what has no instance: definitions, settings, rights, tokens (engine 2.9)."""

    at = models.DateTimeField(db_index=True)
    user = models.CharField(max_length=150)
    subject = models.CharField(max_length=40)
    event = models.CharField(max_length=40)
    identifier = models.CharField(max_length=200)
    version = models.PositiveIntegerField(null=True)
    status = models.CharField(max_length=8, default="success")
    details = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.event} {self.subject} {self.identifier}"


class Heartbeat(models.Model):
    """The last sign of life of a running OS process: web, worker, beat or gateway (engine 15.5)."""

    name = models.CharField(max_length=150, primary_key=True)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()
    details = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class IdBlock(models.Model):
    """The next free numeric id of instances, tokens, visits, timers and incidents; reserved in blocks (`engine.ids`)."""

    name = models.CharField(max_length=20, primary_key=True)
    next = models.BigIntegerField(default=1)

    def __str__(self) -> str:
        return f"{self.name}: {self.next}"
