"""Why no portfolio keeps all constraints: some of them that cannot be kept together, and none too many."""

from __future__ import annotations

import time

from richesreach.ai_router.tasks.portfolio.constraints import program_of
from richesreach.ai_router.tasks.portfolio.problem import Problem, RefusedError
from richesreach.ai_router.tasks.portfolio.program import Aim, Program, solve
from richesreach.ai_router.tasks.portfolio.schemas import Refusal

#: Constraints whose turn comes while there is time: the set is then conflicting, but perhaps not smallest.
SHARE = 0.5
#: Tried first: what everybody has is the least worth telling.
GENERAL = ("long_only", "min_weight", "max_weight")
#: Names that the sentence has; the list has all.
TOLD = 8


def refused(problem: Problem, seconds: float) -> RefusedError:
    """What to tell when the solver found no portfolio: which constraints conflict, or that none do."""
    names = conflict(program_of(problem), seconds * SHARE)
    if not names:
        return _unconflicted(problem, seconds * (1 - SHARE))
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    detail = "No portfolio keeps all of these constraints: " + "; ".join(names[:TOLD]) + more + "."
    detail += _attainable(problem, names, seconds * (1 - SHARE))
    return RefusedError(Refusal("infeasible", detail, conflicts=names))


def conflict(program: Program, seconds: float) -> list[str]:
    """Names of constraints that conflict, of which each is needed for that; empty where none do.

    The multipliers of the infeasible program (Farkas) name few; each of those is then left out in turn, and
    stays out where the others conflict without it (the deletion filter of Chinneck & Dravnieks, 1991).
    """
    until = time.monotonic() + seconds
    found = solve(program, Aim(), seconds)
    if found.status != "infeasible":
        return []
    held = list(found.against) or program.names
    if solve(program.only(set(held)), Aim(), seconds).status != "infeasible":
        held = program.names
    for name in sorted(held, key=lambda each: not each.startswith(GENERAL)):
        left = until - time.monotonic()
        if left <= 0:
            break
        others = set(held) - {name}
        if solve(program.only(others), Aim(), left).status == "infeasible":
            held.remove(name)
    return held


def _attainable(problem: Problem, names: list[str], seconds: float) -> str:
    """How much return, or how little risk, the other constraints leave."""
    for member, aim, word in (
        (
            "min_return",
            Aim(linear=None if problem.mean is None else -problem.mean),
            "highest expected return",
        ),
        ("max_volatility", Aim(quadratic=problem.covariance), "lowest volatility"),
    ):
        if not any(name.startswith(member) for name in names):
            continue
        found = solve(program_of(problem, without=frozenset({member})), aim, seconds)
        if found.status in {"full", "reduced"}:
            weights = found.x[: len(problem.assets)]
            best = problem.volatility(weights)
            if member == "min_return" and problem.mean is not None:
                best = float(weights @ problem.mean)
            return f" Without {member}, the {word} is {best:.6g}."
    return ""


def _unconflicted(problem: Problem, seconds: float) -> RefusedError:
    """max_sharpe where nothing beats the risk-free rate, or what the solver could not do."""
    mean, free = problem.mean, problem.request.risk_free
    if problem.request.objective == "max_sharpe" and mean is not None:
        found = solve(program_of(problem), Aim(linear=-mean), seconds)
        best = float(found.x[: len(problem.assets)] @ mean)
        if found.status in {"full", "reduced"} and best <= free:
            detail = (
                f"No portfolio that keeps the constraints has an expected return above risk_free ({free:g}):"
                f" the highest is {best:.6g}, so that there is no excess return to weigh against risk. Take"
                " min_variance, or lower risk_free."
            )
            return RefusedError(Refusal("no-excess-return", detail))
    detail = "The solver found no end within its time and precision; its input may be badly scaled."
    return RefusedError(Refusal("unsolved", detail))
