"""What the mock was told to do wrong, and to whom."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

#: How an answer can go wrong. `slow` waits `delay` before it; `slow_stream` before each event; those that
#: break off, in a stream, before they do. `truncated` ends in the midst, `malformed` is no JSON, `down`
#: closes the connection unanswered, `hang` never answers, `error_in_stream` begins well, `redirect` points
#: elsewhere, `huge` is larger than anything should be.
MODES = frozenset(
    {
        "ok",
        "slow",
        "slow_stream",
        "rate_limited",
        "out_of_credit",
        "unauthenticated",
        "overloaded",
        "server_error",
        "truncated",
        "malformed",
        "down",
        "hang",
        "error_in_stream",
        "redirect",
        "huge",
        "context_too_long",
        "filtered",
        "invalid_request",
        "unknown_model",
        "no_usage",
    }
)


class RuleError(ValueError):
    """A rule that the mock cannot follow; the text says why."""


@dataclass
class Rule:
    """`provider`, `model` and `key` are patterns such as `gpt-*`; `share` is of the requests that match.

    `times` is how often it applies before it is spent; `events` how many of a stream pass before it breaks.
    `message` is what a refusal says instead of its own words.
    """

    mode: str
    provider: str = "*"
    model: str = "*"
    key: str = "*"
    share: float = 1.0
    times: int | None = None
    delay: float = 0.0
    retry_after: float | None = None
    events: int = 2
    seed: int = 0
    message: str = ""
    random: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise RuleError(f"mode must be one of {', '.join(sorted(MODES))}, not {self.mode!r}")
        self.random = random.Random(self.seed)  # noqa: S311

    def applies(self, provider: str, model: str, key: str) -> bool:
        """Whether this request is one of its; it is then counted."""
        pairs = ((provider, self.provider), (model, self.model), (key, self.key))
        if self.times == 0 or not all(fnmatchcase(value, pattern) for value, pattern in pairs):
            return False
        if self.share < 1 and self.random.random() >= self.share:
            return False
        if self.times is not None:
            self.times -= 1
        return True


WELL = Rule("ok")


class Rules:
    """The first that applies is followed."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def set(self, given: list[Mapping[str, Any]]) -> None:
        """Raises RuleError."""
        try:
            self.rules = [Rule(**item) for item in given]
        except TypeError as error:
            raise RuleError(str(error)) from None

    def of(self, provider: str, model: str, key: str, header: str | None) -> Rule:
        if header:
            mode, _, delay = header.partition("=")
            return Rule(mode, delay=float(delay or 0))
        if not self.rules:
            return WELL
        return next((rule for rule in self.rules if rule.applies(provider, model, key)), WELL)
