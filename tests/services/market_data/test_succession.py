"""Who publishes after one died asks its vendors for what nobody heard, and tells what stays unknown."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from cache_clock import endpoint
from cache_servers import cache_pair
from market_task import TopicReader
from richesreach.core.cache import Nodes
from richesreach.core.events.accounting import StageAccount
from richesreach.core.events.scaled import partition_of
from richesreach.core.events.schemas import DeadLetter, Heartbeat, Numbers, PackedTick, TickBatch
from richesreach.core.events.topics import MARKET_TICKS
from richesreach.core.settings import Endpoint
from richesreach.market_data.dead_letters import DeadLetters
from richesreach.market_data.roster import Entry
from richesreach.market_data.running.lease import Lease
from richesreach.market_data.running.runner import Runner
from richesreach.market_data.running.takeover import Past
from richesreach.market_data.running.term import Publishing
from richesreach.market_data.schemas import Loss, moment
from richesreach.market_data.service import Market
from richesreach.market_data.sources.finnhub import Finnhub
from richesreach.market_data.sources.massive import Massive
from stream_client import events_of, eventually
from stream_servers import PARTITIONS, Broker, broker
from test_socket_vendors import KEY, finnhub_says, finnhub_trade, massive_says, massive_trade
from vendors import Call, Vendor, playing

SECOND = 1_000_000_000
PRICE, SIZE = 19_231_000_000, 10_000_000_000


@pytest.fixture
def kafka() -> Iterator[Broker]:
    with broker(own=True) as found:
        yield found


@pytest.fixture
def topic(kafka: Broker) -> Iterator[TopicReader]:
    reader = TopicReader(kafka)
    yield reader
    reader.close()


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    with cache_pair() as pair:
        place = [endpoint(pair.primary)]
        opened = Nodes("cache", reads=place, writes=place, tls=False)
        yield opened
        await opened.close()


async def _bury(_letter: DeadLetter) -> None:
    """Nobody looks at the letters."""


async def left_behind(kafka: Broker, source: str, venue: str, happened: int) -> None:
    """What a publisher wrote that died a moment after `happened`: one tick after two that were refused, and a
    beat everywhere else.
    """
    numbers = {source: Numbers(7, {"AAPL": 2}, {"AAPL": 2})}
    tick = PackedTick("AAPL", 3, happened, happened, PRICE, SIZE)
    mine = partition_of("AAPL", PARTITIONS)
    async with events_of(kafka.endpoint, "market-data") as events:
        for number in range(PARTITIONS):
            beat = Heartbeat(member="dead", epoch=1, time=happened - SECOND)
            if number == mine:
                beat = Heartbeat(member="dead", epoch=1, time=0, numbers=numbers)
            await events.publish(MARKET_TICKS, str(number), beat, partition=number)
        batch = TickBatch(source=source, venue=venue, licence="x", ticks=[tick], epoch=1)
        await events.publish(MARKET_TICKS, str(mine), batch, partition=mine)


@asynccontextmanager
async def running(kafka: Broker, nodes: Nodes, *entries: Entry) -> AsyncIterator[Runner]:
    async with events_of(kafka.endpoint, "market-data") as events:
        runner = Runner(
            events, nodes, Lease(nodes, "market", "successor"), lambda: entries, DeadLetters(_bury)
        )
        runner.open()
        try:
            yield runner
        finally:
            await runner.close()


def result(number: int, happened: int) -> dict[str, Any]:
    found = {"exchange": 4, "price": 192.31, "size": 100, "sequence_number": number}
    return {**found, "sip_timestamp": happened + 123_456}


async def told(nodes: Nodes) -> Loss:
    """Once the publisher has told that anything is unknown."""
    market, ends = Market(nodes, "eu-west-1", []), time.monotonic() + 60
    while not (loss := await market.loss()).unknown:
        assert time.monotonic() < ends, "a gap is told"
        await asyncio.sleep(0.05)
    return loss


async def test_what_nobody_heard_is_published_once_and_before_what_is_new(
    kafka: Broker, nodes: Nodes, topic: TopicReader
) -> None:
    died = (time.time_ns() - 10 * SECOND) // 1_000_000 * 1_000_000
    await left_behind(kafka, "massive", "massive-4", died)
    times = [died, died + SECOND, died + 2 * SECOND]
    said = [result(number, at) for number, at in enumerate(times, 1)]
    new = massive_trade(4, t=(died + 3 * SECOND) // 1_000_000)
    vendor = Vendor([massive_says([new])], [(200, {"results": said}, {})])
    async with playing(vendor):
        adapter = Massive(["AAPL"], KEY, vendor.url / "stocks", vendor.url)
        entry = Entry(adapter.about, adapter, "", {"AAPL": "AAPL"})
        async with running(kafka, nodes, entry) as runner:
            await asyncio.to_thread(
                topic.until, lambda t: 6 in t.numbers().get("AAPL", []), "the new trade is published"
            )
            assert runner.publishing is not None
            assert runner.publishing.feeds[0].missed == 2
    ticks = [tick for batch in topic.batches for tick in batch.ticks]
    assert [tick.q for tick in ticks] == [3, 4, 5, 6]
    assert [tick.t // 1_000_000 for tick in ticks] == [at // 1_000_000 for at in (*times, died + 3 * SECOND)]
    assert (await Market(nodes, "eu-west-1", []).loss()).unknown == []


async def test_what_brokers_refused_in_an_earlier_term_stays_missing(
    kafka: Broker, nodes: Nodes, topic: TopicReader
) -> None:
    await left_behind(kafka, "finnhub", "finnhub", time.time_ns() - SECOND)
    async with playing(Vendor([finnhub_says(finnhub_trade(1.5))])) as vendor:
        adapter = Finnhub(["AAPL"], KEY, vendor.url)
        async with running(kafka, nodes, Entry(adapter.about, adapter, "", {"AAPL": "AAPL"})) as runner:
            await asyncio.to_thread(
                topic.until, lambda t: 4 in t.numbers().get("AAPL", []), "a tick is published"
            )
            await eventually(lambda: published(runner).reached == 4, "it is acknowledged")
            assert (published(runner).missing, published(runner).received) == (2, 2)
    told = [beat.numbers["finnhub"] for beat in topic.beats if beat.epoch > 1 and beat.numbers]
    assert {"AAPL": 2} in [numbers.lost for numbers in told], "who comes next is told of it"


def published(runner: Runner) -> StageAccount:
    return next(account for account in runner.accounts() if account.stage == "published")


async def test_what_the_vendor_does_not_tell_again_is_told_as_unknown(kafka: Broker, nodes: Nodes) -> None:
    died = time.time_ns() - 10 * SECOND
    await left_behind(kafka, "massive", "massive-4", died)
    vendor = Vendor([massive_says([massive_trade(4)])], [(403, {"status": "NOT_AUTHORIZED"}, {})])
    async with playing(vendor):
        adapter = Massive(["AAPL"], KEY, vendor.url / "stocks", vendor.url)
        async with running(kafka, nodes, Entry(adapter.about, adapter, "", {"AAPL": "AAPL"})):
            (gap,) = (await told(nodes)).unknown
    assert (gap.source, gap.named, gap.symbols) == ("massive", ["AAPL"], 1)
    assert "refuses" in gap.why
    assert gap.since <= moment(died) < gap.until


async def test_of_a_vendor_that_tells_nothing_again_the_whole_time_is_unknown(
    kafka: Broker, nodes: Nodes
) -> None:
    died = time.time_ns() - 10 * SECOND
    await left_behind(kafka, "finnhub", "finnhub", died)
    async with playing(Vendor([finnhub_says(finnhub_trade(1.5))])) as vendor:
        adapter = Finnhub(["AAPL"], KEY, vendor.url)
        async with running(kafka, nodes, Entry(adapter.about, adapter, "", {"AAPL": "AAPL"})):
            (gap,) = (await told(nodes)).unknown
    assert (gap.source, gap.named, gap.why) == ("finnhub", ["AAPL"], "finnhub says nothing again")
    assert gap.since == moment(died)


async def test_who_never_heard_the_vendor_hands_on_until_when_others_did(
    kafka: Broker, nodes: Nodes, topic: TopicReader
) -> None:
    died = time.time_ns() - 10 * SECOND
    await left_behind(kafka, "massive", "massive-4", died)

    async def silent(call: Call) -> None:
        await call.stay()

    async with playing(Vendor([silent])) as vendor:
        adapter = Massive(["AAPL"], KEY, vendor.url / "stocks", vendor.url)
        async with running(kafka, nodes, Entry(adapter.about, adapter, "", {"AAPL": "AAPL"})):
            await asyncio.to_thread(topic.until, lambda t: bool(handed_on(t)), "numbers are told")
    await asyncio.to_thread(topic.until, lambda t: len(handed_on(t)) > PARTITIONS, "they are told at the end")
    assert set(handed_on(topic)) == {died}


async def test_the_time_of_a_partition_waits_for_what_a_late_plan_tells(
    kafka: Broker, nodes: Nodes, topic: TopicReader
) -> None:
    late = 900 * SECOND
    async with playing(Vendor([massive_says()])) as vendor:
        adapter = Massive(["AAPL"], KEY, vendor.url / "stocks", vendor.url, late=late)
        async with running(kafka, nodes, Entry(adapter.about, adapter, "", {"AAPL": "AAPL"})):
            await asyncio.to_thread(topic.until, lambda t: bool(times(t)), "a partition is idle")
    assert max(times(topic)) < time.time_ns() - late
    assert min(times(topic)) > time.time_ns() - late - 60 * SECOND


def times(topic: TopicReader) -> list[int]:
    return [beat.time for beat in topic.beats if beat.time]


def handed_on(topic: TopicReader) -> list[int]:
    return [beat.numbers["massive"].heard for beat in topic.beats if beat.epoch > 1 and beat.numbers]


@pytest.mark.parametrize("massive", ["tells again", "refuses"])
async def test_what_another_vendor_tells_again_is_unknown_only_where_that_one_fails(
    kafka: Broker, nodes: Nodes, topic: TopicReader, massive: str, capsys: pytest.CaptureFixture[str]
) -> None:
    died = (time.time_ns() - 10 * SECOND) // 1_000_000 * 1_000_000
    await left_behind(kafka, "finnhub", "finnhub", died)
    finnhub_is_heard = asyncio.Event()

    async def late(call: Call) -> None:
        await finnhub_is_heard.wait()
        if massive == "refuses":
            await call.hear()
            await call.say([{"ev": "status", "status": "auth_failed"}])
        else:
            await massive_says([massive_trade(9, t=time.time_ns() // 1_000_000)])(call)

    first = finnhub_trade(1.5, at=died // 1_000_000 + 1)
    async with (
        playing(Vendor([finnhub_says(first)])) as one,
        playing(Vendor([late], [(200, {"results": []}, {})])) as other,
    ):
        pushed = Finnhub(["AAPL"], KEY, one.url)
        asked = Massive(["AAPL"], KEY, other.url / "stocks", other.url)
        entries = [Entry(adapter.about, adapter, "", {"AAPL": "AAPL"}) for adapter in (asked, pushed)]
        async with running(kafka, nodes, *entries) as runner:
            await asyncio.to_thread(
                topic.until, lambda t: 4 in t.numbers().get("AAPL", []), "finnhub's trade is published"
            )
            finnhub_is_heard.set()
            if massive == "refuses":
                (gap,) = (await told(nodes)).unknown
                assert gap.source == "finnhub"
                return
            await asyncio.to_thread(
                topic.until, lambda t: "massive" in {batch.source for batch in t.batches}, "massive is back"
            )
            assert runner.publishing is not None
            (waiting,) = (feed for feed in runner.publishing.feeds if feed.about.name == "finnhub")
            await eventually(lambda: not waiting._unheard, "nothing is left to be told")
    assert "ticks_unknown" not in capsys.readouterr().out


async def test_a_term_keeps_nothing_of_the_topic_that_it_has_read() -> None:
    tick = PackedTick("AAPL", 3, 1, 2, PRICE, SIZE)
    past = Past(recent=[TickBatch(source="massive", venue="massive-4", licence="x", ticks=[tick])])
    adapter = Massive(["AAPL"], KEY)
    entry = Entry(adapter.about, adapter, "", {"AAPL": "AAPL"})
    nowhere = [Endpoint("127.60.255.254", 6379)]
    nodes = Nodes("cache", reads=nowhere, writes=nowhere, tls=False)
    async with events_of("127.60.255.254:9092", "market-data") as events:
        Publishing(
            events,
            Lease(nodes, "market", "a"),
            [entry],
            partitions=2,
            epoch=1,
            past=past,
            letters=DeadLetters(_bury),
        )
    assert past.recent == []
