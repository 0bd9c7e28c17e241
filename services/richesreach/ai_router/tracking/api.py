"""`GET /ai/performance` and `POST /ai/feedback`."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from starlette.requests import HTTPConnection

from richesreach.ai_router.budgets.members import Members
from richesreach.ai_router.budgets.plan import digest
from richesreach.ai_router.tracking.performance import Performance, Question
from richesreach.ai_router.tracking.quality import Quality, UnknownRequestError
from richesreach.core.access import allows
from richesreach.core.app import CurrentPlatform
from richesreach.core.auth.identity import Identity
from richesreach.core.cache import Cache, Kind
from richesreach.core.problems import Problem

# Percentiles of millions of rows take seconds: nobody makes the database work them out twice at once.
PERFORMANCE = Kind("ai-performance", ttl=10, shortest=10, longest=10, stale=300, local=2.0)
Window = Literal["5m", "1h", "24h", "7d"]

router = APIRouter(tags=["tracking"])
Caller = Annotated[Identity, Depends(allows("ai:write"))]


class Percentiles(BaseModel):
    """Seconds."""

    p50: float
    p95: float
    p99: float


class Requests(BaseModel):
    """All requests of the window, as their callers saw them."""

    requests: int
    answered: int
    cached: int
    retried: int
    downgraded: int
    cost_microdollars: int
    seconds: Percentiles | None
    first_token_seconds: Percentiles | None


class ModelPerformance(BaseModel):
    """One model at one provider, asked from one region. `failures` counts by kind."""

    model: str
    provider: str
    region: str
    attempts: int
    answered: int
    failures: dict[str, int]
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_microdollars: int
    seconds: Percentiles | None
    first_token_seconds: Percentiles | None


class Report(BaseModel):
    """`org` is null where it is of all organisations."""

    window: Window
    org: str | None
    total: Requests
    models: list[ModelPerformance]


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is no number")  # noqa: TRY004 (what was sent, not an argument)
    return value


class Verdict(BaseModel):
    """`score` from 0, useless, to 1; `request_id` is the answer's `X-Request-Id`."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"request_id": "01J9Z3K4", "score": 1}]}
    )

    request_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:=+/@-]{1,128}$")]
    score: Annotated[float, BeforeValidator(_number), Field(ge=0, le=1, allow_inf_nan=False)]


class Judged(BaseModel):
    """`counted` is false for a second verdict on one answer, and beyond so many a day."""

    counted: bool


class Desk:
    """What the routes work with; `app.state.tracking_desk`."""

    def __init__(self, performance: Performance, quality: Quality, members: Members, cache: Cache) -> None:
        self.performance = performance
        self.quality = quality
        self.members = members
        self.cache = cache


def desk_of(connection: HTTPConnection) -> Desk:
    desk: Desk = connection.app.state.tracking_desk
    return desk


CurrentDesk = Annotated[Desk, Depends(desk_of)]
ModelName = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]+$")]
OrgAsked = Annotated[
    str | None, Query(pattern=r"^[A-Za-z0-9:_.-]{1,128}$", description="Administrators alone may name it.")
]


@router.get("/ai/performance")
async def performance(
    caller: Caller,
    desk: CurrentDesk,
    response: Response,
    window: Window = "1h",
    model: ModelName = None,
    org: OrgAsked = None,
) -> Report:
    """How models did for the caller's organisation: counts, percentiles, tokens, cost. At most 10 s old.

    Administrators see all organisations together, or the one that they name.
    """
    response.headers["cache-control"] = "no-store"
    if "admin" not in caller.roles:
        own = (await desk.members.caller(caller)).org
        if org not in (None, own):
            raise Problem(403, "forbidden", "Only administrators see other organisations.")
        org = own
    question = Question(window, org, model)
    key = f"{PERFORMANCE.name}:{digest(repr(question))}"
    found = await desk.cache.get_or_load(
        key, lambda: desk.performance.of(question), kind=PERFORMANCE, wanted=dict[str, Any]
    )
    return _report(question, found or {})


@router.post("/ai/feedback")
async def feedback(caller: Caller, given: Verdict, desk: CurrentDesk, platform: CurrentPlatform) -> Judged:
    """Say how good an answer was: it moves what the router holds of the model, a little and for a while."""
    org = (await desk.members.caller(caller)).org
    try:
        counted = await desk.quality.judge(given.request_id, org, caller.subject, given.score)
    except UnknownRequestError as error:
        detail = "Your organisation had no answer with this request id; records appear within two seconds."
        raise Problem(404, "unknown-request", detail) from error
    return Judged(counted=counted)


def _report(question: Question, found: dict[str, Any]) -> Report:
    return Report(
        window=msgspec.convert(question.window, Window),
        org=question.org,
        total=Requests(**_shown(found["requests"])),
        models=[ModelPerformance(**_shown(row)) for row in found["models"]],
    )


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in row.items() if name not in ("seconds", "first_token", "cost")}
    return {
        **shown,
        "cost_microdollars": row["cost"],
        "seconds": _percentiles(row["seconds"]),
        "first_token_seconds": _percentiles(row["first_token"]),
    }


def _percentiles(values: list[float] | None) -> Percentiles | None:
    if values is None or values[0] is None:
        return None
    p50, p95, p99 = (round(value, 6) for value in values)
    return Percentiles(p50=p50, p95=p95, p99=p99)
