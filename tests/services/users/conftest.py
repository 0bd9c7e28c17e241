"""Fixtures of the users' tests: a real user pool, and a gateway that asks it."""

import itertools
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from cache_servers import CachePair
from gateway_task import Environment, client_of, gateway_app, task_environment
from postgres_servers import PostgresCluster
from token_issuer import bearer
from user_pool import CREDENTIALS, Pool, user_pool

sys.path.insert(0, str(Path(__file__).parent))
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
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
