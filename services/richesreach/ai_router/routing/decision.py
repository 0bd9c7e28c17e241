"""What routing answers: who may serve a request, best first, and why the others may not."""

import enum

import msgspec

from richesreach.ai_router.model import Model
from richesreach.ai_router.routing.asked import Strategy, Weights


class Reason(enum.StrEnum):
    """Why a model cannot serve a request."""

    WRONG_KIND = "wrong_kind"
    MODALITY = "modality"
    FEATURE = "feature"
    RESIDENCY = "residency"
    NOT_ALLOWED = "not_allowed"
    DISABLED = "disabled"
    CONTEXT_TOO_LONG = "context_too_long"
    OVER_BUDGET = "over_budget"
    TOO_SLOW = "too_slow"
    COOLING = "cooling"


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """One model that can serve the request, with what was expected of it when it was ranked.

    `score` compares within one decision. `quality` and `failure` (the chance of one) lie between 0 and 1;
    `cost` is what is expected and `most` what the answer can cost at worst, in microdollars; `seconds` until
    the whole answer and `first_token` until its beginning; `load` counts requests under way. `tokens_in` and
    `tokens_out` are the model's own; `group` is its place among a named model (0) and its fallbacks (1, …).
    """

    model: Model
    score: float
    quality: float
    cost: float
    most: int
    seconds: float
    first_token: float
    failure: float
    load: int
    tokens_in: int
    tokens_out: int
    group: int = 0


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """One model that cannot serve the request; `detail` has the numbers. `until` is when a cooling ends."""

    model: Model
    reason: Reason
    detail: str
    until: float | None = None


class Decision(msgspec.Struct, frozen=True):
    """The candidates, best first; none where `rejected` says why of every model that was asked for.

    `known` is false where the named model, and each of its fallbacks, is in no catalogue.
    """

    candidates: tuple[Candidate, ...]
    rejected: tuple[Rejected, ...]
    strategy: Strategy
    weights: Weights
    task: str
    seed: int
    at: float
    known: bool = True

    @property
    def chosen(self) -> Candidate | None:
        return self.candidates[0] if self.candidates else None
