"""Models for one request: whether each fits, what it would cost and take, its score, and their order.

`look` runs for each model of a request, and is written out for that: `score` says the same in few lines.
"""

import math
from collections.abc import Callable, Sequence
from math import log2
from typing import NamedTuple

from richesreach.ai_router.model import PICODOLLARS_PER_MICRODOLLAR, Model
from richesreach.ai_router.routing.asked import Asked, Weights
from richesreach.ai_router.routing.calibration import Calibration
from richesreach.ai_router.routing.cooling import Cooling
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


class Measures:
    """What is the same for every request: the policy, as `look` counts with it."""

    __slots__ = ("_shares", "crowd", "policy", "unit_cost", "unit_seconds")

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.crowd = 1.0 / policy.crowd
        self.unit_cost, self.unit_seconds = 1.0 / policy.unit_microdollars, 1.0 / policy.unit_seconds
        self._shares = {strategy: _shares(weights) for strategy, weights in policy.weights.items()}

    def shares(self, asked: Asked) -> tuple[float, float, float, float]:
        """The weights of a request, of which all together are 1."""
        return self._shares[asked.strategy] if asked.weights is None else _shares(asked.weights)


def _shares(weights: Weights) -> tuple[float, float, float, float]:
    total = (weights.quality + weights.cost + weights.latency + weights.reliability) or 1.0
    return weights.quality / total, weights.cost / total, weights.latency / total, weights.reliability / total


class Terms:
    """What is the same for every model of one request."""

    __slots__ = (
        "_asked", "_calibration", "answer", "budget", "choices", "images", "left", "limit", "measures",
        "most_answer", "now", "patient", "scaled", "stream", "task", "tick", "weights",
    )  # fmt: skip

    def __init__(self, asked: Asked, measures: Measures, calibration: Calibration, now: float) -> None:
        policy = measures.policy
        self.measures = measures
        self.weights = measures.shares(asked)
        self.now, self.tick = now, int(now * TICKS)
        self.left = math.inf if asked.deadline is None else asked.deadline - now
        self.patient = self.left * policy.patience
        self.budget = math.inf if asked.budget is None else asked.budget
        chat = asked.kind == "chat"
        self.limit, self.choices = asked.tokens_out or 0, asked.choices
        self.answer = policy.answer(asked.task, asked.tokens_out) if chat else 0
        self.most_answer = (asked.tokens_out or policy.answer_limit) if chat else 0
        self.images, self.task, self.stream = asked.size.images, asked.task, asked.stream
        self._asked, self._calibration = asked, calibration
        self.scaled: dict[str, tuple[int, int, int]] = {}

    def tokens(self, tokenizer: str) -> tuple[int, int, int]:
        """By the model's own counting: what is expected, what it is at most, and at most what must fit."""
        size, scale = self._asked.size, self._calibration.scale(tokenizer)
        most = math.ceil(size.tokens * scale.upper)
        longest = most if size.longest is None else math.ceil(size.longest * scale.upper)
        found = self.scaled[tokenizer] = (math.ceil(size.tokens * scale.factor), most, longest)
        return found


class Ranking:
    """The order of one request's candidates. `floor` tells the least quality of a substitute."""

    __slots__ = ("_cooling", "_floor", "_seed", "_terms")

    def __init__(self, terms: Terms, cooling: Cooling, seed: int, floor: Callable[[], float]) -> None:
        self._terms = terms
        self._cooling = cooling
        self._floor = floor
        # Spread over all bits, so that neighbouring seeds differ too.
        self._seed = (seed * 2_654_435_761 & 0xFFFF_FFFF) << 16

    def of(self, fits: Sequence[Fit]) -> tuple[tuple[Candidate, ...], list[Rejected]]:
        """The candidates, best first, and why the others are none."""
        rejected: list[Rejected] = []
        ranked = []
        terms, seed = self._terms, self._seed
        cooling = None if self._cooling.idle else self._cooling
        floor = self._floor() if fits and fits[0].floor else 0.0
        for model, estimate, group, tie, listed, keys, floored in fits:
            cooled = None if cooling is None else _cooled(cooling, model, keys, terms.now)
            found = cooled or look(model, estimate, group, terms)
            if isinstance(found, Rejected):
                rejected.append(found)
            elif not floored or found.quality >= floor:
                ranked.append((group, -found.score, found.most, listed, tie ^ seed, found))
        if len(ranked) > 1:
            # By group, score, the lower worst case, the lower price; between equals in all of them, the seed.
            ranked.sort()
        return tuple([one[5] for one in ranked]), rejected

    def any_of(self, fits: Sequence[Fit]) -> bool:
        """Whether any is a candidate: as a rule the first that is looked at."""
        terms = self._terms
        cooling = None if self._cooling.idle else self._cooling
        floor = self._floor() if fits and fits[0].floor else 0.0
        for model, estimate, group, _tie, _listed, keys, floored in fits:
            if cooling is not None and _cooled(cooling, model, keys, terms.now) is not None:
                continue
            found = look(model, estimate, group, terms)
            if isinstance(found, Candidate) and (not floored or found.quality >= floor):
                return True
        return False


def _cooled(cooling: Cooling, model: Model, keys: tuple[str, ...], now: float) -> Rejected | None:
    until = cooling.until(model, keys)
    if until is None:
        return None
    detail = f"it is left alone for {max(0.0, until - now):.1f} s more"
    return Rejected(model, Reason.COOLING, detail, until)


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
    failure, first, pace = estimate.now if estimate.tick == terms.tick else estimate.current(terms.tick)
    if estimate.load:
        crowded = 1.0 + estimate.load * terms.measures.crowd
        first, pace = first * crowded, pace / crowded
    seconds = first + out / pace
    needed = first if terms.stream else seconds
    if needed > terms.patient:
        return Rejected(model, Reason.TOO_SLOW, f"it needs some {needed:.1f} s, {terms.left:.1f} s are left")
    # Not rounded, unlike what is paid: a model that is cheaper by a fraction ranks higher for it.
    expected_cost = cost / PICODOLLARS_PER_MICRODOLLAR
    quality = estimate.qualities.get(terms.task)
    if quality is None:
        quality = estimate.qualities["general"]
    w_quality, w_cost, w_latency, w_reliability = terms.weights
    measures = terms.measures
    worth = (
        w_quality * quality * (1.0 - failure)
        - w_cost * log2(1.0 + expected_cost * measures.unit_cost)
        - w_latency * log2(1.0 + seconds * measures.unit_seconds)
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
