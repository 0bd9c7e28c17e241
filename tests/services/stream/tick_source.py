"""The source of the ticks' bench, in a process of its own: from a vendor's trades to acknowledged batches.

    python tick_source.py <host:port> <symbols> <partitions> <linger-ms>

Reads one line of JSON for each stretch, `{"rate": 100000, "seconds": 60}`, and answers each with one. Trades
happen by the clock, whatever the platform does: one that is read late is as late in every figure. Making them
up costs no more than a list; numbering, packing, checking and publishing are the service's own.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from itertools import cycle, islice, repeat
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[2] / "services")]

import uvloop  # noqa: E402
from richesreach.core import collection  # noqa: E402
from richesreach.core.limits.gcra import Tier  # noqa: E402
from richesreach.market_data.intake import Intake  # noqa: E402
from richesreach.market_data.model import About, Trade  # noqa: E402
from richesreach.market_data.publishing import TickPublisher  # noqa: E402
from stream_client import events_of  # noqa: E402

ABOUT = About(
    name="bench",
    licence="generated: not market data",
    documentation="docs/benchmarks.md",
    pace=Tier("bench", 1000, 1, 1000),
    contiguous=False,
)
# Seconds between two looks at the clock; what a vendor's frame holds at these rates.
SLICE = 0.002
PRICES = 4096


class Vendor:
    """Ticks of all symbols in turn, at a rate, from a time on; symbol i's price is one of a long list."""

    def __init__(self, symbols: int) -> None:
        self.names = [f"SYM{number}" for number in range(symbols)]
        chance = random.Random(7)  # noqa: S311 (prices, no secret)
        prices = [round(100 + chance.random(), 2) for _ in range(PRICES)]
        self.prices = [round(price * 10**8) for price in prices]
        # Where both go on.
        self._names, self._next_prices = cycle(self.names), cycle(self.prices)
        self.said = 0

    def price(self, tick: int) -> int:
        return self.prices[tick % PRICES]

    def trades(self, began: int, first: int, count: int, rate: int) -> list[Trade]:
        """`count` trades; the stretch's number `first` happens `first / rate` seconds after it began."""
        step = 1_000_000_000 / rate
        self.said += count
        return list(
            map(
                Trade,
                islice(self._names, count),
                repeat("XNAS"),
                islice(self._next_prices, count),
                repeat(100_000_000),
                [began + int(number * step) for number in range(first, first + count)],
                repeat(None),
            )
        )

    def last(self) -> dict[str, float]:
        """The last price of each symbol."""
        symbols, found = len(self.names), dict[str, float]()
        for tick in range(max(0, self.said - symbols), self.said):
            found[self.names[tick % symbols]] = self.price(tick) / 10**8
        return found


async def stretch(vendor: Vendor, intake: Intake, publisher: TickPublisher, rate: int, seconds: float) -> int:
    """Say `rate` ticks a second by the clock; when it began, in Unix nanoseconds."""
    began, said, count = time.time_ns(), 0, int(rate * seconds)
    while said < count:
        due = min(count, int((time.time_ns() - began) * rate / 1e9) + 1)
        if due > said:
            await publisher.take(intake.ticks(intake.sound(vendor.trades(began, said, due - said, rate))))
            said = due
        await asyncio.sleep(SLICE)
    return began


async def run(endpoint: str, symbols: int, partitions: int, linger: float) -> None:
    vendor, intake = Vendor(symbols), Intake(ABOUT)
    async with events_of(endpoint, "market-data") as events:
        publisher = TickPublisher(events, ABOUT, partitions, linger_ms=linger)
        publisher.open()
        collection.settle()
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            given = json.loads(line)
            began = await stretch(vendor, intake, publisher, given["rate"], given["seconds"])
            while publisher.waiting:  # noqa: ASYNC110 (a bench waits once)
                await asyncio.sleep(0.005)
            accounts = publisher.ledger.accounts.values()
            tell(
                began=began,
                ended=time.time_ns(),
                said=vendor.said,
                acknowledged=sum(account.received for account in accounts),
                late=intake.counts.late,
                refused=publisher.refused,
                last=vendor.last() if given.get("last") else {},
            )
        await publisher.close()


def tell(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> None:
    endpoint, symbols, partitions, linger = arguments
    uvloop.run(run(endpoint, int(symbols), int(partitions), float(linger)))


if __name__ == "__main__":
    main(sys.argv[1:])
