"""A decision and what came of it, in words that a caller can check by hand."""

from collections.abc import Sequence
from typing import Any

import msgspec

from richesreach.ai_router.model import Attempt
from richesreach.ai_router.routing.decision import Candidate, Decision, Rejected
from richesreach.ai_router.routing.estimates import Estimates
from richesreach.ai_router.routing.hindsight import Regret, regret
from richesreach.ai_router.routing.policy import Policy
from richesreach.ai_router.routing.score import parts_of_candidate


def explain(decision: Decision, policy: Policy) -> dict[str, Any]:
    """As JSON: why this order. Money in microdollars, times in seconds, shares between 0 and 1.

    The parts of a candidate's score add up to it.
    """
    weights = decision.weights
    return {
        "strategy": str(decision.strategy),
        "task": decision.task,
        "seed": decision.seed,
        "weights": {
            "quality": weights.quality,
            "cost": weights.cost,
            "latency": weights.latency,
            "reliability": weights.reliability,
        },
        "candidates": [_candidate(one, decision, policy) for one in decision.candidates],
        "rejected": [_rejected(one) for one in decision.rejected],
    }


def explain_outcome(
    decision: Decision, attempts: Sequence[Attempt], seconds: float, estimates: Estimates, policy: Policy
) -> dict[str, Any]:
    """`explain`, with what was tried and the regret against the best alternative in hindsight."""
    found = regret(decision, attempts, seconds, estimates, policy)
    return {
        **explain(decision, policy),
        "attempts": [_attempt(one) for one in attempts],
        "regret": _regret(found),
    }


def _candidate(one: Candidate, decision: Decision, policy: Policy) -> dict[str, Any]:
    parts = parts_of_candidate(one, decision.weights, policy)
    return {
        "model": one.model.name,
        "provider": one.model.provider,
        "score": round(one.score, 6),
        "parts": {name: round(part, 6) for name, part in parts.items()},
        "quality": round(one.quality, 4),
        "expected_microdollars": round(one.cost, 3),
        "most_microdollars": one.most,
        "expected_seconds": round(one.seconds, 3),
        "expected_first_token_seconds": round(one.first_token, 3),
        "failure": round(one.failure, 4),
        "in_flight": one.load,
        "input_tokens": one.tokens_in,
        "output_tokens_at_most": one.tokens_out,
        "group": one.group,
    }


def _rejected(one: Rejected) -> dict[str, Any]:
    return {
        "model": one.model.name,
        "provider": one.model.provider,
        "reason": str(one.reason),
        "detail": one.detail,
    }


def _attempt(one: Attempt) -> dict[str, Any]:
    return {
        "model": one.model,
        "provider": one.provider,
        "key": one.credential,
        "seconds": round(one.seconds, 4),
        "first_token_seconds": None if one.first_token is None else round(one.first_token, 4),
        "usage": msgspec.to_builtins(one.usage),
        "microdollars": one.cost,
        "failure": None if one.failure is None else str(one.failure),
        "hedge": one.hedge,
    }


def _regret(found: Regret) -> dict[str, Any]:
    best = found.best
    return {
        "value": round(found.value, 6),
        "score": round(found.score, 6),
        "best_alternative": best
        and {
            "model": best.candidate.model.name,
            "provider": best.candidate.model.provider,
            "score": round(best.score, 6),
            "microdollars": best.cost,
            "seconds": round(best.seconds, 3),
        },
    }
