"""What is measured of each model in this region: how often it fails, how long it takes, how much is under
way.

All of it decays: a failure an hour ago says little, and a model that nobody has asked for long is back at its
priors, so that one bad minute never excludes it for good. Nothing here does I/O or raises; a model that was
never seen has its priors.

Half of the weight of what was seen is gone after `HALF_LIFE` seconds. The prior weighs as `PRIOR_ANSWERS`
answers. A time is weighed by its answer, a failed attempt says nothing of speed but for a time-out, which is
counted as the time that it took.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from richesreach.ai_router.model import REQUESTS_FAULT, Attempt, Failure, Model
from richesreach.ai_router.routing.catalogue import Speed, key_of

HALF_LIFE = 120.0
_RATE = math.log(2.0) / HALF_LIFE
PRIOR_ANSWERS = 5.0
# A second's.
TICKS = 4
_LEAST_PACE, _MOST_PACE = 1.0, 20_000.0
_LEAST_SECONDS = 0.001

# That a caller's request was at fault says nothing of a model; nor does a key's limit, which `cooling` knows.
_NOT_THE_MODELS = REQUESTS_FAULT | {
    Failure.CONTEXT_TOO_LONG,
    Failure.RATE_LIMITED,
    Failure.OUT_OF_CREDIT,
    Failure.UNAUTHENTICATED,
}


@dataclass(frozen=True, slots=True)
class View:
    """One model now: the chance that it fails, seconds until its first token, tokens a second, under way.

    `seen` is the decayed count of attempts behind it.
    """

    failure: float
    first_token: float
    pace: float
    load: int
    seen: float


class Estimate:
    """One model's. Weights are of `_at`; reading them later decays them by the time that has passed."""

    def __init__(self, model: Model, speed: Speed, failure: float, now: float) -> None:
        self.load = 0
        self.qualities = dict(model.quality)
        self.qualities.setdefault("general", 0.5)
        self._prior_first, self._prior_pace = math.log(speed.first_token), math.log(speed.pace)
        self._failure = failure
        self._at = now
        self._tried = self._failed = 0.0
        self._timed = self._log_first = self._paced = self._log_pace = 0.0
        self.tick = -1
        # What `current` of `tick` said.
        self.now = (failure, speed.first_token, speed.pace)

    def current(self, tick: int) -> tuple[float, float, float]:
        """The chance of a failure, seconds until the first token, tokens a second.

        Of `tick`, a fourth of a second: within one nothing decays, and what was worked out serves again.
        """
        if tick != self.tick:
            self.tick = tick
            self.now = self._worked_out(tick / TICKS)
        return self.now

    def _worked_out(self, now: float) -> tuple[float, float, float]:
        kept = self._kept(now)
        failure = (self._failed * kept + PRIOR_ANSWERS * self._failure) / (self._tried * kept + PRIOR_ANSWERS)
        # Means of logarithms: one slow answer is one, however slow it was.
        first = (self._log_first * kept + PRIOR_ANSWERS * self._prior_first) / (
            self._timed * kept + PRIOR_ANSWERS
        )
        pace = (self._log_pace * kept + PRIOR_ANSWERS * self._prior_pace) / (
            self._paced * kept + PRIOR_ANSWERS
        )
        return failure, math.exp(first), math.exp(pace)

    def _kept(self, now: float) -> float:
        """How much of the weights is left."""
        return math.exp(min(0.0, _RATE * (self._at - now)))

    def view(self, now: float) -> View:
        failure, first, pace = self.current(int(now * TICKS))
        return View(failure, first, pace, self.load, self._tried * self._kept(now))

    def quality(self, task: str) -> float:
        """Between 0 and 1: the prior of the task, moved by what callers judged."""
        found = self.qualities.get(task)
        return self.qualities["general"] if found is None else found

    def hold(self, task: str, quality: float) -> None:
        """What the verdicts of all processes' callers make of the prior."""
        self.qualities[task] = quality

    def note(self, attempt: Attempt, now: float) -> None:
        if attempt.failure in _NOT_THE_MODELS:
            return
        kept = self._kept(now)
        self._at, self.tick = now, -1
        self._tried = self._tried * kept + 1.0
        self._failed = self._failed * kept + (attempt.failure is not None)
        self._timed, self._log_first = self._timed * kept, self._log_first * kept
        self._paced, self._log_pace = self._paced * kept, self._log_pace * kept
        if attempt.failure is Failure.TIMEOUT:
            self._first(attempt.seconds)
        elif attempt.failure is None:
            self._answered(attempt)

    def _answered(self, attempt: Attempt) -> None:
        tokens = attempt.usage.output
        if attempt.first_token is not None:
            self._first(attempt.first_token)
            took = attempt.seconds - attempt.first_token
            if tokens > 1 and took > 0:
                self._pace(tokens / took)
            return
        # A whole answer hides when it began: what the tokens took at the known pace is taken off.
        pace = self._log_pace / self._paced if self._paced else self._prior_pace
        self._first(max(attempt.seconds - tokens / math.exp(pace), attempt.seconds * 0.1))

    def _first(self, seconds: float) -> None:
        self._timed += 1.0
        self._log_first += math.log(max(seconds, _LEAST_SECONDS))

    def _pace(self, pace: float) -> None:
        self._paced += 1.0
        self._log_pace += math.log(min(max(pace, _LEAST_PACE), _MOST_PACE))


class Estimates:
    """All models' of one region, as this process has seen them. `clock` is monotonic, in seconds."""

    def __init__(
        self,
        region: str = "",
        *,
        speed: Callable[[Model], Speed] = lambda _model: Speed(),
        failure: float = 0.02,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.region = region
        self._speed = speed
        self._prior = failure
        self._clock = clock
        self._of: dict[str, Estimate] = {}

    def of(self, model: Model) -> Estimate:
        key = key_of(model)
        found = self._of.get(key)
        if found is None:
            found = self._of[key] = Estimate(model, self._speed(model), self._prior, self._clock())
        return found

    def began(self, model: Model) -> None:
        """An attempt is under way. Each has its `ended`."""
        self.of(model).load += 1

    def ended(self, model: Model, attempt: Attempt | None) -> None:
        """An attempt is over; None where it was given up and says nothing of the model."""
        estimate = self.of(model)
        estimate.load = max(0, estimate.load - 1)
        if attempt is not None:
            estimate.note(attempt, self._clock())

    def hold(self, model: Model, task: str, quality: float) -> None:
        """What the quality of a task is from now on (`tracking.quality`)."""
        self.of(model).hold(task, quality)

    def view(self, model: Model) -> View:
        return self.of(model).view(self._clock())
