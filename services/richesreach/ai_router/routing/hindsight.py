"""How good a choice was, once it is known what it cost and how long it took.

What was done is counted as it happened: what all attempts cost together, how long the caller waited. What was
not done is estimated, with what is known now: the length of the answer that came, and the estimates after it.
The regret is how much higher the best of the others would score; 0 where none would. It is no proof: nobody
knows how the other model would have answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from richesreach.ai_router.model import Attempt, Usage
from richesreach.ai_router.routing.catalogue import key_of
from richesreach.ai_router.routing.decision import Candidate, Decision
from richesreach.ai_router.routing.estimates import Estimates
from richesreach.ai_router.routing.policy import Policy
from richesreach.ai_router.routing.score import score


@dataclass(frozen=True, slots=True)
class Would:
    """What a model that was not asked would have cost (microdollars) and taken, and its score."""

    candidate: Candidate
    score: float
    cost: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Regret:
    """`score` of what was done; `best` of the others, None where there was no other."""

    score: float
    best: Would | None

    @property
    def value(self) -> float:
        return 0.0 if self.best is None else max(0.0, self.best.score - self.score)


def regret(
    decision: Decision, attempts: Sequence[Attempt], seconds: float, estimates: Estimates, policy: Policy
) -> Regret:
    """`seconds` is how long the caller waited for all of it."""
    # Of a hedge both have no failure; the one that lost was given up, and its usage estimated.
    well = sorted((one for one in attempts if one.failure is None), key=lambda one: one.usage.estimated)
    answered = well[0] if well else None
    served = next(
        (one for one in decision.candidates if answered and _same(one, answered)),
        None,
    )
    done = score(
        decision.weights,
        policy,
        quality=served.quality if served else 0.0,
        cost=sum(one.cost for one in attempts),
        seconds=seconds,
        failure=0.0 if served else 1.0,
    )
    others = [one for one in decision.candidates if not any(_same(one, asked) for asked in attempts)]
    written = answered.usage.output if answered else None
    would = [_would(one, written, decision, estimates, policy) for one in others]
    return Regret(done, max(would, key=lambda one: one.score, default=None))


def _same(candidate: Candidate, attempt: Attempt) -> bool:
    return key_of(candidate.model) == f"{attempt.provider}/{attempt.model}"


def _would(
    candidate: Candidate, written: int | None, decision: Decision, estimates: Estimates, policy: Policy
) -> Would:
    model, view = candidate.model, estimates.view(candidate.model)
    tokens = policy.answer(decision.task, None) if written is None else written
    tokens = min(tokens, candidate.tokens_out)
    cost = Usage(candidate.tokens_in, tokens).cost(model.prices)
    seconds = view.first_token + tokens / view.pace
    quality = estimates.of(model).quality(decision.task)
    worth = score(decision.weights, policy, quality=quality, cost=cost, seconds=seconds, failure=view.failure)
    return Would(candidate, worth, cost, seconds)
