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

from richesreach.ai_router.routing.asked import AUTO, Asked
from richesreach.ai_router.routing.calibration import Calibration
from richesreach.ai_router.routing.catalogue import Catalogue, key_of
from richesreach.ai_router.routing.cooling import Cooling
from richesreach.ai_router.routing.decision import Candidate, Decision, Reason, Rejected
from richesreach.ai_router.routing.estimates import Estimate, Estimates
from richesreach.ai_router.routing.filters import unfit, wanted
from richesreach.ai_router.routing.outlook import Outlook
from richesreach.ai_router.routing.policy import Policy
from richesreach.ai_router.routing.ranking import Fit, Measures, Ranking, Terms

_KEPT_PLANS = 512
# Models that no prior knows and a caller named: each makes the catalogue longer.
_MOST_LISTED = 64


class _Plan(NamedTuple):
    """`substitutes` come after all of `fits`. `named` are the models that were asked for, fit or not."""

    fits: tuple[Fit, ...]
    substitutes: tuple[Fit, ...]
    rejected: tuple[Rejected, ...]
    known: bool
    named: tuple[Estimate, ...]


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
        self._measures = Measures(self.policy)
        self.cooling = cooling or Cooling(clock=clock)
        self._keys = keys
        self._clock = clock
        self._plans: OrderedDict[tuple[object, ...], _Plan] = OrderedDict()
        self._listed = 0

    def decide(self, asked: Asked) -> Decision:
        """Who may serve, best first. Never raises for want of estimates: what is unknown has its priors."""
        return self.outlook(asked).decision

    def outlook(self, asked: Asked) -> Outlook:
        """As `decide`, without the substitutes of a named model for as long as nobody asks for them."""
        plan = self._plan(asked)
        terms = Terms(asked, self._measures, self.calibration, self._clock())
        ranking = Ranking(terms, self.cooling, asked.seed, lambda: self._floor(asked, plan))
        ranked, rejected = ranking.of(plan.fits)

        def finish(candidates: tuple[Candidate, ...], rejected: tuple[Rejected, ...]) -> Decision:
            weights = self.policy.weights_of(asked.strategy, asked.weights)
            return Decision(
                candidates, rejected, asked.strategy, weights, asked.task, asked.seed, terms.now, plan.known
            )

        return Outlook(ranked, (*plan.rejected, *rejected), ranking, plan.substitutes, finish)

    def _floor(self, asked: Asked, plan: _Plan) -> float:
        """The least quality of a substitute for the model that was named."""
        if asked.model == AUTO:
            return 0.0
        return max([one.quality(asked.task) for one in plan.named], default=0.0) - self.policy.slack

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
        first, others = [fit for fit in fits if not fit.floor], [fit for fit in fits if fit.floor]
        named = () if asked.model == AUTO else self.catalogue.named(asked.model)
        estimates = tuple([self.estimates.of(model) for model in named])
        return _Plan(tuple(first), tuple(others), tuple(rejected), meant.known, estimates)

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
