"""What the parts of the router tell each other: models, prices, usage, outcomes and failures.

Money is whole numbers: prices in picodollars a token, sums in microdollars (1 USD = 1,000,000). Times are
seconds, of `time.monotonic` where two are compared and Unix where one is stored.
"""

import enum
from dataclasses import dataclass, field

import msgspec

PICODOLLARS_PER_MICRODOLLAR = 1_000_000


class Failure(enum.StrEnum):
    """Why a provider did not answer; what may follow is said by the sets below."""

    RATE_LIMITED = "rate_limited"
    OUT_OF_CREDIT = "out_of_credit"
    UNAUTHENTICATED = "unauthenticated"
    OVERLOADED = "overloaded"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    SERVER_ERROR = "server_error"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    INVALID_REQUEST = "invalid_request"
    CONTEXT_TOO_LONG = "context_too_long"
    CONTENT_FILTERED = "content_filtered"
    UNKNOWN_MODEL = "unknown_model"


# The request is at fault: another model of the same kind would refuse it too, or should not be asked.
REQUESTS_FAULT = frozenset({Failure.INVALID_REQUEST, Failure.CONTENT_FILTERED})
# The key is at fault: another key of the same provider may serve.
KEYS_FAULT = frozenset({Failure.RATE_LIMITED, Failure.OUT_OF_CREDIT, Failure.UNAUTHENTICATED})


@dataclass(frozen=True, slots=True)
class Prices:
    """Picodollars a token: 0.15 USD a million tokens are 150,000.

    A prompt of more than `above` tokens has the prices of `long`, for all of its tokens and of the answer's.
    """

    input: int
    cached_input: int
    output: int
    above: int | None = None
    long: "Prices | None" = None

    def of(self, tokens: int) -> "Prices":
        """Those of a prompt of so many tokens."""
        if self.above is None or self.long is None or tokens <= self.above:
            return self
        return self.long.of(tokens)


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one answer. `cached_input` is a part of `input`; `estimated` where the provider told none."""

    input: int
    output: int
    cached_input: int = 0
    estimated: bool = False

    def cost(self, prices: Prices) -> int:
        """Microdollars, rounded up: a provider's bill is never below what was counted."""
        prices = prices.of(self.input)
        picodollars = (
            (self.input - self.cached_input) * prices.input
            + self.cached_input * prices.cached_input
            + self.output * prices.output
        )
        return -(-picodollars // PICODOLLARS_PER_MICRODOLLAR)


@dataclass(frozen=True, slots=True)
class Model:
    """One model at one provider, as the catalogue knows it.

    `name` is what callers ask for, `upstream` what the provider calls it. `quality` is the prior of each task
    between 0 and 1; `regions` is where the provider may process the request ("us", "eu", "ap"; "global" where
    it does not say). `image_tokens` is what an image counts for at most.
    """

    name: str
    provider: str
    upstream: str
    context_tokens: int
    output_tokens: int
    prices: Prices
    tokenizer: str
    kind: str = "chat"
    modalities: frozenset[str] = frozenset({"text"})
    features: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset({"global"})
    quality: dict[str, float] = field(default_factory=dict)
    image_tokens: int = 1105
    # `provider/name`: asked for several times a request, so that it is joined once.
    key: str = field(init=False, repr=False, compare=False, default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.provider}/{self.name}")


class Caller(msgspec.Struct, frozen=True, gc=False):
    """Who asks, as budgets and records know it. `key` is the API key's id, or the user's."""

    org: str
    team: str
    key: str


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One request to one provider. `failure` is None for a success; `first_token` only of a stream."""

    model: str
    provider: str
    credential: str
    seconds: float
    first_token: float | None
    usage: Usage
    cost: int
    failure: Failure | None = None
    hedge: bool = False


class ProviderError(Exception):
    """A provider did not answer as it should. The text is for logs and callers and holds no secret."""

    def __init__(
        self,
        failure: Failure,
        provider: str,
        detail: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        began: bool = False,
    ) -> None:
        super().__init__(f"{provider}: {detail}")
        self.failure = failure
        self.provider = provider
        self.detail = detail
        self.status = status
        self.retry_after = retry_after
        # Whether a part of the answer has already reached the caller: nothing else may then be tried.
        self.began = began
