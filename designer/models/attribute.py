"""The process data model: which keys a process knows, their types, which are sensitive, and an example of each."""

from __future__ import annotations

from django.db import models

from designer.models.version import Version


class AttributeType(models.TextChoices):
    """Designer 3.4."""

    STRING = "STRING", "Text"
    NUMBER = "NUMBER", "Number"
    BOOLEAN = "BOOLEAN", "True or false"
    OBJECT = "OBJECT", "Object"
    ARRAY = "ARRAY", "List"
    ENUM = "ENUM", "Fixed values"


class DataModelAttribute(models.Model):
    """One key path of a version. An object's flags go down to the paths below it; `example` feeds previews."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="attributes")
    path = models.CharField(max_length=400)
    type = models.CharField(max_length=10, choices=AttributeType.choices, default=AttributeType.STRING)
    item_type = models.CharField(max_length=10, choices=AttributeType.choices, blank=True, default="")
    values = models.JSONField(default=list, blank=True)
    sensitive = models.BooleanField(default=False)
    use_in_reporting = models.BooleanField(default=False)
    example = models.JSONField(null=True, blank=True)
    description = models.CharField(max_length=400, blank=True, default="")

    class Meta:
        ordering = ["path"]
        constraints = [models.UniqueConstraint(fields=["version", "path"], name="attribute_path_once")]

    def __str__(self) -> str:
        return self.path
