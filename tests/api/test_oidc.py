"""Bearer tokens of an OpenID Connect issuer: a real one on this machine signs them (engine 15.1)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import Group, User
from django.test import Client

from engine import bearer, oidc

pytestmark = pytest.mark.django_db

AUDIENCE = "flowx"
Sign = Callable[..., str]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def issuer(key: rsa.RSAPrivateKey) -> Iterator[str]:
    """A server with a discovery document and the public key."""
    public = {**jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "k1", "use": "sig"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = f"http://127.0.0.1:{self.server.server_address[1]}"
            body = {"keys": [public]} if self.path == "/keys" else {"issuer": address, "jwks_uri": f"{address}/keys"}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def sign(issuer: str, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch) -> Sign:
    """Make tokens of the issuer that the site accepts; claims may be changed."""
    accepting = replace(bearer.config, oidc_issuer=issuer, oidc_audience=AUDIENCE)
    monkeypatch.setattr(bearer, "config", accepting)
    monkeypatch.setattr(oidc, "config", accepting)

    def make(signed_by: Any = key, algorithm: str = "RS256", **claims: Any) -> str:
        body = {"iss": issuer, "aud": AUDIENCE, "exp": time.time() + 60, "sub": "ada", "groups": ["flowx-users"]}
        return jwt.encode({**body, **claims}, signed_by, algorithm=algorithm, headers={"kid": "k1"})

    return make


def status(token: str) -> int:
    return Client().get("/api/process/instances", headers={"Authorization": f"Bearer {token}"}).status_code


def test_e241_the_user_is_made_on_first_sight_and_its_groups_follow_the_claim(sign: Sign) -> None:
    for name in ("flowx-users", "desk"):
        Group.objects.get_or_create(name=name)
    assert status(sign()) == 200
    ada = User.objects.get(username="ada")
    assert [group.name for group in ada.groups.all()] == ["flowx-users"]
    assert not ada.has_usable_password()
    assert status(sign(groups=["desk", "unknown"])) == 200
    assert [group.name for group in ada.groups.all()] == ["desk"]
    assert status(sign(groups=[])) == 200
    assert not ada.groups.exists()


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"sub": ""},
        {"sub": 7},
        {"groups": "flowx-users"},
    ],
    ids=str,
)
def test_e241_wrong_issuer_audience_expiry_or_claims_are_refused(sign: Sign, claims: dict[str, Any]) -> None:
    assert status(sign(**claims)) == 401
    assert not User.objects.filter(username="ada").exists()


def test_e241_symmetric_algorithms_no_signature_and_foreign_keys_are_refused(sign: Sign, issuer: str) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    secret = "a secret that is long enough for any of the algorithms in use here, really"
    for token in (sign(secret, "HS256"), sign("", "none"), sign(stranger), "not.a.token", "x"):
        assert status(token) == 401


@pytest.mark.parametrize(
    "fields", [{"is_staff": True}, {"is_superuser": True}, {"is_active": False}, {"password": "p"}]
)
def test_a_token_never_speaks_for_an_account_of_this_site(sign: Sign, fields: dict[str, Any]) -> None:
    user = User.objects.create_user("ada", password=fields.pop("password", None), **fields)
    assert status(sign()) == 401
    user.refresh_from_db()
    assert not user.groups.exists()


def test_without_an_issuer_such_tokens_are_unknown(key: rsa.RSAPrivateKey) -> None:
    assert status(jwt.encode({"sub": "ada"}, key, algorithm="RS256")) == 401
