"""What a source said that is not taken goes to `dlq`, with its reason: so many a second, and never all."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from richesreach.core.events.schemas import DeadLetter
from richesreach.core.events.topics import MARKET_TICKS
from richesreach.core.limits.gcra import MICROSECONDS, LocalLimits, Tier
from richesreach.core.logs import logger
from richesreach.market_data.lane import DOUBTS
from richesreach.market_data.model import Rejection

# Of one source: who raves must not fill the topic, nor hide what another one says.
RATE = Tier("dead-letters", 10, 1, 50)
# Letters that wait for the brokers.
WAITING = 500
Send = Callable[[DeadLetter], Awaitable[None]]


class DeadLetters:
    """`put` may be called as often as a vendor can speak; `unwritten` counts what was one too many."""

    def __init__(self, send: Send, *, now: Callable[[], float] = time.monotonic) -> None:
        self.written = self.unwritten = 0
        self._send = send
        self._now = now
        self._limits = LocalLimits()
        self._waiting: deque[DeadLetter] = deque()
        self._news = asyncio.Event()

    def put(self, rejection: Rejection) -> None:
        admitted = self._limits.check(rejection.source, RATE, round(self._now() * MICROSECONDS)).admitted
        if not admitted or len(self._waiting) >= WAITING:
            self.unwritten += 1
            return
        self._waiting.append(letter_of(rejection))
        self._news.set()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            while self._waiting:
                try:
                    await self._send(self._waiting[0])
                    self.written += 1
                except DOUBTS:
                    await asyncio.sleep(1.0)
                    continue
                except Exception as error:
                    # Whatever is wrong with this one: the next ones are to be written.
                    self.unwritten += 1
                    logger().error("dead_letter_refused", error=str(error))
                self._waiting.popleft()
            self._news.clear()
            await self._news.wait()


def letter_of(rejection: Rejection) -> DeadLetter:
    """It was on no topic yet: partition and offset say nothing, and the group names the source."""
    return DeadLetter(
        topic=MARKET_TICKS.name,
        partition=0,
        offset=0,
        group=f"market-data.{rejection.source}"[:64],
        reason=rejection.reason,
        error=rejection.error[:2000],
        attempts=0,
        time=time.time_ns(),
        key=None,
        value=rejection.said,
        headers={},
    )
