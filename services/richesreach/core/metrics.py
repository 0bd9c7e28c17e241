"""Prometheus metrics under the platform's fixed names."""

import collections
from collections.abc import Callable, Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.samples import Sample
from starlette.responses import Response
from starlette.types import Scope

from richesreach.core.cache.counts import Counts
from richesreach.core.exposition import exposition
from richesreach.core.limits.limiter import Limiter
from richesreach.core.request_counts import DURATION_BUCKETS, RequestCounts
from richesreach.core.resilience.breaker import CircuitBreaker, State
from richesreach.core.resilience.bulkhead import Bulkhead
from richesreach.core.resilience.retry import Retries
from richesreach.core.resilience.shedding import LoopLag
from richesreach.core.timing import FUNCTION_DURATION

disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves this one untyped

CLIENT_CLOSED_REQUEST = 499


class Tally:
    """A counter that follows counts which others keep anyway: their own paths pay nothing for it."""

    def __init__(self, counter: Counter, read: Callable[[], Mapping[tuple[str, ...], int]]) -> None:
        self._counter = counter
        self._read = read
        self._told: dict[tuple[str, ...], int] = {}

    def __call__(self) -> None:
        for labels, number in self._read().items():
            self._counter.labels(*labels).inc(number - self._told.get(labels, 0))
            self._told[labels] = number


