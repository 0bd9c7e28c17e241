"""Massive's past trades over REST: `GET /v3/trades/{symbol}` after an interruption
(https://massive.com/docs/rest/stocks/trades-quotes/trades) brings what was said meanwhile: `results` of
`price`, `size`, `exchange`, `sip_timestamp` in nanoseconds and `sequence_number`, page by page at `next_url`.
"""

from collections.abc import AsyncIterator, Callable

import msgspec
from yarl import URL

from richesreach.core.vendors.errors import SourceLostError
from richesreach.core.vendors.http import VendorHttp
from richesreach.core.vendors.pace import Pace
from richesreach.market_data.model import Trade
from richesreach.market_data.normalise import MILLISECOND, UnfitError, size_of, time_of
from richesreach.market_data.owed import Told
from richesreach.market_data.recovery import Known
from richesreach.market_data.source import Reject
from richesreach.market_data.sources.reading import Frames

# Trades in one page, and pages of one symbol after an interruption.
PAGE, MOST_PAGES = 50_000, 20
# From the vendor's symbol, exchange, price, our size, time and the vendor's number; raises UnfitError.
Make = Callable[[str, int, float, int, int, int], Trade]


class _Result(msgspec.Struct):
    price: float
    size: float
    sip_timestamp: int
    sequence_number: int
    exchange: int = 0
    decimal_size: str = ""


class _Page(msgspec.Struct):
    results: msgspec.Raw = msgspec.Raw(b"[]")
    next_url: str = ""


class Pages:
    """A symbol's trades, of one connection, as `make` understands them; not those that were `told`, nor
    those of `known`, which are told from then on. `reached` are the highest numbers that have come, by our
    names.
    """

    def __init__(
        self,
        http: VendorHttp,
        pace: Pace,
        rest: URL,
        key: str,
        make: Make,
        known: Known,
        told: Told,
        reject: Reject,
    ) -> None:
        self._http, self._pace, self._rest, self._make = http, pace, rest, make
        self._known, self._told = known, told
        self._headers = {"authorization": f"Bearer {key}"}
        self._frames = Frames("massive", _Result, reject)
        self.reached: dict[str, int] = {}

    async def of(self, theirs: str, since: int) -> AsyncIterator[list[Trade]]:
        """Raises SourceError."""
        # A time over the socket is in milliseconds: begin with all of the last one.
        query = {"timestamp.gte": str(since - since % MILLISECOND), "order": "asc", "limit": str(PAGE)}
        url = (self._rest / "v3" / "trades" / theirs).with_query(query)
        for _ in range(MOST_PAGES):
            await self._pace.turn()
            body = await self._http.get(url, headers=self._headers)
            try:
                page = msgspec.json.decode(body, type=_Page)
            except msgspec.DecodeError:
                raise SourceLostError("massive answers with what nobody understands") from None
            yield self._trades(theirs, page.results)
            if not page.next_url:
                return
            url = self._next(page.next_url)
        raise SourceLostError(f"massive has more than {MOST_PAGES} pages of it")

    def _trades(self, theirs: str, results: msgspec.Raw) -> list[Trade]:
        found = []
        for item in self._frames.items(results):
            try:
                happened = time_of(item.sip_timestamp, 1)
                size = size_of(item.decimal_size or item.size)
                number = item.sequence_number
                trade = self._make(theirs, item.exchange, item.price, size, happened, number)
            except UnfitError as error:
                self._frames.refused(error, item)
            else:
                self.reached[trade.symbol] = max(number, self.reached.get(trade.symbol, number))
                if trade in self._told:
                    continue
                if self._known.take(trade):
                    self._told.add((trade,))
                else:
                    found.append(trade)
        return found

    def _next(self, address: str) -> URL:
        """Raises SourceLostError for one that is elsewhere: it would get our key."""
        try:
            url = URL(address)
        except ValueError:
            url = URL()
        if not url.absolute or url.origin() != self._rest.origin():
            raise SourceLostError("massive names a next page that is not its own")
        return url
