"""Users, from signing up to signing out, with a real user pool and database."""

import asyncio
import io

import httpx
import pytest
from gateway_task import Environment, client_of, gateway_app, task_environment
from people import ADMIN, AUTH, member
from richesreach.core import logs
from token_issuer import bearer
from user_pool import PASSWORD, Pool


async def test_who_signs_up_and_confirms_is_a_viewer(client: httpx.AsyncClient, email: str) -> None:
    headers, tokens = await member(client, email)
    me = (await client.get("/api/users/me", headers=headers)).json()
    assert (me["kind"], me["roles"], tokens["token_type"]) == ("user", ["viewer"], "Bearer")
    assert "watchlists:write" in me["scopes"]


async def test_who_was_confirmed_while_the_database_was_away_is_a_viewer_once_signed_in(
    client: httpx.AsyncClient, email: str, environment: Environment
) -> None:
    account = {"email": email, "password": PASSWORD}
    nowhere = task_environment(None, None)
    away = {name: nowhere[name] for name in ("DATABASE_WRITER_DSN", "DATABASE_READER_DSN")}
    await client.post(f"{AUTH}/sign-up", json=account)
    async with client_of(gateway_app({**environment, **away})) as alone:
        failed = await alone.post(f"{AUTH}/confirm", json={"email": email, "code": "123456"})
        assert failed.status_code == 503
    tokens = (await client.post(f"{AUTH}/sign-in", json=account)).json()
    me = (await client.get("/api/users/me", headers=bearer(tokens["access_token"]))).json()
    assert me["roles"] == ["viewer"]
    assert (
        await client.post(f"{AUTH}/refresh", json={"refresh_token": tokens["refresh_token"]})
    ).status_code == 200


async def test_who_was_confirmed_and_given_no_role_is_welcomed_at_sign_in_and_whose_roles_were_taken_is_not(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str]
) -> None:
    account = {"email": email, "password": PASSWORD}
    subject, _ = pool.person(email)  # as one for whom all failed behind the pool's confirmation
    tokens = (await client.post(f"{AUTH}/sign-in", json=account)).json()
    me = (await client.get("/api/users/me", headers=bearer(tokens["access_token"]))).json()
    assert me["roles"] == ["viewer"]
    await client.put(f"{ADMIN}/users/{subject}/roles", headers=admin, json={"roles": []})
    await asyncio.sleep(1.1)  # a token says to the second when it was issued
    tokens = (await client.post(f"{AUTH}/sign-in", json=account)).json()
    me = (await client.get("/api/users/me", headers=bearer(tokens["access_token"]))).json()
    assert me["roles"] == []


async def test_an_address_that_is_taken_is_answered_as_a_new_one(
    client: httpx.AsyncClient, email: str
) -> None:
    account = {"email": email, "password": PASSWORD}
    first, second = [await client.post(f"{AUTH}/sign-up", json=account) for _ in range(2)]
    assert (first.status_code, first.json()) == (second.status_code, second.json())


async def test_who_signs_in_wrongly_learns_nothing_of_the_account(
    client: httpx.AsyncClient, email: str, pool: Pool
) -> None:
    pool.person(email, "viewer")
    unconfirmed = f"un{email}"
    await client.post(f"{AUTH}/sign-up", json={"email": unconfirmed, "password": PASSWORD})
    answers = [
        await client.post(f"{AUTH}/sign-in", json={"email": address, "password": password})
        for address, password in (
            (email, "Wrong-Horse-Battery-9"),
            ("nobody@example.org", PASSWORD),
            (unconfirmed, PASSWORD),
        )
    ]
    bodies = [{**answer.json(), "request_id": ""} for answer in answers]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert bodies[0] == bodies[1] == bodies[2]


async def test_a_weak_password_is_refused(client: httpx.AsyncClient, email: str) -> None:
    answer = await client.post(f"{AUTH}/sign-up", json={"email": email, "password": "short"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:richesreach:problem:password-refused")


async def test_a_refresh_token_serves_until_signing_out(client: httpx.AsyncClient, email: str) -> None:
    _, tokens = await member(client, email)
    body = {"refresh_token": tokens["refresh_token"]}
    renewed = await client.post(f"{AUTH}/refresh", json=body)
    assert (
        await client.get("/api/users/me", headers=bearer(renewed.json()["access_token"]))
    ).status_code == 200
    assert (await client.post(f"{AUTH}/sign-out", json=body)).status_code == 204
    assert (await client.post(f"{AUTH}/refresh", json=body)).status_code == 401
    assert (await client.post(f"{AUTH}/sign-out", json={"refresh_token": "garbage"})).status_code == 204


async def test_from_sign_up_to_a_revoked_key(client: httpx.AsyncClient, email: str) -> None:
    headers, _ = await member(client, email)
    made = (await client.post("/api/keys", headers=headers, json={"name": "notebook"})).json()
    key = {"x-api-key": made["key"]}
    assert (await client.get("/api/users/me", headers=key)).json()["key_id"] == made["id"]
    assert (await client.delete(f"/api/keys/{made['id']}", headers=headers)).status_code == 204
    assert (await client.get("/api/users/me", headers=key)).status_code == 401


async def test_passwords_and_addresses_are_in_no_log_line(client: httpx.AsyncClient, email: str) -> None:
    stream = io.StringIO()
    logs.configure(service="gateway", region="eu-west-1", level="DEBUG", stream=stream)
    _, tokens = await member(client, email)
    await client.post(f"{AUTH}/sign-in", json={"email": email, "password": "Wrong-Horse-Battery-9"})
    written = stream.getvalue()
    assert "/api/auth/sign-in" in written
    for secret in (email, PASSWORD, "Wrong-Horse-Battery-9", tokens["refresh_token"], tokens["access_token"]):
        assert secret not in written


async def test_without_its_user_pool_the_gateway_says_so_and_serves_on(
    environment: Environment,
) -> None:
    lost = {**environment, "AWS_ENDPOINT_URL": "http://127.60.255.254:9"}
    async with client_of(gateway_app(lost)) as client:
        body = {"email": "somebody@example.org", "password": PASSWORD}
        answers = [await client.post(f"{AUTH}/sign-in", json=body) for _ in range(12)]
        assert (await client.get("/api/status/config")).status_code == 200
    assert {answer.status_code for answer in answers} == {503}
    assert answers[-1].json()["type"] == "urn:richesreach:problem:dependency-unavailable"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("sign-up", {"email": "no address", "password": PASSWORD}),
        ("sign-up", {"email": "a@b.org", "password": "x" * 257}),
        ("sign-up", {"email": "a@b.org", "password": PASSWORD, "role": "admin"}),
        ("sign-up", {"email": "a\x00@b.org", "password": PASSWORD}),
        ("sign-in", []),
        ("sign-in", {"email": ["a@b.org"], "password": PASSWORD}),
        ("confirm", {"email": "a@b.org", "code": "12 34"}),
        ("refresh", {"refresh_token": ""}),
        ("refresh", {"refresh_token": "x" * 9000}),
    ],
)
async def test_bad_input_is_refused_before_the_pool_is_asked(
    client: httpx.AsyncClient, path: str, body: object
) -> None:
    answer = await client.post(f"{AUTH}/{path}", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_every_route_that_needs_a_caller_says_so_in_the_document(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/openapi.json")).json()
    assert set(document["components"]["securitySchemes"]) == {"token", "key"}
    guarded = ("/api/keys", "/api/admin", "/api/users/me", "/api/status/cache/clear")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path.startswith(guarded):
                assert operation.get("security") == [{"token": []}, {"key": []}], f"{method} {path}"