class Metrics:
    """The metrics of one service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.of_requests = RequestCounts(self.registry)
        self._of_domain()
        self._of_calls()
        self._of_stores()
        self._of_trouble()
        self.shed: collections.Counter[str] = collections.Counter()
        self.registry.register(FUNCTION_DURATION)
        self._watched: list[Callable[[], None]] = [self.of_requests.tell]

    def _of_domain(self) -> None:
        self.predictions = Counter(
            "richesreach_ml_predictions_total",
            "Predictions served by model and outcome",
            ("model", "outcome"),
            registry=self.registry,
        )

    def _of_calls(self) -> None:
        self.calls = Counter(
            "richesreach_rpc_calls_total",
            "gRPC calls served by method and status code",
            ("method", "code"),
            registry=self.registry,
        )
        self.call_duration = Histogram(
            "richesreach_rpc_call_duration_seconds",
            "Time of a gRPC call that was served, in seconds",
            ("method",),
            buckets=DURATION_BUCKETS,
            registry=self.registry,
        )

    def _of_stores(self) -> None:
        self.database_connections = Gauge(
            "richesreach_database_connections",
            "Open connections to the database by pool",
            ("pool",),
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.cache_hit_ratio = Gauge(
            "richesreach_cache_hit_ratio",
            "Share of cache reads that found a value since start, 0 to 1; 0 before the first read",
            ("cache",),
            registry=self.registry,
        )
        self.cache_lookups = Counter(
            "richesreach_cache_lookups_total",
            "Reads of the cache by kind of data and by where the value was: local, shared, miss, stale",
            ("cache", "kind", "outcome"),
            registry=self.registry,
        )

    def _of_trouble(self) -> None:
        self.rate_limited = Counter(
            "richesreach_rate_limited_total",
            "Requests beyond their caller's limit by tier",
            ("tier",),
            registry=self.registry,
        )
        self.auth_failures = Counter(
            "richesreach_auth_failures_total",
            "Credentials that were not accepted by reason",
            ("reason",),
            registry=self.registry,
        )
        self.circuit_state = Gauge(
            "richesreach_circuit_state",
            "Circuit breaker by dependency: 0 closed, 1 half-open, 2 open",
            ("dependency",),
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.circuit_changes = Counter(
            "richesreach_circuit_changes_total",
            "Changes of a circuit breaker by dependency and new state",
            ("dependency", "state"),
            registry=self.registry,
        )
        self.shed_requests = Counter(
            "richesreach_shed_requests_total", "Requests refused for load", ("why",), registry=self.registry
        )
        self.loop_lag = Gauge(
            "richesreach_event_loop_lag_seconds",
            "How late the event loop wakes what waits, smoothed, in seconds",
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self.bulkhead_active = Gauge(
            "richesreach_bulkhead_active",
            "Calls under way by dependency",
            ("dependency",),
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.bulkhead_refused = Counter(
            "richesreach_bulkhead_refused_total",
            "Calls refused because too many were under way, by dependency",
            ("dependency",),
            registry=self.registry,
        )
        self.retries = Counter(
            "richesreach_retries_total",
            "Calls made once more by dependency",
            ("dependency",),
            registry=self.registry,
        )
        self.dependency_duration = Histogram(
            "richesreach_dependency_duration_seconds",
            "Time of a call of a neighbour by outcome, in seconds",
            ("dependency", "outcome"),
            buckets=DURATION_BUCKETS,
            registry=self.registry,
        )

    def watch(self, take: Callable[[], None]) -> None:
        """`take` is called before the metrics are read: it takes in what is counted elsewhere."""
        self._watched.append(take)

    def watch_database(self, pool: str, size: Callable[[], int]) -> None:
        gauge = self.database_connections.labels(pool)
        self._watched.append(lambda: gauge.set(size()))

    def watch_cache(self, cache: str, counts: Counts) -> None:
        ratio = self.cache_hit_ratio.labels(cache)
        self._watched.append(lambda: ratio.set(counts.hit_ratio))
        self._watched.append(
            Tally(self.cache_lookups, lambda: {(cache, *found): n for found, n in counts.by_kind().items()})
        )

    def watch_limiter(self, limiter: Limiter) -> None:
        self._watched.append(
            Tally(self.rate_limited, lambda: {(tier,): n for tier, n in limiter.refused.items()})
        )

    def watch_refusals(self, failures: Mapping[str, int]) -> None:
        self._watched.append(Tally(self.auth_failures, lambda: {(why,): n for why, n in failures.items()}))

    def watch_breaker(self, breaker: CircuitBreaker) -> None:
        gauge, name = self.circuit_state.labels(breaker.dependency), breaker.dependency
        self._watched.append(lambda: gauge.set(list(State).index(breaker.state)))
        self._watched.append(
            Tally(self.circuit_changes, lambda: {(name, to.value): n for to, n in breaker.changes.items()})
        )

    def watch_bulkhead(self, bulkhead: Bulkhead) -> None:
        gauge, name = self.bulkhead_active.labels(bulkhead.name), bulkhead.name
        self._watched.append(lambda: gauge.set(bulkhead.active))
        self._watched.append(Tally(self.bulkhead_refused, lambda: {(name,): bulkhead.refused}))

    def watch_retries(self, dependency: str, retries: Retries) -> None:
        self._watched.append(Tally(self.retries, lambda: {(dependency,): retries.made}))

    def watch_lag(self, lag: LoopLag) -> None:
        self._watched.append(lambda: self.loop_lag.set(lag.seconds))
        self._watched.append(
            Tally(self.shed_requests, lambda: {(why,): number for why, number in self.shed.items()})
        )

    def refresh(self) -> None:
        """Take in what is kept elsewhere."""
        for take in self._watched:
            take()

    def called(self, method: str, code: str, seconds: float) -> None:
        """One gRPC call of a method that exists."""
        self.calls.labels(method, code).inc()
        self.call_duration.labels(method).observe(seconds)

    def totals(self) -> dict[str, float]:
        """A few sums over all routes, since the start of the process."""
        self.refresh()
        found: dict[str, float] = collections.defaultdict(float)
        for family in self.registry.collect():
            for sample in family.samples:
                found[_total_of(sample)] += sample.value
        ratio = self.registry.get_sample_value("richesreach_cache_hit_ratio", {"cache": "cache"}) or 0.0
        names = ("Requests", "Seconds", "ClientErrors", "ServerErrors", "Active")
        return {**{name: found[name] for name in names}, "HitRatio": ratio}

    def exposition(self) -> Response:
        self.refresh()
        return Response(exposition(self.registry), headers={"content-type": CONTENT_TYPE_LATEST})


def _total_of(sample: Sample) -> str:
    """The sum that a sample is part of; "" for none."""
    if sample.name == "richesreach_api_errors_total":
        return "ServerErrors" if sample.labels["status"] >= "500" else "ClientErrors"
    return {
        "richesreach_requests_total": "Requests",
        "richesreach_request_duration_seconds_sum": "Seconds",
        "richesreach_active_connections": "Active",
    }.get(sample.name, "")


def endpoint_of(scope: Scope) -> str:
    """The template of the matched route, never the raw path: its values would make labels without bound."""
    template = getattr(scope.get("route"), "path", None)
    return template if isinstance(template, str) else "unmatched"
