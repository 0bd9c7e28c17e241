"""One attempt, from its beginning to the one account that is given of it.

Estimates, gates, calibration and the records all hear of an attempt here, each once, whichever way it ends:
answered, failed, or given up because nobody waits for it any more.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from richesreach.ai_router.dispatching.chain import BILLED, Turn
from richesreach.ai_router.model import Attempt, Failure, ProviderError, Usage
from richesreach.ai_router.routing.asked import Size
from richesreach.ai_router.routing.calibration import Calibration
from richesreach.ai_router.routing.cooling import Cooling
from richesreach.ai_router.routing.estimates import Estimates

# Characters of an answer for one token of it, where the provider did not count.
CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Watchers:
    """Who hears of each attempt. `clock` is monotonic, in seconds."""

    estimates: Estimates
    cooling: Cooling
    calibration: Calibration
    clock: Callable[[], float]


class Trial:
    """An attempt under way. `attempt` is set when it is over, and only then."""

    __slots__ = ("_began", "_first", "_size", "_watchers", "attempt", "hedge", "turn")

    def __init__(self, watchers: Watchers, turn: Turn, size: Size, *, hedge: bool) -> None:
        self.turn = turn
        self.hedge = hedge
        self.attempt: Attempt | None = None
        self._watchers = watchers
        self._size = size
        self._began = watchers.clock()
        self._first: float | None = None
        model = turn.candidate.model
        watchers.cooling.asking(model, turn.credential.id)
        watchers.estimates.began(model)

    def first_token(self) -> None:
        """The first piece of a stream has come."""
        self._first = self._watchers.clock() - self._began

    @property
    def first_at(self) -> float | None:
        """When the first piece of a stream came, by the clock."""
        return None if self._first is None else self._began + self._first

    def answered(self, usage: Usage) -> Attempt:
        """`usage` as the provider told it; an input of 0 in an estimate is filled in from our count."""
        if self.attempt is None:
            model = self.turn.candidate.model
            if usage.estimated and not usage.input:
                usage = msgspec.structs.replace(usage, input=self.turn.candidate.tokens_in)
            self._watchers.cooling.answered(model, self.turn.credential.id)
            self._watchers.calibration.observed(model.tokenizer, self._size, usage)
            self._end(usage, None)
        return self._over()

    def failed(self, error: ProviderError, characters: int = 0) -> Attempt:
        """`characters`: what had come of a stream."""
        if self.attempt is None:
            self._watchers.cooling.failed(self.turn.candidate.model, self.turn.credential.id, error)
            usage = Usage(0, 0)
            if self._first is not None:
                usage = self._streamed(characters)
            elif error.failure in BILLED:
                usage = self._unseen()
            self._end(usage, error.failure)
        return self._over()

    def given_up(self, characters: int = 0) -> Attempt:
        """Nobody waits any more: the caller went away, or another attempt of a hedge was first."""
        if self.attempt is None:
            model = self.turn.candidate.model
            self._watchers.cooling.given_up(model, self.turn.credential.id)
            usage = self._unseen() if self._first is None else self._streamed(characters)
            self.attempt = self._account(usage, None)
            self._watchers.estimates.ended(model, None)
        return self._over()

    def _end(self, usage: Usage, failure: Failure | None) -> None:
        self.attempt = self._account(usage, failure)
        self._watchers.estimates.ended(self.turn.candidate.model, self.attempt)

    def _account(self, usage: Usage, failure: Failure | None) -> Attempt:
        model = self.turn.candidate.model
        return Attempt(
            model=model.name,
            provider=model.provider,
            credential=self.turn.credential.id,
            seconds=self._watchers.clock() - self._began,
            first_token=self._first,
            usage=usage,
            cost=usage.cost(model.prices),
            failure=failure,
            hedge=self.hedge,
        )

    def _over(self) -> Attempt:
        if self.attempt is None:
            raise AssertionError("an attempt that is over has its account")
        return self.attempt

    def _streamed(self, characters: int) -> Usage:
        written = -(-characters // CHARACTERS_PER_TOKEN)
        return Usage(self.turn.candidate.tokens_in, written, estimated=True)

    def _unseen(self) -> Usage:
        """What a provider that worked on it may bill: the prompt, and what it wrote at its usual pace."""
        candidate, watchers = self.turn.candidate, self._watchers
        view = watchers.estimates.view(candidate.model)
        seconds = watchers.clock() - self._began - view.first_token
        written = min(candidate.tokens_out, max(0, round(seconds * view.pace)))
        return Usage(candidate.tokens_in, written, estimated=True)
