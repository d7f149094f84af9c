"""`manage.py api_token`: makes, lists and revokes bearer tokens of a user (engine 15.1). A token's text is shown this once."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from engine import bearer
from engine.models import ApiToken


class Command(BaseCommand):
    help = "Make a bearer token for a user, list the user's tokens, or revoke one by its prefix."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("name", nargs="?", help="What the token is for; without it the user's tokens are listed.")
        parser.add_argument(
            "--scope", action="append", choices=ApiToken.SCOPES, help="May be given several times; all by default."
        )
        parser.add_argument("--days", type=int, help="Days until the token expires; never by default.")
        parser.add_argument("--revoke", metavar="PREFIX", help="Revoke the user's token with this prefix.")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no user '{options['username']}'.")
        if options["revoke"]:
            self._revoke(user, options["revoke"])
        elif options["name"]:
            self._make(user, options["name"], options["scope"] or ApiToken.SCOPES, options["days"])
        else:
            self._list(user)

    def _make(self, user: User, name: str, scopes: Sequence[str], days: int | None) -> None:
        expires_at = timezone.now() + timedelta(days=days) if days else None
        _, text = bearer.issue(user, name, scopes=scopes, expires_at=expires_at)
        self.stdout.write(text)

    def _revoke(self, user: User, prefix: str) -> None:
        living = ApiToken.objects.filter(user=user, prefix=prefix, revoked_at=None)
        if not living.update(revoked_at=timezone.now()):
            raise CommandError(f"{user.get_username()} has no living token with the prefix '{prefix}'.")
        self.stdout.write(f"Revoked {prefix}.")

    def _list(self, user: User) -> None:
        now = timezone.now()
        for token in ApiToken.objects.filter(user=user).order_by("pk"):
            state = "living" if bearer.is_alive(token, now) else "revoked" if token.revoked_at else "expired"
            self.stdout.write(f"{token.prefix}  {state}  {', '.join(token.scopes)}  {token.name}")
