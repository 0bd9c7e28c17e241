"""Users, from signing up to erasure, with a real user pool and database; and what is written down of it."""

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from cache_servers import CachePair
from gateway_task import Environment, client_of, gateway_app, task_environment
from postgres_servers import PostgresCluster
from richesreach.core import logs
from token_issuer import bearer
from user_pool import CREDENTIALS, PASSWORD, Pool, user_pool

AUTH, ADMIN = "/api/auth", "/api/admin"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """Shared: make users of your own."""
    with user_pool(tmp_path_factory.mktemp("pool")) as made:
        yield made


@pytest.fixture
def environment(
    database: PostgresCluster, caches: CachePair, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> Environment:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return {**task_environment(database, caches), **pool.variables, "RATE_LIMITING": "false"}


@pytest.fixture
async def client(environment: Environment) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(gateway_app(environment)) as opened:
        yield opened


@pytest.fixture
def email() -> str:
    return f"person-{next(_numbers)}@example.org"


@pytest.fixture
def admin(pool: Pool) -> dict[str, str]:
    return bearer(pool.person(f"admin-{next(_numbers)}@example.org", "admin")[1])


async def member(client: httpx.AsyncClient, email: str) -> tuple[dict[str, str], dict[str, str]]:
    """Who signed up and in: the header that says so, and the tokens."""
    account = {"email": email, "password": PASSWORD}
    assert (await client.post(f"{AUTH}/sign-up", json=account)).status_code == 202
    confirmed = await client.post(f"{AUTH}/confirm", json={"email": email, "code": "123456"})
    assert confirmed.status_code == 204, confirmed.text
    tokens = (await client.post(f"{AUTH}/sign-in", json=account)).json()
    return bearer(tokens["access_token"]), tokens


async def subject_of(client: httpx.AsyncClient, headers: dict[str, str]) -> str:
    subject: str = (await client.get("/api/users/me", headers=headers)).json()["subject"]
    return subject


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


async def test_an_erased_user_is_in_no_table_and_not_in_the_pool(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str], database: PostgresCluster
) -> None:
    subject, token = pool.person(email, "viewer")
    made = (await client.post("/api/keys", headers=bearer(token), json={"name": "x"})).json()
    erased = (await client.delete(f"{ADMIN}/users/{subject}", headers=admin)).json()
    assert erased["in_user_pool"] is True
    assert (erased["rows"]["api_keys"], erased["rows"]["users"]) == (1, 1)
    assert (await client.get(f"{ADMIN}/users/{subject}", headers=admin)).status_code == 404
    assert (await client.get("/api/users/me", headers={"x-api-key": made["key"]})).status_code == 401
    again = (await client.delete(f"{ADMIN}/users/{subject}", headers=admin)).json()
    assert (again["in_user_pool"], set(again["rows"].values())) == (False, {0})


async def test_who_signed_in_erases_the_own_account_and_a_key_does_not(
    client: httpx.AsyncClient, email: str
) -> None:
    headers, _ = await member(client, email)
    made = (await client.post("/api/keys", headers=headers, json={"name": "x"})).json()
    assert (await client.delete("/api/users/me", headers={"x-api-key": made["key"]})).status_code == 403
    erased = await client.delete("/api/users/me", headers=headers)
    assert erased.json()["in_user_pool"] is True


async def test_every_change_is_in_the_audit_trail_with_who_and_where(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str]
) -> None:
    subject, token = pool.person(email, "viewer")
    made = (await client.post("/api/keys", headers=bearer(token), json={"name": "x"})).json()
    await client.delete(f"/api/keys/{made['id']}", headers={**bearer(token), "x-request-id": "revoking-1"})
    found = (await client.get(f"{ADMIN}/audit", headers=admin, params={"target": made["id"]})).json()
    events = found["events"]
    assert [event["action"] for event in events] == ["key.revoked", "key.issued"]
    assert {event["actor"] for event in events} == {subject}
    assert (events[0]["request_id"], events[0]["region"]) == ("revoking-1", "eu-west-1")
    assert made["key"] not in str(found)


async def test_the_audit_trail_is_read_page_by_page_without_gap_or_repetition(
    client: httpx.AsyncClient, pool: Pool, email: str, admin: dict[str, str]
) -> None:
    subject, token = pool.person(email, "viewer")
    for number in range(5):
        await client.post("/api/keys", headers=bearer(token), json={"name": f"key {number}"})
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        params = {"actor": subject, "limit": 2, **cursor}
        page = (await client.get(f"{ADMIN}/audit", headers=admin, params=params)).json()
        seen += [event["id"] for event in page["events"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == 5
    assert seen == sorted(set(seen), reverse=True)


@pytest.mark.parametrize(
    "cursor", ["x", "!!!!", "ZXZlbnQ6", "ZXZlbnQ6LTE", "%00", "ZXZlbnQ6OTk5OTk5OTk5OTk5OTk5OTk5OTk"]
)
async def test_a_cursor_that_no_page_gave_is_refused(
    client: httpx.AsyncClient, admin: dict[str, str], cursor: str
) -> None:
    answer = await client.get(f"{ADMIN}/audit?cursor={cursor}", headers=admin)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "change", ["update audit_events set actor = 'x'", "delete from audit_events", "truncate audit_events"]
)
def test_nothing_changes_the_audit_trail(own_database: PostgresCluster, change: str) -> None:
    own_database.sql(
        "insert into audit_events (actor, action, target, request_id, region)"
        " values ('a', 'user.erased', 't', 'r', 'eu-west-1')"
    )
    with pytest.raises(AssertionError, match="append-only"):
        own_database.sql(change)
    assert own_database.sql("select actor from audit_events") == "a"


def test_every_table_with_a_subject_is_among_those_that_are_erased(database: PostgresCluster) -> None:
    kept = database.sql(
        "select string_agg(c.table_name, ',' order by c.table_name) from information_schema.columns c"
        " where c.table_schema = 'public' and c.column_name in ('subject', 'owner')"
        " and not exists (select from personal_data p where p.relation = c.table_name"
        " and p.subject_column = c.column_name)"
    )
    assert kept == ""


def test_a_dry_run_of_an_erasure_counts_and_deletes_nothing(own_database: PostgresCluster) -> None:
    own_database.sql("insert into users (subject) values ('person-1')")
    counted = "select affected from erase_subject('person-1', true) where relation = 'users'"
    assert [own_database.sql(counted), own_database.sql(counted)] == ["1", "1"]


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
