"""`manage.py setup`: the groups of rights and the service user of a new installation; may be run at every release."""

from typing import Any

from django.core.management.base import BaseCommand

from flowx_site.first_run import set_up


class Command(BaseCommand):
    """Makes what is missing and changes nothing else."""

    help = "Make the groups of rights and the service user; safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run once."""
        set_up()
        self.stdout.write("Groups and service user are in place.")
