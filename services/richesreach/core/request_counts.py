"""Requests, counted in plain numbers: Prometheus' metrics take them in when somebody looks.

A counter of the library has a lock and a look at what else it could do, a histogram compares with one bound
after the other: together several times what counting takes.
"""

from bisect import bisect_left
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Seconds; dense below the 300 ms objective of the gateway.
DURATION_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"})


class Series:
    """What was answered with one status at one route since the last look."""

    __slots__ = ("buckets", "seconds")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.buckets = [0] * (len(DURATION_BUCKETS) + 1)
        self.seconds = 0.0


class Durations(Histogram):
    """A histogram that takes many observations at once."""

    def add(self, buckets: Sequence[int], seconds: float) -> None:
        """So many in each bucket, the last of which has no bound, and their sum."""
        self._sum.inc(seconds)
        for mine, number in zip(self._buckets, buckets, strict=True):
            if number:
                mine.inc(number)


class RequestCounts:
    """Requests of one service by route template. `under_way` are those and the WebSockets in progress."""

    def __init__(self, registry: CollectorRegistry) -> None:
        request = ("method", "endpoint")
        self._requests = Counter(
            "richesreach_requests_total",
            "Requests by method, route template and status",
            (*request, "status"),
            registry=registry,
        )
        self._durations = Durations(
            "richesreach_request_duration_seconds",
            "Time from the request's first byte to the response's last, in seconds",
            request,
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self._active = Gauge(
            "richesreach_active_connections",
            "Requests and WebSockets in progress",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.errors = Counter(
            "richesreach_api_errors_total",
            "Responses with status 400 or above by method, route template and status",
            (*request, "status"),
            registry=registry,
        )
        self.under_way = 0
        self._series: dict[tuple[str, str, int], Series] = {}

    def answered(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        """One request, by the template of its route."""
        found = self._series.get((method, endpoint, status))
        if found is None:
            # What a caller invents makes no series.
            known = (method if method in _METHODS else "OTHER", endpoint, status)
            found = self._series.setdefault(known, Series())
        found.seconds += seconds
        found.buckets[bisect_left(DURATION_BUCKETS, seconds)] += 1

    def tell(self) -> None:
        """Hand what was counted since the last time to the metrics."""
        self._active.set(self.under_way)
        for (method, endpoint, status), series in self._series.items():
            number = sum(series.buckets)
            if not number:
                continue
            self._requests.labels(method, endpoint, status).inc(number)
            self._durations.labels(method, endpoint).add(series.buckets, series.seconds)
            if status >= 400:
                self.errors.labels(method, endpoint, status).inc(number)
            series.clear()
