"""A process: the name under which versions are kept. Swimlane permissions belong to it and live in the engine's tables
(`engine.publishing`), because they are read live, also for running instances (engine 12)."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower


class Process(models.Model):
    """One name with all its versions (engine 1.1, 1.2). A deleted process is hidden; making its name again revives it, so
    that (name, version) stays unique for ever."""

    name = models.CharField(max_length=100)
    deleted = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "processes"
        constraints = [models.UniqueConstraint(Lower("name"), name="process_name_once")]
        permissions = [
            ("import_process", "Can import processes"),
            ("publish_process", "Can publish processes"),
            ("flag_sensitive", "Can mark data as sensitive"),
        ]

    def __str__(self) -> str:
        return self.name
