"""`manage.py demo`: everything at once on this machine, with nothing installed beforehand (engine 15.4)."""

import sys
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.core.management.base import BaseCommand

from flowx_site.demo.folder import DemoRefusedError
from flowx_site.demo.supervisor import Supervisor


class Command(BaseCommand):
    """Runs until Ctrl-C; what keeps it from running is said in one sentence, with exit code 1."""

    help = "Run web, gateway, worker, a private Redis, an embedded Kafka and a sample external system, with demo data."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The port is the only choice."""
        parser.add_argument("--port", default="8000", help="port of the site, on this machine only (default: 8000)")

    def handle(self, *args: Any, port: str, **options: Any) -> None:
        """Run the supervisor."""
        if not port.isdecimal() or not 0 < int(port) < 65536:
            self._refuse(f"{port} is not a port; choose a number from 1 to 65535: make demo PORT=8000")
        try:
            Supervisor(int(port), self.stdout.write).run()
        except DemoRefusedError as error:
            self._refuse(str(error))

    def _refuse(self, sentence: str) -> NoReturn:
        self.stderr.write(sentence)
        sys.exit(1)
