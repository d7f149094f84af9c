"""An instance and what belongs to it. Written by `engine.runtime` only, in the transaction of a batch of stimuli.

Ids of instances, tokens, visits, timers and incidents are reserved in blocks before a transaction (`engine.ids`), so that the
pure core can name them. JSON of process data is kept as text: its numbers keep every digit (engine 0).
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Instance(models.Model):
    """One process instance (engine 2.2). Locked by the row of its tree's root."""

    id = models.BigIntegerField(primary_key=True)
    uuid = models.UUIDField(unique=True)
    root_id = models.BigIntegerField(db_index=True, help_text="Root of its process tree; its own id for a root.")
    parent_id = models.BigIntegerField(null=True)
    parent_uuid = models.UUIDField(null=True)
    relation = models.CharField(max_length=12, blank=True, help_text="SUBPROCESS, INHERITED or empty.")
    snapshot_id = models.BigIntegerField()
    definition_id = models.BigIntegerField()
    process_name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    state = models.CharField(max_length=12)
    params = models.TextField(help_text="JSON object; numbers exact.")
    start_params = models.TextField(help_text="What the instance started with, for Start again (13.7).")
    owner_id = models.BigIntegerField(null=True)
    owner_name = models.CharField(max_length=150, blank=True)
    test = models.BooleanField(default=False)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    back_counter = models.PositiveIntegerField(default=0)
    started_by_action_id = models.BigIntegerField(null=True)
    started_by_token_id = models.BigIntegerField(null=True)
    restarted_from_uuid = models.UUIDField(null=True)
    item_index = models.PositiveIntegerField(null=True, help_text="Place in the collection of a multi-instance run.")
    start_message_id = models.UUIDField(null=True)
    journal_seq = models.BigIntegerField(default=0)
    frame_seq = models.BigIntegerField(default=0)
    visit_seq = models.BigIntegerField(default=0)
    revision = models.BigIntegerField(default=0, help_text="Grows by 1 with each save (optimistic checks).")
    where = models.TextField(default="[]", help_text="For lists: [{token, node, nodeName, status, since, topic}].")
    open_incidents = models.PositiveIntegerField(default=0)
    incident_text = models.CharField(max_length=300, blank=True)
    pending_timers = models.PositiveIntegerField(default=0)
    next_due_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["-started_at", "-id"], name="instances_newest"),
            models.Index(fields=["state", "-started_at", "-id"], name="instances_by_state"),
            models.Index(fields=["process_name", "-started_at", "-id"], name="instances_by_process"),
            models.Index(fields=["-started_at", "-id"], name="instances_stuck", condition=Q(open_incidents__gt=0)),
            models.Index(fields=["parent_id"], name="instances_by_parent", condition=Q(parent_id__isnull=False)),
            models.Index(fields=["owner_id"], name="instances_by_owner", condition=Q(owner_id__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["start_message_id"], name="started_once", condition=Q(start_message_id__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.process_name} {self.uuid}"


class Token(models.Model):
    """A token (engine 3.2)."""

    id = models.BigIntegerField(primary_key=True)
    uuid = models.UUIDField(unique=True)
    instance_id = models.BigIntegerField(db_index=True)
    parent_token_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=12)
    status = models.CharField(max_length=28, help_text="statusCurrentNode")
    start_node_id = models.BigIntegerField(null=True)
    current_node_id = models.BigIntegerField()
    current_node_name = models.CharField(max_length=100)
    swimlane = models.CharField(max_length=100)
    sync_count = models.PositiveIntegerField(default=0)
    sync_finished = models.PositiveIntegerField(default=0)
    version = models.BigIntegerField(default=0)
    replaces_id = models.BigIntegerField(null=True, help_text="The token that a reset or a move ended.")
    history_until = models.BigIntegerField(default=0, help_text="Visits of that token below this number are kept.")
    stage = models.CharField(max_length=100, blank=True, default="", help_text="The stage last entered (engine 12).")
    assignee = models.CharField(max_length=150, blank=True, default="", help_text="Limits nobody (engine 2.7).")
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["swimlane", "id"], name="open_tokens_by_lane", condition=Q(state="ACTIVE")),
        ]

    def __str__(self) -> str:
        return f"{self.uuid} on {self.current_node_name}"


class Visit(models.Model):
    """One stay of a token on a node, with the states of the node's actions (engine 3.3)."""

    id = models.BigIntegerField(primary_key=True)
    instance_id = models.BigIntegerField(db_index=True)
    token_id = models.BigIntegerField()
    number = models.BigIntegerField(help_text="1, 2, 3 ... in the instance, over all tokens.")
    node_id = models.BigIntegerField()
    node_name = models.CharField(max_length=100)
    arrived_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)
    waiting_since = models.DateTimeField(null=True)
    actions = models.TextField(default="{}", help_text="{action id: {name, state, runs, completed, lastExecutedDate}}")

    def __str__(self) -> str:
        return f"visit {self.number} on {self.node_name}"


class RestartData(models.Model):
    """The data of an instance from just before the first run of an action with Restart from snapshot (engine 9.3)."""

    instance_id = models.BigIntegerField()
    action_name = models.CharField(max_length=100)
    params = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["instance_id", "action_name"], name="one_restart_per_action")]

    def __str__(self) -> str:
        return f"{self.action_name} of {self.instance_id}"


