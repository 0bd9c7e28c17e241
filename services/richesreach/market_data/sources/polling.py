"""Vendors that are asked again and again, as often as their limit allows: what their REST adapters share."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

from yarl import URL

from richesreach.core.vendors.http import VendorHttp
from richesreach.core.vendors.pace import Pace
from richesreach.market_data.model import About, Record
from richesreach.market_data.source import Reject
from richesreach.market_data.sources.reading import Frames

# Answers in a row that make no sense, before it is left alone for a while.
MOST_NONSENSE = 3


class Question:
    """One request of a round."""

    __slots__ = ("about", "headers", "params", "url")

    def __init__(
        self, url: URL, params: Mapping[str, str], about: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        self.url = url
        self.params = params
        self.about = about
        self.headers = headers


class Polling(ABC):
    """Asks its questions in turn, for good. After a failure it goes on with the next one: a vendor that
    refuses every second request must not keep the later symbols from ever being asked for.
    """

    def __init__(self, about: About, questions: Sequence[Question], shape: type[Any]) -> None:
        self._about = about
        self._shape = shape
        self._questions: Iterator[Question] = cycle(questions)

    @property
    def about(self) -> About:
        return self._about

    async def records(self, pace: Pace, reject: Reject) -> AsyncGenerator[Sequence[Record], None]:
        frames: Frames[Any] = Frames(self._about.name, self._shape, reject, most=MOST_NONSENSE)
        async with VendorHttp(self._about.name) as http:
            while True:
                await pace.turn()
                question = next(self._questions)
                body = await http.get(question.url, question.params, question.headers)
                yield self.understood(question, body, frames)

    @abstractmethod
    def understood(self, question: Question, body: bytes, frames: Frames[Any]) -> Sequence[Record]:
        """What is new in an answer; `frames` takes what is not sound. Raises SourceError."""
