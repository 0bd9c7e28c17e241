"""Closed bars as messages for the topics, each with an id by which one that is sent again is known."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from richesreach.core.events.schemas import Indicator
from richesreach.stream.bar_json import encoded
from richesreach.stream.definitions import INDICATORS, INTERVALS
from richesreach.stream.history import Floats
from richesreach.stream.partition import Closing, Partition

_NAMES = [indicator.name for indicator in INDICATORS]
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """Number `sequence` of what the message at `offset` of `partition` of `market.ticks` closed."""

    partition: int
    offset: int
    sequence: int

    @property
    def text(self) -> bytes:
        """As messages have it in their header `id`."""
        return b"%d-%d-%d" % (self.partition, self.offset, self.sequence)


@dataclass(frozen=True, slots=True)
class Output:
    """A bar, and its indicators where it has any yet, under one id."""

    identity: Identity
    symbol: str
    bar: bytes
    indicator: bytes | None


class Unseen:
    """Tells outputs that come for the first time: those of a partition come in the order of their ids."""

    def __init__(self) -> None:
        self._last: dict[int, Identity] = {}

    def admit(self, identity: Identity) -> bool:
        """False for one that came before."""
        last = self._last.get(identity.partition)
        if last is not None and identity <= last:
            return False
        self._last[identity.partition] = identity
        return True


def outputs(number: int, partition: Partition, closing: Closing) -> Iterator[Output]:
    """The messages of one closing, in the order of their ids."""
    interval = INTERVALS[closing.interval]
    names = partition.reader.symbols.names
    symbols = [names[symbol] for symbol in closing.symbols.tolist()]
    made = encoded(interval, closing.start, symbols, closing.rows)
    end = closing.start + interval.length
    columns = zip(symbols, made, _values(closing.indicators.T), strict=True)
    for place, (symbol, bar, values) in enumerate(columns):
        indicator = None
        if values:
            told = Indicator(symbol=symbol, interval=interval.name, time=end, values=values)
            indicator = _ENCODER.encode(told)
        yield Output(Identity(number, closing.offset, closing.first + place), symbol, bar, indicator)


def _values(rows: Floats) -> Iterator[dict[str, float]]:
    """Of (symbols, indicators), those that have a value, by name."""
    known = ~np.isnan(rows)
    complete: list[bool] = np.all(known, axis=1).tolist()
    for place, (row, whole) in enumerate(zip(rows.tolist(), complete, strict=True)):
        if whole:
            yield dict(zip(_NAMES, row, strict=True))
        else:
            yield {_NAMES[column]: row[column] for column in np.flatnonzero(known[place]).tolist()}