class EventSubscription(models.Model):
    """A token waits for a message event: equal name and equal value catch it (engine 1.8)."""

    id = models.BigIntegerField(primary_key=True)
    instance_id = models.BigIntegerField(db_index=True)
    instance_uuid = models.UUIDField()
    token_id = models.BigIntegerField()
    visit_id = models.BigIntegerField()
    node_id = models.BigIntegerField()
    message_name = models.CharField(max_length=100)
    correlation = models.CharField(max_length=255)
    held = models.TextField(null=True)

    class Meta:
        indexes = [models.Index(fields=["message_name", "correlation"], name="events_awaited")]

    def __str__(self) -> str:
        return f"{self.message_name} {self.correlation}"


class StartCorrelation(models.Model):
    """The value by which an instance of a process with a message catch start is known; the first one counts (engine 1.8)."""

    process_name = models.CharField(max_length=100)
    correlation = models.CharField(max_length=255)
    instance_uuid = models.UUIDField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["process_name", "correlation"], name="one_start_per_correlation")
        ]

    def __str__(self) -> str:
        return f"{self.process_name} {self.correlation}"


class Timer(models.Model):
    """A moment at which something is due; the row is the truth (engine 5.4)."""

    id = models.BigIntegerField(primary_key=True)
    instance_id = models.BigIntegerField(db_index=True)
    token_id = models.BigIntegerField(null=True)
    visit_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=10, help_text="ACTION, RESPONSE, NODE or EXPIRY.")
    action_id = models.BigIntegerField(null=True)
    node_id = models.BigIntegerField(null=True)
    node_name = models.CharField(max_length=100, blank=True)
    action_name = models.CharField(max_length=100, blank=True)
    rest = models.JSONField(default=list, help_text="Ids of the actions that run after a delayed child.")
    run = models.PositiveIntegerField(default=0)
    expression = models.CharField(max_length=255, blank=True)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, help_text="PENDING, HELD, FIRED or CANCELLED.")
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["due_at", "id"], name="timers_due", condition=Q(state="PENDING"))]

    def __str__(self) -> str:
        return f"{self.kind} {self.due_at:%Y-%m-%d %H:%M:%S}"


class Incident(models.Model):
    """A stored exception (engine 2.8): what, where, why, and what to do."""

    id = models.BigIntegerField(primary_key=True)
    instance_id = models.BigIntegerField(db_index=True)
    instance_uuid = models.UUIDField()
    parent_instance_uuid = models.UUIDField(null=True)
    process_name = models.CharField(max_length=100)
    token_id = models.BigIntegerField(null=True)
    token_uuid = models.UUIDField(null=True)
    visit_id = models.BigIntegerField(null=True)
    node_id = models.BigIntegerField(null=True)
    node_name = models.CharField(max_length=100, blank=True)
    action_id = models.BigIntegerField(null=True)
    action_name = models.CharField(max_length=100, blank=True)
    outbox_id = models.UUIDField(null=True, help_text="For type Delivery: the row that the broker refused.")
    source = models.CharField(max_length=20, help_text="Action, Node, Subprocess or Process Definition.")
    type = models.CharField(max_length=40)
    cause_type = models.CharField(max_length=100, blank=True)
    message = models.TextField()
    details = models.TextField(blank=True)
    rest = models.JSONField(default=list, help_text="Ids of the actions that follow the failed one on Retry.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=150, blank=True)
    closed_how = models.CharField(max_length=20, blank=True, help_text="succeeded, skipped or left.")

    class Meta:
        indexes = [models.Index(fields=["instance_id"], name="open_incidents", condition=Q(closed_at=None))]

    def __str__(self) -> str:
        return f"{self.type}: {self.message[:60]}"


class JournalEntry(models.Model):
    """One entry of an instance's append-only list (architecture 4.6); frames have their own gapless number too."""

    id = models.BigAutoField(primary_key=True)
    instance_id = models.BigIntegerField()
    number = models.BigIntegerField()
    at = models.DateTimeField()
    event = models.CharField(max_length=24, help_text="Audit event of engine 2.9, or Frame, Incident, Warning.")
    subject = models.CharField(max_length=24, default="Token")
    status = models.CharField(max_length=8, default="success")
    user = models.CharField(max_length=150, blank=True)
    token_id = models.BigIntegerField(null=True)
    node_id = models.BigIntegerField(null=True)
    node_name = models.CharField(max_length=100, blank=True)
    action_name = models.CharField(max_length=100, blank=True)
    details = models.JSONField(default=dict)
    payload = models.TextField(null=True, help_text="Frame text, or the value of a received record.")
    frame_seq = models.BigIntegerField(null=True)
    frame_id = models.UUIDField(null=True)
    frame_type = models.CharField(max_length=10, blank=True, help_text="data, action, progress or state.")
    outbox_id = models.UUIDField(null=True)
    message_id = models.UUIDField(null=True, help_text="Fx-MessageId of an applied record.")

    class Meta:
        verbose_name_plural = "journal entries"
        constraints = [
            models.UniqueConstraint(fields=["instance_id", "number"], name="journal_number"),
            models.UniqueConstraint(
                fields=["instance_id", "frame_seq"], name="frame_number", condition=Q(frame_seq__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["message_id"], name="record_applied_once", condition=Q(message_id__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["frame_id"], name="actions_asked_for", condition=Q(frame_type="action")),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.event}"


class PendingStimulus(models.Model):
    """An effect on another process tree, written with the commit that caused it and applied next, in order, once."""

    instance_uuid = models.UUIDField(db_index=True, help_text="The instance it is for.")
    kind = models.CharField(max_length=20)
    body = models.TextField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} for {self.instance_uuid}"
