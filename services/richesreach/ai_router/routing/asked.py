"""What routing is asked, before any model is looked at."""

import enum

import msgspec

from richesreach.ai_router.model import Caller

# A caller that names no model, and the end of a list of fallbacks that leaves the rest to the score.
AUTO = "auto"


class Strategy(enum.StrEnum):
    """What a caller wants most; `policy.WEIGHTS` says what each means in numbers."""

    BALANCED = "balanced"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    BEST = "best"
    RELIABLE = "reliable"


class Weights(msgspec.Struct, frozen=True, gc=False):
    """How much each part of the score counts: 0 or more, of any sum; only their ratios matter."""

    quality: float
    cost: float
    latency: float
    reliability: float


class Size(msgspec.Struct, frozen=True, gc=False):
    """How long a prompt is: tokens of `vocabulary`, which models with another tokenizer scale.

    `exact` is false where a part was estimated: a tool's schema, whose form providers do not publish, or a
    text so long that samples of it were counted. `longest` is what has to fit where that is not all of it:
    the longest of several texts that are embedded.
    """

    tokens: int
    images: int = 0
    exact: bool = True
    vocabulary: str = "o200k_base"
    longest: int | None = None


class Asked(msgspec.Struct, frozen=True, gc=False):
    """One request's facts.

    `model` is "auto", a model's name, or `provider/name`. `fallbacks` are tried after a named model, in their
    order, and may end with "auto"; with None a named model is asked for at its other providers only.
    `tokens_out` is the most that the caller takes, of each of `choices`; None leaves it to the model.
    `allowed` holds names, `provider/name`s and `provider/*`s; None allows all. `residency` holds the regions
    ("us", "eu", "ap") that may process the request; None leaves it open. `deadline` is of `time.monotonic`:
    until the whole answer, or the first token of a `stream`. `budget` is what the caller has left, in
    microdollars; None is no limit. `seed` decides between equals, and nothing else.
    `explained`: somebody will want to know of all candidates, as they were when it was decided.
    """

    size: Size
    caller: Caller
    model: str = AUTO
    fallbacks: tuple[str, ...] | None = None
    kind: str = "chat"
    tokens_out: int | None = None
    choices: int = 1
    modalities: frozenset[str] = frozenset({"text"})
    features: frozenset[str] = frozenset()
    task: str = "general"
    strategy: Strategy = Strategy.BALANCED
    weights: Weights | None = None
    allowed: frozenset[str] | None = None
    residency: frozenset[str] | None = None
    deadline: float | None = None
    budget: int | None = None
    stream: bool = False
    hedge: bool = False
    seed: int = 0
    explained: bool = False
