"""Models, callers and requests that the tests of routing and dispatching are made of."""

from typing import Any

from richesreach.ai_router.model import Attempt, Caller, Failure, Model, Prices, Usage
from richesreach.ai_router.routing.asked import Asked, Size
from richesreach.ai_router.routing.catalogue import Catalogue, Speed
from richesreach.ai_router.routing.estimates import Estimates
from richesreach.ai_router.routing.router import Router

CALLER = Caller("acme", "desk", "k1")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def model(name: str = "m", provider: str = "openai", **facts: Any) -> Model:
    """Prices as `price=(input, output)` in US dollars a million tokens; `quality` of every task."""
    price = facts.pop("price", (1.0, 2.0))
    quality = facts.pop("quality", 0.8)
    given: dict[str, Any] = {
        "context_tokens": 100_000,
        "output_tokens": 8_000,
        "tokenizer": "o200k_base",
        "features": frozenset({"tools", "json_object", "json_schema"}),
    }
    rates = [round(one * 1_000_000) for one in price]
    return Model(
        name=name,
        provider=provider,
        upstream=name,
        prices=Prices(rates[0], rates[0], rates[1]),
        quality={"general": quality},
        **(given | facts),
    )


def asked(tokens: int = 1_000, **facts: Any) -> Asked:
    return Asked(Size(tokens), CALLER, **facts)


def router(
    *models: Model, clock: Clock | None = None, speeds: dict[str, Speed] | None = None, **given: Any
) -> Router:
    """A router over `models`, all of whose providers have a key called `a`."""
    clock = clock or Clock()
    catalogue = Catalogue(models, {one.provider for one in models}, speeds)
    estimates = Estimates("us-east-1", speed=catalogue.speed, clock=clock)
    keys = given.pop("keys", lambda _provider: ("a",))
    return Router(catalogue, estimates, clock=clock, keys=keys, **given)


def attempt(of: Model, seconds: float = 1.0, failure: Failure | None = None, **facts: Any) -> Attempt:
    usage = facts.pop("usage", Usage(1_000, 0 if failure else 100))
    first_token = facts.pop("first_token", None)
    return Attempt(of.name, of.provider, "a", seconds, first_token, usage, 0, failure, **facts)


def tell(one: Router, of: Model, times: int = 1, **facts: Any) -> None:
    """As if `of` had been asked `times` times with that outcome."""
    for _ in range(times):
        one.estimates.began(of)
        one.estimates.ended(of, attempt(of, **facts))


def names(decision: Any) -> list[str]:
    return [candidate.model.name for candidate in decision.candidates]
