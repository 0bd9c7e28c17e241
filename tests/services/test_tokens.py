"""Bearer tokens at a service: which are believed, and that no other ever is, whatever it looks like."""

import base64
import hashlib
import hmac
import io
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from gateway_task import client_of, gateway_app, task_environment
from hypothesis import given
from hypothesis import strategies as st
from richesreach.core import logs
from richesreach.core.auth import access_token
from richesreach.core.auth.authenticator import never_revoked
from richesreach.core.auth.callers import CurrentIdentity, OptionalIdentity
from richesreach.core.auth.key_set import FLOOR, MAX_AGE, KeySet, parse
from richesreach.core.auth.refusals import KeysUnavailableError, RefusedCredentialError
from token_issuer import CLIENT, SUBJECT, Issuer, bearer, issuer, jwk, private_key, sign

WHO = "/test/who"


@pytest.fixture(scope="module")
def signing() -> Iterator[Issuer]:
    """Shared: leave its keys as they are."""
    with issuer() as started:
        yield started


@pytest.fixture
def own_issuer() -> Iterator[Issuer]:
    with issuer() as started:
        yield started


async def client_that_knows(started: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    """A service with a route that tells who calls."""
    variables = {**task_environment(None, None), **started.variables, "RATE_LIMITING": "false"}
    app = gateway_app(variables)

    @app.get(WHO)
    async def who(caller: CurrentIdentity) -> dict[str, Any]:
        return {"subject": caller.subject, "kind": caller.kind, "roles": sorted(caller.roles)}

    @app.get("/test/perhaps")
    async def perhaps(caller: OptionalIdentity) -> dict[str, Any]:
        return {"subject": caller.subject if caller else None}

    async with client_of(app) as opened:
        yield opened


@pytest.fixture
async def client(signing: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    async for opened in client_that_knows(signing):
        yield opened


@pytest.fixture
async def own_client(own_issuer: Issuer) -> AsyncIterator[httpx.AsyncClient]:
    async for opened in client_that_knows(own_issuer):
        yield opened


async def test_a_token_of_the_user_pool_says_who_calls(client: httpx.AsyncClient, signing: Issuer) -> None:
    answer = await client.get(WHO, headers=bearer(signing.token("trader", "strangers")))
    assert answer.json() == {"subject": SUBJECT, "kind": "user", "roles": ["trader"]}


async def test_a_machine_s_role_is_its_scope(client: httpx.AsyncClient, signing: Issuer) -> None:
    token = signing.token(username=None, client_id="service-client", scope="richesreach/service")
    answer = await client.get(WHO, headers=bearer(token))
    assert answer.json() == {"subject": "service:service-client", "kind": "service", "roles": ["service"]}


async def test_who_shows_nothing_is_nobody(client: httpx.AsyncClient) -> None:
    assert (await client.get("/test/perhaps")).json() == {"subject": None}
    answer = await client.get(WHO)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="richesreach"'


async def test_a_wrong_token_is_refused_where_none_is_needed(client: httpx.AsyncClient) -> None:
    answer = await client.get("/test/perhaps", headers=bearer("wrong"))
    assert answer.status_code == 401


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any], algorithm: str = "none") -> str:
    return f"{part({'alg': algorithm, 'kid': 'key-1', 'typ': 'JWT'})}.{part(claims)}."


