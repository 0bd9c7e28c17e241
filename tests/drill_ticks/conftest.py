"""The drill of the ticks' way: Apache Kafka, the region's cache, and the services' own processes."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
sys.path[:0] = [
    str(Path(__file__).parent),
    *(str(TESTS / folder) for folder in ("kafka", "services", "services/market_data")),
    str(ROOT / "services"),
]

from cache_servers import CachePair, cache_pair  # noqa: E402
from kafka_server import KafkaServer, running  # noqa: E402


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    with running(tmp_path) as server:
        yield server


@pytest.fixture
def caches() -> Iterator[CachePair]:
    with cache_pair() as pair:
        yield pair
