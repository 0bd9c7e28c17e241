"""The life of a source: disabled without a key, live when it speaks, back again after whatever goes wrong."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

import pytest
from richesreach.core.limits.gcra import Tier
from richesreach.core.vendors.errors import SourceLostError, SourceRefusedError, SourceThrottledError
from richesreach.core.vendors.pace import Backoff, Pace
from richesreach.market_data.model import About, Record, Rejection, State, Trade
from richesreach.market_data.source import Reject, Source, why_disabled
from stream_client import eventually

ABOUT = About(
    name="vendor",
    licence="for tests",
    documentation="",
    pace=Tier("vendor", 1000, 1, 1000),
    key_variable="VENDOR_API_KEY",
)
TRADE = Trade("AAPL", "XNAS", 18_725_000_000, 0, 1)
Turn = Callable[[Reject], Sequence[Record]]


class Scripted:
    """A vendor that does what the test says, one list a connection; after the last it says nothing more."""

    about = ABOUT

    def __init__(self, *connections: Sequence[Sequence[Record] | Exception]) -> None:
        self._left = list(connections)
        self.closed = 0

    async def records(self, _pace: Pace, reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
        script = self._left.pop(0) if self._left else [()]
        try:
            for turn in script:
                if isinstance(turn, Exception):
                    raise turn
                yield turn
            reject(Rejection("vendor", "refused", "no price", b"{}"))
            await asyncio.Event().wait()
        finally:
            self.closed += 1


class Taken:
    def __init__(self) -> None:
        self.records: list[Record] = []

    async def __call__(self, records: Sequence[Record]) -> None:
        self.records += records


def source_of(adapter: Scripted, taken: Taken, **more: str) -> Source:
    return Source(adapter, taken, backoff=Backoff(first=0.001, longest=0.002), **more)


async def test_without_a_key_nobody_is_asked() -> None:
    adapter = Scripted([[TRADE]])
    source = source_of(adapter, Taken(), disabled=why_disabled(ABOUT, "prod", {"VENDOR_API_KEY": " "}))
    await source.run()
    report = source.report()
    assert (report.state, report.why) == (State.DISABLED, "no key: set VENDOR_API_KEY")
    assert report.connections == 0


async def test_a_source_is_live_once_it_has_spoken_and_idle_when_it_is_ended() -> None:
    adapter, taken = Scripted([[TRADE], [TRADE, TRADE]]), Taken()
    source = source_of(adapter, taken)
    task = asyncio.create_task(source.run())
    await eventually(lambda: len(taken.records) == 3, "all is taken")
    report = source.report()
    assert (report.state, report.records, report.licence) == (State.LIVE, 3, "for tests")
    assert report.heard is not None
    source.end()
    await asyncio.wait_for(task, 30)
    assert source.state is State.IDLE
    assert adapter.closed == 1


@pytest.mark.parametrize(
    "trouble", [SourceLostError("was cut"), SourceThrottledError("slower"), ValueError("a number of theirs")]
)
async def test_after_trouble_it_connects_again(trouble: Exception) -> None:
    adapter, taken = Scripted([[TRADE], trouble], [trouble], [[TRADE]]), Taken()
    source = source_of(adapter, taken)
    task = asyncio.create_task(source.run())
    await eventually(lambda: len(taken.records) == 2, "it has come back")
    assert source.connections == 3
    source.end()
    await asyncio.wait_for(task, 30)


async def test_while_it_waits_it_says_why_and_can_be_ended() -> None:
    source = Source(Scripted([SourceThrottledError("slower", retry_after=3600.0)]), Taken())
    task = asyncio.create_task(source.run())
    await eventually(lambda: source.state is State.BACK_OFF, "it waits")
    assert source.why == "slower"
    source.end()
    await asyncio.wait_for(task, 30)


async def test_a_refused_key_is_not_tried_again() -> None:
    adapter = Scripted([SourceRefusedError("the key is not taken")], [[TRADE]])
    source, taken = source_of(adapter, Taken()), Taken()
    await source.run()
    assert (source.state, source.why, source.connections) == (State.FAILED, "the key is not taken", 1)
    assert taken.records == []


async def test_what_is_rejected_is_counted_by_reason() -> None:
    told: list[Rejection] = []
    source = Source(Scripted([[TRADE]]), Taken(), reject=told.append)
    task = asyncio.create_task(source.run())
    await eventually(lambda: bool(told), "something is rejected")
    assert source.report().rejected == {"refused": 1}
    source.end()
    await asyncio.wait_for(task, 30)


async def test_a_slow_taker_makes_the_vendor_wait() -> None:
    free, read = asyncio.Event(), list[int]()

    class Counting(Scripted):
        async def records(self, _pace: Pace, _reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
            for number in range(100):
                read.append(number)
                yield [TRADE]

    async def take(_records: Sequence[Record]) -> None:
        await free.wait()

    task = asyncio.create_task(Source(Counting(), take).run())
    for _ in range(50):
        await asyncio.sleep(0)
    assert read == [0]
    free.set()
    await asyncio.wait_for(task, 30)
    assert len(read) == 100


async def test_a_source_whose_task_is_cancelled_leaves_its_vendor() -> None:
    adapter = Scripted([[TRADE]])
    source = source_of(adapter, Taken())
    task = asyncio.create_task(source.run())
    await eventually(lambda: source.state is State.LIVE, "it is live")
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert adapter.closed == 1


def test_a_source_for_one_environment_is_disabled_elsewhere() -> None:
    about = About(name="g", licence="", documentation="", pace=ABOUT.pace, environments=frozenset({"local"}))
    assert why_disabled(about, "prod", {}) == "runs in environment local alone"
    assert why_disabled(about, "local", {}) == ""
