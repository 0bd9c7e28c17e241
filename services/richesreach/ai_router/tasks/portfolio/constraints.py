"""The constraints of a problem as rows of a program, each by the name that people know it by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from richesreach.ai_router.tasks.portfolio.problem import Problem
from richesreach.ai_router.tasks.portfolio.program import Norm, Program, Row

Array = NDArray[np.float64]


def program_of(problem: Problem, *, without: frozenset[str] = frozenset()) -> Program:
    """Every constraint but those that `without` names by the member of the request: `min_return`, ..."""
    count = len(problem.assets)
    asked = problem.request.constraints
    program = Program(count)
    everything = range(count)
    budget = f"budget: the weights sum to {asked.budget:g}"
    program.rows.append(Row(budget, everything, [1.0] * count, asked.budget, equal=True))
    _bounds(problem, program)
    _groups(problem, program)
    if asked.max_turnover is not None:
        name = f"max_turnover: at most {asked.max_turnover:g} is bought and sold"
        _distances(program, count, problem.previous, name, asked.max_turnover)
    if asked.max_gross is not None:
        name = f"max_gross: the weights without signs sum to at most {asked.max_gross:g}"
        _distances(program, count, np.zeros(count), name, asked.max_gross)
    if asked.min_return is not None and problem.mean is not None and "min_return" not in without:
        name = f"min_return: the expected return is at least {asked.min_return:g}"
        program.rows.append(Row(name, everything, (-problem.mean).tolist(), -asked.min_return))
    if asked.max_volatility is not None and "max_volatility" not in without:
        name = f"max_volatility: the volatility is at most {asked.max_volatility:g}"
        program.norms.append(Norm(name, root(problem.covariance), asked.max_volatility))
    return program


def root(covariance: Array) -> Array:
    """R with R'R = covariance, also where that is only semidefinite."""
    values, vectors = np.linalg.eigh(covariance)
    held = values > 0
    factor: Array = np.sqrt(values[held])[:, None] * vectors[:, held].T
    return factor


def _bounds(problem: Problem, program: Program) -> None:
    """A bound of one asset has a name of its own, those that all have are one constraint."""
    asked = problem.request.constraints
    nothing = "long_only: no weight is below 0"
    for number, asset in enumerate(problem.assets):
        low, high = problem.lower[number], problem.upper[number]
        own = asked.bounds.get(asset)
        least, most = f"bounds: {asset} is at least {low:g}", f"bounds: {asset} is at most {high:g}"
        if own is None or own.min is None or low > own.min:
            least = nothing if low == 0 and asked.long_only else f"min_weight: no weight is below {low:g}"
        if own is None or own.max is None:
            most = f"max_weight: no weight is above {high:g}"
        program.rows.append(Row(least, [number], [-1.0], -low))
        program.rows.append(Row(most, [number], [1.0], high))


def _groups(problem: Problem, program: Program) -> None:
    for group in problem.request.constraints.groups:
        members = problem.members(dict.fromkeys(group.assets))
        ones = [1.0] * len(members)
        if group.min is not None:
            name = f"groups: {group.name} is at least {group.min:g}"
            program.rows.append(Row(name, members, [-one for one in ones], -group.min))
        if group.max is not None:
            name = f"groups: {group.name} is at most {group.max:g}"
            program.rows.append(Row(name, members, ones, group.max))


def _distances(program: Program, count: int, centre: Array, name: str, most: float) -> None:
    """Σ |w - centre| ≤ most, by one more variable an asset that is at least its distance either way."""
    first = program.width
    program.width += count
    for number in range(count):
        columns = [number, first + number]
        program.rows.append(Row("", columns, [1.0, -1.0], float(centre[number])))
        program.rows.append(Row("", columns, [-1.0, -1.0], float(-centre[number])))
    program.rows.append(Row(name, range(first, first + count), [1.0] * count, most))


def binding(problem: Problem, weights: Array, *, margin: float = 1e-6) -> list[str]:
    """Constraints that hold the weights where they are; that nothing is sold short goes without saying."""
    found: dict[str, None] = {}
    for row in program_of(problem).rows:
        if not row.name or row.equal or max(row.columns) >= len(weights):
            continue
        used = float(np.dot(row.weights, weights[list(row.columns)]))
        if row.limit - used <= margin and not row.name.startswith("long_only"):
            found[row.name] = None
    asked = problem.request.constraints
    moved, gross = float(np.abs(weights - problem.previous).sum()), float(np.abs(weights).sum())
    for most, used, name in (
        (asked.max_turnover, moved, "max_turnover"),
        (asked.max_gross, gross, "max_gross"),
        (asked.max_volatility, problem.volatility(weights), "max_volatility"),
    ):
        if most is not None and most - used <= margin * max(1.0, most):
            found[f"{name}: {most:g}"] = None
    return [*found]
