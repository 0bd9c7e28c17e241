"""Massive, which was Polygon: every trade of US stocks over a WebSocket, and what was missed over REST.

Messages as in https://massive.com/docs/websocket/stocks/trades: after `{"action":"auth","params":key}` and
`[{"ev":"status","status":"auth_success"}]`, `{"action":"subscribe","params":"T.AAPL,T.MSFT"}`; a trade is
`{"ev":"T","sym","x" exchange,"p" price,"s" size,"ds" size as a decimal,"t" SIP's Unix milliseconds,"q"}`. `q`
is unique by symbol and increases, but skips numbers: it tells what came twice, and not what was lost.

After an interruption, `GET /v3/trades/{symbol}` (https://massive.com/docs/rest/stocks/trades-quotes/trades)
brings what was said meanwhile: `results` of `price`, `size`, `exchange`, `sip_timestamp` in nanoseconds and
`sequence_number`, page by page at `next_url`. What it does not bring is a gap.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence

import msgspec
from aiohttp import ClientWebSocketResponse
from yarl import URL

from richesreach.core.limits.gcra import Tier
from richesreach.core.vendors.errors import (
    SourceLostError,
    SourceRefusedError,
    SourceThrottledError,
)
from richesreach.core.vendors.http import STANDS, VendorHttp
from richesreach.core.vendors.pace import Pace
from richesreach.market_data.model import About, Record, Trade
from richesreach.market_data.normalise import MILLISECOND, SECOND, UnfitError, price_of, size_of, time_of
from richesreach.market_data.recovery import OVERLAP, Behind, Gap, Known, Missed, Recovery
from richesreach.market_data.source import Reject
from richesreach.market_data.sources.reading import Frames
from richesreach.market_data.sources.symbols import vendor_symbols

ABOUT = About(
    name="massive",
    licence="massive: as subscribed, no redistribution",
    documentation="https://massive.com/docs/websocket/stocks/trades",
    # Paid plans have no limit; they ask for less than 100 requests a second.
    pace=Tier("massive", 50, 1, 50),
    key_variable="POLYGON_API_KEY",
)
SOCKET, REST = URL("wss://socket.massive.com/stocks"), URL("https://api.massive.com")
# Symbols in one subscribing message; trades in one page, and pages of one symbol after an interruption;
# trades of one list that is said again.
SUBSCRIBED, PAGE, MOST_PAGES, AT_ONCE = 500, 50_000, 20, 2000
# Seconds that the vendor may take to say that it has subscribed us.
CONFIRMED = 5.0


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
    message: str = ""


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
        self.gaps: list[Gap] = []
        self._symbols = vendor_symbols(symbols)
        self._key = key
        self._socket = socket
        self._rest = rest
        # The newest trade of each symbol, when the last frame came, in Unix nanoseconds, and how much older
        # its last trade was: from there on it is asked for after an interruption.
        self._newest: dict[str, int] = {}
        self._heard = self._lag = 0
        self._stands = False
        self._confirmed: set[str] = set()
        self._behind = Behind()
        self._venues: dict[int, str] = {}

    def resume(self, behind: Behind) -> None:
        """To be asked for at the first connection."""
        self._behind = behind

    @property
    def heard(self) -> int:
        """As Recovering has it. Where nothing is traded, a connection that stands has hidden nothing."""
        return max(self._heard, time.time_ns() - int(STANDS * SECOND)) if self._stands else self._heard

    async def records(self, pace: Pace, reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
        frames = Frames(ABOUT.name, _Event, reject)
        (since, known), newest = self._interruption(), dict(self._newest)
        await pace.turn()
        async with VendorHttp(ABOUT.name) as http, http.socket(self._socket) as socket:
            said = http.frames(socket)
            await http.say(socket, _message("auth", self._key))
            await self._admitted(frames, said)
            try:
                early = await self._subscribed(frames, http, socket)
                # New trades wait meanwhile: those of the interruption are then in time for their bars.
                subscribed = time.time_ns()
                pages = _Pages(http, pace, self._rest, self._key, self._trade, known, reject)
                recovery = Recovery(ABOUT.name, pages.of, self._symbols.__getitem__)
                missed, gaps = await recovery.ask(since, subscribed, self._lag)
                self.gaps += gaps
                for begin in range(0, len(missed), AT_ONCE):
                    yield Missed(missed[begin : begin + AT_ONCE])
                yield early
                self._heard, self._stands, self._behind = subscribed, True, Behind()
                async for frame in said:
                    found = self._trades(frames, frame)
                    self._heard = time.time_ns()
                    if found:
                        self._lag = max(0, self._heard - found[-1].happened)
                    yield found
            finally:
                if self._stands:
                    self._heard, self._stands = self.heard, False
                else:
                    self._newest = newest  # what was not said is asked for again

    async def _subscribed(
        self, frames: Frames[_Event], http: VendorHttp, socket: ClientWebSocketResponse
    ) -> list[Trade]:
        """The trades that come until the vendor says that it has subscribed us to all: what was traded before
        that comes over REST alone, and is told there only once it was traded.
        """
        channels, early = [f"T.{theirs}" for theirs in self._symbols], list[Trade]()
        for begin in range(0, len(channels), SUBSCRIBED):
            await http.say(socket, _message("subscribe", ",".join(channels[begin : begin + SUBSCRIBED])))
        self._confirmed.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONFIRMED):
                while channels and channels[-1] not in self._confirmed:
                    early += self._trades(frames, await http.frame(socket))
        return early

    def _interruption(self) -> tuple[dict[str, int], Known]:
        """From when on to ask for each symbol, and what is not to be said again: our own trades show by
        their numbers, those of the term before by what is on the topic.
        """
        if not self._heard:
            past = self._behind.since
            since = {theirs: past[ours] for theirs, ours in self._symbols.items() if past.get(ours)}
            self._lag = self._behind.lag
            return since, self._behind.known
        least = self._heard - self._lag - OVERLAP
        return {theirs: max(self._newest.get(theirs, 0), least) for theirs in self._symbols}, Known()

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
                if event.status == "success":
                    self._confirmed.update(event.message.rpartition(" ")[2].split(","))
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


_Make = Callable[[str, int, float, int, int, int], Trade]


class _Pages:
    """A symbol's trades over REST, of one connection, as `make` understands them; not those of `known`."""

    def __init__(
        self, http: VendorHttp, pace: Pace, rest: URL, key: str, make: _Make, known: Known, reject: Reject
    ) -> None:
        self._http, self._pace, self._rest, self._make, self._known = http, pace, rest, make, known
        self._headers = {"authorization": f"Bearer {key}"}
        self._frames = Frames(ABOUT.name, _Result, reject)

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
                if not self._known.take(trade):
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
