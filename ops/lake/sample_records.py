"""Makes the records of a dataset's sample from a seed: plausible shapes, invented values.

Prices walk at random from an invented start; symbols are of no listed instrument.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from stacks.datalake.schemas import Dataset, Field

#: Invented instruments: no exchange lists them.
SYMBOLS = ("RRA", "RRB", "RRC")
PORTFOLIOS = ("sample-growth", "sample-income")

#: Records of one object: one an hour and instrument or portfolio.
HOURS = range(0, 24, 6)

Record = dict[str, Any]


def days(now: datetime, count: int) -> list[date]:
    """The last ``count`` days up to that of ``now`` in UTC, oldest first."""
    today = now.astimezone(UTC).date()
    return [today - timedelta(days=back) for back in reversed(range(count))]


def records(dataset: Dataset, region: str, day: date, seed: int) -> list[Record]:
    """The sample of one day: the same for the same arguments, and true to the dataset's schema."""
    rng = random.Random(f"{seed}:{dataset.name}:{region}:{day}")  # noqa: S311  (samples, no secrets)
    names = {field.name for field in dataset.schema.fields}
    subjects = PORTFOLIOS if "portfolio_id" in names else SYMBOLS
    # Once a day where the key is a day, a period or a version; else some times a day.
    moments = HOURS if "timestamp" in names or "published_at" in names else range(1)
    made = []
    for subject in subjects:
        price = rng.uniform(20, 300)
        for hour in moments:
            price *= 1 + rng.gauss(0, 0.01)
            context = _Context(dataset, subject, datetime(day.year, day.month, day.day, hour, tzinfo=UTC))
            made.append({field.name: _value(field, context, price, rng) for field in dataset.schema.fields})
    return [_coherent(record) for record in made]


class _Context:
    """What the values of one record share."""

    def __init__(self, dataset: Dataset, subject: str, at: datetime) -> None:
        self.dataset, self.subject, self.at = dataset, subject, at
        self.source = dataset.prefix.rstrip("/").rsplit("/", 1)[1]
        self.id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{dataset.name}/{subject}/{at.isoformat()}"))


_Maker = Callable[[_Context, float, random.Random], Any]

#: Values that mean something; everything else is drawn from its kind and range.
_NAMED: dict[str, _Maker] = {
    "origin": lambda c, p, r: "sample",
    "symbol": lambda c, p, r: c.subject,
    "symbols": lambda c, p, r: c.subject,
    "portfolio_id": lambda c, p, r: c.subject,
    "source": lambda c, p, r: c.source,
    "currency": lambda c, p, r: "USD",
    "language": lambda c, p, r: "en",
    "interval": lambda c, p, r: "1h",
    "headline": lambda c, p, r: f"Sample headline about {c.subject}",
    "summary": lambda c, p, r: "Sample text made by the generator; nobody published it.",
    "publisher": lambda c, p, r: "sample",
    "url": lambda c, p, r: f"https://sample.invalid/{c.id}" if c.at.hour else None,
    "model": lambda c, p, r: f"sample-{c.subject.lower()}",
    "version": lambda c, p, r: f"{c.at:%Y%m%d}",
    "features": lambda c, p, r: "return_1d,volatility_20,rsi_14,sentiment_1d",
    "file": lambda c, p, r: None,
    "sha256": lambda c, p, r: None,
    "volume": lambda c, p, r: float(r.randrange(1_000, 100_000)),
    "trades": lambda c, p, r: r.randrange(10, 1_000),
    "statements": lambda c, p, r: r.randrange(1, 200),
    "positions": lambda c, p, r: r.randrange(5, 40),
    "market_cap": lambda c, p, r: round(p * 1e8, 2),
    "ticks": lambda c, p, r: r.randrange(10, 1_000),
    "licence": lambda c, p, r: "sample",
    "venue": lambda c, p, r: "sample",
    "sequence": lambda c, p, r: uuid.UUID(c.id).int % 10**15,
    "stream_offset": lambda c, p, r: uuid.UUID(c.id).int % 10**15,
    "macd": lambda c, p, r: round(r.gauss(0, 1), 4),
    "macd_signal": lambda c, p, r: round(r.gauss(0, 1), 4),
    "pe_ratio": lambda c, p, r: round(r.uniform(8, 40), 2),
    "pb_ratio": lambda c, p, r: round(r.uniform(0.8, 9), 2),
    "pnl": lambda c, p, r: f"{r.gauss(0, 500):.2f}",
    "value": lambda c, p, r: round(r.gauss(0, 0.01), 5),
    "label": lambda c, p, r: round(r.gauss(0, 0.01), 5),
    "roe": lambda c, p, r: round(r.uniform(-0.1, 0.4), 4),
    "return_1d": lambda c, p, r: round(r.gauss(0, 0.01), 5),
    "beta": lambda c, p, r: round(r.uniform(0.5, 1.6), 3),
    "volatility_20": lambda c, p, r: round(r.uniform(0.005, 0.04), 5),
    "volatility_annual": lambda c, p, r: round(r.uniform(0.08, 0.6), 4),
}


_KINDS: dict[str, _Maker] = {
    "timestamp": lambda c, p, r: f"{c.at:%Y-%m-%dT%H:%M:%SZ}",
    "date": lambda c, p, r: c.at.date().isoformat(),
    "decimal": lambda c, p, r: f"{abs(r.gauss(p * 100, p)):.2f}",
    "long": lambda c, p, r: 0,
}


def _value(field: Field, context: _Context, price: float, rng: random.Random) -> Any:
    if field.name in _NAMED:
        made = _NAMED[field.name](context, price, rng)
        return f"{made:.2f}" if field.kind == "decimal" and isinstance(made, float) else made
    if field.name.endswith("_id"):
        return context.id
    if field.values:
        return rng.choice(field.values)
    if field.kind in _KINDS:
        return _KINDS[field.kind](context, price, rng)
    if field.minimum is not None and field.maximum is not None:
        return round(rng.uniform(field.minimum, field.maximum), 4)
    return round(price * rng.uniform(0.99, 1.01), 4)


def _coherent(record: Record) -> Record:
    """A bar's high and low bound its other prices."""
    if {"open", "high", "low", "close"} <= record.keys():
        prices = [record["open"], record["close"], record["high"], record["low"]]
        record |= {"high": max(prices, key=float), "low": min(prices, key=float)}
    return record
