"""Django's entry for the engine."""

from django.apps import AppConfig


class EngineConfig(AppConfig):
    name = "engine"
    verbose_name = "Process engine"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make the site's Celery app the one that tasks are sent by, in every process."""
        import flowx_site.celery  # noqa: F401
