"""Health: what each dependency's trouble does to the answer."""

import asyncio
import socket

import httpx
import pytest
from cache_servers import CachePair
from gateway_task import Environment, client_of, gateway_app, task_environment
from loopback import own_address
from postgres_servers import PostgresCluster
from richesreach.core import health

PATHS = ["/health/detailed", "/health/detailed/"]


async def detailed(environment: Environment) -> httpx.Response:
    async with client_of(gateway_app(environment)) as client:
        return await client.get("/health/detailed/")


@pytest.mark.parametrize("path", PATHS)
async def test_with_all_dependencies_the_service_is_healthy(gateway: httpx.AsyncClient, path: str) -> None:
    response = await gateway.get(path)
    body = response.json()
    assert response.status_code == 200
    assert (body["status"], body["service"], body["region"]) == ("healthy", "gateway", "eu-west-1")
    assert {name: found["status"] for name, found in body["dependencies"].items()} == {
        "database": "healthy",
        "cache": "healthy",
        "global_cache": "healthy",
    }
    assert all(found["latency_ms"] > 0 for found in body["dependencies"].values())


async def test_the_database_is_shown_with_both_of_its_servers(
    gateway: httpx.AsyncClient, database: PostgresCluster
) -> None:
    found = (await gateway.get("/health/detailed")).json()["dependencies"]["database"]
    assert (found["writer"]["address"], found["writer"]["role"]) == (database.writer.host, "writer")
    assert (found["reader"]["address"], found["reader"]["role"]) == (database.reader.host, "reader")


async def test_the_cache_is_shown_with_the_roles_of_its_nodes(
    gateway: httpx.AsyncClient, caches: CachePair
) -> None:
    found = (await gateway.get("/health/detailed")).json()["dependencies"]["cache"]
    assert [(node["address"], node["role"]) for node in found["nodes"]] == [
        (caches.primary.endpoint, "primary"),
        (caches.replica.endpoint, "replica"),
    ]


async def test_without_a_cache_the_service_is_degraded(database: PostgresCluster) -> None:
    response = await detailed(task_environment(database, None))
    body = response.json()
    assert (response.status_code, body["status"]) == (200, "degraded")
    assert body["dependencies"]["cache"]["status"] == "down"


async def test_without_a_database_the_service_is_down(caches: CachePair) -> None:
    response = await detailed(task_environment(None, caches))
    body = response.json()
    assert (response.status_code, body["status"]) == (503, "down")
    assert body["dependencies"]["database"]["status"] == "down"
    assert "no host serves" in body["dependencies"]["database"]["writer"]["error"]
    assert body["dependencies"]["cache"]["status"] == "healthy"


async def test_without_a_writer_the_service_is_degraded(database: PostgresCluster, caches: CachePair) -> None:
    writer = database.dsn(database.reader, session="read-write")
    response = await detailed({**task_environment(database, caches), "DATABASE_WRITER_DSN": writer})
    found = response.json()["dependencies"]["database"]
    assert response.status_code == 200
    assert [found[part]["status"] for part in ("writer", "reader")] == ["down", "healthy"]


async def test_a_silent_writer_does_not_hide_the_reader(
    database: PostgresCluster, caches: CachePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "SERVER_TIMEOUT", 0.5)
    with socket.create_server(own_address()) as silent:  # takes connections and says nothing
        host, port = silent.getsockname()
        writer = f"postgresql://{host}:{port}/richesreach?target_session_attrs=read-write"
        response = await detailed({**task_environment(database, caches), "DATABASE_WRITER_DSN": writer})
    found = response.json()["dependencies"]["database"]
    assert (response.status_code, found["writer"]["error"]) == (200, "no answer within 0.5 s")
    assert found["reader"]["status"] == "healthy"


async def test_with_a_lost_cache_node_the_service_is_degraded(
    database: PostgresCluster, own_caches: CachePair
) -> None:
    own_caches.replica.stop()
    body = (await detailed(task_environment(database, own_caches))).json()
    found = body["dependencies"]
    assert (body["status"], found["cache"]["status"]) == ("degraded", "degraded")
    assert found["global_cache"]["status"] == "healthy"


async def test_a_cache_without_a_primary_is_degraded(
    database: PostgresCluster, own_caches: CachePair
) -> None:
    own_caches.primary.demote(own_caches.replica)
    body = (await detailed(task_environment(database, own_caches))).json()
    assert body["dependencies"]["cache"]["status"] == "degraded"


async def test_liveness_needs_no_dependency() -> None:
    async with client_of(gateway_app(task_environment(None, None))) as client:
        response = await client.get("/health")
    assert (response.status_code, response.json()["status"]) == (200, "ok")


async def test_a_wrong_password_is_reported_without_it(database: PostgresCluster, caches: CachePair) -> None:
    environment = {**task_environment(database, caches), "DATABASE_PASSWORD": "wr0ng-Pa55"}
    response = await detailed(environment)
    assert response.status_code == 503
    assert "password authentication failed" in response.text
    assert "wr0ng-Pa55" not in response.text


async def test_a_database_that_comes_late_is_found(own_database: PostgresCluster, caches: CachePair) -> None:
    own_database.reader.stop()
    own_database.writer.stop()
    async with client_of(gateway_app(task_environment(own_database, caches))) as client:
        assert (await client.get("/health/detailed/")).status_code == 503
        own_database.writer.start()
        own_database.reader.start()
        await asyncio.sleep(health.SHARED_SECONDS)  # for so long, all who ask get the report from before
        assert (await client.get("/health/detailed/")).json()["status"] == "healthy"


class Asked:
    """A dependency that counts, and answers once it may."""

    def __init__(self) -> None:
        self.times = 0
        self.may_answer = asyncio.Event()
        self.now = 100.0

    async def check(self) -> health.Report:
        self.times += 1
        await self.may_answer.wait()
        return {"status": "healthy", "number": self.times}

    def shared(self) -> health.SharedReport:
        dependencies = {"one": health.Dependency(self.check, critical=True)}
        return health.SharedReport(dependencies, seconds=1.0, clock=lambda: self.now)


async def test_all_who_ask_within_a_second_share_one_report() -> None:
    asked = Asked()
    shared = asked.shared()
    waiting = [asyncio.create_task(shared.get()) for _ in range(20)]
    await asyncio.sleep(0)
    asked.may_answer.set()
    found = await asyncio.gather(*waiting, shared.get())
    assert asked.times == 1
    assert {report["one"]["number"] for _, report in found} == {1}


async def test_after_a_second_the_dependencies_are_asked_again() -> None:
    asked = Asked()
    asked.may_answer.set()
    shared = asked.shared()
    await shared.get()
    asked.now += 1.0
    assert (await shared.get())[1]["one"]["number"] == 2


async def test_a_caller_that_leaves_does_not_end_the_report_of_others() -> None:
    asked = Asked()
    shared = asked.shared()
    leaving, staying = (asyncio.create_task(shared.get()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    asked.may_answer.set()
    assert (await staying)[0] == "healthy"
