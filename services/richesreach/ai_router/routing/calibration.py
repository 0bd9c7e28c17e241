"""How many tokens a text has for a model whose vocabulary nobody publishes.

What OpenAI's vocabulary counted is scaled by a factor for each tokenizer, which begins as a prior and follows
what providers report with their answers. Beside the factor stands its spread: where a prompt must fit, the
upper end counts, where it is paid, the middle.

Sources of the priors: Anthropic's glossary has 3.5 characters a token of English for Claude, and the guide to
migrating to Claude Opus 4.7 up to 1.35 times as many tokens as before; Google's page on tokens has 4
characters for Gemini. OpenAI's o200k_base has 4.1 on the prose of this repository's documents.
"""

import math
from dataclasses import dataclass

from richesreach.ai_router.model import Usage
from richesreach.ai_router.routing.asked import Size

# Vocabularies that count by themselves.
EXACT = frozenset({"o200k_base", "cl100k_base"})


@dataclass(frozen=True, slots=True)
class Scale:
    """Tokens for one of o200k_base's: the middle, and the standard deviation of what was seen."""

    factor: float
    spread: float

    @property
    def upper(self) -> float:
        """Above which one prompt in some forty lies."""
        return self.factor + 2.0 * self.spread


PRIORS = {
    "claude": Scale(1.20, 0.10),
    "claude-4.7": Scale(1.45, 0.15),
    "gemini": Scale(1.05, 0.10),
    "llama": Scale(1.10, 0.10),
}
UNKNOWN = Scale(1.15, 0.15)
# One's own vocabulary counts exactly but for the form of a chat, which changes with the model.
_OWN = Scale(1.0, 0.0)

# What the prior weighs, in answers, and the most that the past weighs: the factor follows what changes.
_PRIOR_WEIGHT, _MEMORY = 20.0, 500.0
# Of fewer tokens, the form of the chat is most.
_LEAST_TOKENS = 50
# A provider that reports something else than the prompt (a mock, a proxy) must not lead the counts away.
_LOWEST, _HIGHEST = 0.5, 3.0


@dataclass(slots=True)
class _Seen:
    weight: float
    mean: float
    variance: float


class Calibration:
    """One process's. Exact vocabularies are not calibrated: their factor is 1."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def scale(self, tokenizer: str) -> Scale:
        if tokenizer in EXACT:
            return _OWN
        seen = self._seen.get(tokenizer)
        if seen is None:
            return PRIORS.get(tokenizer, UNKNOWN)
        return Scale(seen.mean, math.sqrt(seen.variance))

    def expected(self, size: Size, tokenizer: str) -> int:
        return math.ceil(size.tokens * self.scale(tokenizer).factor)

    def most(self, size: Size, tokenizer: str) -> int:
        return math.ceil(size.tokens * self.scale(tokenizer).upper)

    def observed(self, tokenizer: str, size: Size, usage: Usage) -> None:
        """A provider has said how long the prompt was. Only exact sizes teach."""
        if tokenizer in EXACT or usage.estimated or not size.exact or size.tokens < _LEAST_TOKENS:
            return
        factor = usage.input / size.tokens
        if not _LOWEST <= factor <= _HIGHEST:
            return
        seen = self._seen.get(tokenizer)
        if seen is None:
            prior = PRIORS.get(tokenizer, UNKNOWN)
            seen = self._seen[tokenizer] = _Seen(_PRIOR_WEIGHT, prior.factor, prior.spread**2)
        seen.weight = min(_MEMORY, seen.weight + 1.0)
        off = factor - seen.mean
        seen.mean += off / seen.weight
        seen.variance += (off * (factor - seen.mean) - seen.variance) / seen.weight
