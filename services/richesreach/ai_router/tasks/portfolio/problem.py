"""A request as arrays, once nothing is wrong with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from richesreach.ai_router.tasks.portfolio import estimates
from richesreach.ai_router.tasks.portfolio.schemas import Estimate, Fault, PortfolioRequest, Refusal

Array = NDArray[np.float64]

#: Relative to the largest entry: what rounding to a few digits may leave of symmetry and of definiteness.
TOLERANCE = 1e-8
#: Objectives that look at expected returns.
RETURNS = frozenset({"mean_variance", "max_sharpe", "max_return"})


class RefusedError(Exception):
    """There is no portfolio for this request; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


@dataclass(frozen=True)
class Problem:
    """`mean` (n) or None, `covariance` (n by n), `lower`, `upper`, `previous` and `budgets` (n each)."""

    request: PortfolioRequest
    mean: Array | None
    covariance: Array
    lower: Array
    upper: Array
    previous: Array
    budgets: Array
    estimate: Estimate | None

    @property
    def assets(self) -> list[str]:
        return self.request.assets

    def volatility(self, weights: Array) -> float:
        """Standard deviation of a period's return of a portfolio."""
        return math.sqrt(max(float(weights @ self.covariance @ weights), 0.0))

    def members(self, names: Iterable[str]) -> list[int]:
        places = {name: number for number, name in enumerate(self.assets)}
        return [places[name] for name in names]


def read(request: PortfolioRequest) -> Problem:
    """Raises RefusedError with everything that is wrong, by the name of the member."""
    faults = [*_names(request), *_shapes(request)]
    if faults:
        raise _invalid(faults)
    mean, covariance, estimate = _moments(request)
    faults = [*_covariance(request, covariance), *_needed(request, mean, covariance)]
    if faults:
        raise _invalid(faults)
    lower, upper = _bounds(request)
    return Problem(
        request,
        mean,
        (covariance + covariance.T) / 2,
        lower,
        upper,
        np.array([request.constraints.previous.get(name, 0.0) for name in request.assets]),
        np.array([request.risk_budgets.get(name, 1.0) for name in request.assets]),
        estimate,
    )


def _invalid(faults: Sequence[Fault]) -> RefusedError:
    detail = "; ".join(f"{fault.name}: {fault.detail}" for fault in faults[:5])
    return RefusedError(Refusal("invalid-request", detail, [*faults]))


def _names(request: PortfolioRequest) -> list[Fault]:
    """Who is named must be one of the assets, and each asset once."""
    known = set(request.assets)
    constraints = request.constraints
    faults = []
    if len(known) < len(request.assets):
        twice = sorted({name for name in request.assets if request.assets.count(name) > 1})
        faults.append(Fault("assets", f"names {', '.join(twice)} more than once"))
    named: list[tuple[str, Iterable[str]]] = [
        ("constraints.bounds", constraints.bounds),
        ("constraints.previous", constraints.previous),
        ("risk_budgets", request.risk_budgets),
        *((f"constraints.groups[{number}].assets", g.assets) for number, g in enumerate(constraints.groups)),
    ]
    for member, names in named:
        strangers = [name for name in names if name not in known]
        if strangers:
            faults.append(Fault(member, f"{', '.join(strangers[:5])} is not among the assets"))
    if request.risk_budgets and request.objective != "risk_parity":
        faults.append(Fault("risk_budgets", f"are for risk_parity; {request.objective} knows none"))
    if request.risk_budgets and known - set(request.risk_budgets):
        faults.append(Fault("risk_budgets", "must name every asset, or none"))
    if len({group.name for group in constraints.groups}) < len(constraints.groups):
        faults.append(Fault("constraints.groups", "each needs a name of its own"))
    return faults


