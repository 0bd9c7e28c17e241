"""The market's contract over gRPC (`services/proto/richesreach/market/v1`), from the gateway's own tables."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from richesreach.core.contracts.market.v1 import market_pb2 as wire
from richesreach.core.problems import Problem
from richesreach.core.rpc.contract import Implementation
from richesreach.gateway.market.errors import MarketError
from richesreach.gateway.market.model import Bar, Interval, Price
from richesreach.gateway.market.service import CACHED_BARS, Market, symbol_of

MAX_PRICES, MAX_CANDLES = 500, 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FOREVER = 2**63 - 1


class MarketContract:
    """`market` gives the one of the process. Raises Problem for what cannot be asked, as the routes do."""

    def __init__(self, market: Callable[[], Market]) -> None:
        self._of_process = market

    @property
    def methods(self) -> Mapping[str, Implementation]:
        return {"LatestPrices": self.latest_prices, "Candles": self.candles}

    @property
    def _market(self) -> Market:
        return self._of_process()

    async def latest_prices(self, request: wire.LatestPricesRequest) -> wire.LatestPricesResponse:
        known, unknown = _symbols(request.symbols, MAX_PRICES)
        found = dict(zip(known, await self._market.prices(known), strict=True))
        return wire.LatestPricesResponse(
            prices=[_price(price) for price in found.values() if price is not None],
            unknown_symbols=[*unknown, *(symbol for symbol, price in found.items() if price is None)],
        )

    async def candles(self, request: wire.CandlesRequest) -> wire.CandlesResponse:
        """The newest are kept in the cache; another time is read from the tables."""
        known, unknown = _symbols(request.symbols, MAX_CANDLES)
        interval = _interval(request.interval)
        limit = min(request.limit, CACHED_BARS) if request.limit > 0 else CACHED_BARS
        exist = await self._market.instruments(known)
        named = [symbol for symbol, one in zip(known, exist, strict=True) if one is not None]
        if request.begin or request.until:
            since, until = _time(request.begin), _time(request.until or _FOREVER)
            bars: Sequence[Sequence[Bar]] = await asyncio.gather(
                *(self._bars(symbol, interval, since, until, limit) for symbol in named)
            )
        else:
            bars = await self._market.newest_bars(named, interval, limit)
        series = [
            wire.SymbolCandles(symbol=symbol, candles=[_candle(bar) for bar in reversed(of_symbol)])
            for symbol, of_symbol in zip(named, bars, strict=True)
        ]
        nobody = [symbol for symbol in known if symbol not in set(named)]
        return wire.CandlesResponse(series=series, unknown_symbols=[*unknown, *nobody])

    async def _bars(
        self, symbol: str, interval: Interval, since: datetime, until: datetime, limit: int
    ) -> Sequence[Bar]:
        return (await self._market.bars(symbol, interval, since, until, first=limit)).items


def _symbols(asked: Sequence[str], most: int) -> tuple[list[str], list[str]]:
    """Each once, as it is written here; and what no symbol can be."""
    if len(asked) > most:
        _refuse(f"At most {most} symbols a call, not {len(asked)}.")
    known: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for text in asked:
        try:
            known[symbol_of(text)] = None
        except MarketError:
            unknown[text] = None
    return [*known], [*unknown]


def _interval(text: str) -> Interval:
    try:
        return Interval(text)
    except ValueError:
        _refuse(f"The interval is one of {', '.join(Interval)}, not {text[:20]!r}.")


def _refuse(detail: str) -> NoReturn:
    raise Problem(422, "invalid-request", detail)


def _price(price: Price) -> wire.Price:
    return wire.Price(
        symbol=price.symbol, price=str(price.price), event_time=_nanoseconds(price.at), venue=price.source
    )


def _candle(bar: Bar) -> wire.Candle:
    return wire.Candle(
        start=_nanoseconds(bar.opened_at),
        open=str(bar.open),
        high=str(bar.high),
        low=str(bar.low),
        close=str(bar.close),
        volume=str(bar.volume),
    )


def _time(nanoseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _nanoseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND * 1000
