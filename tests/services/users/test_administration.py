"""What admins do with users, and what becomes of their tokens and keys."""

import asyncio

import httpx
import pytest
from gateway_task import Environment, client_of, gateway_app
from people import ADMIN, AUTH, subject_of
from token_issuer import bearer
from user_pool import PASSWORD, Pool


async def test_an_admin_gives_a_key_a_limit_of_its_own(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str], environment: Environment
) -> None:
    _, token = pool.person(email, "viewer")
    limited = {
        **environment,
        "RATE_LIMITING": "true",
        "RATE_LIMIT_TIERS": "anonymous=600/60,key=200/60,gold=900/60",
    }
    async with client_of(gateway_app(limited)) as opened:
        made = (await opened.post("/api/keys", headers=bearer(token), json={"name": "x"})).json()
        path, key = f"{ADMIN}/keys/{made['id']}/tier", {"x-api-key": made["key"]}
        assert (await opened.put(path, headers=bearer(token), json={"tier": "gold"})).status_code == 403
        refused = await opened.put(path, headers=admin, json={"tier": "lead"})
        assert (refused.status_code, refused.json()["type"]) == (422, "urn:richesreach:problem:unknown-tier")
        for tier, told in (("gold", "gold"), (None, "key")):
            assert (await opened.put(path, headers=admin, json={"tier": tier})).status_code == 204
            assert (await opened.get("/api/status/rate-limit", headers=key)).json()["tier"] == told
        await opened.delete(f"/api/keys/{made['id']}", headers=bearer(token))
        assert (await opened.put(path, headers=admin, json={"tier": "gold"})).status_code == 409


async def test_only_an_admin_is_let_into_administration(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str]
) -> None:
    trader = bearer(pool.person(email, "trader")[1])
    paths = [f"{ADMIN}/users", f"{ADMIN}/audit", f"{ADMIN}/users/somebody", f"{ADMIN}/users/somebody/keys"]
    for path in paths:
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers=trader)).status_code == 403
    assert (await client.get(f"{ADMIN}/users", headers=admin)).status_code == 200


async def test_users_are_listed_page_by_page(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str]
) -> None:
    pool.person(email)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await client.get(f"{ADMIN}/users", headers=admin, params={"limit": 1, **cursor})).json()
        seen += [user["email"] for user in page["users"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert email in seen
    assert len(seen) == len(set(seen))


async def test_a_new_role_is_in_the_next_token_and_keys_beyond_it_are_revoked(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str]
) -> None:
    subject, token = pool.person(email, "viewer", "trader")
    both = (await client.post("/api/keys", headers=bearer(token), json={"name": "both"})).json()
    less = await client.post("/api/keys", headers=bearer(token), json={"name": "less", "roles": ["viewer"]})
    path = f"{ADMIN}/users/{subject}"
    changed = await client.put(f"{path}/roles", headers=admin, json={"roles": ["viewer"]})
    assert changed.json() == {"roles": ["viewer"], "revoked_keys": 1}
    assert (await client.get(path, headers=admin)).json()["roles"] == ["viewer"]
    me = "/api/users/me"
    assert (await client.get(me, headers={"x-api-key": both["key"]})).status_code == 401
    assert (await client.get(me, headers={"x-api-key": less.json()["key"]})).status_code == 200


async def test_a_disabled_user_gets_no_token_and_no_key(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str]
) -> None:
    subject, token = pool.person(email, "viewer")
    made = (await client.post("/api/keys", headers=bearer(token), json={"name": "x"})).json()
    path, account = f"{ADMIN}/users/{subject}", {"email": email, "password": PASSWORD}
    assert (await client.post(f"{path}/disable", headers=admin)).status_code == 204
    assert (await client.post(f"{AUTH}/sign-in", json=account)).status_code == 401
    assert (await client.get("/api/users/me", headers={"x-api-key": made["key"]})).status_code == 401
    refused = await client.post("/api/keys", headers=bearer(token), json={"name": "y"})
    assert refused.status_code == 401
    assert (await client.post(f"{path}/enable", headers=admin)).status_code == 204
    assert (await client.post(f"{AUTH}/sign-in", json=account)).status_code == 200


async def answered(client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    """Until the caller is answered so."""
    found = 0
    async with asyncio.timeout(60):
        while found != status:
            found = (await client.get("/api/users/me", headers=headers)).status_code
            await asyncio.sleep(0.1)


async def test_a_token_of_who_was_disabled_is_refused_at_once_and_soon_in_every_region(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str], environment: Environment
) -> None:
    subject, token = pool.person(email, "viewer")
    async with client_of(gateway_app({**environment, "AWS_REGION": "ap-southeast-1"})) as elsewhere:
        await answered(elsewhere, bearer(token), 200)
        assert (await client.post(f"{ADMIN}/users/{subject}/disable", headers=admin)).status_code == 204
        refused = await client.get("/api/users/me", headers=bearer(token))
        assert (refused.status_code, refused.json()["detail"]) == (
            401,
            "The token was revoked: sign in again.",
        )
        await answered(elsewhere, bearer(token), 401)
        assert (await client.get("/api/users/me", headers=admin)).status_code == 200


async def test_who_is_enabled_again_needs_a_new_token(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str]
) -> None:
    subject, token = pool.person(email, "viewer")
    for done in ("disable", "enable"):
        await client.post(f"{ADMIN}/users/{subject}/{done}", headers=admin)
    assert (await client.get("/api/users/me", headers=bearer(token))).status_code == 401
    await asyncio.sleep(1.1)  # a token says to the second when it was issued
    account = {"email": email, "password": PASSWORD}
    signed_in = (await client.post(f"{AUTH}/sign-in", json=account)).json()
    again = await client.get("/api/users/me", headers=bearer(signed_in["access_token"]))
    assert again.status_code == 200


@pytest.mark.parametrize(("roles", "status"), [(["viewer"], 401), (["viewer", "trader", "admin"], 200)])
async def test_a_token_with_a_role_that_was_taken_is_refused_and_one_that_says_less_is_not(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str], roles: list[str], status: int
) -> None:
    subject, token = pool.person(email, "viewer", "trader")
    await client.put(f"{ADMIN}/users/{subject}/roles", headers=admin, json={"roles": roles})
    assert (await client.get("/api/users/me", headers=bearer(token))).status_code == status


async def test_no_admin_takes_the_own_role_or_account(
    client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    path = f"{ADMIN}/users/{await subject_of(client, admin)}"
    answers = [
        await client.put(f"{path}/roles", headers=admin, json={"roles": ["viewer"]}),
        await client.post(f"{path}/disable", headers=admin),
    ]
    assert [answer.status_code for answer in answers] == [409, 409]


async def test_a_user_that_nobody_knows_is_404(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    path = f"{ADMIN}/users/nobody"
    answers = [
        await client.get(path, headers=admin),
        await client.put(f"{path}/roles", headers=admin, json={"roles": ["viewer"]}),
        await client.post(f"{path}/disable", headers=admin),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
