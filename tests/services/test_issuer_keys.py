"""What an issuer's tokens and keys are believed for, and how long: as they come again, change and go."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import jwt
import pytest
from richesreach.core.auth import access_token
from richesreach.core.auth.authenticator import never_revoked
from richesreach.core.auth.key_set import FLOOR, MAX_AGE, KeySet, parse
from richesreach.core.auth.refusals import RefusedCredentialError
from token_issuer import CLIENT, SUBJECT, Issuer, issuer, jwk, private_key


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def own_issuer() -> Iterator[Issuer]:
    with issuer() as started:
        yield started


@pytest.fixture
async def keys(own_issuer: Issuer) -> AsyncIterator[tuple[KeySet, Clock]]:
    clock = Clock()
    made = KeySet(f"{own_issuer.url}/.well-known/jwks.json", clock=clock)
    yield made, clock
    await made.close()


def tokens(
    keys: KeySet, own_issuer: Issuer, revoked: access_token.Revoked = never_revoked
) -> access_token.AccessTokens:
    return access_token.AccessTokens(access_token.Expected(own_issuer.url, [CLIENT]), keys, revoked)


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signature was checked."""
    checked: list[str] = []
    decode = jwt.decode

    def noted(token: str, *given: Any, **more: Any) -> Any:
        checked.append(token)
        return decode(token, *given, **more)

    monkeypatch.setattr(jwt, "decode", noted)
    return checked


async def test_the_signature_of_a_token_that_comes_again_is_checked_once(
    keys: tuple[KeySet, Clock], own_issuer: Issuer, signatures: list[str]
) -> None:
    found, first, second = tokens(keys[0], own_issuer), own_issuer.token("viewer"), own_issuer.token("admin")
    for token, roles in ((first, {"viewer"}), (second, {"admin"}), (first, {"viewer"}), (second, {"admin"})):
        assert (await found.verified(token)).roles == roles
    assert signatures == [first, second]


async def test_a_token_that_was_valid_is_refused_once_its_time_is_over(
    keys: tuple[KeySet, Clock], own_issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(time.time())
    found, token = tokens(keys[0], own_issuer), own_issuer.token("viewer", iat=now - 60, exp=now - 10)
    await found.verified(token)
    # The library has a clock of its own, for which less leeway is as good as time.
    late = now - 10 + access_token.LEEWAY
    monkeypatch.setattr(access_token.time, "time", lambda: late)
    monkeypatch.setattr(access_token, "LEEWAY", 5)
    with pytest.raises(RefusedCredentialError, match="expired"):
        await found.verified(token)


async def test_a_token_that_was_valid_is_refused_once_its_key_is_withdrawn(
    keys: tuple[KeySet, Clock], own_issuer: Issuer
) -> None:
    published, clock = keys
    found, token = tokens(published, own_issuer), own_issuer.token("viewer")
    await found.verified(token)
    own_issuer.published = {"key-2": private_key(2)}
    clock.now += FLOOR
    await published.find("key-2")
    with pytest.raises(RefusedCredentialError, match="signature"):
        await found.verified(token)


async def test_a_token_is_not_taken_for_one_of_a_new_key_under_the_old_id(
    keys: tuple[KeySet, Clock], own_issuer: Issuer
) -> None:
    published, clock = keys
    found, token = tokens(published, own_issuer), own_issuer.token("viewer")
    await found.verified(token)
    own_issuer.published = {"key-1": private_key(2)}
    clock.now += FLOOR
    await published.find("key-2")
    with pytest.raises(RefusedCredentialError, match="signature"):
        await found.verified(token)


async def test_a_token_that_was_valid_is_refused_once_it_is_revoked(
    keys: tuple[KeySet, Clock], own_issuer: Issuer
) -> None:
    gone: set[str] = set()
    found = tokens(keys[0], own_issuer, lambda subject, _issued: subject in gone)
    token = own_issuer.token("viewer")
    await found.verified(token)
    gone.add(SUBJECT)
    with pytest.raises(RefusedCredentialError, match="revoked"):
        await found.verified(token)


async def test_more_tokens_than_are_remembered_are_believed_all_the_same(
    keys: tuple[KeySet, Clock], own_issuer: Issuer, monkeypatch: pytest.MonkeyPatch, signatures: list[str]
) -> None:
    monkeypatch.setattr(access_token, "MOST_REMEMBERED", 2)
    found, shown = tokens(keys[0], own_issuer), [own_issuer.token(jti=str(each)) for each in range(4)]
    for token in (*shown, shown[0]):
        assert (await found.verified(token)).subject == SUBJECT
    assert signatures == [*shown, shown[0]]


async def test_keys_are_fetched_once(keys: tuple[KeySet, Clock], own_issuer: Issuer) -> None:
    assert all([await keys[0].find("key-1") for _ in range(5)])
    assert own_issuer.documents == 1


async def test_a_new_key_is_found_when_the_first_token_names_it(
    keys: tuple[KeySet, Clock], own_issuer: Issuer
) -> None:
    found, clock = keys
    await found.find("key-1")
    own_issuer.published = {"key-1": private_key(1), "key-2": private_key(2)}
    clock.now += FLOOR
    assert await found.find("key-2") is not None


async def test_a_key_that_is_withdrawn_is_forgotten(keys: tuple[KeySet, Clock], own_issuer: Issuer) -> None:
    found, clock = keys
    await found.find("key-1")
    own_issuer.published = {"key-2": private_key(2)}
    clock.now += FLOOR
    await found.find("key-2")
    assert await found.find("key-1") is None


async def test_invented_key_ids_make_one_request_in_a_while(
    keys: tuple[KeySet, Clock], own_issuer: Issuer
) -> None:
    found, clock = keys
    for number in range(20):
        assert await found.find(f"invented-{number}") is None
    clock.now += FLOOR
    await found.find("invented-again")
    assert own_issuer.documents == 2


async def test_keys_serve_on_while_the_issuer_is_away(keys: tuple[KeySet, Clock], own_issuer: Issuer) -> None:
    found, clock = keys
    await found.find("key-1")
    own_issuer.status = 503
    clock.now += MAX_AGE * 10
    assert await found.find("key-1") is not None
    assert await found.find("key-2") is None
    assert own_issuer.documents == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": 1}', b"x" * 300_000, b'{"keys": []}'])
async def test_a_document_that_is_none_leaves_the_known_keys(
    keys: tuple[KeySet, Clock], own_issuer: Issuer, body: bytes
) -> None:
    found, clock = keys
    await found.find("key-1")
    own_issuer.body = body
    clock.now += MAX_AGE + 1
    await found.find("key-2")
    assert await found.find("key-1") is not None
    assert own_issuer.documents == 2


def test_only_keys_that_are_fit_to_verify_are_taken() -> None:
    good = jwk("good", private_key(1))
    private = {**good, "kid": "private", "d": "AQAB"}
    others = [{**good, "kid": "other-use", "use": "enc"}, {**good, "kid": "other-algorithm", "alg": "RS512"}]
    short = jwk("short", private_key(3, 1024))
    symmetric = {"kty": "oct", "kid": "symmetric", "k": "c2VjcmV0"}
    broken = [None, {}, {"kid": 1}, {**good, "kid": "broken", "n": "!"}, {"kty": "RSA", "kid": "empty"}]
    document = json.dumps({"keys": [good, private, *others, short, symmetric, *broken]}).encode()
    assert set(parse(document)) == {"good"}
