"""Portfolios have the weights that two other libraries find."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from portfolio_cases import (
    COVARIANCE,
    MEAN,
    NAMES,
    RETURNS,
    SAME,
    SECONDS,
    SECTORS,
    asked,
    found,
    history,
    weights,
)
from pypfopt import EfficientFrontier
from pypfopt.risk_models import CovarianceShrinkage
from richesreach.ai_router.tasks.portfolio import estimates
from richesreach.ai_router.tasks.portfolio.optimise import optimise
from skfolio import RiskMeasure
from skfolio.moments import OAS, EmpiricalCovariance, LedoitWolf
from skfolio.optimization import MeanRisk, ObjectiveFunction, RiskBudgeting
from skfolio.prior import EmpiricalPrior


# ---------------------------------------------------------------- PyPortfolioOpt
def frontier(low: float = 0.0, high: float = 1.0) -> EfficientFrontier:
    return EfficientFrontier(MEAN, COVARIANCE, (low, high), solver="CLARABEL")


def of_frontier(solved: EfficientFrontier) -> np.ndarray:
    return np.array(solved.weights)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 0.25), (-0.3, 0.5)])
def test_least_variance_is_pyportfolioopts(low: float, high: float) -> None:
    theirs = frontier(low, high)
    theirs.min_volatility()
    ours = found("min_variance", {"long_only": low >= 0, "min_weight": low, "max_weight": high})
    assert ours == pytest.approx(of_frontier(theirs), abs=SAME)


@pytest.mark.parametrize("aversion", [0.1, 0.5, 3.0])
def test_mean_against_variance_is_pyportfolioopts(aversion: float) -> None:
    theirs = frontier()
    theirs.max_quadratic_utility(risk_aversion=aversion)
    ours = found("mean_variance", {"max_weight": 1.0}, risk_aversion=aversion)
    assert ours == pytest.approx(of_frontier(theirs), abs=SAME)


@pytest.mark.parametrize("free", [0.0, 0.006])
def test_greatest_sharpe_ratio_is_pyportfolioopts(free: float) -> None:
    theirs = frontier()
    theirs.max_sharpe(risk_free_rate=free)
    assert found("max_sharpe", risk_free=free) == pytest.approx(of_frontier(theirs), abs=SAME)


def test_sectors_bind_as_they_do_in_pyportfolioopt() -> None:
    theirs = frontier()
    mapper = {name: sector for sector, names in SECTORS.items() for name in names}
    theirs.tickers = NAMES
    theirs.add_sector_constraints(mapper, {"utilities": 0.3}, {"software": 0.25})
    theirs.min_volatility()
    groups = [
        {"name": "utilities", "assets": SECTORS["utilities"], "min": 0.3},
        {"name": "software", "assets": SECTORS["software"], "max": 0.25},
    ]
    assert found("min_variance", {"groups": groups}) == pytest.approx(of_frontier(theirs), abs=SAME)


def test_least_risk_of_a_return_is_pyportfolioopts() -> None:
    theirs = frontier()
    theirs.efficient_return(target_return=0.024)
    assert found("min_variance", {"min_return": 0.024}) == pytest.approx(of_frontier(theirs), abs=SAME)


def test_most_return_of_a_risk_is_pyportfolioopts() -> None:
    theirs = frontier()
    theirs.efficient_risk(target_volatility=0.3)
    assert found("max_return", {"max_volatility": 0.3}) == pytest.approx(of_frontier(theirs), abs=SAME)


# ---------------------------------------------------------------- skfolio
def of_skfolio(model: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.array(model.fit(RETURNS).weights_)


@pytest.mark.parametrize(
    ("objective", "theirs"),
    [
        ("min_variance", ObjectiveFunction.MINIMIZE_RISK),
        ("max_sharpe", ObjectiveFunction.MAXIMIZE_RATIO),
    ],
)
def test_history_gives_the_weights_that_skfolio_finds(objective: str, theirs: ObjectiveFunction) -> None:
    prior = EmpiricalPrior(covariance_estimator=LedoitWolf())
    model = MeanRisk(objective_function=theirs, prior_estimator=prior, max_weights=0.4, solver="CLARABEL")
    request = asked(
        objective,
        {"max_weight": 0.4},
        expected_returns=None,
        covariance=None,
        returns=RETURNS.tolist(),
    )
    assert weights(optimise(request, SECONDS)) == pytest.approx(of_skfolio(model), abs=SAME)


def test_risk_parity_is_skfolios() -> None:
    model = RiskBudgeting(risk_measure=RiskMeasure.VARIANCE, solver="CLARABEL")
    assert found("risk_parity") == pytest.approx(of_skfolio(model), abs=SAME)


def test_risk_budgets_are_skfolios() -> None:
    budgets = {name: 1.0 + number for number, name in enumerate(NAMES)}
    share = np.array([*budgets.values()])
    model = RiskBudgeting(
        risk_measure=RiskMeasure.VARIANCE, risk_budget=share / share.sum(), solver="CLARABEL"
    )
    assert found("risk_parity", risk_budgets=budgets) == pytest.approx(of_skfolio(model), abs=SAME)


def test_turnover_keeps_the_weights_where_skfolio_does() -> None:
    previous = dict(zip(NAMES, [0.3, 0.3, 0.2, 0.2, 0, 0, 0, 0], strict=True))
    theirs = EfficientFrontier(MEAN, COVARIANCE, (0, 1), solver="CLARABEL")
    import cvxpy  # noqa: PLC0415  (of PyPortfolioOpt, which has no such constraint of its own)

    before = np.array([*previous.values()])
    theirs.add_constraint(lambda w: cvxpy.norm1(w - before) <= 0.5)
    theirs.min_volatility()
    ours = found("min_variance", {"previous": previous, "max_turnover": 0.5})
    assert ours == pytest.approx(of_frontier(theirs), abs=SAME)
    assert np.abs(ours - before).sum() == pytest.approx(0.5, abs=1e-6)


# ---------------------------------------------------------------- estimates
@pytest.mark.parametrize("periods", [5, 400])
def test_shrinkage_is_as_others_estimate_it(periods: int) -> None:
    sample = history(periods=periods)
    ledoit, share = estimates.covariance(sample, "ledoit_wolf")
    assert ledoit == pytest.approx(LedoitWolf().fit(sample).covariance_, rel=1e-9)
    theirs = CovarianceShrinkage(sample, returns_data=True, frequency=1)
    assert ledoit == pytest.approx(theirs.ledoit_wolf().to_numpy(), rel=1e-9)
    assert 0 < share <= 1
    oas, _ = estimates.covariance(sample, "oas")
    assert oas == pytest.approx(OAS().fit(sample).covariance_, rel=1e-9)


def test_share_of_nothing_leaves_the_unbiased_sample() -> None:
    ours, share = estimates.covariance(RETURNS, 0.0)
    assert ours == pytest.approx(EmpiricalCovariance().fit(RETURNS).covariance_, rel=1e-9)
    assert share == 0.0


def test_fewer_periods_than_assets_still_give_a_portfolio() -> None:
    request = asked("max_sharpe", covariance=None, expected_returns=None, returns=history(periods=5).tolist())
    answer = optimise(request, SECONDS)
    assert weights(answer).sum() == pytest.approx(1.0, abs=1e-6)
    assert answer.estimate is not None
    assert answer.estimate.periods == 5
