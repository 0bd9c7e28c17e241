"""Finnhub: last prices of US stocks, currencies and coins over one WebSocket.

Messages as in https://finnhub.io/docs/api/websocket-trades: `{"type":"subscribe","symbol":"AAPL"}` out, and
`{"type":"trade","data":[{"s":symbol,"p":price,"t":Unix milliseconds,"v":volume,"c":[conditions]}]}` in; a
volume of 0 is a price without a trade. `{"type":"ping"}` keeps the connection. The key is a parameter of the
address, and one key has one connection.

Trades have neither a number nor an id. Two that are equal in all may both be true, so that a repeated trade
shows in nothing but a frame that comes again, byte for byte, within the last few.
"""

from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

import msgspec
from yarl import URL

from richesreach.core.limits.gcra import Tier
from richesreach.core.vendors.errors import SourceLostError
from richesreach.core.vendors.http import VendorHttp
from richesreach.core.vendors.pace import Pace
from richesreach.market_data.model import About, Record, Trade
from richesreach.market_data.normalise import MILLISECOND, UnfitError, price_of, size_of, time_of
from richesreach.market_data.source import Reject
from richesreach.market_data.sources.reading import Frames
from richesreach.market_data.sources.symbols import vendor_symbols

ABOUT = About(
    name="finnhub",
    licence="finnhub: personal use unless subscribed",
    documentation="https://finnhub.io/docs/api/websocket-trades",
    # Connections and subscriptions count as calls: 30 a second at most, of which we take a half.
    pace=Tier("finnhub", 15, 1, 15),
    key_variable="FINNHUB_API_KEY",
)
ENDPOINT = URL("wss://ws.finnhub.io")
# Frames that are remembered for the case that one comes twice.
REMEMBERED = 64
# Finnhub does not say on which venue a trade was made.
VENUE = "finnhub"


class _Envelope(msgspec.Struct):
    type: str
    data: msgspec.Raw = msgspec.Raw(b"[]")
    msg: str = ""


class _Trade(msgspec.Struct, gc=False):
    s: str
    p: float
    t: int
    v: float = 0.0


class Finnhub:
    about = ABOUT

    def __init__(
        self, symbols: Mapping[str, str] | Iterable[str], key: str, endpoint: URL = ENDPOINT
    ) -> None:
        self.repeated = 0
        self._symbols = vendor_symbols(symbols)
        self._key = key
        self._endpoint = endpoint
        self._envelope = msgspec.json.Decoder(_Envelope)

    async def records(self, pace: Pace, reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
        frames, recent = Frames(ABOUT.name, _Trade, reject), deque[str](maxlen=REMEMBERED)
        await pace.turn()
        async with (
            VendorHttp(ABOUT.name) as http,
            http.socket(self._endpoint, {"token": self._key}) as socket,
        ):
            for theirs in self._symbols:
                await pace.turn()
                asked = {"type": "subscribe", "symbol": theirs}
                await http.say(socket, msgspec.json.encode(asked).decode())
            async for frame in http.frames(socket):
                if frame in recent:
                    self.repeated += 1
                    continue
                try:
                    envelope = self._envelope.decode(frame)
                except msgspec.DecodeError as error:
                    frames.undecodable(error, frame)
                    continue
                if envelope.type == "error":
                    raise SourceLostError("finnhub tells of an error: a symbol, or too many of them")
                if envelope.type == "trade":
                    recent.append(frame)
                    yield self._trades(frames, envelope.data)
                else:
                    frames.sound()
                    yield ()

    def _trades(self, frames: Frames[_Trade], data: msgspec.Raw) -> list[Trade]:
        found = []
        for item in frames.items(data):
            try:
                found.append(self._trade(item))
            except UnfitError as error:
                frames.refused(error, item)
        return found

    def _trade(self, item: _Trade) -> Trade:
        symbol = self._symbols.get(item.s)
        if symbol is None:
            raise UnfitError(f"{item.s[:40]!r} was not asked for")
        return Trade(symbol, VENUE, price_of(item.p), size_of(item.v), time_of(item.t, MILLISECOND))
