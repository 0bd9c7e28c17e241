"""Portfolios keep what they must, and there are reasons where there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    refused,
    weights,
)
from richesreach.ai_router.tasks.portfolio.optimise import optimise
from richesreach.ai_router.tasks.portfolio.schemas import PortfolioRequest, Refusal
from richesreach.ai_router.tasks.portfolio.worker import answer_to


# ---------------------------------------------------------------- what holds of every answer
@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["min_variance", "mean_variance", "max_sharpe", "max_return", "risk_parity"]),
    st.floats(0.2, 1.0),
)
def test_weights_keep_budget_and_bounds_and_their_risk_shares_sum_to_one(
    seed: int, objective: str, most: float
) -> None:
    sample = history(seed, 6, 60) + 0.001
    request = asked(
        objective,
        {"max_weight": most},
        assets=NAMES[:6],
        expected_returns=np.abs(sample.mean(axis=0)).tolist(),
        covariance=np.cov(sample.T).tolist(),
    )
    answer = optimise(request, SECONDS)
    ours = weights(answer)
    assert ours.sum() == pytest.approx(1.0, abs=1e-6)
    assert ours.min() >= -1e-6
    assert ours.max() <= most + 1e-6
    assert sum(holding.risk_share for holding in answer.holdings) == pytest.approx(1.0, abs=1e-5)


def test_equal_budgets_give_every_asset_the_same_share_of_the_risk() -> None:
    shares = [holding.risk_share for holding in optimise(asked("risk_parity"), SECONDS).holdings]
    assert shares == pytest.approx([1 / len(NAMES)] * len(NAMES), abs=1e-5)


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e4])
def test_unit_of_the_returns_does_not_change_the_portfolio(factor: float) -> None:
    scaled = found(
        "max_sharpe",
        expected_returns=(MEAN * factor).tolist(),
        covariance=(COVARIANCE * factor**2).tolist(),
    )
    assert scaled == pytest.approx(found("max_sharpe"), abs=SAME)


def test_short_positions_stay_within_the_gross_limit() -> None:
    free = found("max_return", {"long_only": False})
    held = found("max_return", {"long_only": False, "max_gross": 1.6})
    assert np.abs(free).sum() > 1.6
    assert np.abs(held).sum() == pytest.approx(1.6, abs=1e-6)


def test_constraints_that_bind_are_told() -> None:
    worst = NAMES[int(MEAN.argmin())]
    answer = optimise(asked("max_return", {"bounds": {worst: {"min": 0.1}}, "max_weight": 0.5}), SECONDS)
    assert answer.binding == ["max_weight: no weight is above 0.5", f"bounds: {worst} is at least 0.1"]


# ---------------------------------------------------------------- what conflicts
CONFLICTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "bounds too tight for the budget": (
        {"max_weight": 0.1},
        ["budget: the weights sum to 1", "max_weight: no weight is above 0.1"],
    ),
    "a sector against one of its members": (
        {
            "bounds": {"A0": {"min": 0.5}},
            "groups": [{"name": "metals", "assets": SECTORS["metals"], "max": 0.4}],
        },
        ["bounds: A0 is at least 0.5", "groups: metals is at most 0.4", "long_only: no weight is below 0"],
    ),
    "an asset's own bounds": (
        {"bounds": {"A3": {"min": 0.4, "max": 0.2}}},
        ["bounds: A3 is at least 0.4", "bounds: A3 is at most 0.2"],
    ),
    "turnover against a sale that must be": (
        {"previous": {"A0": 1.0}, "max_turnover": 0.1, "bounds": {"A0": {"max": 0.2}}},
        ["bounds: A0 is at most 0.2", "max_turnover: at most 0.1 is bought and sold"],
    ),
    "less risk than there is": (
        {"max_volatility": 0.001},
        ["budget: the weights sum to 1", "max_volatility: the volatility is at most 0.001"],
    ),
}


@pytest.mark.parametrize("case", CONFLICTS)
def test_conflict_names_the_constraints_and_none_too_many(case: str) -> None:
    constraints, names = CONFLICTS[case]
    refusal = refused("min_variance", constraints)
    assert refusal.kind == "infeasible"
    assert sorted(refusal.conflicts) == sorted(names)
    assert all(name in refusal.detail for name in names)


@pytest.mark.parametrize("objective", ["max_sharpe", "risk_parity", "max_return"])
def test_conflict_is_told_whatever_the_objective(objective: str) -> None:
    assert refused(objective, {"max_weight": 0.1}).kind == "infeasible"


def test_return_out_of_reach_says_how_much_is_in_it() -> None:
    refusal = refused("min_variance", {"min_return": 10.0})
    assert f"the highest expected return is {MEAN.max():.6g}" in refusal.detail


def test_ratio_without_any_excess_return_is_refused_for_that() -> None:
    refusal = refused("max_sharpe", risk_free=5.0)
    assert (refusal.kind, refusal.conflicts) == ("no-excess-return", [])
    assert f"the highest is {MEAN.max():.6g}" in refusal.detail


# ---------------------------------------------------------------- wrong input
def spoilt(row: int, column: int, value: float) -> list[list[float]]:
    matrix = COVARIANCE.copy()
    matrix[row, column] = value
    return [[float(entry) for entry in line] for line in matrix]


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "neither covariance nor returns": ({"covariance": None}, "covariance", "give either"),
    "both": ({"returns": RETURNS.tolist()}, "covariance", "give either"),
    "too few rows": ({"covariance": COVARIANCE[:3].tolist()}, "covariance", "has 3 rows for 8 assets"),
    "a ragged row": ({"returns": [[0.1], [0.2]], "covariance": None}, "returns[0]", "1 numbers for 8 assets"),
    "too few means": ({"expected_returns": [0.1]}, "expected_returns", "has 1 numbers for 8 assets"),
    "one period": (
        {"covariance": None, "expected_returns": None, "returns": RETURNS[:1].tolist()},
        "returns",
        "at least two periods",
    ),
    "not a number": ({"covariance": spoilt(1, 2, float("nan"))}, "covariance[1][2]", "finite"),
    "infinite mean": (
        {"expected_returns": [float("inf"), *MEAN[1:].tolist()]},
        "expected_returns[0]",
        "finite",
    ),
    "infinite return": (
        {"covariance": None, "returns": [[float("inf")] * 8, *RETURNS[1:].tolist()]},
        "returns[0][0]",
        "finite",
    ),
    "asymmetric": ({"covariance": spoilt(0, 1, 0.5)}, "covariance", "not symmetric"),
    "indefinite": ({"covariance": spoilt(0, 0, -0.1)}, "covariance", "not positive semidefinite"),
    "an asset twice": ({"assets": ["A0", *NAMES[:-1]]}, "assets", "A0 more than once"),
    "budgets of another objective": ({"risk_budgets": {"A0": 1.0}}, "risk_budgets", "are for risk_parity"),
    "unknown asset": ({"constraints": {"bounds": {"ZZ": {"max": 0.1}}}}, "constraints.bounds", "ZZ is not"),
    "unknown member of a group": (
        {"constraints": {"groups": [{"name": "g", "assets": ["ZZ"]}]}},
        "constraints.groups[0].assets",
        "ZZ is not among the assets",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_request_says_which_member_and_what_is_wrong(case: str) -> None:
    members, name, detail = WRONG[case]
    refusal = refused("min_variance", **members)
    assert refusal.kind == "invalid-request"
    assert refusal.errors[0].name == name
    assert detail in refusal.errors[0].detail


def test_objective_that_looks_at_returns_asks_for_them() -> None:
    assert refused("max_sharpe", expected_returns=None).errors[0].name == "expected_returns"


def test_risk_parity_refuses_what_has_no_risk() -> None:
    riskless = COVARIANCE.copy()
    riskless[2, :] = riskless[:, 2] = 0.0
    assert "A2 has no variance" in refused("risk_parity", covariance=riskless.tolist()).detail


def test_risk_parity_holds_nothing_short() -> None:
    assert refused("risk_parity", {"long_only": False}).errors[0].name == "constraints.long_only"


def test_semidefinite_covariance_is_taken() -> None:
    twins = RETURNS.copy()
    twins[:, 1] = twins[:, 0]
    assert found("min_variance", covariance=np.cov(twins.T).tolist()).sum() == pytest.approx(1.0, abs=1e-6)


BODIES = {
    b"{": "malformed-json",
    b'{"assets": ["A"], "covariance": [[NaN]]}': "malformed-json",
    b'{"assets": ["A"], "covariance": [["x"]]}': "invalid-request",
    b'{"assets": ["A"], "covarianse": [[1]]}': "invalid-request",
    b'{"assets": [], "covariance": []}': "invalid-request",
    b'{"assets": ["A"], "covariance": [[1]], "objective": "win"}': "invalid-request",
    b'{"assets": ["A"], "covariance": [[1]], "shrinkage": 2}': "invalid-request",
    b'"text"': "invalid-request",
}


@pytest.mark.parametrize("body", BODIES)
def test_body_that_is_no_request_is_refused_with_where_it_is_wrong(body: bytes) -> None:
    answer = answer_to(body)
    assert isinstance(answer, Refusal)
    assert answer.kind == BODIES[body]


@pytest.mark.parametrize(
    ("count", "objective"),
    [(1, "min_variance"), (1, "risk_parity"), (120, "min_variance"), (120, "risk_parity")],
)
def test_one_asset_and_many_are_optimised(count: int, objective: str) -> None:
    sample = history(assets=count, periods=300)
    request = PortfolioRequest(
        [f"B{number}" for number in range(count)],
        objective,
        returns=sample.tolist(),  # type: ignore[arg-type]
    )
    assert weights(optimise(request, SECONDS)).sum() == pytest.approx(1.0, abs=1e-6)
