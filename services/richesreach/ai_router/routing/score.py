"""The score of a candidate: what it is worth, less what it costs, less what it keeps waiting, less its risk.

    score = (wq·q·(1 - p) - wc·bend(cost) - wl·bend(seconds) - wr·p) / (wq + wc + wl + wr)

q is the quality in the task, p the chance of a failure, and bend(x) = log2(1 + x/unit): a unit costs one, and
the next ones less and less, for callers feel ratios. Each candidate's score stands by itself, so that another
candidate never changes the order of two, and a model that is better in one part and equal in the others is
never below.
"""

import math

from richesreach.ai_router.routing.asked import Weights
from richesreach.ai_router.routing.decision import Candidate
from richesreach.ai_router.routing.policy import Policy


def score(
    weights: Weights, policy: Policy, *, quality: float, cost: float, seconds: float, failure: float
) -> float:
    """`cost` in microdollars. Raises nothing for finite arguments of 0 and more."""
    parts = parts_of(weights, policy, quality=quality, cost=cost, seconds=seconds, failure=failure)
    return parts["quality"] + parts["cost"] + parts["latency"] + parts["reliability"]


def parts_of(
    weights: Weights, policy: Policy, *, quality: float, cost: float, seconds: float, failure: float
) -> dict[str, float]:
    """What each part adds to the score, or takes off it."""
    total = (weights.quality + weights.cost + weights.latency + weights.reliability) or 1.0
    return {
        "quality": weights.quality * quality * (1.0 - failure) / total,
        "cost": -weights.cost * math.log2(1.0 + cost / policy.unit_microdollars) / total,
        "latency": -weights.latency * math.log2(1.0 + seconds / policy.unit_seconds) / total,
        "reliability": -weights.reliability * failure / total,
    }


def parts_of_candidate(candidate: Candidate, weights: Weights, policy: Policy) -> dict[str, float]:
    return parts_of(
        weights,
        policy,
        quality=candidate.quality,
        cost=candidate.cost,
        seconds=candidate.seconds,
        failure=candidate.failure,
    )
