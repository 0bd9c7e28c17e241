"""Made-up prices for environment `local`: a random walk, the same for the same seed, which says what it is.

Tick number i of all belongs to symbol i modulo their count, happens i / rate seconds after the start, and has
a price and a size that follow from the seed, the symbol and its number alone. Begun anew from the same start,
it says the same again: whoever was interrupted can go on anywhere, and duplicates show by their numbers.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from itertools import islice

from richesreach.core.events.scaled import ONE
from richesreach.core.limits.gcra import Tier
from richesreach.market_data.model import About, Record, Trade
from richesreach.market_data.pace import Pace
from richesreach.market_data.source import Reject
from richesreach.market_data.sources.symbols import vendor_symbols

ABOUT = About(
    name="generator",
    licence="generated: not market data",
    documentation="docs/market-data.md",
    pace=Tier("generator", 1000, 1, 1000),
    contiguous=True,
    environments=frozenset({"local"}),
)
VENUE = "GENERATED"
# Seconds between two lists of ticks; and the most ticks of one list, when it has fallen behind.
SLICE, MOST = 0.005, 2000
_CENT = ONE // 100
_LEAST_LEVEL = ONE


class Generator:
    about = ABOUT

    def __init__(
        self, symbols: Iterable[str], *, rate: float, seed: int = 0, start: int | None = None, first: int = 0
    ) -> None:
        """`rate` in ticks a second of all symbols; `start` in Unix nanoseconds, now by default. `first`
        ticks are passed over, as said before.
        """
        if rate <= 0:
            raise ValueError(f"rate {rate:g} must be above zero")
        self._symbols = list(vendor_symbols(symbols).values())
        self._rate = rate
        self._seed = seed
        self._start = start
        self._first = first

    async def records(self, _pace: Pace, _reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
        start = time.time_ns() if self._start is None else self._start
        trades, said = islice(self.trades(start), self._first, None), self._first
        while True:
            due = int((time.time_ns() - start) * self._rate / 1e9) + 1 - said
            if due <= 0:
                await asyncio.sleep(SLICE)
                continue
            found = list(islice(trades, min(due, MOST)))
            said += len(found)
            yield found
            # A tick that has just become due belongs into the next list.
            if due <= MOST:
                await asyncio.sleep(SLICE)

    def trades(self, start: int) -> Iterator[Trade]:
        """All of them, without end."""
        walks = [self._walk(symbol) for symbol in self._symbols]
        count, index = len(walks), 0
        while True:
            price, size = next(walks[index % count])
            happened = start + int(index * 1e9 / self._rate)
            yield Trade(self._symbols[index % count], VENUE, price, size, happened, index // count + 1)
            index += 1

    def _walk(self, symbol: str) -> Iterator[tuple[int, int]]:
        """Prices to the cent, each up to a ten-thousandth away from the one before, and whole sizes."""
        chance = random.Random(f"{self._seed}:{symbol}")  # noqa: S311 (prices, no secret)
        level, below = chance.randrange(10 * ONE, 500 * ONE), chance.random
        while True:
            level = max(_LEAST_LEVEL, level + int(level * (below() - 0.5) * 2e-4))
            yield level - level % _CENT, (1 + int(below() * 500)) * ONE
