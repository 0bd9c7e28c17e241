"""Bearer tokens at a service: which are believed, and that no other ever is, whatever it looks like."""

import base64
import hashlib
import hmac
import io
import json
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
from richesreach.core.auth.key_set import KeySet
from richesreach.core.auth.refusals import KeysUnavailableError, RefusedCredentialError
from token_issuer import CLIENT, SUBJECT, Issuer, bearer, issuer, jwk, private_key, sign

WHO = "/test/who"


@pytest.fixture(scope="module")
def signing() -> Iterator[Issuer]:
    """Shared: leave its keys as they are."""
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
def own_issuer() -> Iterator[Issuer]:
    with issuer() as started:
        yield started


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
