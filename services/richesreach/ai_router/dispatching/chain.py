"""The order in which one request's candidates are asked, and with which key, until one answers.

After a key's fault another key of the provider is next, after a model's the next candidate. A request that is
itself at fault is not tried elsewhere. When all were asked and time is left, those whose failure says that
nothing was done may be asked once more, after a pause, as far as the process's retry budget goes.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from richesreach.ai_router.model import KEYS_FAULT, REQUESTS_FAULT, Failure, ProviderError
from richesreach.ai_router.providers.credentials import Credential, Credentials
from richesreach.ai_router.routing.catalogue import key_of
from richesreach.ai_router.routing.cooling import Cooling
from richesreach.ai_router.routing.decision import Candidate
from richesreach.ai_router.routing.outlook import Outlook
from richesreach.core.resilience.retry import RetryBudget

# The provider says that it did not begin: to ask it again costs nothing twice.
AGAIN = frozenset({Failure.RATE_LIMITED, Failure.OVERLOADED, Failure.UNREACHABLE, Failure.SERVER_ERROR})
# The provider worked on the prompt, and may bill it.
BILLED = frozenset({Failure.TIMEOUT, Failure.MALFORMED, Failure.TRUNCATED})


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, but for `attempts`.

    An attempt that another candidate could follow gets `patience` times what it is expected to take, `least`
    at least, and never more than `share` of what is left: a provider that hangs must leave time for another.
    `hedge` times what a candidate is expected to take is when a hedged request asks a second one.
    """

    attempts: int = 5
    patience: float = 4.0
    least: float = 5.0
    share: float = 0.6
    hedge: float = 1.5
    whole: float = 50.0
    pause: float = 0.2
    # With less than this left, nothing is begun.
    worthwhile: float = 0.02


class Turn(msgspec.Struct, frozen=True, gc=False):
    """One attempt to make: `pause` seconds from now, for `timeout` seconds."""

    candidate: Candidate
    credential: Credential
    timeout: float
    pause: float = 0.0


class Chain:
    """One request's. `left` says how many seconds are left to it."""

    def __init__(
        self,
        outlook: Outlook,
        *,
        credentials: Credentials,
        cooling: Cooling,
        limits: Limits,
        budget: RetryBudget,
        rng: random.Random,
        left: Callable[[], float],
        stream: bool,
    ) -> None:
        self._waiting = list(outlook.first)
        # Until the substitutes are among those who wait.
        self._outlook: Outlook | None = outlook
        self._credentials = credentials
        self._cooling = cooling
        self._limits = limits
        self._budget = budget
        self._rng = rng
        self._left = left
        self._stream = stream
        self._asked = 0
        self._used: list[tuple[Candidate, str]] = []
        self._again: list[tuple[Candidate, float]] = []
        self.last: ProviderError | None = None

    def next(self) -> Turn | None:
        """Whom to ask now; None where nobody is left, or no time."""
        left = self._left()
        while self._asked < self._limits.attempts and left > self._limits.worthwhile:
            if not self._waiting:
                self._call_substitutes()
                if not self._waiting:
                    break
            candidate = self._waiting[0]
            credential = self._pick(candidate)
            if credential is None or (self._expected(candidate) > left and self._has_others()):
                self._waiting.pop(0)
                continue
            self._asked += 1
            self._used.append((candidate, credential.id))
            return Turn(candidate, credential, self._timeout(candidate, left))
        return self._once_more(left)

    def beside(self) -> Turn | None:
        """Whom to ask while the one whose turn it is still works: another candidate, and only once."""
        if self._asked >= self._limits.attempts or not self._has_others():
            return None
        del self._waiting[0]
        return self.next()

    def failed(self, turn: Turn, error: ProviderError) -> None:
        """What a failure leaves to do. Raises `error` where nothing is: the request itself is at fault."""
        self.last = error
        if error.failure in REQUESTS_FAULT or error.began:
            raise error
        self._call_substitutes()
        candidate = turn.candidate
        if error.failure is Failure.CONTEXT_TOO_LONG:
            # The count was too low: only a wider window may still hold the prompt.
            window = candidate.model.context_tokens
            self._waiting = [one for one in self._waiting if one.model.context_tokens > window]
            return
        if error.failure in KEYS_FAULT and self._pick(candidate) is not None:
            return
        self._waiting = [one for one in self._waiting if one is not candidate]
        if error.failure in AGAIN:
            self._again.append((candidate, error.retry_after or self._limits.pause))

    def _has_others(self) -> bool:
        """Whether anybody waits behind the one whose turn it is."""
        return len(self._waiting) > 1 or (self._outlook is not None and self._outlook.has_substitutes())

    def _call_substitutes(self) -> None:
        if self._outlook is not None:
            self._waiting += self._outlook.substitutes()
            self._outlook = None

    def _pick(self, candidate: Candidate) -> Credential | None:
        """A key with which this request has not yet asked the candidate, and that may be used."""
        model = candidate.model
        out = self._cooling.out(model, self._keys(candidate))
        if self._used:
            out = out | {key for one, key in self._used if key_of(one.model) == key_of(model)}
        return self._credentials.pick(model.provider, self._rng, out)

    def _keys(self, candidate: Candidate) -> tuple[str, ...]:
        return self._credentials.ids_of(candidate.model.provider)

    def _expected(self, candidate: Candidate) -> float:
        return candidate.first_token if self._stream else candidate.seconds

    def _timeout(self, candidate: Candidate, left: float) -> float:
        limits = self._limits
        if len(self._credentials.of(candidate.model.provider)) == 1 and not self._has_others():
            return left
        return min(left * limits.share, max(limits.least, limits.patience * self._expected(candidate)))

    def _once_more(self, left: float) -> Turn | None:
        """The turn of a candidate that did nothing the first time, soonest first."""
        self._again.sort(key=lambda one: one[1])
        while self._again and self._asked < self._limits.attempts:
            candidate, pause = self._again.pop(0)
            keys = self._keys(candidate)
            pause = max(pause * self._rng.uniform(1.0, 1.5), self._cooling.wait(candidate.model, keys))
            if pause + self._limits.worthwhile >= left or not self._budget.spend():
                return None
            provider, out = candidate.model.provider, self._cooling.out(candidate.model, keys)
            credential = self._credentials.pick(provider, self._rng, out)
            credential = credential or self._credentials.pick(provider, self._rng)
            if credential is not None:
                self._asked += 1
                return Turn(candidate, credential, left - pause, pause)
        return None
