"""What is kept of an answer."""

import enum

import msgspec


class Keeping(enum.StrEnum):
    """Which answers are kept: none, those of requests with temperature 0 or a seed, or all."""

    NONE = "none"
    DETERMINISTIC = "deterministic"
    ALL = "all"


class Match(enum.StrEnum):
    """How a kept answer fits the request: `exact` is the same request, `semantic` one that says the same."""

    EXACT = "exact"
    SEMANTIC = "semantic"


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """A whole answer in OpenAI's shape, never a stream: `streams.replay` makes one of it.

    `cost` is what it cost in microdollars when it was made, `stored_at` in Unix seconds. `similarity` is 1
    for an exact match.
    """

    body: bytes
    model: str
    provider: str
    input_tokens: int
    output_tokens: int
    cost: int
    stored_at: float
    match: Match = Match.EXACT
    similarity: float = 1.0
