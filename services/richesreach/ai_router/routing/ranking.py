"""One model for one request: whether it fits, what it would cost and take, and its score.

It runs for each model of each request, and is written out for that: `score` says the same in few lines.
"""

import math
from math import log2
from typing import NamedTuple

from richesreach.ai_router.model import PICODOLLARS_PER_MICRODOLLAR, Model
from richesreach.ai_router.routing.asked import Asked
from richesreach.ai_router.routing.calibration import Calibration
from richesreach.ai_router.routing.decision import Candidate, Reason, Rejected
from richesreach.ai_router.routing.estimates import TICKS, Estimate
from richesreach.ai_router.routing.policy import Policy


class Fit(NamedTuple):
    """A model that the fixed filters let pass, with what each request looks at. `floor`: it is a substitute,
    held to the quality of the model that was named. `tie` is a number that no other has, for the seed.
    """

    model: Model
    estimate: Estimate
    group: int
    tie: int
    listed: int
    keys: tuple[str, ...]
    floor: bool


class Terms:
    """What is the same for every model of one request."""

    __slots__ = (
        "_asked", "_calibration", "answer", "budget", "choices", "crowd", "images", "left",
        "limit", "most_answer", "now", "patient", "scaled", "stream", "task", "tick", "unit_cost",
        "unit_seconds", "weights",
    )  # fmt: skip

    def __init__(self, asked: Asked, policy: Policy, calibration: Calibration, now: float) -> None:
        weights = policy.weights_of(asked.strategy, asked.weights)
        total = (weights.quality + weights.cost + weights.latency + weights.reliability) or 1.0
        parts = (weights.quality, weights.cost, weights.latency, weights.reliability)
        self.weights = tuple([part / total for part in parts])
        self.now, self.tick = now, int(now * TICKS)
        self.left = math.inf if asked.deadline is None else asked.deadline - now
        self.patient = self.left * policy.patience
        self.budget = math.inf if asked.budget is None else asked.budget
        chat = asked.kind == "chat"
        self.limit, self.choices = asked.tokens_out or 0, asked.choices
        self.answer = policy.answer(asked.task, asked.tokens_out) if chat else 0
        self.most_answer = (asked.tokens_out or policy.answer_limit) if chat else 0
        self.images, self.task, self.stream = asked.size.images, asked.task, asked.stream
        self.crowd = 1.0 / policy.crowd
        self.unit_cost, self.unit_seconds = 1.0 / policy.unit_microdollars, 1.0 / policy.unit_seconds
        self._asked, self._calibration = asked, calibration
        self.scaled: dict[str, tuple[int, int, int]] = {}

    def tokens(self, tokenizer: str) -> tuple[int, int, int]:
        """By the model's own counting: what is expected, what it is at most, and at most what must fit."""
        size, scale = self._asked.size, self._calibration.scale(tokenizer)
        most = math.ceil(size.tokens * scale.upper)
        longest = most if size.longest is None else math.ceil(size.longest * scale.upper)
        found = self.scaled[tokenizer] = (math.ceil(size.tokens * scale.factor), most, longest)
        return found


def look(model: Model, estimate: Estimate, group: int, terms: Terms) -> Candidate | Rejected:
    """The candidate that a model is for a request, or why it is none."""
    tokens_in, upper, longest = terms.scaled.get(model.tokenizer) or terms.tokens(model.tokenizer)
    if terms.images:
        seen = terms.images * model.image_tokens
        tokens_in, upper, longest = tokens_in + seen, upper + seen, longest + seen
    output = model.output_tokens
    room = model.context_tokens - longest
    if room <= 0 or (room < output and room < terms.limit):
        return _too_long(model, longest, terms)
    most_out, out, prices = terms.most_answer, terms.answer, model.prices
    if most_out > output or most_out > room:
        most_out = min(output, room)
        out = min(out, most_out)
    if prices.above is None:
        cost = tokens_in * prices.input + out * terms.choices * prices.output
        most = upper * prices.input + most_out * terms.choices * prices.output
    else:
        expected, worst = prices.of(tokens_in), prices.of(upper)
        cost = tokens_in * expected.input + out * terms.choices * expected.output
        most = upper * worst.input + most_out * terms.choices * worst.output
    most = -(-most // PICODOLLARS_PER_MICRODOLLAR)
    if most > terms.budget:
        detail = f"it may cost {most} microdollars, {terms.budget} are left"
        return Rejected(model, Reason.OVER_BUDGET, detail)
    failure, first, pace = estimate.current(terms.tick)
    if estimate.load:
        crowded = 1.0 + estimate.load * terms.crowd
        first, pace = first * crowded, pace / crowded
    seconds = first + out / pace
    needed = first if terms.stream else seconds
    if needed > terms.patient:
        return Rejected(model, Reason.TOO_SLOW, f"it needs some {needed:.1f} s, {terms.left:.1f} s are left")
    # Not rounded, unlike what is paid: a model that is cheaper by a fraction ranks higher for it.
    expected_cost = cost / PICODOLLARS_PER_MICRODOLLAR
    quality = estimate.quality(terms.task)
    w_quality, w_cost, w_latency, w_reliability = terms.weights
    worth = (
        w_quality * quality * (1.0 - failure)
        - w_cost * log2(1.0 + expected_cost * terms.unit_cost)
        - w_latency * log2(1.0 + seconds * terms.unit_seconds)
        - w_reliability * failure
    )
    return Candidate(
        model, worth, quality, expected_cost, most, seconds, first, failure, estimate.load, tokens_in,
        most_out, group,
    )  # fmt: skip


def _too_long(model: Model, tokens: int, terms: Terms) -> Rejected:
    answer = f" and an answer of {terms.limit}" if terms.limit else ""
    detail = f"it takes {model.context_tokens} tokens; the prompt has {tokens}{answer}"
    return Rejected(model, Reason.CONTEXT_TOO_LONG, detail)
