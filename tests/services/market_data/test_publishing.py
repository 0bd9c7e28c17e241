"""From a source to a real broker: all ticks, in their partitions, counted on both sides."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition
from richesreach.core.events import EventRefusedError, Events, StreamUnavailableError, publishing
from richesreach.core.events.accounting import account_of, summed
from richesreach.core.events.ledger import Ledger
from richesreach.core.events.scaled import partition_of
from richesreach.core.events.schemas import DeadLetter, TickBatch
from richesreach.core.events.topics import DLQ, MARKET_TICKS, Topic
from richesreach.market_data.dead_letters import WAITING, DeadLetters, letter_of
from richesreach.market_data.intake import Intake
from richesreach.market_data.model import Rejection
from richesreach.market_data.publishing import Term, TickPublisher, into
from richesreach.market_data.source import Source
from richesreach.market_data.sources.generator import ABOUT, Generator
from stream_client import events_of, eventually, own_topic, packed
from stream_servers import PARTITIONS, Broker, broker

SYMBOLS = ["AAPL", "MSFT", "BTC-USD", "NVDA", "TSLA"]


@pytest.fixture(scope="module")
def kafka() -> Iterator[Broker]:
    with broker() as found:
        yield found


@pytest.fixture
async def events(kafka: Broker) -> AsyncIterator[Events]:
    async with events_of(kafka.endpoint, "market-data") as found:
        yield found


class Reader:
    """Everything of one topic, and from which partition it came."""

    def __init__(self, events: Events, topic: Topic) -> None:
        self.ledger = Ledger()
        self.batches: list[TickBatch] = []
        self._end = events.consume(topic, group=f"market-data.{topic.name}", handle=self._note).end

    async def _note(self, batch: TickBatch) -> None:
        self.batches.append(batch)
        for tick in batch.ticks:
            self.ledger.take(batch.source, tick.s, tick.q)

    @property
    def received(self) -> int:
        return sum(account.received for account in self.ledger.accounts.values())

    def end(self) -> None:
        self._end()


async def test_all_that_a_source_says_arrives_and_the_accounts_agree(events: Events, kafka: Broker) -> None:
    topic = own_topic(kafka, TickBatch)
    reader, intake = Reader(events, topic), Intake(ABOUT)
    publisher = TickPublisher(events, ABOUT, await events.partitions(topic), topic=topic)
    publisher.open()
    start = time.time_ns() - 2_000_000_000
    source = Source(Generator(SYMBOLS, rate=5000, start=start), into(intake, publisher))
    task = asyncio.create_task(source.run())
    await eventually(lambda: intake.counts.taken >= 10_000, "enough is said")
    source.end()
    await asyncio.wait_for(task, 30)
    assert await publisher.close(30.0) == 0
    sent = {(ABOUT.name, symbol): number for symbol, number in intake.sent.items()}
    await eventually(lambda: reader.received == intake.counts.taken, "all has arrived")
    assert [loss.missing for loss in reader.ledger.losses(sent)] == [0] * len(SYMBOLS)
    assert [loss.missing for loss in publisher.ledger.losses(sent)] == [0] * len(SYMBOLS)
    assert {batch.licence for batch in reader.batches} == {"generated: not market data"}
    reader.end()


async def test_a_symbols_ticks_are_in_the_partition_of_its_checksum(events: Events, kafka: Broker) -> None:
    topic = own_topic(kafka, TickBatch)
    publisher = TickPublisher(events, ABOUT, PARTITIONS, topic=topic, linger_ms=1.0)
    publisher.open()
    for symbol in SYMBOLS:
        await publisher.take([("V", tick) for tick in packed(1, 2, symbol=symbol).ticks])
    assert await publisher.close(30.0) == 0

    def read() -> dict[int, set[str]]:
        told = {"bootstrap.servers": kafka.endpoint, "group.id": "partitions"}
        consumer, found = Consumer(told), defaultdict[int, set[str]](set)
        patience = time.monotonic() + 60
        consumer.assign([TopicPartition(topic.name, number, 0) for number in range(PARTITIONS)])
        while sum(map(len, found.values())) < len(SYMBOLS) and time.monotonic() < patience:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                batch = msgspec.json.decode(message.value() or b"", type=TickBatch)
                found[message.partition() or 0] |= {tick.s for tick in batch.ticks}
        consumer.close()
        return found

    found = await asyncio.to_thread(read)
    assert found == {
        number: symbols
        for number in range(PARTITIONS)
        if (symbols := {symbol for symbol in SYMBOLS if partition_of(symbol, PARTITIONS) == number})
    }


async def test_without_brokers_memory_is_bounded_and_the_source_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(publishing, "DELIVERY_TIMEOUT", 0.3)
    async with events_of("127.60.255.254:9092", "market-data") as events:
        publisher = TickPublisher(events, ABOUT, 2, full=50)
        publisher.most_waiting = 1000
        publisher.open()
        intake, brought = Intake(ABOUT), 0

        async def bring() -> None:
            nonlocal brought
            trades = Generator(SYMBOLS, rate=1000).trades(time.time_ns() - 10**12)
            while True:
                await publisher.take(intake.ticks([next(trades) for _ in range(100)]))
                brought += 100

        task = asyncio.create_task(bring())
        await eventually(lambda: publisher.waiting >= 1000, "it is full")
        await eventually(lambda: any(lane.again for lane in publisher._lanes), "batches are sent again")
        assert (publisher.waiting, brought) == (1000, 900)
        task.cancel()
        assert await publisher.close(0.1) == 1000, "it says how many never went out"


async def test_ticks_outlive_a_broker_that_is_gone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "DELIVERY_TIMEOUT", 2.0)
    with broker() as own:
        if own.process is None:
            pytest.fail("this test stops its broker, which an external one does not allow")
        topic = own_topic(own, TickBatch)
        async with events_of(own.endpoint, "market-data") as events:
            publisher = TickPublisher(events, ABOUT, PARTITIONS, topic=topic)
            publisher.open()
            trades, intake = Generator(SYMBOLS, rate=1000).trades(time.time_ns() - 10**12), Intake(ABOUT)
            own.stop()
            await publisher.take(intake.ticks([next(trades) for _ in range(500)]))
            await eventually(lambda: any(lane.again for lane in publisher._lanes), "a doubt arises")
            own.start()
            own.create(topic.name)
            reader = Reader(events, topic)
            await eventually(lambda: publisher.waiting == 0, "all is acknowledged")
            await eventually(lambda: reader.received == 500, "all has arrived")
            assert sum(loss.missing for loss in reader.ledger.losses()) == 0
            assert await publisher.close() == 0


async def test_a_batch_that_the_topic_does_not_take_is_a_dead_letter_and_counted(events: Events) -> None:
    letters = list[DeadLetter]()

    async def note(letter: DeadLetter) -> None:
        letters.append(letter)

    dead = DeadLetters(note)
    task = asyncio.create_task(dead.run())
    nowhere = Topic("no.such.topic", TickBatch)
    publisher = TickPublisher(events, ABOUT, 9999, topic=nowhere, letters=dead)
    publisher.open()
    await publisher.take([("V", tick) for tick in packed(1, 2).ticks])
    await eventually(lambda: bool(letters), "it is told")
    assert publisher.refused == 2
    assert letters[0].reason == "refused"
    assert letters[0].value == b"2 ticks, the first AAPL 1"
    assert await publisher.close() == 0
    task.cancel()


async def test_numbers_of_refused_ticks_are_lost_once_later_ones_have_arrived(
    events: Events, kafka: Broker
) -> None:
    topic, refused = own_topic(kafka, TickBatch), packed(1, 2).ticks
    publisher = TickPublisher(events, ABOUT, PARTITIONS, topic=topic)
    publisher.open()
    await publisher.take([("V", msgspec.structs.replace(tick, z=-1)) for tick in refused])
    await eventually(lambda: publisher.refused == 2, "a size below zero is refused")
    assert publisher.lost == {}, "who comes next gives these numbers again"
    await publisher.take([("V", tick) for tick in packed(3).ticks])
    await eventually(lambda: publisher.waiting == 0, "the next one has arrived")
    assert publisher.lost == {"AAPL": 2}
    assert await publisher.close() == 0


async def test_ticks_that_were_refused_in_an_earlier_term_hide_no_later_loss() -> None:
    async with events_of("127.60.255.254:9092", "market-data") as events:
        term = Term(2, {"AAPL": 100}, lambda: True, {"AAPL": 2})
        publisher = TickPublisher(events, ABOUT, PARTITIONS, term=term)
    published = account_of(publisher.ledger, stage="published", member="a", source=ABOUT.name)
    assert (published.received, published.missing, published.reached) == (98, 2, 100)
    lake = Ledger(from_first=True)
    for number in (51, 52, 55):
        lake.take(ABOUT.name, "AAPL", number)
    told = [published, account_of(lake, stage="lake", member="b", source=ABOUT.name)]
    assert {one.stage: one.here for one in summed(told, 0)} == {"published": 2, "lake": 2}


async def test_rejections_come_to_the_dead_letters_of_the_stream(events: Events) -> None:
    found = list[DeadLetter]()

    async def note(letter: DeadLetter) -> None:
        if letter.group == "market-data.finnhub":
            found.append(letter)

    async def send(letter: DeadLetter) -> None:
        await events.publish(DLQ, "finnhub", letter)

    dead = DeadLetters(send)
    task = asyncio.create_task(dead.run())
    dead.put(Rejection("finnhub", "undecodable", "JSON is malformed", b'{"type":'))
    subscription = events.consume(DLQ, group="market-data.dlq", handle=note)
    await eventually(lambda: bool(found), "the letter arrives")
    assert (found[0].reason, found[0].error, found[0].value) == (
        "undecodable",
        "JSON is malformed",
        b'{"type":',
    )
    assert found[0].topic == MARKET_TICKS.name
    subscription.end()
    task.cancel()


async def test_a_source_that_raves_fills_neither_the_topic_nor_the_memory() -> None:
    sent = list[Any]()

    async def send(letter: DeadLetter) -> None:
        sent.append(letter)

    dead = DeadLetters(send, now=lambda: 1000.0)
    for _ in range(10_000):
        dead.put(Rejection("raving", "refused", "x" * 10_000, b"y"))
    dead.put(Rejection("sound", "refused", "once", b""))
    task = asyncio.create_task(dead.run())
    await eventually(lambda: dead.written == 51, "those that were admitted are written")
    assert dead.unwritten == 9950
    assert sent[-1].group == "market-data.sound"
    assert len(sent[0].error) == 2000
    task.cancel()


async def test_letters_wait_for_the_brokers_and_only_so_many() -> None:
    down, sent = True, list[Any]()

    async def send(letter: DeadLetter) -> None:
        if down:
            raise StreamUnavailableError("gone")
        sent.append(letter)

    dead = DeadLetters(send)
    for number in range(2 * WAITING):
        dead.put(Rejection(f"source {number}", "refused", "", b""))
    assert dead.unwritten == WAITING
    task = asyncio.create_task(dead.run())
    await asyncio.sleep(0)
    down = False
    await eventually(lambda: dead.written == WAITING, "they are written in the end")
    task.cancel()


async def test_a_letter_that_is_refused_holds_nobody_up() -> None:
    sent = list[str]()

    async def send(letter: DeadLetter) -> None:
        if letter.error == "too large":
            raise EventRefusedError("too large")
        sent.append(letter.error)

    dead = DeadLetters(send)
    for error in ("too large", "next"):
        dead.put(Rejection("x", "refused", error, b""))
    task = asyncio.create_task(dead.run())
    await eventually(lambda: sent == ["next"], "the next one is written")
    task.cancel()


def test_a_letter_names_its_source() -> None:
    letter = letter_of(Rejection("massive", "refused", "price 0 is not above zero", b"{}"))
    assert (letter.group, letter.attempts, letter.key) == ("market-data.massive", 0, None)


async def test_partitions_of_a_topic_are_known_and_none_of_one_that_is_not(events: Events) -> None:
    assert await events.partitions(MARKET_TICKS) == PARTITIONS
    async with events_of("127.60.255.254:9092", "market-data") as nobody:
        with pytest.raises(StreamUnavailableError):
            await nobody.partitions(MARKET_TICKS)


async def test_a_partition_that_is_not_there_refuses_the_message(events: Events) -> None:
    with pytest.raises(EventRefusedError, match="does not take the message"):
        await events.publish(MARKET_TICKS, "99", packed(1), partition=99)
