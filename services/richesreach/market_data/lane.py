"""The way of one partition: batches in order, several under way, and none begun while one has failed."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from richesreach.core.events import EventRefusedError, StreamUnavailableError
from richesreach.core.logs import logger
from richesreach.core.resilience.errors import CircuitOpenError, DeadlineExceededError
from richesreach.core.vendors.pace import Backoff
from richesreach.market_data.packing import Packed

Send = Callable[[Packed], Awaitable[None]]
# Batches of one partition that wait for their acknowledgements.
UNDER_WAY = 16
# After these nobody knows whether it arrived; it is sent again, and its numbers tell if it did.
DOUBTS = (StreamUnavailableError, CircuitOpenError, DeadlineExceededError, TimeoutError)


class Lane:
    """`delivered` and `refused` are told of each batch once, when it is over."""

    def __init__(
        self,
        send: Send,
        delivered: Callable[[Packed], None],
        refused: Callable[[Packed, Exception], None],
        backoff: Backoff | None = None,
    ) -> None:
        self.again = 0
        self._send = send
        self._delivered = delivered
        self._refused = refused
        self._backoff = backoff or Backoff(first=0.05, longest=5.0)
        self._waiting: deque[Packed] = deque()
        self._under_way: deque[tuple[Packed, asyncio.Task[None]]] = deque()
        self._failed: list[Packed] = []
        self._news = asyncio.Event()

    @property
    def idle(self) -> bool:
        return not (self._waiting or self._under_way or self._failed)

    @property
    def oldest(self) -> Packed | None:
        """Of those that are not over, the one that was added first."""
        if self._failed:
            return self._failed[0]
        if self._under_way:
            return self._under_way[0][0]
        return self._waiting[0] if self._waiting else None

    def add(self, packed: Packed) -> None:
        self._waiting.append(packed)
        self._news.set()

    async def run(self) -> None:
        """Until it is cancelled; batches that are under way are then left to their fate."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                self._settle()
                if self._failed and not self._under_way:
                    await asyncio.sleep(self._backoff.next())
                    self._waiting.extendleft(reversed(self._failed))
                    self.again += len(self._failed)
                    self._failed.clear()
                while self._waiting and len(self._under_way) < UNDER_WAY and not self._failed:
                    self._start(self._waiting.popleft())
        finally:
            for _, task in self._under_way:
                task.cancel()

    def _start(self, packed: Packed) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(self._send(packed))
        self._under_way.append((packed, task))
        task.add_done_callback(lambda _task: self._news.set())

    def _settle(self) -> None:
        """Take the outcomes, in order."""
        while self._under_way and self._under_way[0][1].done():
            packed, task = self._under_way.popleft()
            error = task.exception()
            if error is None:
                self._backoff.reset()
                self._delivered(packed)
            elif isinstance(error, DOUBTS):
                self._failed.append(packed)
            else:
                logger().error("ticks_refused", partition=packed.partition, error=str(error))
                refusal = error if isinstance(error, Exception) else EventRefusedError(str(error))
                self._refused(packed, refusal)
