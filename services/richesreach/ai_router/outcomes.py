"""What a caller is told of a request that got no answer: one judgement, in two shapes.

On `/v1` it is OpenAI's error shape, which SDKs turn into exceptions by status; elsewhere problem+json.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from richesreach.ai_router.budgets.model import BudgetExhaustedError, BudgetsUnavailableError
from richesreach.ai_router.dispatching.faults import AllFailedError, NothingFitsError
from richesreach.ai_router.model import Attempt, Failure, ProviderError
from richesreach.ai_router.routing.decision import Reason
from richesreach.ai_router.wire import errors
from richesreach.ai_router.wire.errors import RequestError
from richesreach.core.problems import Problem
from richesreach.core.resilience.errors import CircuitOpenError, DeadlineExceededError

# Those of this service, and with them those of the core that a handler may meet. Anything else is a fault of
# ours, and the passage's 500.
OWN = (
    RequestError,
    NothingFitsError,
    AllFailedError,
    ProviderError,
    BudgetExhaustedError,
    BudgetsUnavailableError,
)
TOLD = (*OWN, Problem, CircuitOpenError, DeadlineExceededError)

_INVALID = "invalid_request_error"
_SERVER = "server_error"
_FITS: Mapping[Reason, tuple[int, str]] = {
    Reason.CONTEXT_TOO_LONG: (413, "context_length_exceeded"),
    Reason.OVER_BUDGET: (402, "budget_exceeded"),
    Reason.COOLING: (503, "models_unavailable"),
    Reason.TOO_SLOW: (503, "deadline_too_short"),
    Reason.DISABLED: (503, "provider_disabled"),
}
_FAULTS: Mapping[Failure, tuple[int, str]] = {
    Failure.CONTEXT_TOO_LONG: (413, "context_length_exceeded"),
    Failure.CONTENT_FILTERED: (400, "content_filter"),
    Failure.INVALID_REQUEST: (400, "invalid_request"),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is a stable word with underscores; `retry_after` is in seconds."""

    status: int
    code: str
    message: str
    param: str | None = None
    retry_after: float | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """OpenAI's `type`."""
        match self.status:
            case 401:
                return "authentication_error"
            case 403:
                return "permission_error"
            case 402:
                return "insufficient_quota"
            case 429:
                return "rate_limit_error"
            case status:
                return _INVALID if status < 500 else _SERVER

    def all_headers(self) -> dict[str, str]:
        told = dict(self.headers)
        if self.retry_after is not None:
            told["retry-after"] = str(max(1, math.ceil(self.retry_after)))
        return told

    def openai_body(self) -> bytes:
        return errors.encode(self.message, self.kind, self.param, self.code, self.details)


def refusal_of(error: BaseException) -> Refusal:
    """The refusal of one of `TOLD`."""
    message = "Something that this needs does not answer at the moment. Try again in a few seconds."
    found = Refusal(503, "dependency_unavailable", message, retry_after=2)
    match error:
        case RequestError():
            found = Refusal(error.status, error.code or "invalid_request", error.message, error.param)
        case Problem():
            found = Refusal(error.status, error.kind.replace("-", "_"), error.detail, headers=error.headers)
        case NothingFitsError():
            found = _nothing_fits(error)
        case AllFailedError():
            details = {"tried": tried(error.attempts)}
            found = Refusal(503, "all_providers_failed", f"{error}.", None, error.retry_after, details)
        case ProviderError():
            status, code = _FAULTS.get(error.failure, (502, str(error.failure)))
            found = Refusal(status, code, f"{error}.", retry_after=error.retry_after)
        case BudgetExhaustedError():
            found = Refusal(402, "budget_exhausted", str(error), details={"budget": error.details})
        case DeadlineExceededError():
            message = "The time that the caller waits was over before the answer was ready."
            found = Refusal(504, "deadline_exceeded", message)
    return found


def _nothing_fits(error: NothingFitsError) -> Refusal:
    reason = error.reason
    if {one.reason for one in error.decision.rejected} == {Reason.DISABLED, Reason.WRONG_KIND}:
        reason = Reason.DISABLED  # no provider has a key
    if not error.decision.known:
        return Refusal(404, "model_not_found", f"{error}; GET /v1/models lists those that are.", "model")
    status, code = (503, "no_model") if reason is None else _FITS.get(reason, (400, "no_model_fits"))
    details: dict[str, Any] = {
        "rejected": [
            {
                "model": f"{one.model.provider}/{one.model.name}",
                "reason": one.reason,
                "detail": one.detail,
            }
            for one in error.decision.rejected[:20]
        ]
    }
    if reason is Reason.CONTEXT_TOO_LONG:
        details |= {"prompt_tokens": error.tokens, "context_tokens": error.room}
    param = "messages" if reason is Reason.CONTEXT_TOO_LONG else None
    return Refusal(status, code, f"{error}.", param, error.retry_after, details)


def tried(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """What callers are told of attempts: no key's id."""
    return [
        {
            "model": one.model,
            "provider": one.provider,
            "seconds": round(one.seconds, 4),
            "outcome": str(one.failure) if one.failure else "ok",
            "hedge": one.hedge,
        }
        for one in attempts
    ]


def in_openais_shape(problem: Mapping[str, Any], status: int, headers: Mapping[str, str] | None) -> Response:
    """What the core refuses on `/v1`: limits, overload, a body that is too large, an unknown path."""
    code = str(problem["type"]).rpartition(":")[2].replace("-", "_")
    refusal = Refusal(status, "not_found" if status == 404 else code, str(problem["detail"]))
    return Response(refusal.openai_body(), status, headers=headers, media_type="application/json")
