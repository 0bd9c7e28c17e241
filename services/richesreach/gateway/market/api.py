"""Routes of the market's data, which is the same for everybody: `/api/market/*`."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from richesreach.gateway.market import pages, schemas
from richesreach.gateway.market.conditional import kept
from richesreach.gateway.market.domain import CurrentDomain
from richesreach.gateway.market.errors import InvalidError, UnknownError
from richesreach.gateway.market.model import Interval, Period
from richesreach.gateway.market.schemas import AssetClass, Moment, PageSize
from richesreach.gateway.market.service import symbol_of

router = APIRouter(prefix="/api/market", tags=["market"])

Cursor = Annotated[str | None, Query(max_length=256, description="`next_cursor` of the page before.")]
Symbols = Annotated[
    str,
    Query(
        min_length=1, max_length=2100, description="With commas between, at most 100.", examples=["AAPL,SPY"]
    ),
]
_SINCE, _UNTIL = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The caller has this answer already: it showed its entity tag."}
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {**_NOT_MODIFIED, 404: {"description": "Nothing has this name."}}
# Seconds for which an answer may be kept.
_MOVING, _SLOW, _STILL = 1, 60, 300


@router.get("/symbols", response_model=schemas.Page[schemas.Instrument], responses=_NOT_MODIFIED)
async def list_symbols(
    request: Request,
    domain: CurrentDomain,
    asset_class: AssetClass | None = None,
    limit: PageSize = pages.DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """Every symbol, in the order of tickers."""
    page = await domain.market.instruments_page(first=limit, after=cursor, asset_class=asset_class)
    items = [schemas.Instrument.model_validate(row) for row in page.items]
    answer = schemas.Page[schemas.Instrument](items=items, next_cursor=page.next)
    return kept(request, answer, _STILL)


@router.get("/symbols/{symbol}", response_model=schemas.Instrument, responses=_UNKNOWN)
async def show_symbol(request: Request, symbol: str, domain: CurrentDomain) -> Response:
    """What a ticker stands for."""
    found = await domain.market.instrument(symbol)
    return kept(request, schemas.Instrument.model_validate(found), _STILL)


@router.get("/prices", response_model=schemas.Prices, responses=_NOT_MODIFIED)
async def list_prices(request: Request, domain: CurrentDomain, symbols: Symbols) -> Response:
    """The latest prices of several symbols."""
    asked = [*dict.fromkeys(part.strip() for part in symbols.split(",") if part.strip())]
    if not 1 <= len(asked) <= pages.MAX_PAGE:
        raise InvalidError(f"Ask for 1 to {pages.MAX_PAGE} symbols, not {len(asked)}.")
    known, unknown = _tickers(asked)
    found = await domain.market.prices(known)
    prices = [schemas.Price.model_validate(price) for price in found if price is not None]
    unknown += [name for name, price in zip(known, found, strict=True) if price is None]
    return kept(request, schemas.Prices(prices=prices, unknown=unknown), _MOVING)


@router.get("/prices/{symbol}", response_model=schemas.Price, responses=_UNKNOWN)
async def show_price(request: Request, symbol: str, domain: CurrentDomain) -> Response:
    """The latest price of a symbol, in its currency."""
    (price,) = await domain.market.prices([symbol_of(symbol)])
    if price is None:
        raise UnknownError("symbol", symbol)
    return kept(request, schemas.Price.model_validate(price), _MOVING)


@router.get("/candles/{symbol}", response_model=schemas.Candles, responses=_UNKNOWN)
async def list_candles(
    request: Request,
    symbol: str,
    domain: CurrentDomain,
    interval: Interval = Interval.DAY,
    since: Annotated[Moment | None, Query(alias="from", description="Opened at or after.")] = None,
    until: Annotated[Moment | None, Query(alias="to", description="Opened before.")] = None,
    limit: PageSize = pages.DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """Bars of a symbol, the newest first."""
    instrument = await domain.market.instrument(symbol)
    page = await domain.market.bars(
        instrument.symbol, interval, since or _SINCE, until or _UNTIL, first=limit, after=cursor
    )
    items = [schemas.Candle.model_validate(row) for row in page.items]
    answer = schemas.Candles(items=items, next_cursor=page.next, symbol=instrument.symbol, interval=interval)
    return kept(request, answer, _MOVING)


@router.get("/signals", response_model=schemas.Page[schemas.Signal], responses=_UNKNOWN)
async def list_signals(
    request: Request,
    domain: CurrentDomain,
    symbol: Annotated[str | None, Query(max_length=64)] = None,
    engine: Annotated[str | None, Query(max_length=40, pattern="^[a-z][a-z0-9-]*$")] = None,
    limit: PageSize = pages.DEFAULT_PAGE,
    cursor: Cursor = None,
) -> Response:
    """Signals of engines, the newest first."""
    ticker = None if symbol is None else (await domain.market.instrument(symbol)).symbol
    page = await domain.market.signals_page(symbol=ticker, engine=engine, first=limit, after=cursor)
    items = [schemas.Signal.model_validate(row) for row in page.items]
    return kept(request, schemas.Page[schemas.Signal](items=items, next_cursor=page.next), _MOVING)


@router.get("/performance/{symbol}", response_model=schemas.Performance, responses=_UNKNOWN)
async def show_performance(
    request: Request, symbol: str, domain: CurrentDomain, period: Period = Period.MONTH
) -> Response:
    """How following the signals for a symbol would have done."""
    (found,) = await domain.market.performances([symbol_of(symbol)], period)
    if found is None:
        raise UnknownError("symbol", symbol)
    return kept(request, schemas.Performance.model_validate(found), _SLOW)


@router.get("/engines", response_model=schemas.Engines, responses=_NOT_MODIFIED)
async def list_engines(request: Request, domain: CurrentDomain) -> Response:
    """What makes signals."""
    engines = [schemas.Engine.model_validate(row) for row in await domain.market.engines()]
    return kept(request, schemas.Engines(engines=engines), _STILL)


def _tickers(asked: list[str]) -> tuple[list[str], list[str]]:
    """Those that may be symbols, as they are written here, and those that cannot be any."""
    known: dict[str, None] = {}
    unknown = []
    for text in asked:
        try:
            known[symbol_of(text)] = None
        except UnknownError:
            unknown.append(text)
    return [*known], unknown