def _shapes(request: PortfolioRequest) -> list[Fault]:
    count = len(request.assets)
    faults = []
    if (request.covariance is None) == (request.returns is None):
        faults.append(Fault("covariance", "give either covariance or returns"))
    if request.returns is not None and request.expected_returns is None and len(request.returns) < 2:
        faults.append(Fault("returns", "needs at least two periods"))
    if request.expected_returns is not None and len(request.expected_returns) != count:
        found = len(request.expected_returns)
        faults.append(Fault("expected_returns", f"has {found} numbers for {count} assets"))
    if request.covariance is not None and len(request.covariance) != count:
        faults.append(Fault("covariance", f"has {len(request.covariance)} rows for {count} assets"))
    for member, rows in (("covariance", request.covariance), ("returns", request.returns)):
        for number, row in enumerate(rows or ()):
            if len(row) != count:
                faults.append(Fault(f"{member}[{number}]", f"has {len(row)} numbers for {count} assets"))
                break
    return faults


def _moments(request: PortfolioRequest) -> tuple[Array | None, Array, Estimate | None]:
    mean = None if request.expected_returns is None else np.array(request.expected_returns, dtype=float)
    if request.returns is None:
        return mean, np.array(request.covariance, dtype=float), None
    history = np.array(request.returns, dtype=float)
    if not np.isfinite(history).all():
        row, column = (int(found[0]) for found in np.nonzero(~np.isfinite(history)))
        raise _invalid([Fault(f"returns[{row}][{column}]", "must be a finite number")])
    covariance, shrunk = estimates.covariance(history, request.shrinkage)
    return (
        history.mean(axis=0) if mean is None else mean,
        covariance,
        Estimate(len(history), round(shrunk, 6)),
    )


def _covariance(request: PortfolioRequest, covariance: Array) -> list[Fault]:
    """A covariance is finite, symmetric and positive semidefinite; a made up one often is not."""
    if not np.isfinite(covariance).all():
        row, column = (int(found[0]) for found in np.nonzero(~np.isfinite(covariance)))
        return [Fault(f"covariance[{row}][{column}]", "must be a finite number")]
    size = float(np.abs(covariance).max())
    gap = np.abs(covariance - covariance.T)
    if gap.max() > TOLERANCE * size:
        row, column = (int(found) for found in np.unravel_index(gap.argmax(), gap.shape))
        detail = f"is not symmetric: [{row}][{column}] is not [{column}][{row}]"
        return [Fault("covariance", detail)]
    least = float(np.linalg.eigvalsh(covariance)[0])
    if least < -TOLERANCE * max(size, 1e-300) * len(covariance):
        return [
            Fault(
                "covariance",
                f"is not positive semidefinite (its smallest eigenvalue is {least:.3g}), so that some"
                " portfolio would have less than no variance; give `returns`, whose estimate always is, or"
                " raise the diagonal by that much",
            )
        ]
    if size == 0.0 and request.objective != "max_return":
        return [Fault("covariance", "is all zeros: no portfolio differs from another in its risk")]
    return []


def _needed(request: PortfolioRequest, mean: Array | None, covariance: Array) -> list[Fault]:
    constraints, objective = request.constraints, request.objective
    faults = []
    if mean is None and (objective in RETURNS or constraints.min_return is not None):
        why = objective if objective in RETURNS else "constraints.min_return"
        faults.append(Fault("expected_returns", f"is needed by {why}"))
    if mean is not None and not np.isfinite(mean).all():
        place = int(np.nonzero(~np.isfinite(mean))[0][0])
        faults.append(Fault(f"expected_returns[{place}]", "must be a finite number"))
    if objective == "risk_parity":
        if not constraints.long_only or min(_bounds(request)[0]) < 0:
            faults.append(Fault("constraints.long_only", "risk_parity holds every asset long"))
        riskless = [n for n, v in zip(request.assets, np.diag(covariance), strict=True) if v <= 0]
        if riskless:
            faults.append(Fault("covariance", f"{riskless[0]} has no variance, so no share of the risk"))
    return faults


def _bounds(request: PortfolioRequest) -> tuple[Array, Array]:
    constraints = request.constraints
    least = constraints.min_weight
    if least is None:
        least = 0.0 if constraints.long_only else -1.0
    lower, upper = [], []
    for name in request.assets:
        own = constraints.bounds.get(name)
        low = least if own is None or own.min is None else own.min
        lower.append(max(low, 0.0) if constraints.long_only else low)
        upper.append(constraints.max_weight if own is None or own.max is None else own.max)
    return np.array(lower), np.array(upper)
