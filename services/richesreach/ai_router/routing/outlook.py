"""A decision as far as it has been made.

Most requests that name a model are answered by it: who else might serve is ranked when somebody wants to
know, with what was known of the request when it was decided.
"""

from collections.abc import Callable

from richesreach.ai_router.routing.decision import Candidate, Decision, Rejected
from richesreach.ai_router.routing.ranking import Fit, Ranking


class Outlook:
    """`first` are the candidates whose turn is first, best first: those of a named model, else all."""

    __slots__ = ("_decision", "_finish", "_ranking", "_rejected", "_substitutes", "first")

    def __init__(
        self,
        first: tuple[Candidate, ...],
        rejected: tuple[Rejected, ...],
        ranking: Ranking,
        substitutes: tuple[Fit, ...],
        finish: Callable[[tuple[Candidate, ...], tuple[Rejected, ...]], Decision],
    ) -> None:
        self.first = first
        self._rejected = rejected
        self._ranking = ranking
        self._substitutes = substitutes
        self._finish = finish
        self._decision: Decision | None = None

    def cheapest_first(self) -> "Outlook":
        """All candidates, by what their answer costs at most."""
        cheapest = tuple(sorted(self.decision.candidates, key=lambda one: one.most))
        return Outlook(cheapest, self.decision.rejected, self._ranking, (), self._finish)

    def has_substitutes(self) -> bool:
        """Whether anybody may serve in the place of `first`."""
        if self._decision is not None:
            return len(self._decision.candidates) > len(self.first)
        return self._ranking.any_of(self._substitutes)

    def substitutes(self) -> tuple[Candidate, ...]:
        """Those who may serve in the place of `first`, best first."""
        return self.decision.candidates[len(self.first) :]

    @property
    def decision(self) -> Decision:
        """All of it."""
        if self._decision is None:
            ranked, rejected = self._ranking.of(self._substitutes)
            self._decision = self._finish((*self.first, *ranked), (*self._rejected, *rejected))
        return self._decision
