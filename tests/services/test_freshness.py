"""Read your writes: who has just written sees it, though the replica does not have it yet."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from gateway_task import client_of, task_environment
from hypothesis import given
from hypothesis import strategies as st
from postgres_servers import PostgresCluster
from richesreach.core.app import CurrentPlatform, build_app
from richesreach.core.database import Connection
from richesreach.core.freshness import COOKIE, HEADER, Freshness
from richesreach.core.request_headers import given_to
from richesreach.core.settings import Settings

NOW = 1_767_225_600.0
_WRITE = """
    insert into topology_beacons (id, message, written_in) values ($1, 'x', 'eu-west-1')
    on conflict do nothing
"""


def router() -> APIRouter:
    routes = APIRouter()

    @routes.post("/rows")
    async def write(platform: CurrentPlatform) -> dict[str, int]:
        row = uuid4()

        async def insert(connection: Connection) -> None:
            await connection.execute(_WRITE, row)

        await platform.database.write(insert)
        return {"seen": await count(platform)}

    @routes.get("/rows")
    async def read(platform: CurrentPlatform) -> dict[str, int]:
        return {"seen": await count(platform)}

    return routes


async def count(platform: CurrentPlatform) -> int:
    async def select(connection: Connection) -> int:
        found: int = await connection.fetchval("select count(*) from topology_beacons")
        return found

    return await platform.database.read(select)


def app_over(cluster: PostgresCluster, **environment: str) -> FastAPI:
    settings = Settings.from_environment({**task_environment(cluster, None), **environment})
    return build_app(settings, title="test", openapi_path="/openapi.json", routers=[router()])


@pytest.fixture
def behind(own_database: PostgresCluster) -> Iterator[PostgresCluster]:
    """A reader that gets what is written and does not replay it."""
    own_database.replicated()
    own_database.reader.sql("select pg_wal_replay_pause()")
    yield own_database
    if own_database.reader.process is not None:
        own_database.reader.sql("select pg_wal_replay_resume()")


@pytest.fixture
async def client(behind: PostgresCluster) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app_over(behind)) as opened:
        yield opened


async def seen(client: httpx.AsyncClient, **headers: str) -> int:
    found: int = (await client.get("/rows", headers=headers)).json()["seen"]
    return found


async def test_a_caller_sees_its_write_in_the_same_request_and_in_the_next(client: httpx.AsyncClient) -> None:
    written = await client.post("/rows")
    assert written.json() == {"seen": 1}
    assert await seen(client, cookie=f"{COOKIE}={written.headers[HEADER]}") == 1
    assert await seen(client, **{HEADER: written.headers[HEADER]}) == 1


async def test_another_caller_reads_from_the_replica(client: httpx.AsyncClient) -> None:
    await client.post("/rows")
    client.cookies.clear()
    assert await seen(client) == 0


async def test_the_cookie_is_for_a_few_seconds_and_for_no_script(client: httpx.AsyncClient) -> None:
    cookie = (await client.post("/rows")).headers["set-cookie"]
    assert {"Max-Age=5", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "set-cookie" not in (await client.get("/rows")).headers


async def test_without_a_writer_the_replica_is_better_than_nothing(
    behind: PostgresCluster, client: httpx.AsyncClient
) -> None:
    written = await client.post("/rows")
    behind.writer.stop()
    assert await seen(client, **{HEADER: written.headers[HEADER]}) == 0


async def test_it_can_be_left_out(behind: PostgresCluster) -> None:
    async with client_of(app_over(behind, READ_YOUR_WRITES_SECONDS="0")) as client:
        written = await client.post("/rows")
    assert written.json() == {"seen": 0}
    assert HEADER not in written.headers


freshness = Freshness(5, now=lambda: NOW)


def shown(headers: dict[str, str]) -> float | None:
    given = given_to((name.encode(), value.encode("latin-1")) for name, value in headers.items())
    return freshness.before(given).at


@pytest.mark.parametrize(
    ("age", "counts"), [(0, True), (4.9, True), (5.1, False), (-4.9, True), (-5.1, False)]
)
def test_only_a_recent_write_counts(age: float, counts: bool) -> None:
    value = str(int((NOW - age) * 1000))
    for headers in ({HEADER: value}, {"cookie": f"a=b; {COOKIE}={value}"}):
        assert (shown(headers) is not None) is counts


@given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n")))
def test_whatever_a_caller_shows_is_read_without_an_error(value: str) -> None:
    for headers in ({HEADER: value}, {"cookie": f"{COOKIE}={value}"}, {"cookie": f"{value}{COOKIE}"}):
        shown(headers)
