"""Made-up prices for environment `local`, the same for the same seed, which say what they are.

Tick number i of all belongs to symbol i modulo their count, happens i / rate seconds after the start, and has
a price and a size that follow from the seed, the symbol, its number and its time alone: a random walk, or
close to the level that the symbol is given. Begun anew from the same start, it says the same again: whoever
was interrupted can go on anywhere, and duplicates show by their numbers.
"""

import asyncio
import random
import time
import zlib
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from richesreach.core.events.scaled import ONE
from richesreach.core.limits.gcra import Tier
from richesreach.core.vendors.pace import Pace
from richesreach.market_data.model import About, Record, Trade
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
# The most ticks of one list, when it has fallen behind.
MOST = 2000
_CENT = ONE // 100
_LEAST_LEVEL = ONE
# Of prices near a level, some of which are below one: four places.
_PIP = ONE // 10_000
# Seconds that it may be behind, or ahead, of the time, when it goes on.
MOST_BEHIND = 600.0
# The price times 10^8 around which ticks of Unix nanoseconds lie.
Level = Callable[[int], int]
_Maker = Callable[[int, int], tuple[int, int]]


class Generator:
    about = ABOUT

    def __init__(
        self,
        symbols: Iterable[str],
        *,
        rate: float,
        seed: int = 0,
        start: int | None = None,
        first: int = 0,
        levels: Mapping[str, Level] | None = None,
        pause: float = 0.005,
    ) -> None:
        """`rate` in ticks a second of all symbols; `start` in Unix nanoseconds, now by default. `first`
        ticks are passed over, as said before. A symbol without a level walks. `pause` is the seconds between
        two lists of ticks.
        """
        if rate <= 0:
            raise ValueError(f"rate {rate:g} must be above zero")
        self._symbols = list(vendor_symbols(symbols).values())
        self._rate = rate
        self._seed = seed
        self._start = start
        self._first = first
        self._levels = levels or {}
        self._pause = pause

    def go_on(self, began: int | None, sent: Mapping[str, int]) -> int:
        """After the last numbers of each symbol, in the ticks that began then; the time at which they began.

        Who was away says what was missed, unless that is too long ago: the times of the ticks then go on with
        now, and their numbers without a gap.
        """
        now, known = time.time_ns(), [sent[symbol] for symbol in self._symbols if symbol in sent]
        self._first = min(known, default=0) * len(self._symbols)
        said = int(self._first * 1e9 / self._rate)
        if began is None or abs(now - began - said) > MOST_BEHIND * 1e9:
            began = now - said
        self._start = began
        return began

    async def records(self, _pace: Pace, _reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
        start = time.time_ns() if self._start is None else self._start
        trades, said = self.trades(start, self._first), self._first
        while True:
            due = int((time.time_ns() - start) * self._rate / 1e9) + 1 - said
            if due <= 0:
                await asyncio.sleep(self._pause)
                continue
            found = list(islice(trades, min(due, MOST)))
            said += len(found)
            yield found
            # A tick that has just become due belongs into the next list.
            if due <= MOST:
                await asyncio.sleep(self._pause)

    def trades(self, start: int, first: int = 0) -> Iterator[Trade]:
        """All of them from number `first` on, without end."""
        count, index = len(self._symbols), first
        makers = [
            self._maker(symbol, (first + count - 1 - place) // count)
            for place, symbol in enumerate(self._symbols)
        ]
        while True:
            happened, number = start + int(index * 1e9 / self._rate), index // count + 1
            price, size = makers[index % count](happened, number)
            yield Trade(self._symbols[index % count], VENUE, price, size, happened, number)
            index += 1

    def _maker(self, symbol: str, said: int) -> _Maker:
        """What gives price and size of a time and number; `said` ticks of the symbol were before."""
        level = self._levels.get(symbol)
        if level is not None:
            return lambda happened, number: self._near(level(happened), symbol, number)
        walk = islice(self._walk(symbol), said, None)
        return lambda _happened, _number: next(walk)

    def _near(self, level: int, symbol: str, number: int) -> tuple[int, int]:
        """A price up to a ten-thousandth away, to four places, and a whole size."""
        chance = zlib.crc32(f"{self._seed}:{symbol}:{number}".encode())
        price = level + level * (chance % 2001 - 1000) // 10_000_000
        return max(_PIP, price - price % _PIP), (1 + chance % 499) * ONE

    def _walk(self, symbol: str) -> Iterator[tuple[int, int]]:
        """Prices to the cent, each up to a ten-thousandth away from the one before, and whole sizes."""
        chance = random.Random(f"{self._seed}:{symbol}")  # noqa: S311 (prices, no secret)
        level, below = chance.randrange(10 * ONE, 500 * ONE), chance.random
        while True:
            level = max(_LEAST_LEVEL, level + int(level * (below() - 0.5) * 2e-4))
            yield level - level % _CENT, (1 + int(below() * 500)) * ONE
