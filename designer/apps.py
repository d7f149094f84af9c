"""The Django app of the designer."""

from django.apps import AppConfig


class DesignerConfig(AppConfig):
    """Processes, versions, nodes and actions as rows; the engine never imports this app."""

    name = "designer"
    verbose_name = "Processes"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tell the engine how a draft becomes a snapshot for a test start (engine 1.2)."""
        from designer.versions import compile_draft
        from engine import publishing

        publishing.set_draft_compiler(compile_draft)
