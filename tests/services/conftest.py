"""Fixtures of the services' tests: real servers, the environment of a task, and clients of an application."""

import itertools
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parent
# The services are not installed: an image, a local task and these tests all put their folder on the path.
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "services")]

import cache_servers  # noqa: E402
import postgres_servers  # noqa: E402
import stream_servers  # noqa: E402
from cache_clock import endpoint  # noqa: E402
from cache_servers import CachePair, CacheServer  # noqa: E402
from gateway_task import Environment, ServiceProcess, client_of, gateway_app, task_environment  # noqa: E402
from loopback import own_address  # noqa: E402
from postgres_servers import PostgresCluster  # noqa: E402
from richesreach.core.cache import Nodes  # noqa: E402
from richesreach.core.events import Events  # noqa: E402
from stream_client import events_of  # noqa: E402
from stream_servers import Broker  # noqa: E402

_database_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return postgres_servers.make_template(tmp_path_factory.mktemp("postgres"))


@pytest.fixture(scope="session")
def migrated_template(postgres_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped cluster with the gateway's tables and the samples of environment `local`, made by its own
    migration run as the task runs it.
    """
    server = postgres_servers.copy_of(postgres_template, tmp_path_factory.mktemp("migrated"))
    server.start()
    local = {**task_environment(PostgresCluster(server, server), None), "ENVIRONMENT": "local"}
    migration = ServiceProcess("richesreach.gateway.migrate", local)
    assert migration.wait() == 0, migration.output()
    server.stop()
    return server.data


@pytest.fixture(scope="session")
def _session_cluster(
    migrated_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PostgresCluster]:
    with postgres_servers.postgres_cluster(migrated_template, tmp_path_factory.mktemp("shared")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def _session_caches() -> Iterator[CachePair]:
    with cache_servers.cache_pair() as pair:
        yield pair


@pytest.fixture
def database(_session_cluster: PostgresCluster) -> PostgresCluster:
    """A writer and its reader, with the gateway's tables. Shared: leave both as they are."""
    return _session_cluster


@pytest.fixture
def empty_database(_session_cluster: PostgresCluster) -> PostgresCluster:
    """A database of this test alone, without tables, on the shared servers."""
    return _session_cluster.with_new_database(f"empty_{next(_database_numbers)}")


@pytest.fixture
def own_database(migrated_template: Path, tmp_path: Path) -> Iterator[PostgresCluster]:
    """A writer and its reader with tables, for this test alone, to stop and promote at will."""
    with postgres_servers.postgres_cluster(migrated_template, tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture
def caches(_session_caches: CachePair) -> CachePair:
    """A primary and its replica. Shared: leave both as they are."""
    return _session_caches


@pytest.fixture
def own_caches() -> Iterator[CachePair]:
    with cache_servers.cache_pair() as pair:
        yield pair


@pytest.fixture
def lone_cache() -> Iterator[CacheServer]:
    """A server without a replica, for this test alone."""
    server = CacheServer(*own_address())
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def nodes(lone_cache: CacheServer) -> AsyncIterator[Nodes]:
    """A client of `lone_cache`."""
    place = [endpoint(lone_cache)]
    nodes = Nodes("cache", reads=place, writes=place, tls=False)
    yield nodes
    await nodes.close()


@pytest.fixture
def environment(database: PostgresCluster, caches: CachePair) -> Environment:
    """The environment of a gateway task whose dependencies all answer."""
    return task_environment(database, caches)


@pytest.fixture
async def gateway(environment: Environment) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a gateway whose dependencies all answer."""
    async with client_of(gateway_app(environment)) as client:
        yield client


@pytest.fixture(scope="module")
def kafka() -> Iterator[Broker]:
    """A broker with all topics of the platform."""
    with stream_servers.broker() as found:
        yield found


@pytest.fixture
async def events(kafka: Broker) -> AsyncIterator[Events]:
    """A service's client of the stream."""
    async with events_of(kafka.endpoint) as found:
        yield found