def signed_with_the_public_key(claims: dict[str, Any]) -> str:
    """The classic: the public key, which everybody has, taken for the secret of an HMAC."""
    pem = (
        private_key(1)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    message = f"{part({'alg': 'HS256', 'kid': 'key-1'})}.{part(claims)}"
    digest = hmac.digest(pem, message.encode(), hashlib.sha256)
    return f"{message}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def tampered(token: str) -> str:
    header, claims, signature = token.split(".")
    loaded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return f"{header}.{part({**loaded, 'cognito:groups': ['admin']})}.{signature}"


def forgeries(signing: Issuer) -> dict[str, str]:
    """Tokens that must not be believed, by what is wrong with them."""
    claims, now = signing.claims("admin"), signing.claims()["iat"]
    stranger = private_key(2)
    return {
        "no signature": unsigned(claims),
        "no signature, in capitals": unsigned(claims, "NONE"),
        "HMAC with the public key": signed_with_the_public_key(claims),
        "the key of a stranger": sign(claims, stranger, kid="key-1"),
        "a key that nobody publishes": sign(claims, stranger, kid="key-9"),
        "its own key in the header": sign(claims, stranger, kid="key-1", jwk=jwk("key-1", stranger)),
        "no key id": sign(claims, private_key(1)),
        "another algorithm": jwt.encode(claims, private_key(1), algorithm="RS512", headers={"kid": "key-1"}),
        "an extension": sign(claims, private_key(1), kid="key-1", crit=["b64"], b64=True),
        "other claims": tampered(signing.token("viewer")),
        "expired": signing.token("admin", iat=now - 900, exp=now - access_token.LEEWAY - 1),
        "not valid yet": signing.token("admin", nbf=now + access_token.LEEWAY + 60),
        "issued in the future": signing.token("admin", iat=now + access_token.LEEWAY + 60),
        "another issuer": signing.token("admin", iss="https://issuer.example/pool"),
        "an issuer that begins alike": signing.token("admin", iss=f"{signing.url}-2"),
        "several issuers": signing.token("admin", iss=[signing.url]),
        "another client": signing.token("admin", client_id="somebody-else"),
        "another client, but our audience": signing.token("admin", client_id="x", aud=CLIENT),
        "an id token": signing.token("admin", token_use="id"),
        "no time": signing.token("admin", exp=None),
        "a time that is text": signing.token("admin", exp="tomorrow"),
        "an endless time": sign({**claims, "exp": float("inf")}, private_key(1), kid="key-1"),
        "no subject": signing.token("admin", sub=None),
        "an empty subject": signing.token("admin", sub=""),
        "two parts": signing.token("admin").rpartition(".")[0],
        "nothing": "..",
        "garbage": "garbage",
        "oversized": signing.token("admin", padding="x" * access_token.LONGEST),
        "deep": f"{base64.urlsafe_b64encode(b'[' * 3000).decode().rstrip('=')}.e30.e30",
    }


async def test_no_forgery_is_believed(client: httpx.AsyncClient, signing: Issuer) -> None:
    answers = {
        wrong: await client.get(WHO, headers=bearer(token)) for wrong, token in forgeries(signing).items()
    }
    assert {wrong: answer.status_code for wrong, answer in answers.items()} == dict.fromkeys(answers, 401)
    for answer in answers.values():
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"] == 'Bearer realm="richesreach", error="invalid_token"'


async def test_clocks_may_differ_a_little(client: httpx.AsyncClient, signing: Issuer) -> None:
    now = signing.claims()["iat"]
    late = signing.token(exp=now - access_token.LEEWAY // 2)
    early = signing.token(iat=now + access_token.LEEWAY // 2)
    assert [(await client.get(WHO, headers=bearer(token))).status_code for token in (late, early)] == [
        200
    ] * 2


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Basic dXNlcjpwYXNz")],
        [("authorization", "Bearer")],
        [("authorization", "Bearer one two")],
        [("authorization", "Bearer one"), ("authorization", "Bearer two")],
        [("authorization", "Bearer one"), ("x-api-key", "rr_two")],
        [("x-api-key", "rr_one"), ("x-api-key", "rr_two")],
    ],
)
async def test_what_is_no_one_credential_is_refused(
    client: httpx.AsyncClient, headers: list[tuple[str, str]]
) -> None:
    assert (await client.get(WHO, headers=headers)).status_code == 401


printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=300)
parts = st.builds(
    part,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
)


@given(printable | st.builds(".".join, st.lists(parts | printable, min_size=2, max_size=4)))
async def test_whatever_comes_as_a_token_is_refused_and_nothing_else(token: str) -> None:
    expected = access_token.Expected("http://127.60.0.1:9/pool", [CLIENT])
    keys = KeySet("http://127.60.0.1:9/pool/.well-known/jwks.json")
    with pytest.raises((RefusedCredentialError, KeysUnavailableError)):
        await access_token.AccessTokens(expected, keys, never_revoked).verified(token)


async def test_refusals_are_counted_by_reason(client: httpx.AsyncClient, signing: Issuer) -> None:
    wrong = forgeries(signing)
    for name in ("no signature", "expired", "expired"):
        await client.get(WHO, headers=bearer(wrong[name]))
    text = (await client.get("/metrics/")).text
    assert 'richesreach_auth_failures_total{reason="wrong_algorithm"} 1.0' in text
    assert 'richesreach_auth_failures_total{reason="expired"} 2.0' in text
    assert 'richesreach_api_errors_total{endpoint="/test/who",method="GET",status="401"} 3.0' in text


@pytest.fixture
def logged(client: httpx.AsyncClient) -> io.StringIO:
    """What the started service logs."""
    del client
    stream = io.StringIO()
    logs.configure(service="gateway", region="eu-west-1", level="DEBUG", stream=stream)
    return stream


async def test_a_token_is_in_no_log_line(
    client: httpx.AsyncClient, signing: Issuer, logged: io.StringIO
) -> None:
    token, wrong = signing.token("viewer"), forgeries(signing)["other claims"]
    for shown in (token, wrong):
        await client.get(WHO, headers=bearer(shown))
    written = logged.getvalue()
    assert f'"user":"{SUBJECT}"' in written
    assert token[:40] not in written
    assert wrong[-40:] not in written


async def test_without_keys_nobody_is_believed_and_the_caller_may_come_back(
    own_client: httpx.AsyncClient, own_issuer: Issuer
) -> None:
    own_issuer.status = 503
    answer = await own_client.get(WHO, headers=bearer(own_issuer.token("viewer")))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


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
