"""Rows that wait for their file: one buffer a column, compact, in the order of the stream."""

from array import array
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from math import nan
from typing import Any

from richesreach.core.events.scaled import ScaleError, scaled
from richesreach.core.events.schemas import Bar, Heartbeat, Indicator, Tick, TickBatch
from richesreach.history.lake.layouts import ABSENT, INDICATORS, Kind, Layout

_ARRAYS = {Kind.NAME: "i", Kind.INTEGER: "q", Kind.SCALED: "q", Kind.NUMBER: "d", Kind.TIME: "q"}
# Of a source by its name; all others are live.
_ORIGINS = {"generator": "generator", "replay": "replay"}
LIVE = "live"
_PRICES = ("open", "high", "low", "close", "volume", "vwap")
# A column has room for 20 digits before the point and eight after it; what has more becomes NaN.
_DIGITS, _PLACE = 20, Decimal("1E-8")
_COLUMN = Context(prec=28, rounding=ROUND_HALF_UP, traps=[])


class Rows:
    """`columns` are by name; those of the kind NAME hold numbers of `names`.

    `latest` tells bars and indicators that come again, by symbol and interval: a stream job that resumes says
    some of them twice, and those of one symbol and interval come in the order of their times.

    `term` is the latest that a heartbeat of the partition had: batches of ticks of an earlier one are void
    from then on, as their numbers were given again. `void` counts their ticks, of which no row is made.
    """

    def __init__(self, layout: Layout, origin: str, latest: dict[tuple[str, str], tuple[int, int]]) -> None:
        self.layout = layout
        self.latest = latest
        self.term = 0
        self._origin = origin
        takers: dict[str, Callable[[Any, int, int, int], None]] = {
            "market.ticks": self._ticks,
            "market.bars": self._bar,
            "market.indicators": self._indicator,
        }
        self._take = takers[layout.topic]
        self.clear()

    def clear(self) -> None:
        self.names: dict[str, int] = {}
        self.repeated = self.void = 0
        self.columns: dict[str, Any] = {
            column.name: [] if column.kind is Kind.DECIMAL else array(_ARRAYS[column.kind])
            for column in self.layout.columns
        }

    def __len__(self) -> int:
        return len(self.columns["stream_offset"])

    def add(self, message: Any, epoch: int, partition: int, offset: int) -> None:
        """Raises ScaleError for a number that no column can hold, and nothing is added then."""
        self._take(message, epoch, partition, offset)

    def _name(self, text: str) -> int:
        return self.names.setdefault(text, len(self.names))

    def _ticks(self, message: Tick | TickBatch | Heartbeat, epoch: int, partition: int, offset: int) -> None:
        if isinstance(message, Heartbeat):
            self.term = max(self.term, message.epoch)
            return
        if isinstance(message, Tick):
            self._tick(message, epoch, partition, offset)
            return
        if message.epoch < self.term:
            self.void += len(message.ticks)
            return
        ticks, count, name = message.ticks, len(message.ticks), self._name
        origin = _ORIGINS.get(message.source, LIVE)
        for column, text in (
            ("source", message.source),
            ("venue", message.venue),
            ("licence", message.licence),
            ("origin", origin),
        ):
            self.columns[column].extend([name(text)] * count)
        columns = self.columns
        columns["symbol"].extend([name(tick.s) for tick in ticks])
        columns["sequence"].extend([tick.q for tick in ticks])
        columns["event_time"].extend([tick.t for tick in ticks])
        columns["received_time"].extend([tick.r for tick in ticks])
        columns["price"].extend([tick.p for tick in ticks])
        columns["size"].extend([tick.z for tick in ticks])
        columns["bid"].extend([ABSENT] * count)
        columns["ask"].extend([ABSENT] * count)
        columns["stream_epoch"].extend([epoch] * count)
        columns["stream_partition"].extend([partition] * count)
        columns["stream_offset"].extend([offset] * count)
        columns["stream_place"].extend(range(count))

    def _tick(self, tick: Tick, epoch: int, partition: int, offset: int) -> None:
        price, size = scaled(tick.price), scaled(tick.size)
        bid = ABSENT if tick.bid is None else scaled(tick.bid)
        ask = ABSENT if tick.ask is None else scaled(tick.ask)
        self._append(
            symbol=self._name(tick.symbol),
            source=self._name(tick.source),
            venue=self._name(tick.venue),
            licence=self._name(tick.licence),
            sequence=tick.sequence,
            event_time=tick.event_time,
            received_time=tick.received_time,
            price=price,
            size=size,
            bid=bid,
            ask=ask,
            stream_epoch=epoch,
            stream_partition=partition,
            stream_offset=offset,
            stream_place=0,
            origin=self._name(_ORIGINS.get(tick.source, LIVE)),
        )

    def _bar(self, bar: Bar, epoch: int, partition: int, offset: int) -> None:
        prices = {name: _text(getattr(bar, name)) for name in _PRICES}
        if not self._first_time(bar.symbol, bar.interval, (bar.start, bar.revision)):
            return
        self._append(
            symbol=self._name(bar.symbol),
            timestamp=bar.start,
            ends_at=bar.end,
            interval=self._name(bar.interval),
            **prices,
            ticks=bar.ticks,
            revision=bar.revision,
            stream_epoch=epoch,
            stream_partition=partition,
            stream_offset=offset,
            origin=self._name(self._origin),
        )

    def _indicator(self, found: Indicator, epoch: int, partition: int, offset: int) -> None:
        if not self._first_time(found.symbol, found.interval, (found.time, 0)):
            return
        self._append(
            symbol=self._name(found.symbol),
            timestamp=found.time,
            interval=self._name(found.interval),
            **{name: found.values.get(name, nan) for name in INDICATORS},
            stream_epoch=epoch,
            stream_partition=partition,
            stream_offset=offset,
            origin=self._name(self._origin),
        )

    def _first_time(self, symbol: str, interval: str, at: tuple[int, int]) -> bool:
        last = self.latest.get((symbol, interval))
        if last is not None and at <= last:
            self.repeated += 1
            return False
        self.latest[symbol, interval] = at
        return True

    def _append(self, **values: Any) -> None:
        for name, value in values.items():
            self.columns[name].append(value)


def _text(value: Decimal | None) -> str:
    if value is None:
        return ""
    kept = value.quantize(_PLACE, context=_COLUMN)
    if not kept.is_finite():
        raise ScaleError(f"{str(value)[:40]} has more than {_DIGITS} digits before the point")
    return f"{kept:f}"
