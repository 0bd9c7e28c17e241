"""The features service on a real cache and a real Postgres, and vectors as the stream writes them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import features_task  # noqa: E402
from asking import UNLIMITED  # noqa: E402
from cache_servers import CachePair  # noqa: E402
from features_task import FeaturesTask  # noqa: E402
from gateway_task import Environment, task_environment  # noqa: E402
from loopback import own_address  # noqa: E402
from postgres_servers import PostgresCluster  # noqa: E402
from token_issuer import Issuer, issuer  # noqa: E402


@pytest.fixture(scope="module")
def signing() -> Iterator[Issuer]:
    with issuer() as started:
        yield started


@pytest.fixture(scope="session")
def features_database(_session_cluster: PostgresCluster) -> PostgresCluster:
    """A database with the gateway's tables, without samples, and the features'. Shared: take own entities."""
    cluster = _session_cluster.with_new_database("features")
    asyncio.run(features_task.make_tables(cluster))
    return cluster


@pytest.fixture
def told(features_database: PostgresCluster, caches: CachePair, signing: Issuer) -> Environment:
    """The environment of a features task."""
    host, port = own_address()
    return {
        **task_environment(features_database, caches),
        **UNLIMITED,
        **signing.variables,
        "SERVICE_NAME": "features",
        "BIND_ADDRESS": host,
        "RPC_PORT": str(port),
    }


@pytest.fixture
async def task(told: Environment, signing: Issuer) -> AsyncIterator[FeaturesTask]:
    async with features_task.running(told, signing) as started:
        yield started
