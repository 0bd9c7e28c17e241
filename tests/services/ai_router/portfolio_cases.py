"""Portfolios that the tests ask for."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from richesreach.ai_router.tasks.portfolio.optimise import optimise
from richesreach.ai_router.tasks.portfolio.problem import RefusedError
from richesreach.ai_router.tasks.portfolio.schemas import PortfolioAnswer, PortfolioRequest, Refusal

SECONDS = 30.0
SCALE = 30.0
#: Of each weight: where two solvers with tolerances of their own agree.
SAME = 1e-4
SECTORS = {"metals": ["A0", "A1", "A2"], "utilities": ["A3", "A4"], "software": ["A5", "A6", "A7"]}


def history(seed: int = 7, assets: int = 8, periods: int = 400) -> np.ndarray:
    """Returns with a common factor and drifts that differ, of a size at which solvers that do not scale their
    input come near enough.
    """
    rng = np.random.default_rng(seed)
    market = rng.normal(0.0004, 0.009, (periods, 1))
    own = rng.normal(0, 1, (periods, assets)) * rng.uniform(0.006, 0.02, assets)
    daily = market * rng.uniform(0.4, 1.4, assets) + own + rng.uniform(-0.0002, 0.0012, assets)
    return daily * SCALE


RETURNS = history()
NAMES = [f"A{number}" for number in range(RETURNS.shape[1])]
MEAN = RETURNS.mean(axis=0)
COVARIANCE = np.cov(RETURNS.T)


def asked(objective: str, constraints: dict[str, Any] | None = None, **members: Any) -> PortfolioRequest:
    given: dict[str, Any] = {
        "assets": NAMES,
        "objective": objective,
        "expected_returns": MEAN.tolist(),
        "covariance": COVARIANCE.tolist(),
        "constraints": constraints or {},
    }
    return msgspec.convert(given | members, PortfolioRequest)


def weights(answer: PortfolioAnswer) -> np.ndarray:
    return np.array([holding.weight for holding in answer.holdings])


def found(*arguments: Any, **members: Any) -> np.ndarray:
    return weights(optimise(asked(*arguments, **members), SECONDS))


def refused(*arguments: Any, **members: Any) -> Refusal:
    with pytest.raises(RefusedError) as caught:
        optimise(asked(*arguments, **members), SECONDS)
    return caught.value.refusal
