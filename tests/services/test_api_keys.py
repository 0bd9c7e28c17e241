"""API keys: their form, what they prove, how they are rotated and revoked, and who hears of it."""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cache_servers import CachePair, cache_pair
from gateway_task import Environment, client_of, gateway_app, task_environment
from hypothesis import given
from hypothesis import strategies as st
from postgres_servers import PostgresCluster
from richesreach.core import logs
from richesreach.core.app import Platform
from richesreach.core.auth import api_key
from richesreach.core.auth.key_directory import KIND
from richesreach.core.auth.key_record import KeyRecord
from richesreach.core.auth.refusals import RefusedCredentialError
from richesreach.core.auth.revocations import INTERVAL, REMEMBERED, Revocations
from richesreach.core.settings import Settings
from token_issuer import Issuer, bearer, issuer

LIST = "/api/keys"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


# ------------------------------------------------------------------------------------------------- form
def test_a_key_is_read_as_it_was_made() -> None:
    key = api_key.mint()
    assert key.text.startswith("rr_")
    assert api_key.parse(key.text) == key


@given(st.data())
def test_a_key_with_one_wrong_letter_is_none(data: st.DataObject) -> None:
    text = api_key.mint().text
    place = data.draw(st.integers(3, len(text) - 1))
    other = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda c: c != text[place]))
    assert api_key.parse(text[:place] + other + text[place + 1 :]) is None


@given(st.text() | st.text().map("rr_".__add__))
def test_whatever_comes_as_a_key_is_none_and_nothing_else(text: str) -> None:
    assert api_key.parse(text) is None


def test_no_two_keys_are_alike_and_none_shows_its_secret() -> None:
    keys = [api_key.mint() for _ in range(50)]
    assert len({key.id for key in keys} | {key.secret for key in keys}) == 100
    assert not any(key.secret in repr(key) for key in keys)


def record(key: api_key.ApiKey, **changed: object) -> KeyRecord:
    values = {
        "id": key.id,
        "owner": "user-1",
        "roles": ["viewer"],
        "scopes": None,
        "tier": None,
        "secret_hash": key.digest.hex(),
        "previous_hash": None,
        "previous_until": None,
        "expires_at": None,
        "revoked_at": None,
        **changed,
    }
    return KeyRecord(**values)  # type: ignore[arg-type]


def reason(found: KeyRecord, shown: api_key.ApiKey, now: datetime = NOW) -> str:
    with pytest.raises(RefusedCredentialError) as refused:
        found.bearer(shown, now)
    return refused.value.reason


def test_only_the_secret_proves_a_key() -> None:
    key = api_key.mint()
    assert record(key).bearer(key, NOW).key_id == key.id
    assert reason(record(key), api_key.mint(key.id)) == "unknown_api_key"


def test_only_who_has_the_secret_learns_that_it_was_revoked_or_has_expired() -> None:
    key, other = api_key.mint(), api_key.mint()
    gone, old = record(key, revoked_at=NOW), record(key, expires_at=NOW)
    assert (reason(gone, key), reason(old, key)) == ("revoked_api_key", "expired_api_key")
    assert (reason(gone, other), reason(old, other)) == ("unknown_api_key", "unknown_api_key")


def test_a_key_serves_until_the_moment_that_it_expires() -> None:
    key = api_key.mint()
    found = record(key, expires_at=NOW)
    assert found.bearer(key, NOW - timedelta(seconds=1)).subject == "user-1"


def test_two_secrets_count_while_a_rotation_overlaps() -> None:
    before = api_key.mint()
    after = api_key.mint(before.id)
    found = record(after, previous_hash=before.digest.hex(), previous_until=NOW)
    assert found.bearer(after, NOW).key_id == before.id
    assert found.bearer(before, NOW - timedelta(seconds=1)).key_id == before.id
    assert reason(found, before) == "unknown_api_key"


def test_a_key_with_fewer_scopes_than_a_role_does_not_have_the_role() -> None:
    key = api_key.mint()
    caller = record(key, roles=["admin"], scopes=["market:read", "users:read"]).bearer(key, NOW)
    assert caller.scopes == {"market:read", "users:read"}
    assert caller.roles == frozenset()


