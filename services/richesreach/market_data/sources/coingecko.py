"""CoinGecko: prices of coins in US dollars, over REST.

`GET /simple/price?ids=…&vs_currencies=usd&include_last_updated_at=true&precision=full`, as in
https://docs.coingecko.com/reference/simple-price, answers `{"bitcoin":{"usd":67187.33,"last_updated_at":Unix
seconds}}`. The key of a Demo plan goes into the header `x-cg-demo-api-key`. It is a price over many venues
and no trade, so that its size is 0; a price whose time has not changed is not said again.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from yarl import URL

from richesreach.core.limits.gcra import Tier
from richesreach.market_data.model import About, Record, Trade
from richesreach.market_data.normalise import SECOND, UnfitError, price_of, time_of
from richesreach.market_data.sources.polling import Polling, Question
from richesreach.market_data.sources.reading import Frames
from richesreach.market_data.sources.symbols import vendor_symbols

ABOUT = About(
    name="coingecko",
    licence="coingecko: attribution",
    documentation="https://docs.coingecko.com/reference/simple-price",
    # A Demo plan has 10,000 calls a month: one in five minutes is 8,928.
    pace=Tier("coingecko", 1, 300, 1),
    observed=True,
    key_variable="COINGECKO_API_KEY",
)
ENDPOINT = URL("https://api.coingecko.com/api/v3")
VENUE = "coingecko"


class _Price(msgspec.Struct):
    usd: Decimal
    last_updated_at: int


class CoinGecko(Polling):
    """`symbols`: the vendor's ids by ours, as `{"BTC-USD": "bitcoin"}`."""

    def __init__(
        self, symbols: Mapping[str, str] | Iterable[str], key: str, endpoint: URL = ENDPOINT
    ) -> None:
        self._symbols = vendor_symbols(symbols)
        params = {
            "ids": ",".join(self._symbols),
            "vs_currencies": "usd",
            "include_last_updated_at": "true",
            "precision": "full",
        }
        url = endpoint / "simple" / "price"
        super().__init__(ABOUT, [Question(url, params, headers={"x-cg-demo-api-key": key})], _Price)
        self._updated: dict[str, int] = {}

    def understood(self, question: Question, body: bytes, frames: Frames[Any]) -> Sequence[Record]:
        try:
            answer = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        except msgspec.DecodeError as error:
            frames.undecodable(error, body)
            return ()
        found = []
        for theirs, said in answer.items():
            price = frames.item(said)
            if price is None:
                continue
            try:
                trade = self._trade(theirs, price)
            except UnfitError as error:
                frames.refused(error, said)
                continue
            if self._updated.get(theirs) != price.last_updated_at:
                self._updated[theirs] = price.last_updated_at
                found.append(trade)
        return found

    def _trade(self, theirs: str, price: _Price) -> Trade:
        symbol = self._symbols.get(theirs)
        if symbol is None:
            raise UnfitError(f"{theirs[:40]!r} was not asked for")
        return Trade(symbol, VENUE, price_of(price.usd), 0, time_of(price.last_updated_at, SECOND))
