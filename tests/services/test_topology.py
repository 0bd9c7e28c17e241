"""Beacons: written where the writer is, read from the region's reader, through every move of the writer."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import httpx
import pytest
from cache_servers import CachePair
from gateway_task import client_of, gateway_app, task_environment
from postgres_servers import PostgresCluster
from richesreach.core import database as core_database

BEACONS = "/api/topology/beacons"


async def light(client: httpx.AsyncClient, message: str = "fire on the hill") -> httpx.Response:
    return await client.post(BEACONS, json={"message": message})


async def until_async(ask: Callable[[], Awaitable[str]], wanted: str) -> None:
    """Ask until the wanted answer comes; fail when it never does."""
    async with asyncio.timeout(30):
        while await ask() != wanted:  # noqa: ASYNC110 (the world changes, no event tells)
            await asyncio.sleep(0.02)


async def test_a_beacon_is_written_at_the_writer(
    gateway: httpx.AsyncClient, database: PostgresCluster
) -> None:
    response = await light(gateway)
    body = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"{BEACONS}/{body['id']}"
    assert (body["message"], body["written_in"]) == ("fire on the hill", "eu-west-1")
    assert body["database"] == {"address": database.writer.host, "role": "writer"}


async def test_a_beacon_is_read_from_the_reader(
    gateway: httpx.AsyncClient, database: PostgresCluster
) -> None:
    written = await light(gateway)
    database.replicated()
    response = await gateway.get(written.headers["location"])
    body = response.json()
    lag = body["database"].pop("replication_lag_ms")
    assert response.status_code == 200
    assert body.pop("database") == {"address": database.reader.host, "role": "reader"}
    assert body.pop("read_in") == "eu-west-1"
    assert body.items() <= written.json().items()
    assert lag >= 0


async def test_a_writer_has_no_replication_lag(database: PostgresCluster, caches: CachePair) -> None:
    reader = database.dsn(database.writer, session="any")
    environment = {**task_environment(database, caches), "DATABASE_READER_DSN": reader}
    async with client_of(gateway_app(environment)) as client:
        written = await light(client)
        body = (await client.get(written.headers["location"])).json()
    assert body["database"] == {
        "address": database.writer.host,
        "role": "writer",
        "replication_lag_ms": None,
    }


async def test_an_unknown_beacon_is_a_problem(gateway: httpx.AsyncClient) -> None:
    response = await gateway.get(f"{BEACONS}/{uuid4()}")
    assert response.status_code == 404
    assert response.json()["type"] == "urn:richesreach:problem:unknown-beacon"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": ""},
        {"message": "x" * 201},
        {"message": 7},
        {"message": "nul\0"},
        {"message": "ok", "colour": "red"},
    ],
)
async def test_a_wrong_beacon_is_refused(gateway: httpx.AsyncClient, body: dict[str, object]) -> None:
    response = await gateway.post(BEACONS, json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


async def test_half_a_character_is_refused(gateway: httpx.AsyncClient) -> None:
    content, headers = rb'{"message": "\ud83d"}', {"content-type": "application/json"}
    assert (await gateway.post(BEACONS, content=content, headers=headers)).status_code == 422


@pytest.mark.parametrize("message", ["é" * 200, "🔥" * 200, "'; drop table topology_beacons; --"])
async def test_any_text_of_200_characters_comes_back(gateway: httpx.AsyncClient, message: str) -> None:
    assert (await light(gateway, message)).json()["message"] == message


async def test_a_malformed_id_is_refused(gateway: httpx.AsyncClient) -> None:
    assert (await gateway.get(f"{BEACONS}/7")).status_code == 422


async def test_without_a_database_writes_are_a_problem_worth_retrying(caches: CachePair) -> None:
    async with client_of(gateway_app(task_environment(None, caches))) as client:
        response = await light(client)
    assert response.status_code == 503
    assert response.json()["type"] == "urn:richesreach:problem:database-unavailable"
    assert "retry-after" in response.headers


async def test_writes_follow_a_writer_that_died(own_database: PostgresCluster, caches: CachePair) -> None:
    async with client_of(gateway_app(task_environment(own_database, caches))) as client:
        assert (await light(client)).status_code == 201
        own_database.replicated()
        own_database.writer.stop()
        own_database.reader.promote()
        response = await light(client)
    assert response.status_code == 201
    assert response.json()["database"] == {"address": own_database.reader.host, "role": "writer"}


async def test_writes_follow_a_writer_that_was_demoted_and_are_written_once(
    own_database: PostgresCluster, caches: CachePair
) -> None:
    old, new = own_database.writer, own_database.reader
    async with client_of(gateway_app(task_environment(own_database, caches))) as client:
        # Every pooled connection is to the old writer.
        before = await asyncio.gather(*(light(client) for _ in range(8)))
        own_database.replicated()
        old.become_read_only()
        new.promote()
        after = await asyncio.gather(*(light(client) for _ in range(8)))
    assert {response.status_code for response in after} == {201}
    assert {response.json()["database"]["address"] for response in after} == {new.host}
    written = sorted(response.json()["id"] for response in [*before, *after])
    assert new.sql("select id from topology_beacons order by id::text").split() == written


async def test_reads_leave_a_dead_reader_and_return_to_it(
    own_database: PostgresCluster, caches: CachePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core_database, "HOME_PROBE_INTERVAL", 0.05)
    async with client_of(gateway_app(task_environment(own_database, caches))) as client:
        place = (await light(client)).headers["location"]

        async def read_from() -> str:
            address: str = (await client.get(place)).json()["database"]["address"]
            return address

        own_database.replicated()
        assert await read_from() == own_database.reader.host
        own_database.reader.stop()
        assert await read_from() == own_database.writer.host
        own_database.reader.start()
        await until_async(read_from, own_database.reader.host)
