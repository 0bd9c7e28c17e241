"""The service on a broker, a lake and a database: killed again and again, it keeps every message once."""

import asyncio
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import lakes
import pytest
from cache_servers import CachePair
from confluent_kafka import Producer
from gateway_task import Environment, ServiceProcess, client_of, task_environment
from loopback import until
from postgres_servers import PostgresCluster
from richesreach.core.events import accounting
from richesreach.core.settings import Settings
from richesreach.history.app import DATABASE_GROUP, GROUPS, create_app
from richesreach.history.lake.layouts import BARS, LAYOUTS, TICKS
from richesreach.history.lake.store import LakeStore
from stream_client import eventually
from stream_servers import PARTITIONS, Broker, broker

MANIFEST = Path(__file__).parents[3] / "services/richesreach/history/service.yaml"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with lakes.server() as endpoint:
        yield endpoint


@pytest.fixture
def kafka() -> Iterator[Broker]:
    with broker(own=True) as found:
        yield found


@pytest.fixture
def lake(server: str) -> LakeStore:
    return lakes.new_store(server)


@pytest.fixture
def environment(kafka: Broker, server: str, lake: LakeStore) -> Environment:
    """Of a task in a region that is not the writer's: files are written after a second."""
    return {
        **task_environment(None, None),
        "SERVICE_NAME": "history",
        "KAFKA_BOOTSTRAP_SERVERS": kafka.endpoint,
        "KAFKA_SECURITY": "plaintext",
        "S3_BUCKET": lake.bucket,
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "HISTORY_FILE_SECONDS": "1",
        "HISTORY_FILE_ROWS": "40",
    }


def publish(kafka: Broker, given: list[lakes.Given]) -> None:
    """To the partition that each names; published now."""
    producer = Producer({"bootstrap.servers": kafka.endpoint, "linger.ms": 5})
    for each in given:
        producer.produce(each.topic(), each.value(), b"key", partition=each.partition())
    assert producer.flush(30) == 0


def feed(start: int, count: int) -> list[lakes.Given]:
    """Numbered ticks of a symbol for each partition."""
    return [
        lakes.ticks(offset, symbol=f"S{number}", number=number)
        for offset in range(start, start + count)
        for number in range(PARTITIONS)
    ]


def sequences(lake: LakeStore) -> list[tuple[Any, ...]]:
    found = lakes.rows(lakes.place_of(lake, TICKS), "symbol, sequence")
    return sorted(found)


def files(lake: LakeStore) -> int:
    return len(lakes.listed(lakes.place_of(lake, TICKS)))


@pytest.mark.timeout(300)
def test_whatever_kills_the_service_each_message_is_in_the_lake_once(
    environment: Environment, kafka: Broker, lake: LakeStore
) -> None:
    rounds, count = 2, 30
    for number in range(rounds):
        publish(kafka, feed(number * count, count))
        before = files(lake)
        service = ServiceProcess("richesreach.history", environment)
        try:
            until(lambda least=before: files(lake) > least, "the service writes", 60.0)
        finally:
            service.kill()
    service = ServiceProcess("richesreach.history", environment)
    expected = sorted(
        (f"S{number}", offset * 10 + place)
        for number in range(PARTITIONS)
        for offset in range(rounds * count)
        for place in range(3)
    )
    try:
        until(lambda: len(sequences(lake)) >= len(expected), "all of it is in the lake", 60.0)
    finally:
        service.ask_to_stop()
        status = service.wait()
    assert sequences(lake) == expected
    assert status == 0, service.output()


@pytest.fixture
def settings(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    for name, value in environment.items():
        monkeypatch.setitem(os.environ, name, value)
    return environment


async def test_a_task_tells_what_the_lake_has_and_that_it_is_well(
    settings: Environment, kafka: Broker, lake: LakeStore, caches: CachePair
) -> None:
    task = {**settings, **_caches(caches)}
    publish(kafka, feed(0, 4))
    app = create_app(Settings.from_environment(task))
    async with client_of(app) as client:
        await eventually(lambda: len(sequences(lake)) == 4 * 3 * PARTITIONS, "the ticks are in the lake")
        nodes = app.state.platform.cache.servers
        for _ in range(60):
            told = accounting.summed(await accounting.read(nodes, ["lake"]), 0)
            if told and told[0].received == 4 * 3 * PARTITIONS:
                break
            await asyncio.sleep(0.2)
        assert [(each.source, each.received) for each in told] == [("generator", 4 * 3 * PARTITIONS)]
        health = (await client.get("/health/detailed/")).json()
        assert health["dependencies"]["readings"]["status"] == "healthy"
        metrics = (await client.get("/metrics/")).text
    assert f'richesreach_history_rows_total{{dataset="market_ticks"}} {4.0 * 3 * PARTITIONS}' in metrics


def _caches(caches: CachePair) -> Environment:
    given = task_environment(None, caches)
    return {name: value for name, value in given.items() if "REDIS" in name or "CACHE" in name}


@pytest.mark.parametrize(("region", "groups"), [("us-east-1", 4), ("eu-west-1", 3)])
def test_bars_go_into_the_database_in_the_writers_region_alone(
    region: str, groups: int, settings: Environment
) -> None:
    app = create_app(Settings.from_environment({**settings, "AWS_REGION": region}))
    assert len(app.state.keeping.readings) == groups


async def test_bars_are_in_the_database_and_in_the_lake(
    settings: Environment, kafka: Broker, lake: LakeStore, own_database: PostgresCluster
) -> None:
    stored = task_environment(own_database, None)
    given = {name: value for name, value in stored.items() if name.startswith("DATABASE")}
    task = {**settings, **given, "AWS_REGION": "us-east-1"}
    start = 29_454_480
    publish(kafka, [lakes.bar(0, start), lakes.bar(1, start + 1)])
    app = create_app(Settings.from_environment(task))
    place = lakes.Place(lake, BARS, "us-east-1")
    async with client_of(app):
        await eventually(lambda: len(lakes.listed(place)) > 0, "the bars are in the lake")
        found: list[Any] = []
        for _ in range(100):
            found = await app.state.platform.database.writer.run(
                lambda connection: connection.fetch("select close from market_bars where interval = '1m'")
            )
            if len(found) == 2:
                break
            await asyncio.sleep(0.2)
    assert [row["close"] for row in found] == [Decimal("187.25")] * 2
    assert lakes.rows(place, "close::varchar, origin") == [("187.25000000", "live")] * 2


async def test_what_nobody_can_read_goes_to_the_dead_letters(
    settings: Environment, kafka: Broker, lake: LakeStore
) -> None:
    publish(kafka, [lakes.Given(0, b"{", 0), *feed(1, 1)])
    app = create_app(Settings.from_environment(settings))
    async with client_of(app) as client:
        await eventually(lambda: len(sequences(lake)) == 3 * PARTITIONS, "the rest is in the lake")
        metrics = (await client.get("/metrics/")).text
    assert 'richesreach_history_unreadable_messages_total{dataset="market_ticks"} 1.0' in metrics


def test_the_groups_and_what_each_reads_are_those_of_the_manifest() -> None:
    own = {GROUPS[layout.dataset]: layout.topic for layout in LAYOUTS}
    own[DATABASE_GROUP] = BARS.topic
    lines = [line.strip() for line in MANIFEST.read_text().splitlines()]
    assert {line for line in lines if line.startswith("history.")} == {
        f"{group}: [{topic}]" for group, topic in own.items()
    }
