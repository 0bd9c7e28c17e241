"""Why a request got no answer, when it is not one provider's alone to say."""

import asyncio
from collections.abc import Sequence

from richesreach.ai_router.budgets.model import BudgetExhaustedError, BudgetsUnavailableError
from richesreach.ai_router.model import Attempt, Failure, ProviderError
from richesreach.ai_router.routing.decision import Decision, Reason

# What a caller is told where models were rejected for different reasons: the first that any of them has.
# What the caller can mend comes before what it can only wait for.
_TELLING = (
    Reason.COOLING,
    Reason.TOO_SLOW,
    Reason.OVER_BUDGET,
    Reason.CONTEXT_TOO_LONG,
    Reason.RESIDENCY,
    Reason.FEATURE,
    Reason.MODALITY,
    Reason.WRONG_KIND,
    Reason.NOT_ALLOWED,
    Reason.DISABLED,
)


class NothingFitsError(Exception):
    """No model can serve the request. `reason` is None where the named model is unknown.

    `tokens` is what the prompt has at most and `room` the widest window among the models that were rejected
    for it, both 0 unless the reason is the context. `retry_after` is in seconds, where waiting helps.
    """

    def __init__(self, decision: Decision, named: str, tokens: int = 0) -> None:
        self.decision = decision
        found = {one.reason for one in decision.rejected}
        self.reason = next((reason for reason in _TELLING if reason in found), None)
        because = [one for one in decision.rejected if one.reason is self.reason]
        times = [one.until for one in because if one.until is not None]
        self.retry_after = max(0.0, min(times) - decision.at) if times else None
        windows = [one.model.context_tokens for one in because if self.reason is Reason.CONTEXT_TOO_LONG]
        self.room = max(windows, default=0)
        self.tokens = tokens if windows else 0
        if not decision.known:
            text = f"no model is called {named}"
        elif not because:
            text = "no model is configured that could serve this request"
        else:
            told = [f"{one.model.provider}/{one.model.name}: {one.detail}" for one in because[:5]]
            text = "no model can serve this request: " + "; ".join(told)
        super().__init__(text)

    @property
    def outcome(self) -> str:
        return "unknown_model" if self.reason is None else str(self.reason)


class AllFailedError(Exception):
    """Every model that could be tried in time failed; `attempts` says which and how."""

    def __init__(self, decision: Decision, attempts: Sequence[Attempt], last: ProviderError | None) -> None:
        self.decision = decision
        self.attempts = tuple(attempts)
        self.last = last
        self.retry_after = last.retry_after if last else None
        tried = ", ".join(f"{one.provider}/{one.model} ({one.failure or 'given up'})" for one in attempts)
        super().__init__(f"no provider answered: {tried or 'there was no time left to ask one'}")

    @property
    def outcome(self) -> str:
        return str(self.last.failure if self.last else Failure.TIMEOUT)


def outcome_of(error: BaseException | None) -> str:
    """As records have it: `ok`, `cancelled`, or what the caller was told."""
    if error is None:
        return "ok"
    if isinstance(error, ProviderError):
        return str(error.failure)
    if isinstance(error, AllFailedError | NothingFitsError):
        return error.outcome
    names: dict[type[BaseException], str] = {
        asyncio.CancelledError: "cancelled",
        GeneratorExit: "cancelled",
        BudgetExhaustedError: "budget_exhausted",
        BudgetsUnavailableError: "budgets_unavailable",
    }
    return next((name for kind, name in names.items() if isinstance(error, kind)), "internal_error")
