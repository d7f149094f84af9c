"""People by their rights, each with a browser: a reader, an operator, one who may also see sensitive values, a stranger."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from flowx_site.first_run import set_up


@pytest.fixture
def person(db: None) -> Callable[..., User]:
    """A staff user in groups that setup makes: `person("ina", "INSTANCE_READ")`, with further permissions by codename."""
    set_up()

    def make(name: str, *groups: str, also: tuple[str, ...] = ()) -> User:
        user = User.objects.create_user(name, password="pw", is_staff=True)
        user.groups.set(Group.objects.get(name=f"ROLE_ADMIN_MANAGE_{group}") for group in groups)
        user.user_permissions.set(Permission.objects.filter(codename__in=also))
        return user

    return make


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def reader(person: Callable[..., User]) -> Client:
    """May look at everything and change nothing."""
    return browser_of(person("rita", "INSTANCE_READ"))


@pytest.fixture
def operator(person: Callable[..., User]) -> Client:
    """May do every operation."""
    return browser_of(person("otto", "INSTANCE_ADMIN"))


@pytest.fixture
def trusted(person: Callable[..., User]) -> Client:
    """An operator who may see sensitive values."""
    return browser_of(person("tessa", "INSTANCE_ADMIN", also=("reveal_sensitive",)))


@pytest.fixture
def stranger(person: Callable[..., User]) -> Client:
    """Staff without any right on instances."""
    return browser_of(person("stan"))
