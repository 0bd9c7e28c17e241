"""From a request to the weights: each objective as a convex program.

- min_variance: min ½ w'Σw. mean_variance: max μ'w - λ/2 w'Σw (Markowitz, 1952). max_return: max μ'w.
- max_sharpe: max (μ'w - r) / √(w'Σw), as min ½ y'Σy with (μ - r)'y = 1 and w = y / κ (Cornuéjols & Tütüncü,
  "Optimization Methods in Finance", 2006, section 8.2).
- risk_parity: each asset's part of the variance is its budget; min ½ y'Σy - Σ b log y has that as its
  condition of optimality (Spinu, "An algorithm for computing risk parity weights", 2013). Where bounds or
  groups stand in the way, what comes nearest in that sense.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from richesreach.ai_router.tasks.portfolio import conflicts, constraints
from richesreach.ai_router.tasks.portfolio.problem import Problem, read
from richesreach.ai_router.tasks.portfolio.program import Aim, Solution, solve
from richesreach.ai_router.tasks.portfolio.schemas import (
    Holding,
    PortfolioAnswer,
    PortfolioRequest,
    Solver,
)

Array = NDArray[np.float64]

#: Digits of a weight that are told: those beyond are the solver's, not the portfolio's.
DIGITS = 8


def optimise(request: PortfolioRequest, seconds: float) -> PortfolioAnswer:
    """The portfolio, found in at most `seconds`.

    Raises:
        RefusedError: the request is wrong, its constraints conflict, or the time was over.
    """
    problem = read(request)
    found = solve(constraints.program_of(problem), aim_of(problem), seconds)
    if found.status in {"infeasible", "failed"}:
        raise conflicts.refused(problem, seconds)
    return _answer(problem, found)


def aim_of(problem: Problem) -> Aim:
    """Variances may be of any size: they are scaled to about 1, where the tolerances mean something."""
    covariance, mean, request = problem.covariance, problem.mean, problem.request
    scale = float(np.abs(np.diag(covariance)).mean()) or 1.0
    if request.objective == "min_variance":
        return Aim(quadratic=covariance / scale)
    if request.objective == "risk_parity":
        budgets = problem.budgets / problem.budgets.sum()
        return Aim(quadratic=covariance / scale, homogeneous=True, logarithms=budgets)
    if mean is None:  # every other objective looks at it, and `read` has asked for it
        raise ValueError(request.objective)
    if request.objective == "max_return":
        return Aim(linear=-mean / (float(np.abs(mean).max()) or 1.0))
    if request.objective == "mean_variance":
        size = max(scale * request.risk_aversion, float(np.abs(mean).max())) or 1.0
        return Aim(quadratic=covariance * request.risk_aversion / size, linear=-mean / size)
    excess = mean - request.risk_free / request.constraints.budget
    size = float(np.abs(excess).max()) or 1.0
    return Aim(quadratic=covariance / scale, homogeneous=True, normal=excess / size)


def _answer(problem: Problem, found: Solution) -> PortfolioAnswer:
    weights = found.x[: len(problem.assets)].round(DIGITS) + 0.0
    marginal = problem.covariance @ weights
    variance = float(weights @ marginal)
    volatility = problem.volatility(weights)
    shares = weights * marginal / variance if variance > 0 else np.zeros(len(weights))
    expected = None if problem.mean is None else float(weights @ problem.mean)
    sharpe = None
    if expected is not None and volatility > 0:
        sharpe = (expected - problem.request.risk_free) / volatility
    return PortfolioAnswer(
        objective=problem.request.objective,
        holdings=[
            Holding(asset, float(weight), round(float(share), DIGITS))
            for asset, weight, share in zip(problem.assets, weights, shares, strict=True)
        ],
        expected_return=expected,
        volatility=volatility,
        sharpe=sharpe,
        turnover=float(np.abs(weights - problem.previous).sum()),
        gross=float(np.abs(weights).sum()),
        binding=constraints.binding(problem, weights),
        estimate=problem.estimate,
        solver=Solver(
            name="clarabel",
            iterations=found.iterations,
            seconds=round(found.seconds, 6),
            accuracy="full" if found.status == "full" else "reduced",
        ),
    )
