"""Apache Kafka for the tests of the stream's client (`make test-kafka`)."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests" / "services"), str(ROOT / "services")]

from kafka_server import KafkaServer, running  # noqa: E402


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """Shared: leave it running."""
    with running(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """For this test alone, to kill and start again."""
    with running(tmp_path) as server:
        yield server
