"""A Postgres with the features' tables, and Feast in an environment of its own."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_SERVICES = Path(__file__).parents[1] / "services"
sys.path[:0] = [
    str(_SERVICES / "features"),
    str(_SERVICES),
    str(_SERVICES.parents[1] / "services"),
]

import features_task  # noqa: E402
import postgres_servers  # noqa: E402
from feast_side import FeastSide, feast_side  # noqa: E402
from postgres_servers import PostgresCluster  # noqa: E402


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    template = postgres_servers.make_template(tmp_path_factory.mktemp("postgres"))
    with postgres_servers.postgres_cluster(template, tmp_path_factory.mktemp("cluster")) as cluster:
        asyncio.run(features_task.make_tables(cluster))
        cluster.sql("create schema feast_online")
        yield cluster


@pytest.fixture(scope="session")
def feast() -> Iterator[FeastSide]:
    with feast_side() as side:
        yield side