def test_scopes_beyond_the_roles_of_a_key_give_nothing() -> None:
    key = api_key.mint()
    assert record(key, scopes=["users:write"]).bearer(key, NOW).scopes == frozenset()


# ---------------------------------------------------------------------------------------------- gateway
@pytest.fixture(scope="module")
def signing() -> Iterator[Issuer]:
    with issuer() as started:
        yield started


@pytest.fixture
def environment(database: PostgresCluster, own_caches: CachePair, signing: Issuer) -> Environment:
    return {**task_environment(database, own_caches), **signing.variables}


@pytest.fixture
async def client(environment: Environment) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(gateway_app(environment)) as opened:
        yield opened


def person(signing: Issuer, *roles: str, subject: str = "trader-1") -> dict[str, str]:
    return bearer(signing.token(*(roles or ("trader",)), sub=subject))


async def issued(client: httpx.AsyncClient, token: dict[str, str], **body: object) -> dict[str, str]:
    answer = await client.post(LIST, headers=token, json={"name": "laptop", **body})
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


async def status_with(client: httpx.AsyncClient, key: str, path: str = LIST) -> int:
    return (await client.get(path, headers={"x-api-key": key})).status_code


async def until(client: httpx.AsyncClient, key: str, status: int) -> None:
    """Wait until the key is answered so; not as long as a process would keep it without being told."""
    deadline = time.monotonic() + 0.8 * KIND.local
    while await status_with(client, key) != status:
        assert time.monotonic() < deadline, f"never {status}"
        await asyncio.sleep(0.05)


async def test_a_new_key_works_at_once_in_both_places(client: httpx.AsyncClient, signing: Issuer) -> None:
    key = (await issued(client, person(signing)))["key"]
    assert await status_with(client, key) == 200
    assert (await client.get(LIST, headers=bearer(key))).status_code == 200


async def test_a_key_has_the_limit_of_keys_and_one_that_is_unknown_has_not(
    client: httpx.AsyncClient, signing: Issuer
) -> None:
    key = (await issued(client, person(signing)))["key"]
    path = "/api/status/rate-limit"
    known = await client.get(path, headers={"x-api-key": key})
    viewer = {"x-forwarded-for": "203.0.113.7, 192.0.2.10"}
    guessed = await client.get(path, headers={"x-api-key": api_key.mint().text, **viewer})
    assert (known.json()["tier"], guessed.json()["tier"]) == ("key", "anonymous")


async def test_a_secret_is_told_once_and_stored_nowhere(
    client: httpx.AsyncClient, signing: Issuer, database: PostgresCluster, own_caches: CachePair
) -> None:
    for _ in range(5):
        made = await issued(client, person(signing, subject="told-once"))
        cached = own_caches.primary.command("GET", f"apikey:{made['id']}")
        if made["id"] in cached:
            break
        await asyncio.sleep(1.5)  # a write may be lost, and the server is then passed over for a second
    secret = made["key"].split("_")[2][:43]
    listed = (await client.get(LIST, headers=person(signing, subject="told-once"))).text
    row = database.sql("select to_jsonb(k)::text from api_keys k where owner = 'told-once'")
    for text in (listed, row, cached):
        assert made["id"] in text
        assert secret not in text


async def test_a_key_is_in_no_log_line(client: httpx.AsyncClient, signing: Issuer) -> None:
    stream = io.StringIO()
    logs.configure(service="gateway", region="eu-west-1", level="DEBUG", stream=stream)
    made = await issued(client, person(signing))
    await status_with(client, made["key"])
    await status_with(client, made["key"][:-1] + "!")
    written = stream.getvalue()
    assert '"user":"trader-1"' in written
    assert made["key"].split("_")[2][:12] not in written


async def test_a_revoked_key_is_refused_at_once_and_says_so(
    client: httpx.AsyncClient, signing: Issuer
) -> None:
    made = await issued(client, person(signing))
    assert await status_with(client, made["key"]) == 200
    revoked = [await client.delete(f"{LIST}/{made['id']}", headers=person(signing)) for _ in range(2)]
    refused = await client.get(LIST, headers={"x-api-key": made["key"]})
    assert [answer.status_code for answer in revoked] == [204, 204]
    assert (refused.status_code, refused.json()["detail"]) == (401, "The API key was revoked.")


