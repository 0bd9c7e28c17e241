"""What portfolio optimisation takes and answers. Weights are shares of the capital, returns per period."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

MAX_ASSETS = 500
MAX_PERIODS = 5_000

Objective = Literal["min_variance", "mean_variance", "max_sharpe", "max_return", "risk_parity"]
Name = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^\S(.*\S)?$")]
# Beyond ten times the capital nobody lends, and a bound that is always there keeps every problem bounded.
Weight = Annotated[float, Meta(ge=-10.0, le=10.0)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]


class Bounds(Struct, forbid_unknown_fields=True):
    """Least and greatest weight of one asset; what is left out is `min_weight` or `max_weight` of all."""

    min: Weight | None = None
    max: Weight | None = None


class Group(Struct, forbid_unknown_fields=True):
    """Assets whose weights together lie between `min` and `max`, such as a sector."""

    name: Name
    assets: Annotated[list[Name], Meta(min_length=1, max_length=MAX_ASSETS)]
    min: Weight | None = None
    max: Weight | None = None


class Constraints(Struct, forbid_unknown_fields=True):
    """`budget` is what the weights sum to. Without `min_weight` it is 0 where `long_only`, else -1.

    `max_turnover` is the sum of what is bought and sold, from the weights of `previous` (0 for who is left
    out); `max_gross` the sum of the weights without their signs. `min_return` and `max_volatility` are per
    period.
    """

    long_only: bool = True
    budget: Annotated[float, Meta(gt=0.0, le=10.0)] = 1.0
    min_weight: Weight | None = None
    max_weight: Weight = 1.0
    bounds: dict[Name, Bounds] = {}
    groups: Annotated[list[Group], Meta(max_length=100)] = []
    previous: dict[Name, Weight] = {}
    max_turnover: Annotated[float, Meta(ge=0.0, le=40.0)] | None = None
    max_gross: Annotated[float, Meta(gt=0.0, le=40.0)] | None = None
    min_return: float | None = None
    max_volatility: Annotated[float, Meta(gt=0.0)] | None = None


class PortfolioRequest(Struct, forbid_unknown_fields=True):
    """Either `covariance`, and `expected_returns` where the objective looks at them, or `returns`: one row a
    period, one column an asset, from which both are estimated.

    `shrinkage` of that estimate: `ledoit_wolf` or `oas` find how much, a number from 0 (the sample's own) to
    1 says it. `risk_aversion` is that of `mean_variance`, which maximises the return less half of the
    variance times it.
    `risk_budgets` are the shares of risk that `risk_parity` gives; equal ones where they are left out.
    """

    assets: Annotated[list[Name], Meta(min_length=1, max_length=MAX_ASSETS)]
    objective: Objective = "max_sharpe"
    expected_returns: list[float] | None = None
    covariance: list[list[float]] | None = None
    returns: Annotated[list[list[float]], Meta(max_length=MAX_PERIODS)] | None = None
    shrinkage: Literal["ledoit_wolf", "oas"] | Share = "ledoit_wolf"
    risk_aversion: Annotated[float, Meta(gt=0.0, le=1e6)] = 1.0
    risk_free: float = 0.0
    risk_budgets: dict[Name, Annotated[float, Meta(gt=0.0)]] = {}
    constraints: Constraints = msgspec.field(default_factory=Constraints)


class Holding(Struct):
    """`risk_share` is the part of the portfolio's variance that the asset brings; all of them sum to 1."""

    asset: str
    weight: float
    risk_share: float


class Estimate(Struct):
    """Of what was estimated from `returns`: periods, and how far the covariance was shrunk."""

    periods: int
    shrinkage: float


class Solver(Struct):
    """`accuracy` is `reduced` where the solver stopped short of its own tolerance (1e-9)."""

    name: str
    iterations: int
    seconds: float
    accuracy: Literal["full", "reduced"]


class PortfolioAnswer(Struct):
    """Figures are per period. `sharpe` is null without expected returns, or without risk."""

    objective: Objective
    holdings: list[Holding]
    expected_return: float | None
    volatility: float
    sharpe: float | None
    turnover: float
    gross: float
    binding: list[str]
    estimate: Estimate | None
    solver: Solver


class Fault(Struct):
    """One thing that is wrong with a request, by the name of its member."""

    name: str
    detail: str


class Refusal(Struct):
    """Why there is no portfolio: `conflicts` name constraints of which no portfolio keeps all."""

    kind: str
    detail: str
    errors: list[Fault] = []
    conflicts: list[str] = []
