"""The latest price of each symbol as the stream has it: one feature of the vectors in the region's cache."""

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from richesreach.core.cache import CacheUnavailableError, Nodes
from richesreach.core.cache.wire import Wire
from richesreach.core.layout import PRICE, SHAPE, VectorError
from richesreach.core.logs import logger
from richesreach.gateway.market.batch import Batch
from richesreach.gateway.market.model import Price

STREAM = "stream"
# Seconds that an answer is kept in the process: many ask for the same symbol, and nobody sees the difference.
KEPT = 0.25
# Symbols of which answers are kept.
MOST = 20_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class LivePrices:
    """One a process. Without the cache, nothing is live. `source` is what prices say that they come of."""

    def __init__(
        self, nodes: Nodes, source: str = STREAM, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._nodes = nodes
        self._source = source
        self._clock = clock
        self._batch: Batch[str, Price] = Batch(self._load)
        self._kept: dict[str, tuple[float, Price | None]] = {}

    async def of(self, symbol: str) -> Price | None:
        """None where the stream has none, or the cache does not answer."""
        until, kept = self._kept.get(symbol, (0.0, None))
        if self._clock() < until:
            return kept
        return await self._batch.one(symbol)

    async def _load(self, symbols: Sequence[str]) -> dict[str, Price]:
        names = [SHAPE.key(symbol) for symbol in symbols]

        def ask(wire: Wire) -> Awaitable[Any]:
            return wire.call("MGET", *names)

        try:
            raw: list[bytes | None] = await self._nodes.read_value(ask)
        except CacheUnavailableError:
            raw = [None] * len(names)
        if len(self._kept) > MOST:
            self._kept.clear()
        until, found = self._clock() + KEPT, dict[str, Price]()
        for symbol, vector in zip(symbols, raw, strict=True):
            price = None if vector is None else _price(symbol, vector, self._source)
            self._kept[symbol] = until, price
            if price is not None:
                found[symbol] = price
        return found


def _price(symbol: str, vector: bytes, source: str) -> Price | None:
    try:
        found = SHAPE.reading(vector, PRICE)
    except VectorError as error:
        logger().warning("vector_unreadable", symbol=symbol, error=str(error))
        return None
    if found is None:
        return None
    at = _EPOCH + timedelta(microseconds=found.time // 1000)
    # The shortest decimal number of this float is the price that it was made of.
    return Price(symbol=symbol, price=Decimal(repr(found.value)), at=at, source=source)
