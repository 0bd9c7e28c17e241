"""What the market looks like in environment `local`: made up, the same on every machine, and labelled so.

Every value follows from its symbol and its time alone, so that seeding again on another day adds what is new
and changes nothing.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from richesreach.core.sample_market import SAMPLES, SamplePrice
from richesreach.gateway.market.model import (
    GENERATED,
    Bar,
    Direction,
    Engine,
    Instrument,
    Interval,
    Performance,
    Period,
    Price,
    Signal,
)
from richesreach.gateway.market.service import Market

_NAMESPACE = UUID("6f1c1c3e-6d3f-5d6c-9a51-7b1d5cb6a001")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_DAYS, _HOURS = 120, 72
_SIGNAL_EVERY = timedelta(hours=8)

# Symbol, name, class, exchange, currency.
_UNIVERSE = (
    ("AAPL", "Apple Inc.", "equity", "XNAS", "USD"),
    ("AMZN", "Amazon.com, Inc.", "equity", "XNAS", "USD"),
    ("ASML", "ASML Holding N.V.", "equity", "XAMS", "EUR"),
    ("BRK.B", "Berkshire Hathaway Inc. Class B", "equity", "XNYS", "USD"),
    ("BTC-USD", "Bitcoin", "crypto", "CRYPTO", "USD"),
    ("D05", "DBS Group Holdings Ltd", "equity", "XSES", "SGD"),
    ("ETH-USD", "Ether", "crypto", "CRYPTO", "USD"),
    ("EURUSD", "Euro in US dollars", "fx", "FX", "USD"),
    ("GOOGL", "Alphabet Inc. Class A", "equity", "XNAS", "USD"),
    ("GSPC", "S&P 500", "index", "INDEX", "USD"),
    ("JPM", "JPMorgan Chase & Co.", "equity", "XNYS", "USD"),
    ("MSFT", "Microsoft Corporation", "equity", "XNAS", "USD"),
    ("NVDA", "NVIDIA Corporation", "equity", "XNAS", "USD"),
    ("SAP", "SAP SE", "equity", "XETR", "EUR"),
    ("SPY", "SPDR S&P 500 ETF Trust", "etf", "ARCX", "USD"),
    ("TSLA", "Tesla, Inc.", "equity", "XNAS", "USD"),
)
ENGINES = (
    Engine("breakout", "Breakout", "1.0.0", "Generated sample: leaves a range with volume.", True, GENERATED),
    Engine("mean-reversion", "Mean reversion", "1.0.0", "Generated sample: returns.", True, GENERATED),
    Engine("trend", "Trend", "1.0.0", "Generated sample: crossing averages.", True, GENERATED),
)
INSTRUMENTS = tuple(Instrument(*row, GENERATED) for row in _UNIVERSE)


@dataclass(frozen=True, slots=True)
class Walk:
    """What was recorded of a sample price."""

    price: SamplePrice

    @property
    def symbol(self) -> str:
        return self.price.symbol

    def at(self, when: datetime) -> Decimal:
        return self.price.at(when)

    def bar(self, interval: Interval, opened_at: datetime, length: timedelta) -> Bar:
        chance = random.Random(f"{self.symbol} {interval} {opened_at.isoformat()}")  # noqa: S311
        opened, closed = self.at(opened_at), self.at(opened_at + length)
        spread = Decimal(f"{self.price.volatility * chance.uniform(0.05, 0.4):.6f}")
        return Bar(
            self.symbol,
            interval,
            opened_at,
            opened,
            (max(opened, closed) * (1 + spread)).quantize(Decimal("0.0001")),
            (min(opened, closed) * (1 - spread)).quantize(Decimal("0.0001")),
            closed,
            Decimal(chance.randrange(10_000, 5_000_000)),
            GENERATED,
        )

    def bars(self, until: datetime) -> Iterator[Bar]:
        """`_DAYS` of a day and `_HOURS` of an hour, all of them over before `until`."""
        for interval, length, count in (
            (Interval.DAY, timedelta(days=1), _DAYS),
            (Interval.HOUR, timedelta(hours=1), _HOURS),
        ):
            last = _EPOCH + (until - _EPOCH) // length * length
            for number in range(count, 0, -1):
                yield self.bar(interval, last - number * length, length)

    def signals(self, until: datetime) -> Iterator[Signal]:
        last = _EPOCH + (until - _EPOCH) // _SIGNAL_EVERY * _SIGNAL_EVERY
        for number in range(30):
            at = last - number * _SIGNAL_EVERY
            for engine in ENGINES:
                name = f"{self.symbol} {engine.engine} {at.isoformat()}"
                chance = random.Random(name)  # noqa: S311
                yield Signal(
                    uuid5(_NAMESPACE, name),
                    self.symbol,
                    engine.engine,
                    chance.choice([*Direction]),
                    Decimal(f"{chance.uniform(0.5, 0.99):.4f}"),
                    at,
                    GENERATED,
                )

    def performances(self, until: datetime) -> Iterator[Performance]:
        for period in Period:
            chance = random.Random(f"{self.symbol} {period}")  # noqa: S311
            yield Performance(
                self.symbol,
                period,
                Decimal(f"{chance.uniform(-0.5, 2.5):.4f}"),
                Decimal(f"{chance.uniform(0.4, 0.65):.4f}"),
                chance.randrange(5, 20 * int(period[:-1])),
                Decimal(f"{chance.uniform(-5000, 20000):.4f}"),
                Decimal(f"{chance.uniform(0.02, 0.3):.4f}"),
                until,
                GENERATED,
            )


WALKS = tuple(Walk(SAMPLES[row[0]]) for row in _UNIVERSE)


async def seed(market: Market, now: datetime) -> None:
    """Record what is known until the hour of `now`."""
    until = now.replace(minute=0, second=0, microsecond=0)
    await market.record_reference(INSTRUMENTS, ENGINES)
    await market.record_bars([bar for walk in WALKS for bar in walk.bars(until)])
    await market.record_signals([signal for walk in WALKS for signal in walk.signals(until)])
    await market.record_performances([row for walk in WALKS for row in walk.performances(until)])
    await market.record_prices([Price(walk.symbol, walk.at(until), until, GENERATED) for walk in WALKS])
