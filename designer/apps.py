"""The Django app of the designer."""

from django.apps import AppConfig


class DesignerConfig(AppConfig):
    """Processes, versions, nodes and actions as rows; the engine never imports this app."""

    name = "designer"
    verbose_name = "Processes"
    default_auto_field = "django.db.models.BigAutoField"
