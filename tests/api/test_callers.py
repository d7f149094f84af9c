"""Who may call and how often: tokens, sessions, CSRF, origins, limits (engine 15.1, 15.2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils import timezone

from engine import bearer
from engine.api import limits
from engine.models import ApiToken, Instance, RateHit
from flowx_site.config import config
from tests.api.conftest import Api
from tests.builders import Published, process, save_data

FRONTEND = "https://app.example.com"


@pytest.fixture
def lease(rider: User) -> Published:
    return process().start().user_task("Form", save_data("submit")).end().publish()


# -- tokens ------------------------------------------------------------------------------------------------------------


def call(text: str, path: str = "/api/process/instances") -> int:
    return Client().get(path, headers={"Authorization": text}).status_code


def test_e240_a_token_is_stored_hashed_with_only_its_prefix_shown(rider: User) -> None:
    row, text = bearer.issue(rider, "laptop")
    stored = ApiToken.objects.values().get(pk=row.pk)
    assert all(text not in str(value) for value in stored.values())
    assert text.startswith(stored["prefix"])
    assert call(f"Bearer {text}") == 200
    assert ApiToken.objects.get().last_used_at is not None


def test_e240_an_expired_a_revoked_and_an_inactive_users_token_are_dead_at_once(rider: User) -> None:
    _, revoked = bearer.issue(rider, "a")
    _, expired = bearer.issue(rider, "b", expires_at=timezone.now() + timedelta(hours=1))
    _, theirs = bearer.issue(rider, "c")
    assert [call(f"Bearer {text}") for text in (revoked, expired, theirs)] == [200, 200, 200]
    ApiToken.objects.filter(name="a").update(revoked_at=timezone.now())
    ApiToken.objects.filter(name="b").update(expires_at=timezone.now())
    assert [call(f"Bearer {text}") for text in (revoked, expired, theirs)] == [401, 401, 200]
    rider.is_active = False
    rider.save()
    assert call(f"Bearer {theirs}") == 401


@pytest.mark.parametrize("text", ["Bearer", "Bearer nothing", "Basic cmlkZXI6c2VjcmV0", "Token x"])
def test_e240_a_refused_bearer_never_falls_back_to_the_cookie(rider: User, text: str) -> None:
    client = Client()
    client.force_login(rider)
    assert client.get("/api/process/instances").status_code == 200
    response = client.get("/api/process/instances", headers={"Authorization": text})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"


def test_e240_a_token_does_only_what_its_scopes_say(rider: User, admin: User, lease: Published) -> None:
    made = Api(rider, scopes=("start",)).post(f"{lease.name}/start").ok()
    assert Api(rider, scopes=("read",)).post(f"{lease.name}/start").refusal[0] == 403
    token = made["tokens"][0]["uuid"]
    execute = f"{made['uuid']}/token/{token}/action/submit/execute"
    assert Api(rider, scopes=("start",)).get(f"{made['uuid']}/status").refusal[0] == 403
    assert Api(rider, scopes=("start",)).post("/api/socket-ticket").refusal[0] == 403
    assert Api(rider, scopes=("read", "start")).post(execute).refusal[0] == 403
    terminate = f"{made['uuid']}/terminate"
    assert Api(admin, scopes=("read", "start", "execute")).post(terminate, {"reason": "x"}).refusal[0] == 403
    assert Api(rider, scopes=("execute",)).post(execute).status == 200


def test_e240_a_token_never_grants_more_than_its_user_has(stranger: User, lease: Published) -> None:
    assert Api(stranger).post(f"{lease.name}/start").refusal[0] == 403


# -- how often ---------------------------------------------------------------------------------------------------------


def test_e240_too_many_starts_answer_429_with_retry_after(rider: User, admin: User, lease: Published) -> None:
    now = timezone.now()
    hits = [RateHit(bucket=f"start:{rider.pk}", at=now - timedelta(seconds=20)) for _ in range(config.start_rate - 1)]
    RateHit.objects.bulk_create(hits)
    Api(rider).post(f"{lease.name}/start", key="last").ok()
    refused = Api(rider).post(f"{lease.name}/start")
    assert refused.refusal[0] == 429
    assert 35 <= int(refused.headers["Retry-After"]) <= 40
    assert Instance.objects.count() == 1
    assert Api(rider).post(f"{lease.name}/start", key="last").status == 200  # a repeat starts nothing
    assert Api(admin).post(f"{lease.name}/start").status == 200  # another user
    RateHit.objects.update(at=now - limits.START_WINDOW)
    assert Api(rider).post(f"{lease.name}/start").status == 200


def log_in(name: str, password: str, address: str = "10.0.0.1") -> tuple[int, str]:
    response = Client().post("/admin/login/", {"username": name, "password": password}, REMOTE_ADDR=address)
    return response.status_code, response.headers.get("Retry-After", "")


def test_e240_five_failed_logins_of_a_user_from_an_address_answer_429_with_retry_after(admin: User) -> None:
    for _ in range(5):
        assert log_in("admin", "wrong") == (200, "")
    status, retry_after = log_in("admin", "secret")
    assert status == 429
    assert 290 <= int(retry_after) <= 300
    assert log_in("Admin", "secret")[0] == 429
    assert log_in("admin", "secret", "10.0.0.2")[0] == 302
    RateHit.objects.update(at=timezone.now() - limits.LOGIN_WINDOW)
    assert log_in("admin", "secret")[0] == 302


# -- origins -----------------------------------------------------------------------------------------------------------


def preflight(origin: str) -> dict[str, str]:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,idempotency-key,content-type",
    }
    return dict(Client().options("/api/process/lease/start", headers=headers).headers)


@override_settings(CORS_ALLOWED_ORIGINS=[FRONTEND])
def test_e242_only_listed_origins_pass_cors_and_never_with_credentials(rider: User, lease: Published) -> None:
    allowed = preflight(FRONTEND)
    assert allowed["access-control-allow-origin"] == FRONTEND
    assert {"authorization", "idempotency-key"} <= set(allowed["access-control-allow-headers"].split(", "))
    assert "access-control-allow-credentials" not in allowed
    for foreign in ("https://evil.example", f"{FRONTEND}.evil.example", "http://app.example.com", "null"):
        assert "access-control-allow-origin" not in preflight(foreign)
    headers = Api(rider).headers | {"Origin": FRONTEND}
    answer = Client().post(f"/api/process/{lease.name}/start", b"", content_type="application/json", headers=headers)
    assert answer.status_code == 200
    assert answer["access-control-allow-origin"] == FRONTEND
    assert "retry-after" in answer["access-control-expose-headers"]


def test_e242_a_cookie_post_needs_csrf_and_a_bearer_post_does_not(rider: User, lease: Published) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(rider)
    path = f"/api/process/{lease.name}/start"
    assert browser.get("/api/process/instances").status_code == 200
    assert browser.post(path, b"{}", content_type="application/json").status_code == 403
    assert browser.post(path, b"{}", content_type="application/json").json()["errorKey"] == "error.http.403"
    browser.get("/admin/login/")
    browser.cookies["csrftoken"] = "a" * 32
    headers = {"X-CSRFToken": "a" * 32}
    assert browser.post(path, b"{}", content_type="application/json", headers=headers).status_code == 200
    foreign = headers | {"Origin": "https://evil.example"}
    assert browser.post(path, b"{}", content_type="application/json", headers=foreign).status_code == 403
    token = Api(rider).headers | {"Origin": "https://evil.example"}
    elsewhere = Client(enforce_csrf_checks=True)
    assert elsewhere.post(path, b"{}", content_type="application/json", headers=token).status_code == 200
