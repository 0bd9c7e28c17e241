"""A broker of Apache Kafka with the recorded ticks, and what job and operator make of them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [
    str(Path(__file__).parent),
    str(ROOT / "tests" / "kafka"),
    str(ROOT / "tests" / "services"),
    str(ROOT / "services"),
]

import flink_job  # noqa: E402
import recorded  # noqa: E402
from kafka_server import KafkaServer  # noqa: E402
from made import Made, by_operator, of_topics, publish  # noqa: E402


@pytest.fixture(scope="session")
def messages() -> recorded.Messages:
    return recorded.messages()


@pytest.fixture(scope="session")
def by_flink(messages: recorded.Messages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """One run of the job; it takes a minute."""
    server = KafkaServer(tmp_path_factory.mktemp("kafka"))
    try:
        server.start()
        publish(server.endpoint, messages)
        flink_job.run(tmp_path_factory.mktemp("job"), server.endpoint)
        yield of_topics(server.endpoint)
    finally:
        server.kill()


@pytest.fixture(scope="session")
def operator(messages: recorded.Messages) -> Made:
    return by_operator(messages)
