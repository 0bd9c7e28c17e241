"""Reading: what a worker has of a partition goes with it, and trouble that is over is forgotten."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, Message, TopicPartition
from lakes import Given, ticks
from prometheus_client import CollectorRegistry
from richesreach.core.events.membership import Membership
from richesreach.core.events.metrics import EventMetrics
from richesreach.history import reading
from richesreach.history.reading import Reading

Step = Callable[["Played"], list[Given]]
HERE = [TopicPartition("market.ticks", 0)]
NOBODY = cast("Consumer", None)


class Played(Membership):
    """A member whose brokers answer each fetch with the next step."""

    def __init__(self, steps: Iterator[Step]) -> None:
        super().__init__({}, "market.ticks", "g", 10.0)
        self._steps = steps

    def come_back(self) -> None:
        """The partition goes to another member, and returns."""
        self._lose(NOBODY, HERE)
        self._assigned(NOBODY, HERE)

    async def join(self) -> None:
        pass

    async def fetch(self) -> list[Message]:
        return cast("list[Message]", next(self._steps)(self))

    async def commit(self) -> None:
        pass

    async def lag(self) -> int | None:
        return None


class Worker:
    """Says what it was asked; `takes` are done while a batch is taken."""

    def __init__(self, *takes: Callable[[], None]) -> None:
        self.asked: list[object] = []
        self._takes = iter(takes)

    async def take(self, messages: Sequence[Message]) -> None:
        self.asked.append([message.offset() for message in messages])
        next(self._takes, lambda: None)()

    async def finish(self) -> None:
        pass

    def done(self) -> Mapping[int, int]:
        return {}

    def drop(self, partitions: set[int]) -> None:
        if partitions:
            self.asked.append(partitions)


class Run:
    """A reading whose members go through the steps, each from where the one before it ended."""

    def __init__(self, worker: Worker, monkeypatch: pytest.MonkeyPatch, *steps: Step) -> None:
        self.member: Played
        self.waits: list[int] = []
        self._steps = iter([*steps, self._end])
        monkeypatch.setattr(reading, "Membership", self._joined)
        self.reading = Reading({}, "market.ticks", "g", worker, EventMetrics(CollectorRegistry()))
        monkeypatch.setattr(self.reading, "_wait", self._waited)

    def _joined(self, *_: Any, **__: Any) -> Played:
        self.member = Played(self._steps)
        return self.member

    def _end(self, _: Played) -> list[Given]:
        self.reading._ending.set()
        return []

    async def _waited(self, number: int) -> None:
        self.waits.append(number)

    async def through(self) -> None:
        self.reading.open()
        await asyncio.wait_for(asyncio.shield(cast("asyncio.Task[None]", self.reading._task)), 10)


async def test_a_partition_that_came_back_while_a_batch_was_taken_is_begun_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def come_back() -> None:
        run.member.come_back()

    worker = Worker(come_back)
    run = Run(worker, monkeypatch, lambda _: [ticks(0)], lambda _: [ticks(5)])
    await run.through()
    assert worker.asked == [[0], {0}, [5]]


async def test_what_was_fetched_before_a_partition_came_back_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> None:
        run.member.come_back()
        raise OSError("the lake is away")

    worker = Worker(fail)
    run = Run(worker, monkeypatch, lambda _: [ticks(0), ticks(3, number=1)], lambda _: [ticks(5)])
    await run.through()
    assert worker.asked == [[0, 3], {0}, [3], [5]]


@pytest.mark.parametrize(("seconds", "waits"), [(1.0, [0, 1, 2]), (60.0, [0, 0, 0])])
async def test_trouble_after_a_good_while_is_waited_out_as_the_first(
    seconds: float, waits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def fail(_: Played) -> list[Given]:
        now[0] += seconds
        raise RuntimeError("once in a while")

    run = Run(Worker(), monkeypatch, fail, fail, fail)
    monkeypatch.setattr(reading, "time", SimpleNamespace(monotonic=lambda: now[0]))
    await run.through()
    assert run.waits == waits
