"""The decision: filters, then the score. Pure but for the clock; the same for the same seed and estimates.

What does not change from request to request (which models a name means, their abilities, regions, the allow-
list) is worked out once and kept, so that a decision is one pass of arithmetic over what is left.
"""

import time
import zlib
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from richesreach.ai_router.cooling import Cooling
from richesreach.ai_router.model import Model
from richesreach.ai_router.routing.asked import AUTO, Asked
from richesreach.ai_router.routing.calibration import Calibration
from richesreach.ai_router.routing.catalogue import Catalogue, key_of
from richesreach.ai_router.routing.decision import Decision, Reason, Rejected
from richesreach.ai_router.routing.estimates import Estimates
from richesreach.ai_router.routing.filters import unfit, wanted
from richesreach.ai_router.routing.policy import Policy
from richesreach.ai_router.routing.ranking import Fit, Terms, look

_KEPT_PLANS = 512
# Models that no prior knows and a caller named: each makes the catalogue longer.
_MOST_LISTED = 64


class _Plan(NamedTuple):
    fits: tuple[Fit, ...]
    rejected: tuple[Rejected, ...]
    known: bool


class Router:
    """`keys` gives the ids of a provider's keys, for the check that one of them may be used now."""

    def __init__(
        self,
        catalogue: Catalogue,
        estimates: Estimates,
        *,
        cooling: Cooling | None = None,
        calibration: Calibration | None = None,
        policy: Policy | None = None,
        keys: Callable[[str], tuple[str, ...]] = lambda _provider: (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.catalogue = catalogue
        self.estimates = estimates
        self.calibration = calibration or Calibration()
        self.policy = policy or Policy()
        self.cooling = cooling or Cooling(clock=clock)
        self._keys = keys
        self._clock = clock
        self._plans: OrderedDict[tuple[object, ...], _Plan] = OrderedDict()
        self._listed = 0

    def decide(self, asked: Asked) -> Decision:
        """Who may serve, best first. Never raises for want of estimates: what is unknown has its priors."""
        plan = self._plan(asked)
        terms = Terms(asked, self.policy, self.calibration, self._clock())
        cooling = None if self.cooling.idle else self.cooling
        floor = self._floor(asked)
        rejected, ranked = list(plan.rejected), []
        # Spread over all bits, so that neighbouring seeds differ too.
        seed = (asked.seed * 2_654_435_761 & 0xFFFF_FFFF) << 16
        for model, estimate, group, tie, listed, keys, floored in plan.fits:
            cooled = None if cooling is None else self._cooled(cooling, model, keys, terms.now)
            found = cooled or look(model, estimate, group, terms)
            if isinstance(found, Rejected):
                rejected.append(found)
            elif not floored or found.quality >= floor:
                ranked.append((group, -found.score, found.most, listed, tie ^ seed, found))
        # By group, score, the lower worst case, the lower price; between equals in all of them, the seed.
        ranked.sort()
        return Decision(
            tuple([one[5] for one in ranked]),
            tuple(rejected),
            asked.strategy,
            self.policy.weights_of(asked.strategy, asked.weights),
            asked.task,
            asked.seed,
            terms.now,
            plan.known,
        )

    def _cooled(self, cooling: Cooling, model: Model, keys: tuple[str, ...], now: float) -> Rejected | None:
        until = cooling.until(model, keys)
        if until is None:
            return None
        return Rejected(
            model, Reason.COOLING, f"it is left alone for {max(0.0, until - now):.1f} s more", until
        )

    def _floor(self, asked: Asked) -> float:
        """The least quality of a substitute for the model that was named."""
        if asked.model == AUTO:
            return 0.0
        named = self.catalogue.named(asked.model)
        known = (self.estimates.of(model).quality(asked.task) for model in named)
        return max(known, default=0.0) - self.policy.slack

    def _plan(self, asked: Asked) -> _Plan:
        key = (
            asked.model,
            asked.fallbacks,
            asked.kind,
            asked.modalities,
            asked.features,
            asked.allowed,
            asked.residency,
        )
        found = self._plans.get(key)
        if found is None:
            found = self._plans[key] = self._make_plan(asked)
            if len(self._plans) > _KEPT_PLANS:
                self._plans.popitem(last=False)
        return found

    def _make_plan(self, asked: Asked) -> _Plan:
        meant = wanted(self.catalogue, asked)
        if not meant.known and self._learn(asked.model):
            meant = wanted(self.catalogue, asked)
        fits: list[Fit] = []
        rejected: list[Rejected] = []
        last = len(meant.groups) - 1
        for number, group in enumerate(meant.groups if meant.known else ()):
            for model in group:
                objection = unfit(model, asked, enabled=self.catalogue.enabled(model))
                if objection is None:
                    floor, keys = meant.substitutes and number == last, self._keys(model.provider)
                    # Not `hash`, which differs from process to process; and unlike any other's.
                    tie = zlib.crc32(key_of(model).encode()) << 16 | len(fits)
                    price = model.prices.input + model.prices.output
                    fits.append(Fit(model, self.estimates.of(model), number, tie, price, keys, floor))
                elif objection.reason is not Reason.WRONG_KIND or asked.model != AUTO:
                    rejected.append(objection)
        return _Plan(tuple(fits), tuple(rejected), meant.known)

    def _learn(self, name: str) -> bool:
        """Whether a provider lists the model that no prior knows; the catalogue then holds it."""
        if self._listed >= _MOST_LISTED:
            return False
        longer = self.catalogue.with_listed(name, datetime.now(UTC))
        if longer is None:
            return False
        self.catalogue, self._listed = longer, self._listed + 1
        self._plans.clear()
        return True
