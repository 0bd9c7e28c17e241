"""Keys and models that are left alone for a while after they failed, and then asked carefully.

A circuit breaker whose states say why it is open. One gate stands before

- a key (`openai:a`): out of credit, or not accepted: nothing of that key is asked;
- a key and a model (`openai:a/gpt-4o`): rate-limited, as providers limit each model by itself;
- a model (`openai/gpt-4o`): it fails by itself, whatever the key.

closed → open, for as long as the provider says or twice as long as the last time → half-open, one request is
let through → closed with its success, open again with its failure. A model's gate opens when most of its last
attempts failed; a key's with the first refusal, which is a statement and no accident.
"""

import random
import time
from collections.abc import Callable, Set
from dataclasses import dataclass

from richesreach.ai_router.model import Failure, Model, ProviderError


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds: the first pause, and the longest one that doubling leads to."""

    first: float
    longest: float


PAUSES = {
    Failure.RATE_LIMITED: Pause(1.0, 60.0),
    Failure.OUT_OF_CREDIT: Pause(60.0, 1800.0),
    Failure.UNAUTHENTICATED: Pause(60.0, 1800.0),
}
_NOBODY = frozenset[str]()
# Of a model that fails.
FAILING = Pause(2.0, 60.0)
# A provider's word on when to come back is believed up to here.
LONGEST_WORD = 600.0
# A model's gate opens when more than half of at least so many recent attempts failed.
_LEAST, _MEMORY = 4, 10
_KEYS = {Failure.OUT_OF_CREDIT, Failure.UNAUTHENTICATED}
_MODELS = {
    Failure.OVERLOADED,
    Failure.TIMEOUT,
    Failure.UNREACHABLE,
    Failure.SERVER_ERROR,
    Failure.MALFORMED,
    Failure.TRUNCATED,
    Failure.UNKNOWN_MODEL,
}


@dataclass(frozen=True, slots=True)
class Closed:
    """What `Cooling.report` says of a gate that is not open to all: `state` is open or half-open."""

    scope: str
    state: str
    reason: Failure
    seconds: float


class _Gate:
    __slots__ = ("pauses", "probing", "reason", "recent", "until")

    def __init__(self) -> None:
        self.until = 0.0
        self.reason: Failure | None = None
        self.pauses = 0
        # When the probe that is under way was let through.
        self.probing: float | None = None
        self.recent: list[bool] = []


# A probe that never came back (its caller went away) must not keep the gate shut.
_PROBE_SECONDS = 60.0


class Cooling:
    """One process's gates. `clock` is in seconds, monotonic; `rng` spreads several processes' pauses."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, rng: random.Random | None = None
    ) -> None:
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 (spreads pauses, keeps no secret)
        self._gates: dict[str, _Gate] = {}
        # Gates that are open or half-open: while there are none, nothing is looked up.
        self._shut: set[str] = set()

    @property
    def idle(self) -> bool:
        """Whether every gate is closed."""
        return not self._shut

    def until(self, model: Model, keys: tuple[str, ...]) -> float | None:
        """When `model` may be asked again with one of `keys`; None where it may be now."""
        if not self._shut:
            return None
        now = self._clock()
        alone = self._until(model_scope(model), now)
        if alone is not None:
            return alone
        times = [self._key_until(model, key, now) for key in keys]
        shut = [one for one in times if one is not None]
        return min(shut) if shut and len(shut) == len(times) else None

    def wait(self, model: Model, keys: tuple[str, ...]) -> float:
        """Seconds until `model` may be asked with one of `keys`."""
        until = self.until(model, keys)
        return 0.0 if until is None else max(0.0, until - self._clock())

    def out(self, model: Model, keys: tuple[str, ...]) -> Set[str]:
        """Those of `keys` with which `model` must not be asked now."""
        if not self._shut:
            return _NOBODY
        now = self._clock()
        return {key for key in keys if self._key_until(model, key, now) is not None}

    def _key_until(self, model: Model, key: str, now: float) -> float | None:
        times = (self._until(scope, now) for scope in key_scopes(model, key))
        return max((one for one in times if one is not None), default=None)

    def _until(self, scope: str, now: float) -> float | None:
        if scope not in self._shut:
            return None
        gate = self._gates[scope]
        if now < gate.until:
            return gate.until
        if gate.probing is not None and now - gate.probing < _PROBE_SECONDS:
            return gate.probing + _PROBE_SECONDS
        return None

    def asking(self, model: Model, key: str) -> None:
        """A request begins: where a gate is half-open, it is the one that is let through."""
        if self._shut:
            now = self._clock()
            for scope in (model_scope(model), *key_scopes(model, key)):
                if scope in self._shut:
                    self._gates[scope].probing = now

    def answered(self, model: Model, key: str) -> None:
        """The key and the model are well."""
        if not self._gates:
            return
        scopes = (model_scope(model), *key_scopes(model, key))
        for scope in scopes if self._shut else ():
            if scope in self._shut:
                self._shut.discard(scope)
                del self._gates[scope]
        gate = self._gates.get(scopes[0])
        if gate is not None:
            _remember(gate, failed=False)

    def given_up(self, model: Model, key: str) -> None:
        """A request ended without a word about either: its caller went away, or it was at fault itself."""
        for scope in (model_scope(model), *key_scopes(model, key)) if self._shut else ():
            if scope in self._shut:
                self._gates[scope].probing = None

    def failed(self, model: Model, key: str, error: ProviderError) -> None:
        failure = error.failure
        self.given_up(model, key)
        if failure in _KEYS:
            self._open(key_scopes(model, key)[0], failure, PAUSES[failure], error.retry_after)
        elif failure is Failure.RATE_LIMITED:
            self._open(key_scopes(model, key)[1], failure, PAUSES[failure], error.retry_after)
        elif failure in _MODELS:
            gate = self._gates.setdefault(model_scope(model), _Gate())
            _remember(gate, failed=True)
            half_open = model_scope(model) in self._shut
            if half_open or (len(gate.recent) >= _LEAST and sum(gate.recent) * 2 > len(gate.recent)):
                self._open(model_scope(model), failure, FAILING, error.retry_after)

    def _open(self, scope: str, reason: Failure, pause: Pause, word: float | None) -> None:
        gate = self._gates.setdefault(scope, _Gate())
        now = self._clock()
        if now < gate.until and gate.reason is reason and word is None:
            # Requests that were under way when it opened say the same once more.
            return
        seconds = min(pause.longest, pause.first * 2.0**gate.pauses) * self._rng.uniform(1.0, 1.25)
        if word is not None:
            seconds = min(max(word, 0.0), LONGEST_WORD)
        gate.pauses = min(gate.pauses + 1, 16)
        gate.until, gate.reason = max(gate.until, now + seconds), reason
        self._shut.add(scope)

    def report(self) -> list[Closed]:
        """Every gate that is not closed, for health and explanations."""
        now = self._clock()
        found = []
        for scope in sorted(self._shut):
            gate = self._gates[scope]
            if gate.reason is not None:
                left = max(0.0, gate.until - now)
                found.append(Closed(scope, "open" if left else "half-open", gate.reason, round(left, 3)))
        return found


def model_scope(model: Model) -> str:
    return model.key


def key_scopes(model: Model, key: str) -> tuple[str, str]:
    """The key's, and the key's with that model."""
    alone = f"{model.provider}:{key}"
    return alone, f"{alone}/{model.name}"


def _remember(gate: _Gate, *, failed: bool) -> None:
    gate.recent.append(failed)
    if len(gate.recent) > _MEMORY:
        del gate.recent[0]
