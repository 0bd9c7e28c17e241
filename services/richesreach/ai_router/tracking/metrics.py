"""What the router counts, under the platform's names. Models are the catalogue's, so that labels stay few."""

from bisect import bisect_left
from collections import Counter as Tallies
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter

from richesreach.ai_router.budgets.books import Books
from richesreach.ai_router.model import Attempt
from richesreach.ai_router.tracking.model import Served
from richesreach.core.metrics import Tally
from richesreach.core.request_counts import Durations

# Seconds: from a small model's first token to a long answer.
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
NOBODY = "none"


class AiMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "richesreach_ai_requests_total",
            "Requests for models by the model that answered, outcome and where the answer came from",
            ("model", "outcome", "cached"),
            registry=registry,
        )
        self.attempts = Counter(
            "richesreach_ai_attempts_total",
            "Requests to providers by provider and outcome",
            ("provider", "outcome"),
            registry=registry,
        )
        self.tokens = Counter(
            "richesreach_ai_tokens_total",
            "Tokens by model and direction: input, cached, output",
            ("model", "direction"),
            registry=registry,
        )
        self.cost = Counter(
            "richesreach_ai_cost_microdollars_total",
            "What answers cost, in millionths of a US dollar, by model",
            ("model",),
            registry=registry,
        )
        self.first_token = Durations(
            "richesreach_ai_first_token_seconds",
            "Time until the first token of a provider's stream by model",
            ("model",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.duration = Durations(
            "richesreach_ai_request_duration_seconds",
            "Time until the whole answer by model",
            ("model",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.budgets = Counter(
            "richesreach_ai_budget_events_total",
            "Reservations by what became of them: reserved, settled, exhausted, expired, overrun, unasked,"
            " unavailable",
            ("what",),
            registry=registry,
        )
        self.lost = Counter(
            "richesreach_ai_records_lost_total",
            "Records that neither the database nor the stream took, by which of the two",
            ("where",),
            registry=registry,
        )

    def watch_books(self, books: Books, expired: Callable[[], int]) -> Callable[[], None]:
        """What takes in the books' counts; call it before the metrics are read."""
        return Tally(
            self.budgets,
            lambda: {**{(what,): number for what, number in books.counts.items()}, ("expired",): expired()},
        )

    def served(self, many: Iterable[Served]) -> None:
        """Requests that have ended: added up first, as each increment costs as much as a request's row."""
        requests, attempts = Tallies[tuple[str, ...]](), Tallies[tuple[str, ...]]()
        spent: defaultdict[str, _Spent] = defaultdict(_Spent)
        durations: defaultdict[str, _Times] = defaultdict(_Times)
        first_tokens: defaultdict[str, _Times] = defaultdict(_Times)
        for served in many:
            model = answered_by(served) or NOBODY
            requests[model, served.outcome, served.cached.value] += 1
            if served.outcome == "ok":
                durations[model].add(served.seconds)
            for attempt in served.attempts:
                attempts[attempt.provider, "ok" if attempt.failure is None else attempt.failure.value] += 1
                spent[attempt.model].add(attempt)
                if attempt.first_token is not None:
                    first_tokens[attempt.model].add(attempt.first_token)
        for counter, found in ((self.requests, requests), (self.attempts, attempts)):
            for labels, number in found.items():
                counter.labels(*labels).inc(number)
        self._spend(spent)
        for histogram, times in ((self.duration, durations), (self.first_token, first_tokens)):
            for model, seen in times.items():
                histogram.labels(model).add(seen.buckets, seen.seconds)

    def _spend(self, spent: "Mapping[str, _Spent]") -> None:
        for model, one in spent.items():
            self.tokens.labels(model, "input").inc(one.input - one.cached)
            self.tokens.labels(model, "cached").inc(one.cached)
            self.tokens.labels(model, "output").inc(one.output)
            self.cost.labels(model).inc(one.cost)


class _Spent:
    """What attempts at one model took: tokens, and microdollars."""

    __slots__ = ("cached", "cost", "input", "output")

    def __init__(self) -> None:
        self.input = self.cached = self.output = self.cost = 0

    def add(self, attempt: Attempt) -> None:
        usage = attempt.usage
        self.input += usage.input
        self.cached += usage.cached_input
        self.output += usage.output
        self.cost += attempt.cost


class _Times:
    """Seconds, counted by bucket, of which the last has no bound."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(_SECONDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.buckets[bisect_left(_SECONDS, seconds)] += 1
        self.seconds += seconds


def answered_by(served: Served) -> str | None:
    """The model whose answer the caller got; None where it got none."""
    if served.cached_model is not None:
        return served.cached_model
    found = answering(served)
    return None if found is None else found.model


def answering(served: Served) -> Attempt | None:
    """The attempt that answered; None where none did."""
    for attempt in reversed(served.attempts):
        if attempt.failure is None:
            return attempt
    return None
