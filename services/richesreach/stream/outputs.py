"""Closed bars as messages for the topics, each with an id by which one that is sent again is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import numpy as np

from richesreach.core.events.scaled import unscaled
from richesreach.core.events.schemas import Bar, Indicator
from richesreach.stream import bars, wide
from richesreach.stream.definitions import INDICATORS, INTERVALS
from richesreach.stream.partition import Closing, Partition

_NAMES = [indicator.name for indicator in INDICATORS]


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
    end = closing.start + interval.length
    columns = zip(closing.symbols.tolist(), closing.rows.tolist(), closing.indicators.T, strict=True)
    for place, (symbol, row, values) in enumerate(columns):
        volume, notional = wide.whole(row[bars.VOLUME]), wide.whole(row[bars.NOTIONAL])
        bar = Bar(
            symbol=names[symbol],
            interval=interval.name,
            start=closing.start,
            end=end,
            open=unscaled(row[bars.OPEN]),
            high=unscaled(row[bars.HIGH]),
            low=unscaled(row[bars.LOW]),
            close=unscaled(row[bars.CLOSE]),
            volume=unscaled(volume),
            ticks=row[bars.TICKS],
            vwap=_vwap(notional, volume),
        )
        known = ~np.isnan(values)
        indicator = None
        if known.any():
            indicator = msgspec.json.encode(
                Indicator(
                    symbol=names[symbol],
                    interval=interval.name,
                    time=end,
                    values=dict(zip(np.array(_NAMES)[known].tolist(), values[known].tolist(), strict=True)),
                )
            )
        identity = Identity(number, closing.offset, closing.first + place)
        yield Output(identity, names[symbol], msgspec.json.encode(bar), indicator)


def _vwap(notional: int, volume: int) -> Decimal | None:
    """Rounded to eight places, halves up; None where no volume was."""
    return unscaled((2 * notional + volume) // (2 * volume)) if volume else None
