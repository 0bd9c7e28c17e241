"""The running operator on a real broker and cache: what comes in, what goes out, and what a kill costs."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
import stream_servers
from cache_servers import CachePair
from richesreach.core.cache import Nodes
from richesreach.core.events.accounting import Stage, StageAccount
from richesreach.core.events.schemas import Bar, DeadLetter, TickBatch
from richesreach.stream import membership
from richesreach.stream.definitions import SECOND
from richesreach.stream.operator import Operator
from running import START, Drawer, Topics, Window, eventually, identity, nodes_of, operator, running, tick
from stream_servers import Broker


@pytest.fixture(autouse=True)
def _short_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker of these tests lets a group wait for half a session before it shares the partitions."""
    monkeypatch.setattr(membership, "SESSION", 2.0)


@pytest.fixture
def broker() -> Iterator[Broker]:
    with stream_servers.broker(own=True) as found:
        yield found


@pytest.fixture
def topics(broker: Broker) -> Topics:
    return Topics(broker)


@pytest.fixture
def window(caches: CachePair) -> Window:
    found = Window(caches)
    found.empty()
    return found


@pytest.fixture
async def nodes(caches: CachePair) -> AsyncIterator[Nodes]:
    found = nodes_of(caches)
    yield found
    await found.close()


def told(made: Operator, stage: Stage = "operator") -> list[StageAccount]:
    return [account for account in made.accounts() if account.stage == stage]


def bars(topics: Topics) -> list[Bar]:
    return [msgspec.json.decode(value, type=Bar) for _, value in topics.read("market.bars")]


async def test_ticks_become_vectors_bars_and_accounts(
    broker: Broker, topics: Topics, window: Window, nodes: Nodes
) -> None:
    start = START
    async with running(operator(broker, nodes, Drawer())) as made:
        topics.ticks(0, *(tick("AAPL", n, start + n * SECOND, 100 + n) for n in range(6)))
        topics.ticks(1, tick("MSFT", 1, start, 7), tick("MSFT", 3, start + 9 * SECOND, 8))
        await eventually(lambda: window.price("AAPL") == 105 and window.price("MSFT") == 8, "prices are seen")
        accounts = {account.partition: account for account in told(made)}
    assert (accounts[0].received, accounts[0].missing, accounts[0].newest) == (6, 0, start + 5 * SECOND)
    assert (accounts[1].received, accounts[1].missing, accounts[1].lost) == (2, 1, {"MSFT": 1})
    assert sorted((bar.symbol, bar.start, str(bar.close)) for bar in bars(topics)) == [
        ("AAPL", start, "100.00000000"),
        ("AAPL", start + SECOND, "101.00000000"),
        ("AAPL", start + 2 * SECOND, "102.00000000"),
        ("MSFT", start, "7.00000000"),
    ]


async def test_ticks_count_as_features_once_the_cache_has_a_vector_with_them(
    broker: Broker, topics: Topics, window: Window, nodes: Nodes, caches: CachePair
) -> None:
    def counted(made: Operator, stage: Stage) -> dict[str, tuple[int, int, int, int]]:
        return {
            each.source: (each.received, each.missing, each.late, each.reached) for each in told(made, stage)
        }

    async def until_counted(made: Operator, stage: Stage, **sources: tuple[int, int, int, int]) -> None:
        """Asked where the Teller asks: between takes."""
        ends = time.monotonic() + 60
        while counted(made, stage) != sources:
            assert time.monotonic() < ends, f"{stage} has {counted(made, stage)}, not {sources}"
            await asyncio.sleep(0.01)

    async with running(operator(broker, nodes, Drawer())) as made:
        topics.ticks(0, tick("AAPL", 1, START), tick("MSFT", 5, START), tick("AAPL", 2, START + 9 * SECOND))
        # Late: it changes no vector, and none that should know of it lacks it.
        topics.ticks(0, tick("AAPL", 3, START))
        await until_counted(made, "features", x=(4, 0, 1, 8))
        caches.primary.command("CLIENT", "PAUSE", "60000", "WRITE")
        try:
            topics.ticks(0, tick("AAPL", 5, START + 10 * SECOND, 7))
            topics.ticks(0, tick("AAPL", 1, START + 10 * SECOND), source="y")
            await until_counted(made, "operator", x=(5, 1, 1, 10), y=(1, 0, 0, 1))
            assert counted(made, "features") == {"x": (4, 0, 1, 8)}
        finally:
            caches.primary.command("CLIENT", "UNPAUSE")
        await until_counted(made, "features", x=(5, 1, 1, 10), y=(1, 0, 0, 1))


