"""People by their rights, the sample process as a published version and a draft, and a client for each person."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from designer import sample, versions
from designer.models import Action, Version
from flowx_site.first_run import set_up

LEASING = "bicycle_leasing_request"


@pytest.fixture
def people(db: None) -> Callable[[str], User]:
    """A staff user of one of the groups that setup makes: `people("PROCESS_EDIT")`; without a group, no rights at all."""
    set_up()

    def person(*groups: str) -> User:
        name = "-".join(groups).lower() or "nobody"
        user, made = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        if made:
            user.groups.set(Group.objects.get(name=f"ROLE_ADMIN_MANAGE_{group}") for group in groups)
        return user

    return person


@pytest.fixture
def client_of(people: Callable[[str], User]) -> Callable[..., Client]:
    """A logged-in browser of such a person."""

    def browser(*groups: str) -> Client:
        client = Client()
        client.force_login(people(*groups))
        return client

    return browser


@pytest.fixture
def published(people: Callable[[str], User]) -> Version:
    """The sample process, published."""
    return next(version for version in sample.load_sample() if version.process.name == LEASING)


@pytest.fixture
def draft(published: Version) -> Version:
    """A draft of the sample process, equal to what is published."""
    return versions.create_draft(published)


@pytest.fixture
def broken(draft: Version) -> Version:
    """The draft with an error (a timer), a blocker (a gateway without else) and a warning (an unknown key)."""
    node = draft.nodes.get(key="rider_details")
    Action.objects.create(
        version=draft,
        node=node,
        key="remind",
        name="remind_rider",
        order=2,
        type="KAFKA_SEND",
        timer_expression="P48H",
        params=[
            {"key": "topicName", "value": "notify.rider.v1", "replaceValues": True},
            {"key": "message", "value": '{ "to": "${application.client.firstNam}" }', "replaceValues": True},
            {"key": "headers", "value": '{"processInstanceId": ${processInstanceId}}', "replaceValues": True},
        ],
    )
    gateway = draft.nodes.get(type="EXCLUSIVE_GATEWAY")
    gateway.rules = gateway.rules[:1]
    gateway.save()
    return draft


def address(version: Version, rest: str = "") -> str:
    """An address of the version's pages."""
    return f"/admin/processes/{version.process.name}/v/{version.number}/{rest}"


HTMX = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "panel"}
