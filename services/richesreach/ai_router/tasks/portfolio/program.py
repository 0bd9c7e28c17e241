"""A convex program whose constraints have names: built row by row, solved by Clarabel.

Clarabel (Goulart & Chen, 2024) minimises ½ x'Px + q'x with Ax + s = b and s in a product of cones. Where the
program is *homogeneous*, every limit b becomes b·κ of one more variable κ ≥ 0, and x/κ keeps the constraints:
so a ratio (Sharpe) or a scale that nobody knows (risk budgets) becomes convex.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import clarabel
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

Array = NDArray[np.float64]

TOLERANCE = 1e-9
SOLVED = {"Solved": "full", "AlmostSolved": "reduced"}
INFEASIBLE = {"PrimalInfeasible", "AlmostPrimalInfeasible"}


@dataclass(frozen=True)
class Row:
    """`weights` · x[`columns`] is at most `limit`, or equals it. `name` is what people call it."""

    name: str
    columns: Sequence[int]
    weights: Sequence[float]
    limit: float
    equal: bool = False


@dataclass(frozen=True)
class Norm:
    """‖`factor` · x[:n]‖ is at most `limit`."""

    name: str
    factor: Array
    limit: float


@dataclass
class Program:
    """`width` variables, of which the first are the weights of the assets."""

    width: int
    rows: list[Row] = field(default_factory=list)
    norms: list[Norm] = field(default_factory=list)

    def only(self, names: set[str]) -> Program:
        """The same with the constraints of these names alone, and those that have none: they only define."""
        kept = names | {""}
        rows = [row for row in self.rows if row.name in kept]
        return Program(self.width, rows, [norm for norm in self.norms if norm.name in kept])

    @property
    def names(self) -> list[str]:
        every = [*(row.name for row in self.rows), *(norm.name for norm in self.norms)]
        return [name for name in dict.fromkeys(every) if name]


@dataclass(frozen=True)
class Aim:
    """½ x'`quadratic` x + `linear` · x over the weights. `homogeneous` and `logarithms`: see `solve`."""

    quadratic: Array | None = None
    linear: Array | None = None
    homogeneous: bool = False
    normal: Array | None = None
    logarithms: Array | None = None


@dataclass(frozen=True)
class Solution:
    """`x` is already divided by κ. `against` are names whose multipliers prove that it is infeasible."""

    status: Literal["full", "reduced", "infeasible", "failed"]
    x: Array
    against: list[str]
    iterations: int
    seconds: float


class _Stack:
    """Coefficients of A, row by row, in the order of the cones."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.columns: list[int] = []
        self.values: list[float] = []
        self.limits: list[float] = []
        self.names: list[str] = []

    def add(self, name: str, columns: Sequence[int], values: Sequence[float], limit: float) -> None:
        self.rows += [len(self.limits)] * len(columns)
        self.columns += columns
        self.values += values
        self.limits.append(limit)
        self.names.append(name)


def solve(program: Program, aim: Aim, seconds: float) -> Solution:
    """Minimise `aim` within `program`, in at most `seconds`.

    `aim.normal` (homogeneous only) is a vector whose product with the weights is held at 1. With
    `aim.logarithms` (n), Σ logarithms·log(weight) is subtracted from the aim, by exponential cones.
    """
    stack = _Stack()
    cones: list[Any] = []
    kappa = program.width if aim.homogeneous else None
    logs = program.width + (1 if aim.homogeneous else 0)
    width = logs + (0 if aim.logarithms is None else len(aim.logarithms))
    _equalities(program, aim, kappa, stack, cones)
    _inequalities(program, kappa, stack, cones)
    for norm in program.norms:
        _norm(norm, kappa, stack, cones)
    if aim.logarithms is not None:
        for number in range(len(aim.logarithms)):
            # (t, 1, w) in the exponential cone: t is at most log w.
            stack.add("", [logs + number], [-1.0], 0.0)
            stack.add("", [], [], 1.0)
            stack.add("", [number], [-1.0], 0.0)
            cones.append(clarabel.ExponentialConeT())
    linear = np.zeros(width)
    if aim.linear is not None:
        linear[: len(aim.linear)] = aim.linear
    if aim.logarithms is not None:
        linear[logs:] = -aim.logarithms
    shape = (len(stack.limits), width)
    matrix = csc_matrix((stack.values, (stack.rows, stack.columns)), shape=shape)
    solver = clarabel.DefaultSolver(
        _quadratic(aim, width), linear, matrix, np.array(stack.limits), cones, _settings(seconds)
    )
    return _read(solver.solve(), stack, program.width, kappa)


def _equalities(program: Program, aim: Aim, kappa: int | None, stack: _Stack, cones: list[Any]) -> None:
    equal = [row for row in program.rows if row.equal]
    for row in equal:
        _row(row, kappa, stack)
    if aim.normal is not None:
        stack.add("", range(len(aim.normal)), aim.normal.tolist(), 1.0)
    count = len(equal) + (aim.normal is not None)
    if count:
        cones.append(clarabel.ZeroConeT(count))


def _inequalities(program: Program, kappa: int | None, stack: _Stack, cones: list[Any]) -> None:
    most = [row for row in program.rows if not row.equal]
    for row in most:
        _row(row, kappa, stack)
    if kappa is not None:
        stack.add("", [kappa], [-1.0], 0.0)
    count = len(most) + (kappa is not None)
    if count:
        cones.append(clarabel.NonnegativeConeT(count))


def _row(row: Row, kappa: int | None, stack: _Stack) -> None:
    if kappa is None:
        stack.add(row.name, row.columns, row.weights, row.limit)
    else:
        stack.add(row.name, [*row.columns, kappa], [*row.weights, -row.limit], 0.0)


def _norm(norm: Norm, kappa: int | None, stack: _Stack, cones: list[Any]) -> None:
    if kappa is None:
        stack.add(norm.name, [], [], norm.limit)
    else:
        stack.add(norm.name, [kappa], [-norm.limit], 0.0)
    for line in norm.factor:
        stack.add(norm.name, range(len(line)), (-line).tolist(), 0.0)
    cones.append(clarabel.SecondOrderConeT(1 + len(norm.factor)))


def _quadratic(aim: Aim, width: int) -> csc_matrix:
    if aim.quadratic is None:
        return csc_matrix((width, width))
    count = len(aim.quadratic)
    rows, columns = np.triu_indices(count)
    return csc_matrix((aim.quadratic[rows, columns], (rows, columns)), shape=(width, width))


def _settings(seconds: float) -> Any:
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.time_limit = seconds
    settings.max_threads = 1
    for name in ("tol_gap_abs", "tol_gap_rel", "tol_feas"):
        setattr(settings, name, TOLERANCE)
    return settings


def _read(found: Any, stack: _Stack, width: int, kappa: int | None) -> Solution:
    status = str(found.status)
    x = np.array(found.x)
    scale = 1.0 if kappa is None else x[kappa]
    infeasible = status in INFEASIBLE
    if status in SOLVED and scale > 0:
        word: Any = SOLVED[status]
    else:
        word = "infeasible" if infeasible else "failed"
    against: list[str] = []
    if infeasible:
        weights = np.abs(np.array(found.z))
        heavy = weights > 1e-7 * weights.max(initial=0.0)
        against = [*dict.fromkeys(n for n, h in zip(stack.names, heavy, strict=True) if h and n)]
    x = x[:width] / scale if scale > 0 else x[:width]
    return Solution(word, x, against, int(found.iterations), float(found.solve_time))
