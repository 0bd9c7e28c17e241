"""Routes that tell what is true of the rows of a view: statistics, validation, skew."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from starlette.requests import HTTPConnection

from richesreach.core.auth.callers import CurrentIdentity
from richesreach.features import moments, schemas
from richesreach.features.api import READ, admit
from richesreach.features.checking import Checks, statistics, validate
from richesreach.features.errors import refused, unknown
from richesreach.features.service import named
from richesreach.features.views import BY_NAME, VIEWS, View

router = APIRouter(prefix="/features", tags=["features"], dependencies=[READ])

Hours = Annotated[int, Query(ge=1, le=720, description="How far back to look.")]
MOST_PROVEN = 500


class FeatureSummary(schemas.Asked):
    """Of the values that there are: null without any. `nulls` is the share of rows without a value."""

    name: str
    rows: int
    nulls: float
    lowest: float | None
    highest: float | None
    mean: float | None
    deviation: float | None
    quantiles: dict[str, float] | None


class Statistics(schemas.Asked):
    view: str
    hours: int
    rows: int
    entities: int
    features: list[FeatureSummary]


class FindingOfView(schemas.Asked):
    """`count` of `of` rows, or of entities where the rule is `stale`; at most twenty are named."""

    rule: Literal["range", "nulls", "stale", "empty"]
    feature: str | None
    entities: list[str]
    count: int
    of: int
    detail: str


class ViewReport(schemas.Asked):
    view: str
    passed: bool
    rows: int
    findings: list[FindingOfView]


class Validation(schemas.Asked):
    hours: int
    passed: bool
    views: list[ViewReport]


class SkewedRow(schemas.Asked):
    entity: str
    event_time: schemas.Moment
    online_hash: str
    offline_hash: str


class SkewProof(schemas.Asked):
    """`proven` rows have the hash of the vector that was online at their event time; `skewed` have not."""

    view: str
    hours: int
    proven: int
    skewed: list[SkewedRow]


def checks_of(connection: HTTPConnection) -> Checks:
    found: Checks = connection.app.state.checks
    return found


CurrentChecks = Annotated[Checks, Depends(checks_of)]


@router.get("/statistics")
async def show_statistics(
    view: schemas.Name, checks: CurrentChecks, caller: CurrentIdentity, response: Response, hours: Hours = 24
) -> Statistics:
    """How the values of a view's newest rows are distributed, feature by feature."""
    found = await checks.sample(_view(view, caller), _since(hours))
    response.headers["cache-control"] = "no-store"
    return Statistics(
        view=view,
        hours=hours,
        rows=len(found.times),
        entities=len(set(found.entities)),
        features=[FeatureSummary(**asdict(one)) for one in statistics(found)],
    )


@router.get("/validation")
async def show_validation(
    checks: CurrentChecks,
    caller: CurrentIdentity,
    response: Response,
    view: schemas.Name | None = None,
    hours: Hours = 24,
) -> Validation:
    """Whether values are in their ranges, few enough missing, and none stale; of one view or all."""
    response.headers["cache-control"] = "no-store"
    views: Sequence[View] = (
        [_view(view, caller)] if view else [one for one in VIEWS if one.entity == "symbol"]
    )
    reports = []
    for one in views:
        found = await checks.sample(one, _since(hours))
        findings = [FindingOfView(**asdict(each)) for each in validate(found, time.time_ns())]
        if not found.times and one.live:
            findings.append(_empty(hours))
        reports.append(
            ViewReport(view=one.name, passed=not findings, rows=len(found.times), findings=findings)
        )
    return Validation(hours=hours, passed=all(report.passed for report in reports), views=reports)


@router.get("/skew")
async def show_skew(
    view: schemas.Name,
    checks: CurrentChecks,
    caller: CurrentIdentity,
    response: Response,
    entities: Annotated[str | None, Query(min_length=1, max_length=20_000)] = None,
    hours: Hours = 24,
) -> SkewProof:
    """Proof that training sees what models were given: offline rows, hashed and held against the vectors."""
    response.headers["cache-control"] = "no-store"
    of = _view(view, caller)
    wanted = _entities(of, entities) if entities else None
    number, skewed = await checks.skew(of, _since(hours), wanted, MOST_PROVEN)
    return SkewProof(
        view=view,
        hours=hours,
        proven=number - len(skewed),
        skewed=[
            SkewedRow(
                entity=one.entity,
                event_time=moments.text(one.time),
                online_hash=one.online,
                offline_hash=one.offline,
            )
            for one in skewed
        ],
    )


def _view(name: str, caller: CurrentIdentity) -> View:
    if name not in BY_NAME:
        raise unknown("view", name)
    admit(caller, [name])
    return BY_NAME[name]


def _entities(view: View, text: str) -> list[str]:
    found = []
    for part in text.split(","):
        name = named(view.entity, part)
        if name is None:
            raise refused(f"{part.strip()[:40]!r} is no {view.entity}.")
        found.append(name)
    return found


def _since(hours: int) -> int:
    return time.time_ns() - hours * 3600 * moments.SECOND


def _empty(hours: int) -> FindingOfView:
    detail = f"no row in {hours} h: nothing is online, or the writer region's tasks do not record"
    return FindingOfView(rule="empty", feature=None, entities=[], count=0, of=0, detail=detail)
