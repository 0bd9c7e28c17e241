"""From a request as it came to what routing is asked: its size, what it needs, and what its caller wishes."""

import random
import time
from collections.abc import Callable
from typing import Any

from richesreach.ai_router.model import Caller
from richesreach.ai_router.routing.asked import AUTO, Asked, Strategy, Weights
from richesreach.ai_router.routing.tokens import Counter
from richesreach.ai_router.wire.chat import ChatRequest
from richesreach.ai_router.wire.embeddings import EmbedRequest
from richesreach.ai_router.wire.errors import RequestError
from richesreach.ai_router.wire.options import Options

_SEEDS = 2**31
_TEXT, _TOOLS, _NONE = frozenset({"text"}), frozenset({"tools"}), frozenset[str]()
_WEIGHTS = ("quality", "cost", "latency", "reliability")
_HIGHEST_WEIGHT = 1_000.0


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
        return Asked(
            size=size,
            tokens_out=given.output_limit,
            choices=given.n or 1,
            modalities=modalities,
            features=features,
            stream=request.streams,
            **self._wishes(given.model, options, caller),
        )

    def embedding(self, request: EmbedRequest, caller: Caller) -> Asked:
        """Raises RequestError as `chat` does. Another model's vectors mean something else: no substitutes."""
        wishes = self._wishes(request.given.model, request.options, caller) | {"fallbacks": None}
        return Asked(size=self.counter.size_of_inputs(request), kind="embedding", **wishes)

    def _wishes(self, named: str, options: Options, caller: Caller) -> dict[str, Any]:
        left = self._longest
        if options.deadline_ms is not None:
            left = min(left, options.deadline_ms / 1000)
        return {
            "caller": caller,
            "model": named,
            "fallbacks": (AUTO,) if options.fallbacks and named != AUTO else None,
            "task": options.task or "general",
            "strategy": _strategy(options.strategy),
            "weights": _weights(options.weights),
            "allowed": None if options.models is None else frozenset(options.models),
            "residency": None if options.regions is None else frozenset(options.regions),
            "deadline": self._clock() + left,
            "budget": options.most_microdollars,
            "hedge": options.hedge,
            "explained": options.explain,
            "seed": self._rng.getrandbits(31) if options.seed is None else options.seed % _SEEDS,
        }


def _strategy(name: str | None) -> Strategy:
    try:
        return Strategy.BALANCED if name is None else Strategy(name)
    except ValueError:
        raise RequestError(
            f"richesreach.strategy must be one of {', '.join(Strategy)}.", param="richesreach.strategy"
        ) from None


def _weights(given: dict[str, float] | None) -> Weights | None:
    """Those that are not given count nothing."""
    if given is None:
        return None
    if given.keys() - set(_WEIGHTS) or not all(0 <= one <= _HIGHEST_WEIGHT for one in given.values()):
        raise RequestError(
            f"richesreach.weights holds {', '.join(_WEIGHTS)}, each from 0 to {_HIGHEST_WEIGHT:g}.",
            param="richesreach.weights",
        )
    if not any(given.values()):
        raise RequestError("richesreach.weights must not all be 0.", param="richesreach.weights")
    return Weights(*(given.get(name, 0.0) for name in _WEIGHTS))
