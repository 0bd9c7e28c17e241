"""What the router counts, under the platform's names. Models are the catalogue's, so that labels stay few."""

import functools
from collections import Counter as Tallies
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram

from richesreach.ai_router.budgets.books import Books
from richesreach.ai_router.tracking.model import Served
from richesreach.core.metrics import Tally

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
        self.first_token = Histogram(
            "richesreach_ai_first_token_seconds",
            "Time until the first token of a provider's stream by model",
            ("model",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.duration = Histogram(
            "richesreach_ai_request_duration_seconds",
            "Time until the whole answer by model",
            ("model",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._first_token = functools.lru_cache(maxsize=None)(self.first_token.labels)
        self._duration = functools.lru_cache(maxsize=None)(self.duration.labels)
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
        requests, attempts, tokens, cost = (Tallies[tuple[str, ...]]() for _ in range(4))
        for served in many:
            model = answered_by(served) or NOBODY
            requests[model, served.outcome, served.cached.value] += 1
            if served.outcome == "ok":
                self._duration(model).observe(served.seconds)
            for attempt in served.attempts:
                usage, name = attempt.usage, attempt.model
                attempts[attempt.provider, "ok" if attempt.failure is None else attempt.failure.value] += 1
                tokens[name, "input"] += usage.input - usage.cached_input
                tokens[name, "cached"] += usage.cached_input
                tokens[name, "output"] += usage.output
                cost[(name,)] += attempt.cost
                if attempt.first_token is not None:
                    self._first_token(name).observe(attempt.first_token)
        counted = ((self.requests, requests), (self.attempts, attempts), (self.tokens, tokens))
        for counter, found in (*counted, (self.cost, cost)):
            for labels, number in found.items():
                counter.labels(*labels).inc(number)


def answered_by(served: Served) -> str | None:
    """The model whose answer the caller got; None where it got none."""
    if served.cached_model is not None:
        return served.cached_model
    return next((found.model for found in reversed(served.attempts) if found.failure is None), None)
