"""Who may do what, and the small records of a call: tokens, tickets, idempotency keys."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SwimlanePermission(models.Model):
    """A group that may do `operation` in a swimlane of a process; read live, also for running instances (engine 12)."""

    OPERATIONS = ("execute", "self-assign", "view", "assign", "unassign", "hold", "unhold")

    process_name = models.CharField(max_length=100)
    swimlane = models.CharField(max_length=100)
    operation = models.CharField(max_length=20, choices=[(name, name) for name in OPERATIONS])
    group = models.CharField(max_length=150, help_text="Name of a Django group.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["process_name", "swimlane", "operation", "group"], name="one_row_per_swimlane_permission"
            )
        ]
        indexes = [models.Index(fields=["group", "operation", "process_name"], name="permission_by_group")]

    def __str__(self) -> str:
        return f"{self.group} may {self.operation} in {self.process_name} / {self.swimlane}"


class ApiToken(models.Model):
    """A user's bearer token: only its hash is stored (engine 15.1)."""

    SCOPES = ("read", "start", "execute", "operate")

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, db_index=True)
    token_hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class SocketTicket(models.Model):
    """A ticket for one websocket handshake: single use, 60 s (engine 8.7). Only its hash is stored."""

    ticket_hash = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, null=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"ticket of {self.user_id}"


class IdempotencyRecord(models.Model):
    """A stored answer (engine 2.3). `scope` is the user, or the related instance for the key of a RunAction frame (8.4)."""

    scope = models.CharField(max_length=80)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=255)
    key = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.TextField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "method", "path", "key"], name="one_answer_per_idempotency_key")
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"


class RateHit(models.Model):
    """One counted login failure or start, for the limits of engine 15.1."""

    bucket = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["bucket", "at"], name="rate_hits_by_bucket")]

    def __str__(self) -> str:
        return self.bucket
