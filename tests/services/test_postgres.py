"""The database of an installation: PostgreSQL, with the program's tables and its settings for connections."""

import pytest
from django.db import OperationalError, connection

from flowx_site.first_run import set_up
from tests.services.postgres_server import PostgresServer


@pytest.mark.django_db
def test_the_tests_of_this_folder_run_on_postgresql() -> None:
    assert connection.vendor == "postgresql"
    assert connection.pg_version >= 150000


@pytest.mark.django_db
def test_e244_setup_twice_changes_nothing_on_postgresql() -> None:
    from django.contrib.auth.models import Group, User

    set_up()
    before = {group.name: set(group.permissions.values_list("pk", flat=True)) for group in Group.objects.all()}
    set_up()
    assert {group.name: set(group.permissions.values_list("pk", flat=True)) for group in Group.objects.all()} == before
    assert User.objects.filter(username="flowx-service").count() == 1


@pytest.mark.django_db(transaction=True)
def test_connections_heal_after_the_database_was_away(postgres: PostgresServer) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    postgres.stop()
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    connection.close()
    postgres.start()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
