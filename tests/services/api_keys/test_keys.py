"""API keys: issued, shown, rotated, and known where the database is away."""

import io
from datetime import UTC, datetime

import httpx
from cache_servers import CachePair
from gateway_task import Environment, client_of, gateway_app, task_environment
from key_holder import LIST, issued, person, status_with, until
from postgres_servers import PostgresCluster
from richesreach.core import logs
from richesreach.core.auth import api_key
from token_issuer import Issuer, bearer


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
    made = await issued(client, person(signing, subject="told-once"))
    secret = made["key"].split("_")[2][:43]
    listed = (await client.get(LIST, headers=person(signing, subject="told-once"))).text
    row = database.sql("select to_jsonb(k)::text from api_keys k where owner = 'told-once'")
    cached = own_caches.primary.command("GET", f"apikey:{made['id']}")
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
