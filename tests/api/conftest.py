"""A client for the API: `api(user).post("lease/start", {...})`."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.http import HttpResponse
from django.test import Client

from engine import bearer
from engine.core import jsonio
from engine.models import ApiToken


class Api:
    """Calls as one user, with a bearer token of that user."""

    def __init__(
        self, user: User | None, *, scopes: tuple[str, ...] = ApiToken.SCOPES, prefix: str = "/api/process/"
    ) -> None:
        self.user = user
        self.prefix = prefix
        self.headers = {}
        if user is not None:
            self.headers["Authorization"] = f"Bearer {bearer.issue(user, 'test', scopes=scopes)[1]}"

    def post(self, path: str, body: Any = None, *, raw: bytes | None = None, key: str = "") -> Answer:
        data = raw if raw is not None else b"" if body is None else jsonio.dumps(body).encode()
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        return Answer(Client().post(self._url(path), data, content_type="application/json", headers=headers))

    def get(self, path: str, **query: Any) -> Answer:
        return Answer(Client().get(self._url(path), query, headers=self.headers))

    def _url(self, path: str) -> str:
        return path if path.startswith("/") else self.prefix + path


class Answer:
    """An answer: status, headers and exact JSON."""

    def __init__(self, response: HttpResponse) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.text = response.content.decode()
        self.type = response.headers.get("Content-Type", "")

    @property
    def json(self) -> Any:
        return jsonio.loads(self.text)

    def ok(self) -> Any:
        """The body of an answer that must be 200."""
        assert self.status == 200, f"{self.status} {self.text}"
        return self.json

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and text of a refusal, after checking its shape."""
        body = self.json
        assert self.type == "application/problem+json"
        assert {"type", "title", "status", "message", "errorKey", "defaultMessage", "entityName", "params"} <= set(body)
        assert body["status"] == self.status
        assert body["type"] == "about:blank"
        assert body["title"] == body["defaultMessage"]
        assert body["message"] == body["errorKey"]
        return self.status, body["title"]


def make_user(name: str, *groups: str) -> User:
    """An active user in these groups, with the password `secret`."""
    user = User.objects.create_user(name, password="secret")
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    return user


@pytest.fixture
def rider(db: None) -> User:
    """In the group that may do everything in the builders' processes."""
    return make_user("rider", "flowx-users")


@pytest.fixture
def stranger(db: None) -> User:
    """Logged in, in no group."""
    return make_user("stranger")


@pytest.fixture
def admin(db: None) -> User:
    """A superuser."""
    return User.objects.create_superuser("admin", password="secret")
