"""`manage.py api_token`: tokens for scripts and backends, without a page (engine 15.1)."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from engine import bearer
from engine.models import ApiToken


def run(*words: str) -> str:
    out = StringIO()
    call_command("api_token", *words, stdout=out)
    return out.getvalue().strip()


def test_e240_a_made_token_works_is_listed_by_its_prefix_and_dead_once_revoked(rider: User) -> None:
    text = run("rider", "laptop", "--scope", "read", "--days", "8")
    shown = bearer.verify(text)
    assert (shown.user, shown.scopes) == (rider, {"read"})
    row = ApiToken.objects.get()
    assert row.expires_at is not None
    assert text not in run("rider")
    assert run("rider") == f"{row.prefix}  living  read  laptop"
    assert run("rider", "--revoke", row.prefix) == f"Revoked {row.prefix}."
    with pytest.raises(bearer.BadToken):
        bearer.verify(text)
    assert run("rider").startswith(f"{row.prefix}  revoked")


@pytest.mark.parametrize(
    ("words", "said"),
    [(("nobody", "x"), "There is no user 'nobody'."), (("rider", "--revoke", "fxa_none"), "no living token")],
)
def test_what_cannot_be_done_is_said_in_one_sentence(rider: User, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(*words)
