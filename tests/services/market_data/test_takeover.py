"""A publisher goes on from the numbers that the topic holds, whatever else has become of its predecessor."""

import time
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
from richesreach.core.events import Events
from richesreach.core.events.scaled import partition_of
from richesreach.core.events.schemas import Heartbeat, Numbers, PackedTick, Tick, TickBatch
from richesreach.core.events.topics import Topic
from richesreach.market_data.model import Trade
from richesreach.market_data.recovery import OVERLAP
from richesreach.market_data.running import takeover
from richesreach.market_data.running.takeover import take_over
from stream_client import events_of, own_topic, packed, tick
from stream_servers import Broker, broker


@pytest.fixture(scope="module")
def kafka() -> Iterator[Broker]:
    with broker() as found:
        yield found


@pytest.fixture
async def events(kafka: Broker) -> AsyncIterator[Events]:
    async with events_of(kafka.endpoint, "market-data") as found:
        yield found


@pytest.fixture
def topic(kafka: Broker) -> Topic:
    return own_topic(kafka, Tick | TickBatch | Heartbeat)


def beat(epoch: int, **numbers: dict[str, int]) -> Heartbeat:
    told = {source: Numbers(began=7, last=last) for source, last in numbers.items()}
    return Heartbeat(member="before", epoch=epoch, time=0, numbers=told)


def heard(*received: int, source: str = "generator", before: int = 10**8) -> TickBatch:
    """Ticks of AAPL that happened so many nanoseconds before."""
    ticks = [PackedTick("AAPL", number, at - before, at, 100, 1) for number, at in enumerate(received, 1)]
    return TickBatch(source=source, venue="V", licence="x", ticks=ticks, epoch=1)


def until(at: int, source: str = "generator") -> Heartbeat:
    """Says until when the source was listened to."""
    return Heartbeat(member="before", epoch=1, time=0, numbers={source: Numbers(7, {}, heard=at)})


async def test_an_empty_topic_is_a_beginning(events: Events, topic: Topic) -> None:
    epoch, past = await take_over(events, "a", topic)
    assert past.last == {}
    assert abs(epoch - time.time() * 1000) < 60_000


async def test_the_last_numbers_of_every_source_and_partition_are_found(events: Events, topic: Topic) -> None:
    await events.publish(topic, "0", beat(0, generator={"IBM": 4}), partition=0)
    await events.publish(topic, "0", packed(8, 9), partition=0)
    await events.publish(topic, "1", packed(3, symbol="MSFT"), partition=1)
    finnhub = msgspec.structs.replace(packed(2), source="finnhub")
    await events.publish(topic, "1", finnhub, partition=1)
    await events.publish(topic, "AAPL", tick(77, "TSLA"))
    _, past = await take_over(events, "a", topic)
    assert past.last == {
        "generator": {"IBM": 4, "AAPL": 9, "MSFT": 3, "TSLA": 77},
        "finnhub": {"AAPL": 2},
    }
    assert past.began["generator"] == 7


async def test_a_term_is_later_than_all_before_whatever_the_clock_says(events: Events, topic: Topic) -> None:
    ahead = time.time_ns() // 1_000_000 + 10**9
    await events.publish(topic, "1", beat(ahead), partition=1)
    await events.publish(topic, "1", packed(5), partition=1)
    epoch, past = await take_over(events, "a", topic)
    assert epoch == ahead + 1
    assert past.last == {}


async def test_what_is_void_has_no_numbers(events: Events, topic: Topic) -> None:
    await events.publish(topic, "0", beat(9), partition=0)
    void = msgspec.structs.replace(packed(5), epoch=8)
    valid = msgspec.structs.replace(packed(4), epoch=9)
    await events.publish(topic, "0", void, partition=0)
    await events.publish(topic, "0", valid, partition=0)
    _, past = await take_over(events, "a", topic)
    assert past.last == {"generator": {"AAPL": 4}}


