"""Massive, which was Polygon: every trade of US stocks over a WebSocket, and what was missed over REST.

Messages as in https://massive.com/docs/websocket/stocks/trades: after `{"action":"auth","params":key}` and
`[{"ev":"status","status":"auth_success"}]`, `{"action":"subscribe","params":"T.AAPL,T.MSFT"}`; a trade is
`{"ev":"T","sym","x" exchange,"p" price,"s" size,"ds" size as a decimal,"t" SIP's Unix milliseconds,"q"}`. `q`
is unique by symbol and increases, but skips numbers: it tells what came twice, and not what was lost.

After an interruption REST brings what was said meanwhile (`massive_pages.py`); what it does not bring is a
gap. A plan that tells trades late has a socket of its own, 15 minutes behind, and REST may not have yet what
was just missed: it is asked for again once it can have it.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence

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
from richesreach.market_data.clock import MOST_LEAD
from richesreach.market_data.model import About, Record, Trade
from richesreach.market_data.normalise import MILLISECOND, SECOND, UnfitError, price_of, size_of, time_of
from richesreach.market_data.owed import Owed, Told, unnumbered
from richesreach.market_data.recovery import OVERLAP, Behind, Gap, Known, Missed, Recovery
from richesreach.market_data.source import Reject
from richesreach.market_data.sources.massive_pages import Make, Pages
from richesreach.market_data.sources.reading import Frames
from richesreach.market_data.sources.symbols import vendor_symbols

ABOUT = About(
    name="massive",
    licence="massive: as subscribed, no redistribution",
    documentation="https://massive.com/docs/websocket/stocks/trades",
    # Paid plans have no limit; they ask for less than 100 requests a second.
    pace=Tier("massive", 50, 1, 50),
    key_variable="POLYGON_API_KEY",
    late_plans=True,
)
SOCKET, LATE_SOCKET = URL("wss://socket.massive.com/stocks"), URL("wss://delayed.massive.com/stocks")
REST = URL("https://api.massive.com")
# Symbols in one subscribing message; trades of one list that is said again.
SUBSCRIBED, AT_ONCE = 500, 2000
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


class Massive:
    about = ABOUT

    def __init__(
        self,
        symbols: Mapping[str, str] | Iterable[str],
        key: str,
        socket: URL | None = None,
        rest: URL = REST,
        *,
        late: int = 0,
    ) -> None:
        """`late`: nanoseconds after which its plan tells a trade. The socket follows from that."""
        self.gaps: list[Gap] = []
        self.late = late
        self._symbols = vendor_symbols(symbols)
        self._key = key
        self._socket = socket or (LATE_SOCKET if late else SOCKET)
        self._rest = rest
        # The newest trade of each symbol, and when the last frame came, in Unix nanoseconds, whose last trade
        # was older by `_lag`: from there on it is asked for after an interruption.
        self._newest: dict[str, int] = {}
        self._heard, self._lag = 0, late
        # By our names, the highest numbers so far; and what is to be asked for again, the first due first.
        self._numbers: dict[str, int] = {}
        self._owed: list[Owed] = []
        self._told = Told()
        self._stands = False
        self._confirmed: set[str] = set()
        self._behind = Behind()
        self._venues: dict[int, str] = {}

    def resume(self, behind: Behind) -> None:
        """To be asked for at the first connection."""
        self._behind = behind
        if behind.unread:
            since, until = behind.heard - behind.lag, max(behind.unread.values())
            why = "more came to the topic since than a successor reads back"
            self.gaps.append(Gap.of(ABOUT.name, behind.unread, since, until, why))

    @property
    def heard(self) -> int:
        """As Recovering has it."""
        return min([self._listened, *(owed.heard for owed in self._owed)])

    @property
    def _listened(self) -> int:
        """Until when. Where nothing is traded, a connection that stands has hidden nothing."""
        return max(self._heard, time.time_ns() - int(STANDS * SECOND)) if self._stands else self._heard

    async def records(self, pace: Pace, reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
        frames = Frames(ABOUT.name, _Event, reject)
        (since, known), newest, numbers = self._interruption(), dict(self._newest), dict(self._numbers)
        await pace.turn()
        async with VendorHttp(ABOUT.name) as http, http.socket(self._socket) as socket:
            await http.say(socket, _message("auth", self._key))
            await self._admitted(frames, http.frames(socket))
            try:
                early = await self._subscribed(frames, http, socket)
                # New trades wait meanwhile: those of the interruption are then in time for their bars.
                subscribed = time.time_ns()
                pages = self._pages(http, pace, self._trade, known, reject)
                missed, gaps = await self._recovery(pages).ask(since, subscribed, self._lag)
                owed = self._owing(since, known, subscribed, numbers, pages.reached)
                self.gaps += gaps if owed is None else []
                for begin in range(0, len(missed), AT_ONCE):
                    yield Missed(missed[begin : begin + AT_ONCE])
                yield early
                if owed is not None:
                    owed.after(early)
                    self._owed.append(owed)
                self._heard, self._stands, self._behind = subscribed, True, Behind()
                while True:
                    if (frame := await self._frame(http, socket)) is None:
                        due = self._owed[0]
                        pages = self._pages(http, pace, self._read, due.known, reject)
                        async for settled in self._settle(due, self._recovery(pages)):
                            yield settled
                        continue
                    found = self._trades(frames, frame)
                    self._heard = time.time_ns()
                    if found:
                        self._lag = max(0, self._heard - found[-1].happened)
                    yield found
            finally:
                if self._stands:
                    self._heard, self._stands = self._listened, False
                else:
                    # What was not said is asked for again.
                    self._newest, self._numbers = newest, numbers

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

    def _owing(
        self,
        since: Mapping[str, int],
        known: Known,
        subscribed: int,
        numbers: Mapping[str, int],
        reached: Mapping[str, int],
    ) -> Owed | None:
        """What is to be asked for again; None of a plan that tells at once, and where nothing was missed."""
        if not since or not self.late:
            return None
        low = dict(numbers)
        for symbol, number in reached.items():
            low[symbol] = max(number, low.get(symbol, number))
        heard = self._heard or self._behind.heard
        # The last trade may have been reported later than the plan tells: others of its time were not.
        until = subscribed - min(self._lag, self.late)
        return Owed(heard, since, until, self.late, known, low)

    async def _frame(self, http: VendorHttp, socket: ClientWebSocketResponse) -> str | None:
        """The next one; None once what is owed is due."""
        if not self._owed:
            return await http.frame(socket)
        wait = (self._owed[0].due - time.time_ns()) / SECOND
        # A socket that is full has always another frame, for which no timeout is heard.
        if wait > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    return await http.frame(socket)
        return None

    async def _settle(self, owed: Owed, recovery: Recovery) -> AsyncGenerator[Missed, None]:
        """Ask for what is due, of which nothing is told twice."""
        told, gaps = await recovery.ask(owed.since, owed.until, 0)
        missed = owed.missing(told)
        for begin in range(0, len(missed), AT_ONCE):
            some = missed[begin : begin + AT_ONCE]
            yield Missed(unnumbered(some))
            # A later interruption, before which the symbol was not heard again, hid part of the same time.
            self._told.add(some)
        self.gaps += gaps
        self._owed.pop(0)

    def _pages(self, http: VendorHttp, pace: Pace, make: Make, known: Known, reject: Reject) -> Pages:
        return Pages(http, pace, self._rest, self._key, make, known, self._told, reject)

    def _recovery(self, pages: Pages) -> Recovery:
        return Recovery(ABOUT.name, pages.of, self._symbols.__getitem__)

    def _interruption(self) -> tuple[dict[str, int], Known]:
        """From when on to ask for each symbol, and what is not to be said again: our own trades show by
        their numbers, those of the term before by what is on the topic.
        """
        if not self._heard:
            past = self._behind.since
            since = {theirs: past[ours] for theirs, ours in self._symbols.items() if past.get(ours)}
            self._lag = self._behind.lag or self.late
            return since, self._behind.known
        least = self._heard - self._lag - OVERLAP
        self._told.forget(min([least, *(owed.earliest for owed in self._owed)]) - MILLISECOND)
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
        trade = self._read(theirs, exchange, price, size, happened, number)
        # A time that nobody takes must not hide what was missed before it.
        if self._newest.get(theirs, 0) < happened <= time.time_ns() + MOST_LEAD:
            self._newest[theirs] = happened
        if self.late and number is not None:
            self._numbers[trade.symbol] = max(number, self._numbers.get(trade.symbol, number))
            for owed in self._owed:
                owed.after((trade,))
        return trade

    def _read(
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
        return Trade(symbol, venue, price_of(price), size, happened, number)


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
