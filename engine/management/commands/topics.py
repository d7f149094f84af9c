"""`manage.py topics --check|--create`: the topics in use against those that the broker has (engine 15.7)."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from engine.kafka import clients, topics
from engine.kafka.deadletters import PREFIX
from flowx_site.config import config


class Command(BaseCommand):
    """Compares the topics in use with the broker's, or makes those that are missing.

    1. Gathers the topics: the engine's own, those of published processes, the dead-letter topics of those it reads.
    2. Asks the broker which it has.
    3. --check prints what is missing or has fewer partitions than set, and ends with code 1 if anything is; --create makes the
       missing ones. More partitions are never given: they move keys, so a topic grows only when it is drained.
    """

    help = "Check or create the Kafka topics in use."

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--check", action="store_true", help="name what is missing")
        what.add_argument("--create", action="store_true", help="make what is missing")

    def handle(self, *args: Any, **options: Any) -> None:
        if config.kafka_embedded:
            self.stdout.write("The embedded broker makes each topic when it is first used.")
            return
        admin = clients.make_admin()
        wanted = topics.in_use()
        try:
            found = topics.at_broker(admin)
        except topics.NoBroker as error:
            raise CommandError(str(error)) from error
        missing = {name: reason for name, reason in wanted.items() if name not in found}
        for name in sorted(set(wanted) & set(found)):
            if found[name].partitions < config.kafka_topic_partitions and not name.startswith(PREFIX):
                self.stdout.write(
                    f"{name} has {found[name].partitions} partitions, {config.kafka_topic_partitions} are set."
                )
        if options["check"]:
            self._report(missing)
        else:
            self._create(admin, missing)

    def _report(self, missing: dict[str, str]) -> None:
        for name, reason in sorted(missing.items()):
            self.stdout.write(f"missing: {name} ({reason})")
        if missing:
            raise CommandError(f"{len(missing)} topics are missing; `manage.py topics --create` makes them.")
        self.stdout.write("All topics in use are there.")

    def _create(self, admin: Any, missing: dict[str, str]) -> None:
        failed = topics.create(admin, missing)
        for name in sorted(set(missing) - set(failed)):
            self.stdout.write(f"made: {name}")
        for name, reason in sorted(failed.items()):
            self.stderr.write(f"not made: {name}: {reason}")
        if failed:
            raise CommandError(f"{len(failed)} topics could not be made.")
        if not missing:
            self.stdout.write("All topics in use are there.")
