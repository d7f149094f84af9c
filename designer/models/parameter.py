"""Generic parameters: named values per environment, shared by all processes. The engine reads its own copy, which
`engine.publishing` stores, so that a change takes effect at once and without publishing."""

from __future__ import annotations

from django.db import models


class ParameterKind(models.TextChoices):
    """Designer 3.6: the last two store the name of a variable that begins with FLOWX_PARAM_."""

    VALUE = "VALUE", "Value"
    VARIABLE = "VARIABLE", "Environment variable"
    SECRET = "SECRET", "Secret environment variable"


class GenericParameter(models.Model):
    """One value of one key; an empty environment means every environment without a value of its own."""

    key = models.CharField(max_length=200)
    environment = models.CharField(max_length=50, blank=True, default="")
    kind = models.CharField(max_length=10, choices=ParameterKind.choices, default=ParameterKind.VALUE)
    value = models.CharField(max_length=255, blank=True, default="")

    class Meta:
        ordering = ["key", "environment"]
        constraints = [models.UniqueConstraint(fields=["key", "environment"], name="parameter_once")]

    def __str__(self) -> str:
        return f"{self.key} ({self.environment or 'all'})"
