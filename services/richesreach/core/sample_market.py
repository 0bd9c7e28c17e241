"""Made-up prices of environment `local`: what the seeded database and the generator of ticks agree on.

Every price follows from its symbol and its time alone: a sum of a few waves, whose phases come from the
symbol. Nothing of it is market data.
"""

import functools
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_HOUR = 3_600_000_000_000
_EPOCH_NANOSECONDS = int(_EPOCH.timestamp()) * 1_000_000_000
# Hours.
_LENGTHS = (3.1, 11.7, 37.3, 131, 611, 2411)


@dataclass(frozen=True, slots=True)
class SamplePrice:
    """A price that moves hour by hour: `start` at the epoch, `volatility` of a day."""

    symbol: str
    start: float
    volatility: float

    def at(self, when: datetime) -> Decimal:
        return Decimal(f"{self._after((when - _EPOCH).total_seconds() / 3600):.4f}")

    def scaled_at(self, when: int) -> int:
        """`when` in Unix nanoseconds; the price times 10^8."""
        return round(self._after((when - _EPOCH_NANOSECONDS) / _HOUR) * 1e8)

    def _after(self, hours: float) -> float:
        phases = _phases(self.symbol)
        waves = (
            math.sin(hours / length + phase) * math.sqrt(length)
            for length, phase in zip(_LENGTHS, phases, strict=True)
        )
        return self.start * math.exp(self.volatility * sum(waves) / 6)


@functools.cache
def _phases(symbol: str) -> tuple[float, ...]:
    chance = random.Random(symbol)  # noqa: S311 (samples, no secrets)
    return tuple(chance.uniform(0, 6.28) for _ in _LENGTHS)


SAMPLES: Mapping[str, SamplePrice] = {
    symbol: SamplePrice(symbol, start, volatility)
    for symbol, start, volatility in (
        ("AAPL", 190, 0.015),
        ("AMZN", 180, 0.018),
        ("ASML", 650, 0.02),
        ("BRK.B", 420, 0.01),
        ("BTC-USD", 64000, 0.03),
        ("D05", 36, 0.01),
        ("ETH-USD", 3200, 0.035),
        ("EURUSD", 1.08, 0.004),
        ("GOOGL", 165, 0.016),
        ("GSPC", 5500, 0.009),
        ("JPM", 205, 0.012),
        ("MSFT", 420, 0.014),
        ("NVDA", 120, 0.028),
        ("SAP", 190, 0.013),
        ("SPY", 550, 0.009),
        ("TSLA", 230, 0.032),
    )
}
