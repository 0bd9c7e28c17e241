"""Bars into Postgres: a batch of messages is one statement, and the same bar again changes nothing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

import msgspec
from confluent_kafka import Message

from richesreach.core.database import Connection, Database
from richesreach.core.events import Events
from richesreach.core.events.dead_letters import dead_letter
from richesreach.core.events.schemas import Bar
from richesreach.core.events.topics import DLQ, MARKET_BARS
from richesreach.history.metrics import HistoryMetrics

# What the table holds; bars of a second are in the lake alone.
INTERVALS = frozenset({"1m", "5m", "15m", "1h", "1d"})
# Digits before the point that prices, and volumes, have room for.
PRICE_DIGITS, VOLUME_DIGITS = 12, 20
# As Postgres rounds: a number of nines has a digit more afterwards.
PLACES, ROUNDING = Decimal("1E-8"), Context(prec=40, rounding=ROUND_HALF_UP)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A symbol that the market does not list has no bars there. A vendor's bar ($10) takes any other's place, and
# nobody else's takes the place of one of another source. Bars are never revised, so one with less volume than
# is there is of a part of the ticks: its maker began anew within it. Where there is no volume, one is
# whose range is the narrower.
SAVE = """
    insert into market_bars as kept (symbol, interval, opened_at, open, high, low, close, volume, source)
    select symbol, given.interval, opened_at, open, high, low, close, volume, $9
    from unnest($1::text[], $2::text[], $3::timestamptz[], $4::numeric[], $5::numeric[], $6::numeric[],
        $7::numeric[], $8::numeric[])
        as given (symbol, interval, opened_at, open, high, low, close, volume)
    join market_symbols using (symbol)
    on conflict (symbol, interval, opened_at) do update set open = excluded.open, high = excluded.high,
        low = excluded.low, close = excluded.close, volume = excluded.volume, source = excluded.source
    where ($10::boolean or kept.source = excluded.source and (kept.volume < excluded.volume
            or kept.volume = excluded.volume and kept.high <= excluded.high and kept.low >= excluded.low))
        and (kept.open, kept.high, kept.low, kept.close, kept.volume, kept.source)
        is distinct from
        (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.source)
    returning 1
"""
KNOWN = "select symbol from market_symbols where symbol = any($1)"


class UnfitBarError(ValueError):
    """A bar that the table has no room for."""


class BarStore:
    """`overrules`: what it saves takes the place of what other sources said.

    Raises DatabaseUnavailableError.
    """

    def __init__(self, database: Database, source: str, *, overrules: bool = False) -> None:
        self._database, self._source, self._overrules = database, source, overrules

    async def save(self, bars: Sequence[Bar]) -> tuple[int, int]:
        """Of each bar its highest revision, and of that the one with most volume and ticks. Gives how many
        were for the table, and how many of those are of symbols that the market does not list.
        """
        newest: dict[tuple[str, str, int], Bar] = {}
        for bar in bars:
            if bar.interval not in INTERVALS:
                continue
            key = (bar.symbol, bar.interval, bar.start)
            if key not in newest or _rank(bar) >= _rank(newest[key]):
                newest[key] = bar
        if not newest:
            return 0, 0
        found = [newest[key] for key in sorted(newest)]  # two writers then lock rows in the same order
        columns = [
            [bar.symbol for bar in found],
            [bar.interval for bar in found],
            [_EPOCH + timedelta(microseconds=bar.start // 1000) for bar in found],
            *([getattr(bar, name) for bar in found] for name in ("open", "high", "low", "close", "volume")),
        ]

        async def write(connection: Connection) -> int:
            async with connection.transaction():
                known = await connection.fetch(KNOWN, sorted({bar.symbol for bar in found}))
                await connection.fetch(SAVE, *columns, self._source, self._overrules)
            listed = {row["symbol"] for row in known}
            return sum(bar.symbol not in listed for bar in found)

        return len(found), await self._database.writer.run(write)


class BarWorker:
    """The messages of `market.bars` into the database of the writer's region."""

    def __init__(
        self, store: BarStore, *, group: str, events: Events | None, metrics: HistoryMetrics
    ) -> None:
        self._store, self._group, self._events, self._metrics = store, group, events, metrics
        self._decoder = msgspec.json.Decoder(MARKET_BARS.kinds)
        self._done: dict[int, int] = {}

    async def take(self, messages: Sequence[Message]) -> None:
        bars, unfit = [], []
        for message in messages:
            try:
                bars.append(fitting(self._decoder.decode(message.value() or b"")))
            except (msgspec.DecodeError, UnicodeDecodeError, UnfitBarError) as error:
                unfit.append((message, error))
        count, unknown = await self._store.save(bars)
        # Afterwards, as a batch is tried again for as long as the database is away.
        for message, why in unfit:
            await self._bury(message, why)
        self._metrics.bars.labels("written").inc(count - unknown)
        self._metrics.bars.labels("unknown").inc(unknown)
        for message in messages:
            self._done[message.partition() or 0] = (message.offset() or 0) + 1

    async def finish(self) -> None:
        """Nothing waits here."""

    def done(self) -> Mapping[int, int]:
        return dict(self._done)

    def drop(self, partitions: set[int]) -> None:
        for number in partitions:
            self._done.pop(number, None)

    async def _bury(self, message: Message, error: Exception) -> None:
        if self._events is not None:
            key = (message.key() or b"").decode(errors="replace")
            await self._events.publish(DLQ, key, dead_letter(message, self._group, "refused", error, 0))


def _rank(bar: Bar) -> tuple[int, Decimal, int]:
    return bar.revision, bar.volume, bar.ticks


def fitting(bar: Bar) -> Bar:
    """The bar, where the table takes it, as it does. Raises UnfitBarError."""
    rounded = {}
    for name in ("open", "high", "low", "close", "volume"):
        value, digits = getattr(bar, name), VOLUME_DIGITS if name == "volume" else PRICE_DIGITS
        if value.is_finite() and value.adjusted() < digits:
            rounded[name] = value.quantize(PLACES, context=ROUNDING)
        if name not in rounded or rounded[name].adjusted() >= digits:
            raise UnfitBarError(f"{name} {str(value)[:40]} has more than {digits} digits before the point")
    if bar.volume < 0:
        raise UnfitBarError(f"volume {bar.volume} is below zero")
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        raise UnfitBarError(f"open {bar.open} and close {bar.close} are not between low and high")
    return msgspec.structs.replace(bar, **rounded)
