"""The issuer's keys: fetched once, renewed on rotation, kept while the issuer is away."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.lambda_.edge.conftest import ISSUER, Issuer


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def key_set(request_function: dict[str, ModuleType]) -> ModuleType:
    return request_function["key_set"]


@pytest.fixture
def make(key_set: ModuleType, clock: Clock) -> Callable[[Callable[[str], bytes]], Any]:
    return lambda fetch: key_set.KeySet(ISSUER, fetch=fetch, clock=clock)


def test_keys_are_fetched_from_the_issuer_once(make: Any, issuer: Issuer) -> None:
    keys = make(issuer.fetch)
    assert keys.find("key-1") == keys.find("key-1") is not None
    assert issuer.fetches == [f"{ISSUER}/.well-known/jwks.json"]


def test_rotated_key_is_found_at_its_first_token(
    make: Any, issuer: Issuer, clock: Clock, other_private_key: rsa.RSAPrivateKey, key_set: ModuleType
) -> None:
    keys = make(issuer.fetch)
    keys.find("key-1")
    issuer.key, issuer.key_id = other_private_key, "key-2"
    clock.seconds += key_set.COOL_DOWN
    assert keys.find("key-2") is not None
    assert keys.find("key-1") is None


def test_invented_key_ids_make_no_request_each(make: Any, issuer: Issuer) -> None:
    keys = make(issuer.fetch)
    for number in range(50):
        assert keys.find(f"invented-{number}") is None
    assert len(issuer.fetches) == 1


def test_old_keys_are_fetched_anew(make: Any, issuer: Issuer, clock: Clock, key_set: ModuleType) -> None:
    keys = make(issuer.fetch)
    keys.find("key-1")
    clock.seconds += key_set.MAX_AGE + 1
    keys.find("key-1")
    assert len(issuer.fetches) == 2


def test_known_keys_serve_while_the_issuer_is_away(
    make: Any, issuer: Issuer, clock: Clock, key_set: ModuleType
) -> None:
    answers = [issuer.document()]

    def fetch(_url: str) -> bytes:
        if not answers:
            raise OSError("unreachable")
        return answers.pop()

    keys = make(fetch)
    keys.find("key-1")
    clock.seconds += 10 * key_set.MAX_AGE
    assert keys.find("key-1") is not None


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b'{"keys": []}', b'{"keys": 7}', b"\xff"])
def test_issuer_that_answers_no_keys_is_away(answer: bytes, make: Any, key_set: ModuleType) -> None:
    with pytest.raises(key_set.KeysUnavailableError):
        make(lambda _url: answer).find("key-1")


def test_keys_of_other_kinds_are_passed_over(make: Any, issuer: Issuer) -> None:
    others: list[Any] = [
        {"kty": "EC", "kid": "curve"},
        issuer.jwk() | {"kid": "for-encryption", "use": "enc"},
        issuer.jwk() | {"kid": "other-algorithm", "alg": "RS512"},
        {"kty": "RSA", "kid": "broken", "n": "?", "e": "AQAB"},
        "no key at all",
    ]
    keys = make(lambda _url: json.dumps({"keys": [*others, issuer.jwk()]}).encode())
    assert keys.find("key-1") is not None
    assert not any(keys.find(kid) for kid in ("curve", "for-encryption", "other-algorithm", "broken"))


def test_keys_unavailable_answers_503_and_says_when_to_try_again(
    request_function: dict[str, ModuleType], issuer: Issuer, gate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_url: str) -> bytes:
        raise OSError("unreachable")

    key_set = request_function["key_set"]
    monkeypatch.setattr(gate.index, "keys_of", lambda url: key_set.KeySet(url, fetch=away))
    refused = gate.ask(authorization=f"Bearer {issuer.token()}")
    assert refused["status"] == "503"
    assert refused["headers"]["retry-after"][0]["value"] == "5"


def test_endpoint_of_the_sdk_moves_the_keys(key_set: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/")
    assert key_set.keys_url(ISSUER) == "http://127.0.0.1:4566/us-east-1_Example/.well-known/jwks.json"


def test_only_the_web_is_asked(key_set: ModuleType) -> None:
    with pytest.raises(OSError, match="no web address"):
        key_set.fetch("file:///etc/passwd")
