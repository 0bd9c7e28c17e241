"""Massive, which was Polygon: every trade of US stocks over a WebSocket, and what was missed over REST.

Messages as in https://massive.com/docs/websocket/stocks/trades: after `{"action":"auth","params":key}` and
`[{"ev":"status","status":"auth_success"}]`, `{"action":"subscribe","params":"T.AAPL,T.MSFT"}`; a trade is
`{"ev":"T","sym","x" exchange,"p" price,"s" size,"ds" size as a decimal,"t" SIP's Unix milliseconds,"q"}`. `q`
is unique by symbol and increases, but skips numbers: it tells what came twice, and not what was lost.

After a cut, `GET /v3/trades/{symbol}` (https://massive.com/docs/rest/stocks/trades-quotes/trades) brings what
was said meanwhile: `results` of `price`, `size`, `exchange`, `sip_timestamp` in nanoseconds and
`sequence_number`, page by page at `next_url`. Where the plan does not hold that, the hole is counted.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence

import msgspec
from yarl import URL

from richesreach.core.limits.gcra import Tier
from richesreach.market_data.errors import (
    SourceError,
    SourceLostError,
    SourceRefusedError,
    SourceThrottledError,
)
from richesreach.market_data.model import About, Record, Trade
from richesreach.market_data.normalise import MILLISECOND, UnfitError, price_of, size_of, time_of
from richesreach.market_data.pace import Pace
from richesreach.market_data.source import Reject
from richesreach.market_data.sources.reading import Frames
from richesreach.market_data.sources.symbols import vendor_symbols
from richesreach.market_data.vendor_http import VendorHttp

ABOUT = About(
    name="massive",
    licence="massive: as subscribed, no redistribution",
    documentation="https://massive.com/docs/websocket/stocks/trades",
    # Paid plans have no limit; they ask for less than 100 requests a second.
    pace=Tier("massive", 50, 1, 50),
    key_variable="POLYGON_API_KEY",
)
SOCKET, REST = URL("wss://socket.massive.com/stocks"), URL("https://api.massive.com")
# Symbols in one subscribing message; trades in one page, and pages of one symbol after a cut.
SUBSCRIBED, PAGE, MOST_PAGES = 500, 50_000, 20


class _Event(msgspec.Struct, gc=False):
    ev: str
    sym: str = ""
    x: int = 0
    p: float = 0.0
    s: float = 0.0
    ds: str = ""
    t: int = 0
    q: int | None = None
    status: str = ""


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


class Massive:
    about = ABOUT

    def __init__(
        self,
        symbols: Mapping[str, str] | Iterable[str],
        key: str,
        socket: URL = SOCKET,
        rest: URL = REST,
    ) -> None:
        """`holes` are cuts after which something may be missing that could not be asked for."""
        self.holes = 0
        self._symbols = vendor_symbols(symbols)
        self._key = key
        self._socket = socket
        self._rest = rest
        # The newest trade of each symbol, in Unix nanoseconds: from there on it is asked for after a cut.
        self._newest: dict[str, int] = {}
        self._venues: dict[int, str] = {}

    async def records(self, pace: Pace, reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
        frames = Frames(ABOUT.name, _Event, reject)
        before = dict(self._newest)
        await pace.turn()
        async with VendorHttp(ABOUT.name) as http, http.socket(self._socket) as socket:
            said = http.frames(socket)
            await http.say(socket, _message("auth", self._key))
            await self._admitted(frames, said)
            channels = [f"T.{theirs}" for theirs in self._symbols]
            for begin in range(0, len(channels), SUBSCRIBED):
                await http.say(socket, _message("subscribe", ",".join(channels[begin : begin + SUBSCRIBED])))
            async for missed in self._missed(http, pace, reject, before):
                yield missed
            async for frame in said:
                yield self._trades(frames, frame)

    async def _admitted(self, frames: Frames[_Event], said: AsyncIterator[str]) -> None:
        """Raises SourceError unless the vendor takes the key."""
        async for frame in said:
            for event in frames.items(frame):
                if event.status == "auth_success":
                    return
                _judge(event)
        raise SourceLostError("massive has ended the connection")

    def _trades(self, frames: Frames[_Event], frame: str) -> list[Trade]:
        found = []
        for event in frames.items(frame):
            if event.ev == "T":
                try:
                    happened = time_of(event.t, MILLISECOND)
                    size = size_of(event.ds or event.s)
                    found.append(self._trade(event.sym, event.x, event.p, size, happened, event.q))
                except UnfitError as error:
                    frames.refused(error, event)
            elif event.ev == "status":
                _judge(event)
        return found

    def _trade(
        self, theirs: str, exchange: int, price: float, size: int, happened: int, number: int | None
    ) -> Trade:
        symbol = self._symbols.get(theirs)
        if symbol is None:
            raise UnfitError(f"{theirs[:40]!r} was not asked for")
        venue = self._venues.get(exchange)
        if venue is None:
            if not 0 <= exchange < 1000:
                raise UnfitError(f"exchange {str(exchange)[:40]} is none of theirs")
            # Massive's own number of the exchange: its list is at /v3/reference/exchanges.
            venue = self._venues[exchange] = f"massive-{exchange}"
        trade = Trade(symbol, venue, price_of(price), size, happened, number)
        if happened > self._newest.get(theirs, 0):
            self._newest[theirs] = happened
        return trade

    async def _missed(
        self, http: VendorHttp, pace: Pace, reject: Reject, since: Mapping[str, int]
    ) -> AsyncIterator[list[Trade]]:
        """What happened from the newest known trades on; what is known already is said again."""
        frames = Frames(ABOUT.name, _Result, reject)
        for theirs, newest in since.items():
            address = self._rest / "v3" / "trades" / theirs
            # A time over the socket is in milliseconds: begin with all of the last one.
            from_ = newest - newest % MILLISECOND
            url = address.with_query({"timestamp.gte": str(from_), "order": "asc", "limit": str(PAGE)})
            try:
                for _ in range(MOST_PAGES):
                    await pace.turn()
                    body = await http.get(url, headers={"authorization": f"Bearer {self._key}"})
                    page = msgspec.json.decode(body, type=_Page)
                    yield self._results(frames, theirs, page.results)
                    if not page.next_url:
                        break
                    url = self._next(page.next_url)
                else:
                    self.holes += 1
            except (SourceError, msgspec.DecodeError):
                # The live trades matter more: another try comes with the next cut.
                self.holes += 1

    def _results(self, frames: Frames[_Result], theirs: str, results: msgspec.Raw) -> list[Trade]:
        found = []
        for item in frames.items(results):
            try:
                happened = time_of(item.sip_timestamp, 1)
                size = size_of(item.decimal_size or item.size)
                number = item.sequence_number
                found.append(self._trade(theirs, item.exchange, item.price, size, happened, number))
            except UnfitError as error:
                frames.refused(error, item)
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


def _judge(event: _Event) -> None:
    """Raises SourceError for a status that ends the connection."""
    if event.status == "auth_failed":
        raise SourceRefusedError("massive refuses the key")
    if event.status == "max_connections":
        raise SourceThrottledError("massive has as many connections of ours as the plan holds")
    if event.status in ("error", "auth_timeout"):
        raise SourceLostError(f"massive tells of an error ({event.status})")


def _message(action: str, params: str) -> str:
    return msgspec.json.encode({"action": action, "params": params}).decode()
