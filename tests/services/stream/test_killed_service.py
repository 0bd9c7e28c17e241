"""The service as a process that SIGKILL ends, over a lake behind a socket: what is left is as of one run."""

from collections.abc import Iterator
from typing import Any

import boto3
import msgspec
import pytest
import stream_servers
from cache_servers import CachePair
from gateway_task import Environment, ServiceProcess, task_environment
from loopback import own_address, until
from moto.server import ThreadedMotoServer
from postgres_servers import PostgresCluster
from richesreach.core.events.schemas import Bar
from richesreach.stream.definitions import SECOND
from richesreach.stream.snapshot_store import PREFIX
from running import START, Topics, Window, identity, tick
from stream_servers import Broker

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
BUCKET = "richesreach-test-lake"


@pytest.fixture
def broker() -> Iterator[Broker]:
    with stream_servers.broker(own=True) as found:
        yield found


@pytest.fixture
def lake() -> Iterator[str]:
    """The endpoint of S3, with the bucket."""
    host, port = own_address()
    server = ThreadedMotoServer(ip_address=host, port=port, verbose=False)
    server.start()
    try:
        endpoint = f"http://{host}:{port}"
        s3(endpoint).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        yield endpoint
    finally:
        server.stop()


def s3(endpoint: str) -> Any:
    return boto3.client(
        "s3",
        region_name="eu-west-1",
        endpoint_url=endpoint,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


@pytest.fixture
def task(database: PostgresCluster, caches: CachePair, broker: Broker, lake: str) -> Environment:
    """The environment of a task of the service."""
    return {
        **task_environment(database, caches),
        **CREDENTIALS,
        "SERVICE_NAME": "stream",
        "S3_BUCKET": BUCKET,
        "AWS_ENDPOINT_URL": lake,
        "KAFKA_BOOTSTRAP_SERVERS": broker.endpoint,
        "KAFKA_SECURITY": "plaintext",
        "STREAM_SNAPSHOT_SECONDS": "1",
    }


def test_a_killed_process_is_followed_by_one_that_leaves_what_one_would_have(
    task: Environment, broker: Broker, caches: CachePair, lake: str
) -> None:
    topics, window, start = Topics(broker), Window(caches), START
    window.empty()

    def publish(first: int, last: int) -> None:
        for number in range(first, last):
            topics.ticks(0, tick("AAPL", number, start + number * SECOND, 100 + number))

    def snapshots() -> list[str]:
        answer = s3(lake).list_objects_v2(Bucket=BUCKET, Prefix=PREFIX)
        return [each["Key"] for each in answer.get("Contents", ())]

    first = ServiceProcess("richesreach.stream", task)
    publish(0, 6)
    until(lambda: len(snapshots()) > 0, "a snapshot is kept", 90)
    publish(6, 10)
    until(lambda: window.price("AAPL") == 109, "all ticks are seen", 90)
    first.kill()
    second = ServiceProcess("richesreach.stream", task)
    publish(10, 14)
    until(lambda: window.price("AAPL") == 113, "the next process goes on", 90)
    second.ask_to_stop()
    assert second.wait() == 0, second.output()
    made = topics.read("market.bars")
    assert len({value for _, value in made}) == len({text for text, _ in made}), "one id, one value"
    assert sorted({identity(text).offset for text, _ in made}) == list(range(3, 14))
    closed = {msgspec.json.decode(value, type=Bar).start for _, value in made}
    assert closed == {start + number * SECOND for number in range(11)}
    assert len(snapshots()) > 1, "the second process kept none when it ended"