@pytest.fixture
async def tasks(environment: Environment) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Two tasks of a region, and one of another region: its caches are its own, the datastore is shared."""
    with cache_pair() as elsewhere:
        host, port = elsewhere.primary.host, str(elsewhere.primary.port)
        far = {
            **environment,
            "AWS_REGION": "us-east-1",
            "REDIS_PRIMARY_HOST": host,
            "REDIS_PRIMARY_PORT": port,
            "REDIS_SECONDARY_HOST": host,
            "REDIS_SECONDARY_PORT": port,
        }
        async with AsyncExitStack() as stack:
            opened = [
                await stack.enter_async_context(client_of(gateway_app(variables)))
                for variables in (environment, environment, far)
            ]
            yield opened


async def test_a_revocation_is_known_in_every_process_of_every_region(
    tasks: list[httpx.AsyncClient], signing: Issuer
) -> None:
    made = await issued(tasks[0], person(signing))
    for task in tasks:  # each keeps the key in its memory now
        await until(task, made["key"], 200)
    await tasks[0].delete(f"{LIST}/{made['id']}", headers=person(signing))
    await asyncio.gather(*(until(task, made["key"], 401) for task in tasks))


async def test_a_region_that_caches_an_old_row_refuses_a_revoked_key_all_the_same(
    own_caches: CachePair,
) -> None:
    """As where a replica is behind: what the region's own cache holds does not bring the key back."""
    settings = Settings.from_environment(task_environment(None, own_caches))
    platform = Platform.from_settings(settings)
    key = api_key.mint()
    revocations = Revocations(platform.global_cache.servers)
    await platform.keys.changed(record(key))
    assert (await platform.keys.find(key.text)).subject == "user-1"
    await revocations.tell(key.id)
    await platform.keys._revocations.look()
    with pytest.raises(RefusedCredentialError) as refused:
        await platform.keys.find(key.text)
    assert refused.value.reason == "revoked_api_key"
    await platform.close()


async def test_revocations_are_forgotten_once_every_cache_has_forgotten_the_key(
    own_caches: CachePair,
) -> None:
    settings = Settings.from_environment(task_environment(None, own_caches))
    platform = Platform.from_settings(settings)
    at = [1000.0]
    known = Revocations(platform.global_cache.servers, now=lambda: at[0])
    await known.tell("A" * 12)
    at[0] += REMEMBERED - INTERVAL
    await known.look()
    assert "A" * 12 in known
    at[0] += INTERVAL * 2
    await known.look()
    assert "A" * 12 not in known
    await platform.close()


async def test_what_was_revoked_stays_so_while_the_datastore_is_away(own_caches: CachePair) -> None:
    platform = Platform.from_settings(Settings.from_environment(task_environment(None, own_caches)))
    known = Revocations(platform.global_cache.servers)
    own_caches.primary.stop()
    own_caches.replica.stop()
    assert await known.tell("A" * 12) is False
    await known.look()
    assert "A" * 12 in known
    await platform.close()


async def test_what_was_revoked_while_the_datastore_was_away_is_told_when_it_is_back(
    own_caches: CachePair,
) -> None:
    platform = Platform.from_settings(Settings.from_environment(task_environment(None, own_caches)))
    here, elsewhere = (Revocations(platform.global_cache.servers) for _ in range(2))
    own_caches.primary.stop()
    own_caches.replica.stop()
    assert await here.tell("A" * 12) is False
    own_caches.primary.start()
    async with asyncio.timeout(60):
        while "A" * 12 not in elsewhere:
            await here.look()
            await elsewhere.look()
            await asyncio.sleep(0.1)
    await platform.close()


async def test_after_a_rotation_both_secrets_serve_everywhere(
    tasks: list[httpx.AsyncClient], signing: Issuer
) -> None:
    made = await issued(tasks[0], person(signing))
    await until(tasks[1], made["key"], 200)
    rotated = await tasks[0].post(f"{LIST}/{made['id']}/rotate", headers=person(signing))
    assert rotated.json()["id"] == made["id"]
    for key in (made["key"], rotated.json()["key"]):
        await until(tasks[1], key, 200)


