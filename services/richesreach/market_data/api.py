"""Routes of the market's data as it comes from the sources: `/market/*`."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from richesreach.core.problems import Problem
from richesreach.market_data import schemas
from richesreach.market_data.candles import Candle, CandleStore, Made
from richesreach.market_data.service import Market

MOST_SYMBOLS, MOST_CANDLES = 100, 1000
_SYMBOL = r"^[A-Z0-9][A-Z0-9._:/=^-]*$"
_SINCE, _UNTIL = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
router = APIRouter(prefix="/market", tags=["market"])
Symbol = Annotated[str, Path(min_length=1, max_length=32, pattern=_SYMBOL, examples=["AAPL"])]
Symbols = Annotated[
    str,
    Query(
        min_length=1,
        max_length=3300,
        description=f"With commas between, at most {MOST_SYMBOLS}.",
        examples=["AAPL,BTC-USD"],
    ),
]
_UNAVAILABLE: dict[int | str, dict[str, Any]] = {503: {"description": "The region's cache does not answer."}}
_UNKNOWN: dict[int | str, dict[str, Any]] = {**_UNAVAILABLE, 404: {"description": "No source quotes it."}}
_UNLISTED: dict[int | str, dict[str, Any]] = {
    503: {"description": "The database does not answer."},
    404: {"description": "The market does not list the symbol."},
}


def _market(request: Request, response: Response) -> Market:
    response.headers["cache-control"] = "no-store"
    market: Market = request.app.state.market
    return market


def _candles(request: Request, response: Response) -> CandleStore:
    response.headers["cache-control"] = "no-store"
    store: CandleStore = request.app.state.candles
    return store


CurrentCandles = Annotated[CandleStore, Depends(_candles)]
CurrentMarket = Annotated[Market, Depends(_market)]


@router.get("/sources", responses=_UNAVAILABLE)
async def list_sources(market: CurrentMarket) -> schemas.Sources:
    """Every source there is: whether it is live in this region, or why not."""
    return await market.sources()


@router.get("/loss", responses=_UNAVAILABLE)
async def count_loss(market: CurrentMarket) -> schemas.Loss:
    """What every stage of this region has taken and missed, by source: counted from numbers without gaps."""
    return await market.loss()


@router.get("/prices", responses=_UNAVAILABLE)
async def list_prices(market: CurrentMarket, symbols: Symbols) -> schemas.LatestPrices:
    """The newest price of several symbols, as the region's sources say it."""
    asked = [*dict.fromkeys(part.strip() for part in symbols.split(",") if part.strip())]
    if not 1 <= len(asked) <= MOST_SYMBOLS:
        raise Problem(422, "too-many-symbols", f"Ask for 1 to {MOST_SYMBOLS} symbols, not {len(asked)}.")
    return await market.prices(asked)


@router.get("/prices/{symbol}", responses=_UNKNOWN)
async def show_price(market: CurrentMarket, symbol: Symbol) -> schemas.LatestPrice:
    """The newest price of a symbol."""
    found = await market.prices([symbol])
    if not found.prices:
        raise Problem(404, "unknown-symbol", f"{symbol} is quoted by no source.")
    return found.prices[0]


@router.get("/candles", responses=_UNLISTED)
async def list_candles(
    store: CurrentCandles,
    symbol: Annotated[str, Query(min_length=1, max_length=32, pattern=_SYMBOL, examples=["AAPL"])],
    interval: schemas.Interval = "1d",
    since: Annotated[schemas.Moment, Query(alias="from", description="Opened at or after.")] = _SINCE,
    until: Annotated[schemas.Moment, Query(alias="to", description="Opened before.")] = _UNTIL,
    limit: Annotated[int, Query(ge=1, le=MOST_CANDLES)] = 100,
) -> schemas.Candles:
    """Closed bars of a symbol, the newest first, and beside them the one that goes on."""
    if since >= until:
        raise Problem(422, "invalid-request", "`from` is not before `to`.")
    found = await store.newest(symbol, interval, since, until, limit)
    if found is None:
        raise Problem(404, "unknown-symbol", f"{symbol} is not listed.")
    return schemas.Candles(
        symbol=symbol,
        interval=interval,
        candles=[schemas.Candle(**_columns(each)) for each in found.closed],
        unfinished=_unfinished(found.unfinished),
        older=found.closed[-1].opened_at if found.more else None,
    )


def _unfinished(found: Made | None) -> schemas.UnfinishedCandle | None:
    if found is None:
        return None
    return schemas.UnfinishedCandle(**_columns(found.candle), known_until=found.until)


def _columns(found: Candle) -> dict[str, Any]:
    figures = ("open", "high", "low", "close", "volume")
    written = {name: schemas.plain(getattr(found, name)) for name in figures}
    return {"opened_at": found.opened_at, "source": found.source, **written}


@router.get("/consensus/{symbol}", responses=_UNKNOWN)
async def show_consensus(market: CurrentMarket, symbol: Symbol) -> schemas.Consensus:
    """One price of what all vendors say now, and which of them is off."""
    return await market.consensus(symbol)


@router.get("/readings", responses=_UNAVAILABLE)
async def list_readings(market: CurrentMarket) -> schemas.Readings:
    """Figures that are no prices: ESG by country, the mood of a market."""
    return await market.readings()
