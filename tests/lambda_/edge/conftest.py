"""The Lambda@Edge functions as Lambda loads them, and an issuer with real RSA keys."""

from __future__ import annotations

import base64
import importlib
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SOURCE = Path(__file__).resolve().parents[3] / "lambda" / "edge"
ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example"
CLIENTS = ("web-client", "service-client")
NOW = 1_800_000_000


def load(event: str, *modules: str) -> dict[str, ModuleType]:
    """Modules of one function, found by their plain names, as at the root of a Lambda."""
    folder = str(SOURCE / event)
    for name in modules:
        sys.modules.pop(name, None)
    sys.path.insert(0, folder)
    try:
        return {name: importlib.import_module(name) for name in modules}
    finally:
        sys.path.remove(folder)
        for name in modules:
            sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def request_function() -> dict[str, ModuleType]:
    """Modules of the function at origin-request."""
    return load("origin_request", "rs256", "key_set", "access_token", "index")


@pytest.fixture(scope="session")
def response_index() -> ModuleType:
    return load("origin_response", "index")["index"]


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def number(value: int) -> str:
    return encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@dataclass
class Issuer:
    """Signs tokens and publishes its keys."""

    key: rsa.RSAPrivateKey
    key_id: str = "key-1"
    fetches: list[str] = field(default_factory=list)

    def jwk(self) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.key_id,
            "n": number(numbers.n),
            "e": number(numbers.e),
        }

    def document(self) -> bytes:
        return json.dumps({"keys": [self.jwk()]}).encode()

    def fetch(self, url: str) -> bytes:
        self.fetches.append(url)
        return self.document()

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """An access token as Cognito makes it; a claim given as None is left out."""
        stated = {
            "iss": ISSUER,
            "client_id": CLIENTS[0],
            "token_use": "access",
            "iat": NOW - 60,
            "exp": NOW + 3600,
            "scope": "aws.cognito.signin.user.admin",
            "cognito:groups": ["admin"],
        } | claims
        said = {"alg": "RS256", "kid": self.key_id} | (header or {})
        parts = [said, {name: value for name, value in stated.items() if value is not None}]
        signed = ".".join(encode(json.dumps(part).encode()) for part in parts)
        return f"{signed}.{encode(self.sign(signed.encode()))}"

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())


@pytest.fixture(scope="session")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def other_private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def issuer(private_key: rsa.RSAPrivateKey) -> Issuer:
    return Issuer(private_key)


@pytest.fixture
def gate(request_function: dict[str, ModuleType], issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Gate:
    index, key_set = request_function["index"], request_function["key_set"]
    monkeypatch.setattr(index, "keys_of", lambda url: key_set.KeySet(url, fetch=issuer.fetch))
    monkeypatch.setattr(index, "configuration", lambda: SETTINGS)
    monkeypatch.setattr(time, "time", lambda: float(NOW))
    return Gate(index)


SETTINGS = {
    "protected": [
        {"path": "/api/admin/*", "roles": ["admin"]},
        {"path": "/api/status/cache/clear", "roles": ["admin", "service"]},
        {"path": "/api/me", "roles": []},
    ],
    "scope_prefix": "richesreach/",
}


@dataclass
class Gate:
    """The function at origin-request; asks it as CloudFront does."""

    index: ModuleType

    def ask(self, path: str = "/api/admin/users", **headers: str) -> dict[str, Any]:
        """What the function returns: the request, or an answer with a status. `_` in a name is a hyphen."""
        sent = {name.replace("_", "-"): [{"key": name, "value": value}] for name, value in headers.items()}
        custom = {
            "x-token-issuer": [{"key": "x-token-issuer", "value": ISSUER}],
            "x-token-audience": [{"key": "x-token-audience", "value": " ".join(CLIENTS)}],
        }
        request = {
            "clientIp": "198.51.100.7",
            "method": "POST",
            "uri": path,
            "querystring": "",
            "headers": sent,
            "origin": {"custom": {"domainName": "origin.example.test", "customHeaders": custom}},
        }
        config = {"eventType": "origin-request", "requestId": "cf-id"}
        event = {"Records": [{"cf": {"config": config, "request": request}}]}
        answered: dict[str, Any] = self.index.handler(event, None)
        return answered

    def status(self, path: str = "/api/admin/users", **headers: str) -> int:
        """The status of a refusal; 0 when the request goes on unchanged."""
        answered = self.ask(path, **headers)
        assert ("status" in answered) != ("uri" in answered)
        return int(answered.get("status", 0))
