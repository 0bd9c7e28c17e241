"""The Crypto Fear & Greed Index of alternative.me, over REST: one figure a day, from 0 (fear) to 100 (greed).

`GET /fng/?limit=1&format=json`, as in https://alternative.me/crypto/fear-and-greed-index/#api, answers
`{"data":[{"value":"47","value_classification":"Neutral","timestamp":"Unix seconds"}],"metadata":{"error":
null}}`, numbers as strings. No key is needed; whoever shows it must name its source.
"""

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from yarl import URL

from richesreach.core.limits.gcra import Tier
from richesreach.market_data.model import About, Reading, Record
from richesreach.market_data.normalise import SECOND, UnfitError, decimal_of, time_of
from richesreach.market_data.sources.polling import Polling, Question
from richesreach.market_data.sources.reading import Frames

ABOUT = About(
    name="fear_greed",
    licence="alternative.me: attribution",
    documentation="https://alternative.me/crypto/fear-and-greed-index/#api",
    pace=Tier("fear_greed", 1, 600, 1),
)
ENDPOINT = URL("https://api.alternative.me/fng/")


class _Figure(msgspec.Struct):
    value: str
    timestamp: str


class _Answer(msgspec.Struct):
    data: msgspec.Raw


class FearGreed(Polling):
    def __init__(self, endpoint: URL = ENDPOINT, now: Callable[[], int] = time.time_ns) -> None:
        """`now` in Unix nanoseconds."""
        super().__init__(ABOUT, [Question(endpoint, {"limit": "1", "format": "json"})], _Figure)
        self._now = now
        self._said: tuple[int, Decimal] | None = None

    def understood(self, question: Question, body: bytes, frames: Frames[Any]) -> Sequence[Record]:
        try:
            answer = msgspec.json.decode(body, type=_Answer)
        except msgspec.DecodeError as error:
            frames.undecodable(error, body)
            return ()
        found = []
        for figure in frames.items(answer.data):
            try:
                happened, value = _understood(figure)
            except UnfitError as error:
                frames.refused(error, figure)
                continue
            if self._said != (happened, value):
                self._said = (happened, value)
                found.append(self._reading(happened, value))
        return found

    def _reading(self, happened: int, value: Decimal) -> Reading:
        return Reading(
            source=ABOUT.name,
            licence=ABOUT.licence,
            subject="CRYPTO",
            name="fear_greed",
            value=value,
            happened=happened,
            received=self._now(),
        )


def _understood(figure: _Figure) -> tuple[int, Decimal]:
    value = decimal_of(figure.value)
    if not 0 <= value <= 100:
        raise UnfitError(f"index {figure.value[:40]} is not within 0 and 100")
    if not (figure.timestamp.isascii() and figure.timestamp.isdigit() and len(figure.timestamp) < 20):
        raise UnfitError(f"time {figure.timestamp[:40]!r} is no number of seconds")
    return time_of(int(figure.timestamp), SECOND), value