async def test_ticks_of_no_use_and_messages_that_are_none_become_dead_letters(
    broker: Broker, topics: Topics, window: Window, nodes: Nodes
) -> None:
    start = START
    ahead = msgspec.structs.replace(tick("AAPL", 3, start + 60 * SECOND), r=start)
    async with running(operator(broker, nodes, Drawer())):
        topics.ticks(0, tick("AAPL", 1, start + 9 * SECOND, 5))
        topics.ticks(0, tick("AAPL", 2, start, 1), tick("AAPL", 4, start + 9 * SECOND, 6), ahead)
        topics.raw(0, b"?")
        await eventually(lambda: window.price("AAPL") == 6, "the sound tick is seen")
    letters = [msgspec.json.decode(value, type=DeadLetter) for _, value in topics.read("dlq")]
    found = {letter.reason: letter for letter in letters}
    assert {reason: (each.partition, each.offset) for reason, each in found.items()} == {
        "late": (0, 1),
        "ahead": (0, 1),
        "undecodable": (0, 2),
    }
    assert found["undecodable"].value == b"?"
    late, early = (msgspec.json.decode(found[r].value or b"", type=TickBatch) for r in ("late", "ahead"))
    assert [[each.q for each in batch.ticks] for batch in (late, early)] == [[2], [3]]


async def test_an_operator_that_is_killed_is_followed_by_one_that_leaves_what_one_would_have(
    broker: Broker, topics: Topics, window: Window, nodes: Nodes
) -> None:
    start, drawer = START, Drawer()
    first = operator(broker, nodes, drawer)
    async with running(first):
        for n in range(8):
            topics.ticks(0, tick("AAPL", n, start + n * SECOND, 100 + n))
        await eventually(lambda: len(drawer.objects) > 0, "a snapshot is kept")
    await asyncio.sleep(0)
    drawer.shut = True  # what comes now is in no snapshot: as if the task were killed before the next
    async with running(operator(broker, nodes, drawer)):
        for n in range(8, 14):
            topics.ticks(0, tick("AAPL", n, start + n * SECOND, 100 + n))
        await eventually(lambda: window.price("AAPL") == 113, "all ticks are seen")
    drawer.shut = False
    window.empty()
    async with running(operator(broker, nodes, drawer)) as third:
        await eventually(lambda: window.price("AAPL") == 113, "the vector is written again")
        (account,) = told(third)
    assert (account.received, account.missing, account.duplicates) == (14, 0, 0)
    made = topics.read("market.bars")
    ids = [identity(text) for text, _ in made]
    assert len(set(ids)) < len(ids), "no output came again: the kill cost nothing, and nothing was tested"
    assert len({value for _, value in made}) == len(set(ids)), "one id, one value"
    starts = sorted({msgspec.json.decode(value, type=Bar).start for _, value in made})
    assert starts == [start + n * SECOND for n in range(11)]


async def test_partitions_move_to_a_second_member_and_back_without_loss(
    broker: Broker, topics: Topics, window: Window, nodes: Nodes
) -> None:
    start, drawer = START, Drawer()

    def publish(first: int, last: int) -> None:
        for n in range(first, last):
            for partition, symbol in ((0, "AAPL"), (1, "MSFT")):
                topics.ticks(partition, tick(symbol, n, start + n * SECOND, 100 + n))

    def held(made: Operator) -> set[int]:
        return {number for number, each in made.held.items() if each.state.offset}

    async with running(operator(broker, nodes, drawer)) as one:
        publish(0, 5)
        await eventually(lambda: held(one) == {0, 1}, "one has both")
        async with running(operator(broker, nodes, drawer)) as two:
            await eventually(lambda: len(held(one)) == len(two.held) == 1, "each has one")
            publish(5, 10)
            await eventually(lambda: window.price("AAPL") == window.price("MSFT") == 109, "both are seen")
        publish(10, 15)
        await eventually(lambda: window.price("AAPL") == window.price("MSFT") == 114, "both are seen again")
        accounts = told(one)
    assert [(each.received, each.missing, each.duplicates) for each in accounts] == [(15, 0, 0)] * 2
    made = topics.read("market.bars")
    assert len(made) == len({text for text, _ in made}) == 2 * 12, (
        "a partition that is handed over repeats nothing"
    )


async def test_a_topic_that_is_another_than_the_snapshots_is_read_from_its_beginning(
    broker: Broker, topics: Topics, window: Window, nodes: Nodes
) -> None:
    start, drawer = START, Drawer()
    async with running(operator(broker, nodes, drawer)):
        topics.ticks(0, tick("AAPL", 7, start, 1), tick("AAPL", 8, start, 2))
        await eventually(lambda: window.price("AAPL") == 2, "the tick is seen")
    broker.stop()
    broker.start()
    broker.create("market.ticks", "market.bars", "market.indicators", "dlq")
    fresh = Topics(broker)
    fresh.ticks(0, tick("AAPL", 1, start, 3))
    async with running(operator(broker, nodes, drawer)) as made:
        await eventually(lambda: window.price("AAPL") == 3, "the other topic's tick is seen")
        (account,) = told(made)
        assert (account.received, account.missing) == (1, 0)
        await eventually(lambda: len(drawer.objects) > 1, "its snapshot is kept")
    async with running(operator(broker, nodes, drawer)) as made:
        await eventually(
            lambda: any(each.known for each in made.held.values()), "the snapshot is known again"
        )
        await eventually(lambda: bool(told(made)), "it is told of")
        assert [account.received for account in told(made)] == [1]
