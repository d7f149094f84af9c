"""The groups of a new installation and the service user (engine 15.4, designer 0.4)."""

import itertools

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command

from flowx_site.demo.people import PEOPLE
from flowx_site.first_run import set_up

pytestmark = pytest.mark.django_db


def rights(group: str) -> set[str]:
    """A group's permissions as `app.codename`."""
    found = Group.objects.get(name=group).permissions.values_list("content_type__app_label", "codename")
    return {f"{app}.{codename}" for app, codename in found}


def everything() -> dict[str, set[str]]:
    """All groups with their rights."""
    return {group.name: rights(group.name) for group in Group.objects.all()}


def test_e244_setup_twice_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("setup")
    before = everything()
    call_command("setup")
    assert everything() == before
    assert User.objects.filter(username="flowx-service").count() == 1
    assert "in place" in capsys.readouterr().out


def test_setup_gives_back_a_right_that_was_taken_from_a_group() -> None:
    set_up()
    before = rights("ROLE_ADMIN_MANAGE_PROCESS_EDIT")
    Group.objects.get(name="ROLE_ADMIN_MANAGE_PROCESS_EDIT").permissions.clear()
    set_up()
    assert rights("ROLE_ADMIN_MANAGE_PROCESS_EDIT") == before


def test_the_service_user_cannot_log_in() -> None:
    set_up()
    assert not User.objects.get(username="flowx-service").has_usable_password()


def test_each_wider_right_includes_the_narrower_ones() -> None:
    set_up()
    levels = [rights(f"ROLE_ADMIN_MANAGE_PROCESS_{level}") for level in ("READ", "IMPORT", "EDIT", "ADMIN")]
    assert all(narrow < wide for narrow, wide in itertools.pairwise(levels))
    assert rights("ROLE_ADMIN_MANAGE_INSTANCE_READ") < rights("ROLE_ADMIN_MANAGE_INSTANCE_ADMIN")


@pytest.mark.parametrize(
    ("permission", "groups"),
    [
        ("designer.view_process", ["READ", "IMPORT", "EDIT", "ADMIN"]),
        ("designer.import_process", ["IMPORT", "EDIT", "ADMIN"]),
        ("designer.change_process", ["EDIT", "ADMIN"]),
        ("designer.add_action", ["EDIT", "ADMIN"]),
        ("designer.publish_process", ["ADMIN"]),
        ("designer.delete_process", ["ADMIN"]),
        ("designer.flag_sensitive", ["ADMIN"]),
    ],
)
def test_process_rights_begin_at_the_level_of_the_table(permission: str, groups: list[str]) -> None:
    set_up()
    having = [
        level
        for level in ("READ", "IMPORT", "EDIT", "ADMIN")
        if permission in rights(f"ROLE_ADMIN_MANAGE_PROCESS_{level}")
    ]
    assert having == groups


def test_revealing_values_and_credentials_are_in_no_group() -> None:
    set_up()
    for found in everything().values():
        assert not [right for right in found if "reveal" in right or "apitoken" in right or "ticket" in right]


def test_instance_rights_let_readers_look_and_admins_operate() -> None:
    set_up()
    assert "engine.view_instance" in rights("ROLE_ADMIN_MANAGE_INSTANCE_READ")
    assert "engine.operate_instances" not in rights("ROLE_ADMIN_MANAGE_INSTANCE_READ")
    assert "engine.operate_instances" in rights("ROLE_ADMIN_MANAGE_INSTANCE_ADMIN")


def test_every_group_of_a_demo_person_is_one_that_setup_makes() -> None:
    set_up()
    names = set(Group.objects.values_list("name", flat=True))
    assert {group for person in PEOPLE for group in person.groups} <= names
