"""Fixtures of the API keys' tests: who signs tokens, and gateways that know keys."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from cache_servers import CachePair, cache_pair
from gateway_task import Environment, client_of, gateway_app, task_environment
from postgres_servers import PostgresCluster
from token_issuer import Issuer, issuer

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
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