async def test_without_overlap_the_old_secret_ends_at_once(
    client: httpx.AsyncClient, signing: Issuer
) -> None:
    made = await issued(client, person(signing))
    path = f"{LIST}/{made['id']}/rotate"
    rotated = await client.post(path, headers=person(signing), json={"overlap_seconds": 0})
    assert await status_with(client, made["key"]) == 401
    assert await status_with(client, rotated.json()["key"]) == 200


async def test_known_keys_serve_on_without_a_database(
    environment: Environment, signing: Issuer, own_caches: CachePair
) -> None:
    async with client_of(gateway_app(environment)) as client:
        key = (await issued(client, person(signing)))["key"]
    lost = {**environment, **{n: v for n, v in task_environment(None, None).items() if "_DSN" in n}}
    async with client_of(gateway_app(lost)) as client:
        answer = await client.get("/api/status/rate-limit", headers={"x-api-key": key})
        unknown = await client.get(LIST, headers={"x-api-key": api_key.mint().text})
    assert answer.json()["tier"] == "key"
    assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "5")


# ----------------------------------------------------------------------------------------------- rights
async def test_a_key_may_do_no_more_than_its_owner(client: httpx.AsyncClient, signing: Issuer) -> None:
    for wanted in ({"roles": ["admin"]}, {"scopes": ["users:write"]}):
        answer = await client.post(LIST, headers=person(signing), json={"name": "x", **wanted})
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:richesreach:problem:beyond-caller")


async def test_a_key_makes_no_keys(client: httpx.AsyncClient, signing: Issuer) -> None:
    made = await issued(client, person(signing))
    answers = [
        await client.post(LIST, headers={"x-api-key": made["key"]}, json={"name": "x"}),
        await client.post(f"{LIST}/{made['id']}/rotate", headers={"x-api-key": made["key"]}),
    ]
    assert [answer.status_code for answer in answers] == [403, 403]


async def test_a_key_that_may_only_read_the_market_lists_no_keys(
    client: httpx.AsyncClient, signing: Issuer
) -> None:
    made = await issued(client, person(signing), scopes=["market:read"])
    assert await status_with(client, made["key"]) == 403


async def test_another_s_key_is_as_unknown_as_none(client: httpx.AsyncClient, signing: Issuer) -> None:
    made = await issued(client, person(signing, subject="owner-1"))
    other = person(signing, subject="owner-2")
    for key_id in (made["id"], "0" * 12):
        assert (await client.delete(f"{LIST}/{key_id}", headers=other)).status_code == 404
        assert (await client.post(f"{LIST}/{key_id}/rotate", headers=other)).status_code == 404
    assert await status_with(client, made["key"]) == 200


async def test_a_revoked_key_is_not_rotated(client: httpx.AsyncClient, signing: Issuer) -> None:
    made = await issued(client, person(signing))
    await client.delete(f"{LIST}/{made['id']}", headers=person(signing))
    answer = await client.post(f"{LIST}/{made['id']}/rotate", headers=person(signing))
    assert answer.status_code == 409


async def test_one_user_has_so_many_keys_and_no_more(client: httpx.AsyncClient, signing: Issuer) -> None:
    owner = person(signing, subject="collector")
    answers = await asyncio.gather(
        *(client.post(LIST, headers=owner, json={"name": f"key {number}"}) for number in range(23))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [409] * 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 81},
        {"name": "a\x00b"},
        {"name": "x", "roles": []},
        {"name": "x", "roles": ["root"]},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "expires_in_days": 0},
        {"name": "x", "expires_in_days": 10**12},
        {"name": "x", "owner": "somebody"},
    ],
)
async def test_what_no_key_can_be_made_of_is_refused(
    client: httpx.AsyncClient, signing: Issuer, body: dict[str, object]
) -> None:
    answer = await client.post(LIST, headers=person(signing), json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_the_day_of_the_last_use_is_noted_without_a_request_waiting(
    environment: Environment, signing: Issuer
) -> None:
    app = gateway_app(environment)
    async with client_of(app) as client:
        made = await issued(client, person(signing, subject="used-1"))
        assert await status_with(client, made["key"]) == 200
        await app.state.platform.keys.note_used()
        listed = (await client.get(LIST, headers=person(signing, subject="used-1"))).json()["keys"]
    assert [key["last_used_on"] for key in listed] == [datetime.now(UTC).date().isoformat()]
