"""Signs of life (engine 15.5)."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from flowx_site.demo.private_redis import PrivateRedis


def test_healthz_answers_as_long_as_the_process_does() -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_e245_readyz_is_200_when_all_is_there_and_names_redis_when_it_is_away(redis_server: PrivateRedis) -> None:
    assert Client().get("/readyz").json() == {"status": "ok", "culprits": {}}
    redis_server.stop()
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert set(response.json()["culprits"]) == {"redis"}


@pytest.mark.django_db
def test_e245_readyz_names_migrations_that_are_not_applied(redis_server: PrivateRedis) -> None:
    MigrationRecorder(connection).record_unapplied("sessions", "0001_initial")
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["culprits"] == {"migrations": "1 not applied"}


def test_e245_readyz_names_the_database(redis_server: PrivateRedis) -> None:
    response = Client().get("/readyz")  # without the database mark every question to it fails
    assert response.status_code == 503
    assert set(response.json()["culprits"]) == {"database"}