async def test_it_reads_back_until_it_finds_numbers(
    events: Events, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "BACK", 4)
    monkeypatch.setattr(takeover, "FURTHER", 2)
    monkeypatch.setattr(takeover, "MARGIN", 1)
    await events.publish(topic, "0", packed(900, symbol="OLD"), partition=0)
    for _ in range(5):
        await events.publish(topic, "0", packed(1, symbol="FILL"), partition=0)
    await events.publish(topic, "0", beat(0, generator={"IBM": 4}), partition=0)
    for number in range(1, 10):
        await events.publish(topic, "0", packed(number), partition=0)
    _, past = await take_over(events, "a", topic)
    assert past.last == {"generator": {"IBM": 4, "AAPL": 9, "FILL": 1}}
    assert 10 <= past.messages < 19


async def test_what_a_source_has_to_make_up_for_begins_when_it_was_heard_last(
    events: Events, topic: Topic
) -> None:
    now, second = time.time_ns(), 1_000_000_000
    partition, alive = partition_of("AAPL", 2), now - 58 * second
    batch = heard(now - 60 * second, now - 59 * second)
    await events.publish(topic, "0", batch, partition=partition)
    await events.publish(topic, "0", until(alive), partition=partition)
    _, past = await take_over(events, "a", topic)
    behind = past.behind("generator", ["AAPL"], 2)
    assert behind.heard == alive
    assert (behind.lag, behind.since) == (second // 10, {"AAPL": alive - second // 10 - OVERLAP})
    assert past.newest == {"AAPL": ("generator", now - 59 * second - second // 10)}
    tick = batch.ticks[0]
    assert behind.known.take(Trade("AAPL", batch.venue, tick.p, tick.z, tick.t))


async def test_of_an_empty_topic_nothing_is_to_be_made_up_for(events: Events, topic: Topic) -> None:
    _, past = await take_over(events, "a", topic)
    behind = past.behind("generator", ["AAPL"], 2)
    assert (behind.heard, behind.since) == (0, {})


async def test_ticks_of_others_and_heartbeats_are_no_sign_that_a_source_was_heard(
    events: Events, topic: Topic
) -> None:
    now, second = time.time_ns(), 1_000_000_000
    cut = now - 500 * second
    await events.publish(topic, "0", until(cut, "massive"), partition=0)
    for number in (0, 1):
        await events.publish(topic, "0", heard(now, source="finnhub"), partition=number)
        await events.publish(
            topic, "0", Heartbeat(member="before", epoch=1, time=now - second), partition=number
        )
    _, past = await take_over(events, "a", topic)
    assert past.behind("massive", ["AAPL"], 2).heard == cut


async def test_who_failed_to_take_over_has_listened_to_nobody(events: Events, topic: Topic) -> None:
    now, second = time.time_ns(), 1_000_000_000
    alive = now - 60 * second
    await events.publish(topic, "0", heard(alive), partition=partition_of("AAPL", 2))
    for _ in range(2):
        _, past = await take_over(events, "a", topic)
        assert past.behind("generator", ["AAPL"], 2).heard == alive


async def test_what_was_asked_for_again_is_known_and_ends_no_interruption(
    events: Events, topic: Topic
) -> None:
    now, second = time.time_ns(), 1_000_000_000
    partition, cut = partition_of("AAPL", 2), now - 60 * second
    await events.publish(topic, "0", heard(cut - second), partition=partition)
    await events.publish(topic, "0", until(cut), partition=partition)
    again = heard(now - second, before=50 * second)
    await events.publish(topic, "0", again, partition=partition)
    await events.publish(topic, "0", until(cut), partition=partition)
    _, past = await take_over(events, "a", topic)
    behind = past.behind("generator", ["AAPL"], 2)
    assert (behind.heard, behind.lag) == (cut, second // 10)
    (tick,) = again.ticks
    assert behind.known.take(Trade("AAPL", again.venue, tick.p, tick.z, tick.t))


async def test_what_is_void_tells_of_no_listening(events: Events, topic: Topic) -> None:
    now = time.time_ns()
    await events.publish(topic, "0", until(now - 2000), partition=0)
    await events.publish(topic, "0", beat(2), partition=0)
    await events.publish(topic, "0", until(now - 1000), partition=0)
    _, past = await take_over(events, "a", topic)
    assert past.until("generator") == now - 2000


async def test_before_what_was_read_nothing_is_asked_for_again(
    events: Events, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takeover, "BACK", 4)
    monkeypatch.setattr(takeover, "MARGIN", 0)
    now, second = time.time_ns(), 1_000_000_000
    partition = partition_of("AAPL", 2)
    for ago in (4, 3, 2):
        await events.publish(topic, "0", heard(now - ago * second), partition=partition)
    for number in (0, 1):
        await events.publish(topic, "0", beat(1, generator={"AAPL": 9}), partition=number)
    await events.publish(topic, "0", heard(now - 5 * second, source="finnhub"), partition=partition)
    await events.publish(topic, "0", heard(now - second), partition=partition)
    _, past = await take_over(events, "a", topic)
    assert past.behind("generator", ["AAPL"], 2).since == {"AAPL": now - second - second // 10}


async def test_what_is_before_the_messages_that_were_read_is_told(
    events: Events, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source was to be asked for a time a while ago, and went on meanwhile."""
    monkeypatch.setattr(takeover, "BACK", 4)
    monkeypatch.setattr(takeover, "MARGIN", 0)
    now, second = time.time_ns(), 1_000_000_000
    partition, since = partition_of("AAPL", 2), now - 900 * second
    for ago in (910, 4):
        await events.publish(topic, "0", heard(now - ago * second), partition=partition)
    await events.publish(topic, "0", until(since), partition=partition)
    await events.publish(topic, "0", heard(now - 2 * second), partition=partition)
    _, past = await take_over(events, "a", topic)
    behind = past.behind("generator", ["AAPL", "NOBODY"], 2, late=second)
    begins = now - 4 * second - second // 10
    assert (behind.heard, behind.unread["AAPL"]) == (since, begins)
    assert behind.since["AAPL"] == begins


async def test_a_source_that_had_nothing_to_say_is_not_told_to_be_unread(
    events: Events, topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first trade came after it was heard last; what was read begins before."""
    monkeypatch.setattr(takeover, "BACK", 4)
    monkeypatch.setattr(takeover, "MARGIN", 0)
    now, second = time.time_ns(), 1_000_000_000
    partition = partition_of("AAPL", 2)
    idle = Heartbeat(member="before", epoch=1, time=now - 31 * second)
    for message in (heard(now - 99 * second), idle, until(now - 29 * second), heard(now - 5 * second)):
        await events.publish(topic, "0", message, partition=partition)
    _, past = await take_over(events, "a", topic)
    behind = past.behind("generator", ["AAPL"], 2)
    assert (behind.since, behind.unread) == ({"AAPL": now - 5 * second - second // 10}, {})


async def test_of_a_plan_that_is_late_the_time_before_it_was_heard_is_asked_for(
    events: Events, topic: Topic
) -> None:
    now, second = time.time_ns(), 1_000_000_000
    await events.publish(topic, "0", until(now - second), partition=0)
    _, past = await take_over(events, "a", topic)
    behind = past.behind("generator", ["AAPL"], 2, late=900 * second)
    assert behind.since == {"AAPL": now - 901 * second - OVERLAP}
    assert behind.unread == {}


async def test_what_is_no_message_is_passed_over(events: Events, topic: Topic) -> None:
    await events._publisher.publish(topic.name, b"0", b"nonsense", {}, 0)
    await events.publish(topic, "0", packed(3), partition=0)
    _, past = await take_over(events, "a", topic)
    assert past.last == {"generator": {"AAPL": 3}}


async def test_where_another_source_took_a_symbol_over_is_known(events: Events, topic: Topic) -> None:
    now = time.time_ns()
    first, second, third = now, now + 10**9, now + 2 * 10**9
    for batch in (heard(first, source="massive"), heard(second, third, source="finnhub")):
        await events.publish(topic, "0", batch, partition=0)
    _, past = await take_over(events, "a", topic)
    assert past.newest["AAPL"] == ("finnhub", third - 10**8)
    assert past.changed == {"AAPL": second - 10**8}
