"""Fixtures of the market data's tests."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

from postgres_servers import PostgresCluster, postgres_cluster  # noqa: E402


@pytest.fixture(scope="module")
def cluster(migrated_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresCluster]:
    """With the gateway's tables and samples, for the candles of one module's tests."""
    with postgres_cluster(migrated_template, tmp_path_factory.mktemp("candles")) as found:
        yield found
