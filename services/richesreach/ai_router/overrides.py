"""What a deployment sets otherwise of routing and dispatching, as the JSON of `AI_POLICY`:

    {"weights": {"balanced": {"quality": 1, "cost": 0.2, "latency": 0.1, "reliability": 0.5}},
     "answer_tokens": {"market_analysis": 900}, "quality": {"gpt-4o": {"code": 0.85}}, "attempts": 3}

Whatever it does not name keeps the default that `routing.policy`, `routing.priors` and `chain` give it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Self

import msgspec
from msgspec import Meta

from richesreach.ai_router.dispatching.chain import Limits
from richesreach.ai_router.routing.asked import Strategy, Weights
from richesreach.ai_router.routing.policy import Policy

Weight = Annotated[float, Meta(ge=0, le=1000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=1e9)]
Tokens = Annotated[int, Meta(ge=1, le=1_000_000)]


class WeightsEntry(msgspec.Struct, forbid_unknown_fields=True):
    quality: Weight
    cost: Weight
    latency: Weight
    reliability: Weight


class Entry(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    weights: dict[Strategy, WeightsEntry] = msgspec.field(default_factory=dict)
    answer_tokens: dict[str, Tokens] = msgspec.field(default_factory=dict)
    quality: dict[str, dict[str, Share]] = msgspec.field(default_factory=dict)
    unit_microdollars: Positive | None = None
    unit_seconds: Positive | None = None
    patience: Share | None = None
    slack: Share | None = None
    crowd: Positive | None = None
    answer_limit: Tokens | None = None
    failure_prior: Share | None = None
    attempts: Annotated[int, Meta(ge=1, le=20)] | None = None
    hedge: Positive | None = None


@dataclass(frozen=True, slots=True)
class Overrides:
    """`quality` is by a model's name, then by task."""

    policy: Policy = field(default_factory=Policy)
    limits: Limits = field(default_factory=Limits)
    quality: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises msgspec.DecodeError, which names the member and what it should be."""
        given = msgspec.json.decode(text, type=Entry)
        policy, limits = Policy(), Limits()
        weights = {
            strategy: Weights(one.quality, one.cost, one.latency, one.reliability)
            for strategy, one in given.weights.items()
        }
        members = ("unit_microdollars", "unit_seconds", "patience", "slack", "crowd", "answer_limit")
        policy = replace(
            policy,
            weights={**policy.weights, **weights},
            answer_tokens={**policy.answer_tokens, **given.answer_tokens},
            **_given(given, *members, "failure_prior"),
        )
        return cls(policy, replace(limits, **_given(given, "attempts", "hedge")), given.quality)


def _given(entry: Entry, *names: str) -> dict[str, Any]:
    found = {name: getattr(entry, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}
