"""One request as it is recorded."""

import enum

import msgspec

from richesreach.ai_router.model import Attempt, Caller


class Cached(enum.StrEnum):
    """Where the answer came from: `none` is a provider."""

    NONE = "none"
    EXACT = "exact"
    SEMANTIC = "semantic"


class Served(msgspec.Struct, frozen=True, gc=False):
    """A request that has ended, however it did.

    `asked` is the model that the caller named, `auto` where it named none; `outcome` is `ok`, `cancelled` for
    a caller that left, or the failure that it was told. `seconds` and `first_token` are as the caller waited;
    `cost` is what was settled, in microdollars. All attempts, hedges included, in the order they began.
    """

    request_id: str
    caller: Caller
    task: str
    asked: str
    outcome: str
    seconds: float
    first_token: float | None
    cost: int
    attempts: tuple[Attempt, ...] = ()
    cached: Cached = Cached.NONE
    cached_model: str | None = None
    streamed: bool = False
    downgraded: bool = False
