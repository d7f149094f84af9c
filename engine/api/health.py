"""Signs of life for load balancers: `/healthz` says that the process answers, `/readyz` that it can work (engine 15.5)."""

from __future__ import annotations

import redis
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.backoff import NoBackoff
from redis.retry import Retry

from flowx_site.config import config

TIMEOUT_S = 2.0


def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 with `ok`, or 503 naming what is missing: database, migrations, redis."""
    faults = {name: fault for name, check in CHECKS.items() if (fault := _fault(check))}
    if "database" in faults:
        faults.pop("migrations", None)  # nobody can tell without a database
    status = 503 if faults else 200
    return JsonResponse({"status": "unavailable" if faults else "ok", "culprits": faults}, status=status)


def _fault(check: object) -> str:
    try:
        text: str = check()  # type: ignore[operator]
    except Exception as error:
        return type(error).__name__
    return text


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(waiting)} not applied" if waiting else ""


def _redis() -> str:
    client = redis.Redis.from_url(
        config.redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
    )
    with client:
        client.ping()
    return ""


CHECKS = {"database": _database, "migrations": _migrations, "redis": _redis}
