"""From a request as it came to what routing is asked: its size, what it needs, and what its caller wishes."""

import random
import time
from collections.abc import Callable
from typing import NamedTuple

from richesreach.ai_router.model import Caller
from richesreach.ai_router.routing.asked import AUTO, Asked, Size, Strategy, Weights
from richesreach.ai_router.routing.tokens import Counter
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.embeddings import EmbedRequest
from richesreach.ai_router.wire.errors import RequestError
from richesreach.ai_router.wire.options import Options

_SEEDS = 2**31
_TEXT, _TOOLS, _NONE = frozenset({"text"}), frozenset({"tools"}), frozenset[str]()
_ANY = (AUTO,)
_WEIGHTS = ("quality", "cost", "latency", "reliability")
_HIGHEST_WEIGHT = 1_000.0


class _Needs(NamedTuple):
    """What a request needs of a model, as `Asked` has it."""

    kind: str
    tokens_out: int | None = None
    choices: int = 1
    modalities: frozenset[str] = _TEXT
    features: frozenset[str] = _NONE
    stream: bool = False


_VECTORS = _Needs("embedding")


class Asker:
    """`longest` is how many seconds a request may take whatever its caller wishes."""

    def __init__(
        self,
        counter: Counter | None = None,
        *,
        longest: float = 50.0,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self.counter = counter or Counter()
        self._longest = longest
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 (decides between equals, keeps no secret)

    def chat(self, request: ChatRequest, caller: Caller) -> Asked:
        """Raises RequestError for options that mean nothing."""
        given, options = request.given, request.options
        size = self.counter.size(given)
        modalities = _TEXT
        for message in given.messages:
            if isinstance(message.content, list):
                for part in message.content:
                    modalities |= {"image"} if part.image_url is not None else _NONE
                    modalities |= {"audio"} if part.input_audio is not None else _NONE
        features = _TOOLS if given.tools else _NONE
        if given.response_format is not None and given.response_format.type != "text":
            features |= {given.response_format.type}
        needs = _Needs("chat", given.output_limit, given.n or 1, modalities, features, request.streams)
        return self._asked(given.model, options, caller, size, needs)

    def embedding(self, request: EmbedRequest, caller: Caller) -> Asked:
        """Raises RequestError as `chat` does. Another model's vectors mean something else: no substitutes."""
        size = self.counter.size_of_inputs(request)
        return self._asked(request.given.model, request.options, caller, size, _VECTORS)

    def _asked(
        self,
        named: str,
        options: Options,
        caller: Caller,
        size: Size,
        needs: "_Needs",
    ) -> Asked:
        left = self._longest
        if options.deadline_ms is not None:
            left = min(left, options.deadline_ms / 1000)
        substitutes = options.fallbacks and named != AUTO and needs.kind == "chat"
        return Asked(
            size=size,
            caller=caller,
            model=named,
            fallbacks=_ANY if substitutes else None,
            kind=needs.kind,
            tokens_out=needs.tokens_out,
            choices=needs.choices,
            modalities=needs.modalities,
            features=needs.features,
            task=options.task or "general",
            strategy=Strategy.BALANCED if options.strategy is None else _strategy(options.strategy),
            weights=None if options.weights is None else _weights(options.weights),
            allowed=None if options.models is None else frozenset(options.models),
            residency=None if options.regions is None else frozenset(options.regions),
            deadline=self._clock() + left,
            budget=options.most_microdollars,
            stream=needs.stream,
            hedge=options.hedge,
            seed=self._rng.getrandbits(31) if options.seed is None else options.seed % _SEEDS,
            explained=options.explain,
        )


def _strategy(name: str) -> Strategy:
    try:
        return Strategy(name)
    except ValueError:
        raise RequestError(
            f"richesreach.strategy must be one of {', '.join(Strategy)}.", param="richesreach.strategy"
        ) from None


def _weights(given: dict[str, float]) -> Weights:
    """Those that are not given count nothing."""
    if given.keys() - set(_WEIGHTS) or not all(0 <= one <= _HIGHEST_WEIGHT for one in given.values()):
        raise RequestError(
            f"richesreach.weights holds {', '.join(_WEIGHTS)}, each from 0 to {_HIGHEST_WEIGHT:g}.",
            param="richesreach.weights",
        )
    if not any(given.values()):
        raise RequestError("richesreach.weights must not all be 0.", param="richesreach.weights")
    return Weights(*(given.get(name, 0.0) for name in _WEIGHTS))
