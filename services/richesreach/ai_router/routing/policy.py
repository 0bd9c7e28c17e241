"""What routing weighs, and how much: typed defaults, which settings may override."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from richesreach.ai_router.routing import priors
from richesreach.ai_router.routing.asked import Strategy, Weights

WEIGHTS: Mapping[Strategy, Weights] = {
    Strategy.BALANCED: Weights(quality=1.0, cost=0.1, latency=0.08, reliability=0.5),
    Strategy.CHEAPEST: Weights(quality=0.05, cost=1.0, latency=0.02, reliability=0.2),
    Strategy.FASTEST: Weights(quality=0.2, cost=0.02, latency=1.0, reliability=0.4),
    Strategy.BEST: Weights(quality=1.0, cost=0.005, latency=0.005, reliability=0.3),
    Strategy.RELIABLE: Weights(quality=0.4, cost=0.05, latency=0.04, reliability=3.0),
}


@dataclass(frozen=True, slots=True)
class Policy:
    """Defaults of routing.

    A cost of `unit_microdollars` and a wait of `unit_seconds` each take as much off the score as their weight
    says; ten times as much takes about three and a half times that (`score`). `patience` is the share of the
    time until the deadline that a model may be expected to need. `slack` is how much less quality than that
    of a named model its substitutes may have. `crowd` is how many requests under way at one model double its
    expected wait. `answer_limit` is the most tokens that an answer may have where the caller sets no limit
    and pays from a budget: what may be spent must be known before.
    """

    weights: Mapping[Strategy, Weights] = field(default_factory=lambda: dict(WEIGHTS))
    answer_tokens: Mapping[str, int] = field(default_factory=lambda: dict(priors.ANSWER_TOKENS))
    unit_microdollars: float = 2_000.0
    unit_seconds: float = 5.0
    patience: float = 0.9
    slack: float = 0.12
    crowd: float = 64.0
    answer_limit: int = 16_384
    failure_prior: float = 0.02

    def weights_of(self, strategy: Strategy, given: Weights | None) -> Weights:
        return given or self.weights[strategy]

    def answer(self, task: str, limit: int | None) -> int:
        """Tokens that an answer is expected to have."""
        usual = self.answer_tokens.get(task, self.answer_tokens["general"])
        return usual if limit is None else min(usual, limit)
