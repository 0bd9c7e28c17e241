"""What the stream says, by symbol: one reader of a topic a process, however many listen."""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any

from richesreach.core.events import Events
from richesreach.core.events.schemas import Heartbeat, PackedTick, Tick, TickBatch
from richesreach.core.events.topics import MARKET_TICKS, ML_PREDICTIONS, Topic
from richesreach.core.problems import Problem
from richesreach.gateway.market.model import GENERATED

# Messages that one listener may be behind: it then goes on with the newest.
BACKLOG = 256
# What a message says, each with the symbol that it says it about.
Saying = Callable[[Any], Iterable[tuple[str, Any]]]


class Feed:
    """One topic whose messages are about symbols. Without a stream, listening is refused."""

    def __init__(self, events: Events | None, topic: Topic, saying: Saying) -> None:
        self._events = events
        self._topic = topic
        self._saying = saying
        self._listeners: dict[str, set[_Listener]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def of(self, symbol: str) -> AsyncGenerator[Any, None]:
        """What is said about this symbol from now on. Raises Problem 503 where the service has no stream."""
        if self._events is None:
            raise Problem(503, "stream-unavailable", "There are no live updates here at the moment.")
        listener = _Listener()
        self._listeners[symbol].add(listener)
        if self._task is None:
            self._task = asyncio.create_task(self._run(self._events), name=f"feed of {self._topic.name}")
        try:
            while True:
                yield await listener.next()
        finally:
            self._leave(symbol, listener)

    async def ready(self) -> None:
        """Return once what is published from now on will be heard."""
        await self._ready.wait()

    def _leave(self, symbol: str, listener: "_Listener") -> None:
        self._listeners[symbol].discard(listener)
        if not self._listeners[symbol]:
            del self._listeners[symbol]
        if not self._listeners and self._task is not None:
            self._task.cancel()
            self._task = None
            self._ready.clear()

    async def _run(self, events: Events) -> None:
        """Until nobody listens, or the service ends its stream."""
        async with events.tail(self._topic) as tail:
            self._ready.set()
            async for message in tail:
                for symbol, said in self._saying(message):
                    for listener in self._listeners.get(symbol, ()):
                        listener.offer(said)


class _Listener:
    def __init__(self) -> None:
        self._waiting: deque[Any] = deque(maxlen=BACKLOG)
        self._news = asyncio.Event()

    def offer(self, message: Any) -> None:
        self._waiting.append(message)
        self._news.set()

    async def next(self) -> Any:
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()


class Feeds:
    def __init__(self, events: Events | None) -> None:
        self.ticks = Feed(events, MARKET_TICKS, _ticks)
        self.signals = Feed(events, ML_PREDICTIONS, _whole)


def _ticks(
    message: Tick | TickBatch | Heartbeat,
) -> Iterable[tuple[str, tuple[str, Tick | PackedTick]]]:
    """Each tick, whether it came alone or packed, and where it is from."""
    if isinstance(message, Heartbeat):
        return ()
    # Only the licence says whether it is market data at all.
    source = GENERATED if message.licence.startswith(GENERATED) else message.source
    if isinstance(message, TickBatch):
        return ((tick.s, (source, tick)) for tick in message.ticks)
    return ((message.symbol, (source, message)),)


def _whole(message: Any) -> Iterable[tuple[str, Any]]:
    return ((message.symbol, message),)
