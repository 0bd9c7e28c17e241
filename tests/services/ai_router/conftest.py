"""Fixtures of the router's tests: a mock of the providers, as a process of its own, and books to write in."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import mock_provider  # noqa: E402
import postgres_servers  # noqa: E402
import router_app  # noqa: E402
from cache_servers import CachePair  # noqa: E402
from gateway_task import Environment, task_environment  # noqa: E402
from mock_provider import MockProvider  # noqa: E402
from money_stores import make_tables  # noqa: E402
from postgres_servers import PostgresCluster  # noqa: E402


@pytest.fixture(scope="session")
def _session_mock() -> Iterator[MockProvider]:
    with mock_provider.running() as mock:
        yield mock


@pytest.fixture
def mock(_session_mock: MockProvider) -> Iterator[MockProvider]:
    """Providers that answer well until they are told otherwise, and have seen nothing yet."""
    _session_mock.forget()
    yield _session_mock
    _session_mock.forget()


@pytest.fixture(scope="session")
def ai_database(_session_cluster: PostgresCluster) -> PostgresCluster:
    """A database with the router's tables. Shared: take an organisation of your own."""
    cluster = _session_cluster.with_new_database("ai_router")
    asyncio.run(make_tables(cluster))
    return cluster


@pytest.fixture
def own_database_of_ai(postgres_template: Path, tmp_path: Path) -> Iterator[PostgresCluster]:
    """A writer and its reader with the router's tables, for this test alone, to stop at will."""
    with postgres_servers.postgres_cluster(postgres_template, tmp_path / "cluster") as cluster:
        asyncio.run(make_tables(cluster))
        cluster.replicated()
        yield cluster


@pytest.fixture
def org() -> str:
    """An organisation that nobody was before."""
    return f"org-{uuid4().hex[:12]}"


@pytest.fixture
def ai_environment(ai_database: PostgresCluster, caches: CachePair) -> Environment:
    """The environment of a router's task whose dependencies all answer."""
    return task_environment(ai_database, caches)


@pytest.fixture
async def ask(ai_environment: Environment, mock: MockProvider) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a router whose providers are all the mock; it has a viewer's key."""
    app = router_app.router_app(ai_environment, router_app.ai_settings(router_app.secret(mock)))
    async with router_app.client_of(app) as client:
        yield client
