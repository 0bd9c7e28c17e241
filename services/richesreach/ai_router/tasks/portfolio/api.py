"""`POST /ai/optimize/portfolio`. Numbers alone: it needs no model and no provider.

The body is neither parsed nor looked at here: a covariance of 500 assets is megabytes of text, and the same
event loop serves everybody else.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from richesreach.ai_router.tasks import description
from richesreach.ai_router.tasks.portfolio.schemas import PortfolioAnswer, PortfolioRequest, Refusal
from richesreach.ai_router.tasks.processes import BrokenError, BusyError, Processes, TooLongError
from richesreach.core.access import allows
from richesreach.core.problems import MEDIA_TYPE, Problem, problem_body

router = APIRouter(tags=["tasks"])

MODULE = "richesreach.ai_router.tasks.portfolio.worker"
#: Solves at a time, and requests that wait for their turn: of a task's one processor.
SIZE, WAITING = 1, 8
#: Seconds that a caller waits at most, its turn included.
PATIENCE = 20.0

_STATUS = {"malformed-json": 400}
_EXAMPLES: Mapping[str, Any] = {
    "three assets and a sector": {
        "assets": ["AAPL", "NVDA", "TLT"],
        "objective": "max_sharpe",
        "expected_returns": [0.08, 0.12, 0.03],
        "covariance": [[0.04, 0.03, 0.0], [0.03, 0.09, -0.005], [0.0, -0.005, 0.01]],
        "risk_free": 0.02,
        "constraints": {
            "max_weight": 0.6,
            "groups": [{"name": "technology", "assets": ["AAPL", "NVDA"], "max": 0.7}],
        },
    },
    "risk parity from a history": {
        "assets": ["AAPL", "TLT"],
        "objective": "risk_parity",
        "returns": [[0.01, -0.002], [-0.02, 0.003], [0.015, 0.001], [0.003, -0.001]],
    },
}
_REFUSED = (
    "The request is wrong, or no portfolio keeps its constraints: `conflicts` names a set of them that cannot"
    " be kept together, of which none is one too many."
)


class Found(msgspec.Struct):
    """What the process wrote: one of the two. The answer goes on as it is."""

    answer: msgspec.Raw = msgspec.Raw(b"")
    refusal: Refusal | None = None


def processes() -> Processes:
    """Those of one service."""
    return Processes(MODULE, size=SIZE, waiting=WAITING)


@router.post(
    "/ai/optimize/portfolio",
    dependencies=[Depends(allows("ai:write"))],
    openapi_extra=description.request_body(PortfolioRequest, _EXAMPLES),
    responses={
        200: description.response(PortfolioAnswer, "The portfolio."),
        422: {"description": _REFUSED, "content": {MEDIA_TYPE: {}}},
    },
    response_class=Response,
)
async def optimise_portfolio(request: Request) -> Response:
    """Weights for an objective within constraints, or which of the constraints stand against each other."""
    work: Processes = request.app.state.portfolios
    try:
        written = await work.ask(await request.body(), PATIENCE)
    except BusyError as error:
        raise Problem(503, "overloaded", str(error), headers={"retry-after": "5"}) from error
    except TooLongError as error:
        raise Problem(504, "deadline-exceeded", str(error)) from error
    except BrokenError as error:
        raise Problem(500, "task-failed", str(error)) from error
    found = msgspec.json.decode(written, type=Found)
    if found.refusal is not None:
        return _refused(request, found.refusal)
    return Response(bytes(found.answer), media_type="application/json")


def _refused(request: Request, refusal: Refusal) -> Response:
    status = _STATUS.get(refusal.kind, 422)
    body = problem_body(request.scope, status, refusal.detail, kind=refusal.kind)
    if refusal.errors:
        body["errors"] = [{"in": "body", **msgspec.to_builtins(fault)} for fault in refusal.errors]
    if refusal.conflicts:
        body["conflicts"] = refusal.conflicts
    return JSONResponse(body, status, media_type=MEDIA_TYPE)
