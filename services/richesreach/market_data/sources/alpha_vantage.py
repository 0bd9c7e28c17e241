"""Alpha Vantage: the latest price of a stock, over REST, one symbol a request.

`GET /query?function=GLOBAL_QUOTE&symbol=IBM&apikey=…`, as in
https://www.alphavantage.co/documentation/#latestprice, answers `{"Global Quote":{"01. symbol":"IBM",
"05. price":"…","06. volume":"…","07. latest trading day":"YYYY-MM-DD",…}}`. Beyond the limit, and for a key
that it does not know, it answers 200 with `Information` or `Note`; for a symbol it does not know with an
empty quote or `Error Message`.

A quote has a day and no time of day. It gets the time of its receipt, but none after 21:00 UTC of its day,
when the American exchanges have closed in summer and in winter. The volume is the day's, and no trade's: the
size is 0. A quote that has not changed is not said again.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any

import msgspec
from yarl import URL

from richesreach.core.limits.gcra import Tier
from richesreach.core.vendors.errors import SourceThrottledError
from richesreach.market_data.model import About, Record, Trade
from richesreach.market_data.normalise import SECOND, UnfitError, price_of, time_of
from richesreach.market_data.sources.polling import Polling, Question
from richesreach.market_data.sources.reading import Frames
from richesreach.market_data.sources.symbols import vendor_symbols

ABOUT = About(
    name="alpha_vantage",
    licence="alpha vantage: personal use unless subscribed",
    documentation="https://www.alphavantage.co/documentation/#latestprice",
    # A free key has 25 requests a day.
    pace=Tier("alpha_vantage", 25, 86_400, 5),
    observed=True,
    key_variable="ALPHA_VANTAGE_API_KEY",
)
ENDPOINT = URL("https://www.alphavantage.co/query")
VENUE = "alpha_vantage"
_CLOSED = time_of_day(21, tzinfo=UTC)


class _Quote(msgspec.Struct):
    price: Decimal = msgspec.field(name="05. price")
    volume: str = msgspec.field(name="06. volume")
    day: date = msgspec.field(name="07. latest trading day")


class _Answer(msgspec.Struct):
    quote: msgspec.Raw = msgspec.field(name="Global Quote", default=msgspec.Raw(b"null"))
    information: str = msgspec.field(name="Information", default="")
    note: str = msgspec.field(name="Note", default="")


class AlphaVantage(Polling):
    def __init__(
        self,
        symbols: Mapping[str, str] | Iterable[str],
        key: str,
        endpoint: URL = ENDPOINT,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """`now` in Unix nanoseconds."""
        self._symbols = vendor_symbols(symbols)
        fixed = {"function": "GLOBAL_QUOTE", "apikey": key}
        questions = [Question(endpoint, {**fixed, "symbol": theirs}, theirs) for theirs in self._symbols]
        super().__init__(ABOUT, questions, _Quote)
        self._now = now
        self._said: dict[str, tuple[Decimal, str, date]] = {}

    def understood(self, question: Question, body: bytes, frames: Frames[Any]) -> Sequence[Record]:
        try:
            answer = msgspec.json.decode(body, type=_Answer)
        except msgspec.DecodeError as error:
            frames.undecodable(error, body)
            return ()
        if answer.information or answer.note:
            raise SourceThrottledError("alpha_vantage asks for patience, or does not know the key")
        quote = frames.item(answer.quote)
        if quote is None:
            return ()
        try:
            happened = min(self._now(), _closing(quote.day))
            trade = Trade(
                self._symbols[question.about], VENUE, price_of(quote.price), 0, time_of(happened, 1)
            )
        except UnfitError as error:
            frames.refused(error, body)
            return ()
        state = (quote.price, quote.volume, quote.day)
        if self._said.get(question.about) == state:
            return ()
        self._said[question.about] = state
        return (trade,)


def _closing(day: date) -> int:
    """Unix nanoseconds."""
    return int(datetime.combine(day, _CLOSED).timestamp()) * SECOND
