"""What a source says again reaches the bars of its time; a source is heard up to what has arrived."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

import msgspec
from richesreach.core.events import Events
from richesreach.core.vendors.pace import Pace
from richesreach.market_data.consensus import Board
from richesreach.market_data.dead_letters import DeadLetters
from richesreach.market_data.model import Record, Trade
from richesreach.market_data.publishing import Term
from richesreach.market_data.recovery import Missed
from richesreach.market_data.roster import Entry
from richesreach.market_data.running.choice import Choice
from richesreach.market_data.running.feed import Feed
from richesreach.market_data.source import Reject
from richesreach.market_data.sources.finnhub import ABOUT
from richesreach.stream.partition import Partition, Taken
from stream_client import eventually

NOON = 1_700_000_000_000_000_000
SECOND = 1_000_000_000


class Topic:
    """Keeps what is written to its one partition; `open` lets the brokers acknowledge it."""

    def __init__(self) -> None:
        self.values: list[tuple[int, bytes]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def publish(self, _topic: Any, _key: str, message: Any, *, partition: int) -> None:
        assert partition == 0
        self.values.append((len(self.values), msgspec.json.encode(message)))
        await self.open.wait()


class Said:
    """An adapter that says its lists, and then nothing."""

    about = ABOUT

    def __init__(self, *lists: Sequence[Record]) -> None:
        self._lists = lists

    async def records(self, _pace: Pace, _reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
        for found in self._lists:
            yield found
        await asyncio.Event().wait()


async def _bury(_letter: Any) -> None:
    """Nobody looks at the letters."""


def feed_of(adapter: Said, topic: Topic, choice: Choice | None = None, board: Board | None = None) -> Feed:
    """Of AAPL, carried by nobody else unless a choice says so."""
    events, letters = cast(Events, topic), DeadLetters(_bury)
    entry = Entry(ABOUT, adapter, "", {"AAPL": "AAPL"})
    feed = Feed(entry, events, 1, Term(1, {}, lambda: True), began=0, letters=letters, heard=7)
    alone = Choice({"AAPL": [ABOUT.name]}, lambda _name: True)
    feed.open(choice or alone, board or Board(), lambda _reading: None)
    return feed


def trade(venue: str, happened: int) -> Trade:
    return Trade("AAPL", venue, 100, 1, happened)


async def test_trades_that_are_told_again_enter_their_bars_whatever_their_venue() -> None:
    missed = Missed(trade(venue, NOON + n * SECOND) for n in range(20) for venue in ("A", "B"))
    topic, partition = Topic(), Partition()
    feed = feed_of(Said(missed), topic)
    await eventually(lambda: feed.missed == 40 and feed.publisher.waiting == 0, "all is published")
    assert await feed.close(5.0) == 0
    taken: Taken = partition.take(topic.values)
    assert (len(taken.ticks), taken.refused) == (40, [])


async def test_a_source_is_heard_up_to_what_the_brokers_have_acknowledged() -> None:
    topic = Topic()
    topic.open.clear()
    feed = feed_of(Said([trade("A", NOON)], ()), topic)
    await eventually(lambda: bool(topic.values), "a tick is on its way")
    received = msgspec.json.decode(topic.values[0][1])["ticks"][0]["r"]
    assert feed.source is not None
    assert (feed.source.heard or 0) > received
    assert feed.heard() == received
    topic.open.set()
    await eventually(lambda: feed.publisher.waiting == 0, "it has arrived")
    assert feed.heard() == feed.source.heard
    await feed.close(5.0)


async def test_a_trade_of_the_future_moves_neither_the_consensus_nor_the_choice() -> None:
    now = time.time_ns()
    wells, board = {"finnhub"}, Board()
    choice = Choice({"AAPL": [ABOUT.name, "other"]}, lambda name: name in wells)
    topic = Topic()
    feed = feed_of(Said([trade("A", now + 3600 * SECOND), trade("A", now)]), topic, choice, board)
    await eventually(lambda: feed.publisher.waiting == 0 and bool(topic.values), "the other one is published")
    assert [quote.happened for quote in board.quotes("AAPL")] == [now]
    assert feed.intake.counts.refused == 1
    wells.clear()
    wells.add("other")
    choice.turn()
    later = trade("B", now + 1)
    assert choice.chosen("other", [later]) == [later]
    await feed.close(5.0)
