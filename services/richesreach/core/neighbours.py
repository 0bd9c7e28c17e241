"""Calls of other services over HTTP: with the request's ids and deadline, retries, breaker, bulkhead."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
from opentelemetry.trace import SpanKind

from richesreach.core.auth.service_token import Credential, no_credential
from richesreach.core.metrics import Metrics
from richesreach.core.resilience.breaker import CircuitBreaker
from richesreach.core.resilience.bulkhead import Bulkhead
from richesreach.core.resilience.deadline import allowed
from richesreach.core.resilience.errors import (
    DeadlineExceededError,
    NeighbourError,
    NeighbourUnavailableError,
)
from richesreach.core.resilience.retry import Retries
from richesreach.core.tracing import Tracing, outgoing

# Seconds.
TIMEOUT = 5.0
CONNECT_TIMEOUT = 1.0
# Calls of one neighbour at a time, and as many that wait.
SIZE = 64
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
# Of a server that did not get to the work: to try again is safe and may help.
_TRY_AGAIN = frozenset({502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Raises msgspec.DecodeError."""
        return msgspec.json.decode(self.body)


class Neighbour:
    """One service by its base URL, such as `http://prediction:8000`."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        metrics: Metrics,
        tracing: Tracing,
        credential: Credential = no_credential,
        timeout: float = TIMEOUT,
    ) -> None:
        self.name = name
        self.breaker = CircuitBreaker(name, failures=(OSError, TimeoutError))
        self.bulkhead = Bulkhead(name, size=SIZE, queue=SIZE)
        self._base_url = base_url
        self._metrics = metrics
        self._tracing = tracing
        self._credential = credential
        self._timeout = timeout
        self._retries = Retries((NeighbourUnavailableError, TimeoutError))
        self._session: aiohttp.ClientSession | None = None
        metrics.watch_breaker(self.breaker)
        metrics.watch_bulkhead(self.bulkhead)
        metrics.watch_retries(name, self._retries)

    async def call(
        self, method: str, path: str, *, json: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer, of whatever status below 500.

        Without an `authorization` among the headers (as of a user for whom the call is made) the service
        shows its own.

        Raises NeighbourError, TimeoutError, CircuitOpenError, BulkheadFullError and
        DeadlineExceededError. Calls that are not idempotent are made once.
        """

        given = {name.lower(): value for name, value in (headers or {}).items()}

        async def once() -> Answer:
            sent = dict(given)
            # Before the breaker: a user pool that gives no token is no failure of this neighbour.
            if "authorization" not in sent and (shown := await self._credential()) is not None:
                sent["authorization"] = shown
            async with self.bulkhead.place():
                return await self.breaker.call(lambda: self._send(method, path, json, sent))

        return await (self._retries.call(once) if method in _IDEMPOTENT else once())

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _send(self, method: str, path: str, json: Any, headers: Mapping[str, str]) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                self._base_url,
                connector=aiohttp.TCPConnector(limit=SIZE),
                # All callers share the session: a cookie set for one must not go out for the next.
                cookie_jar=aiohttp.DummyCookieJar(),
                raise_for_status=False,
            )
        patience = allowed(self._timeout)
        limits = aiohttp.ClientTimeout(total=patience, connect=CONNECT_TIMEOUT)
        body = None if json is None else msgspec.json.encode(json)
        attributes = {"http.request.method": method, "server.address": self.name}
        outcome, started = "error", time.perf_counter()
        try:
            with self._tracing.span(f"{method} {self.name}", SpanKind.CLIENT, attributes) as span:
                sent = {"content-type": "application/json", **headers, **outgoing()}
                async with self._session.request(
                    method, path, headers=sent, timeout=limits, data=body, allow_redirects=False
                ) as response:
                    answer = Answer(response.status, response.headers.copy(), await response.read())
                span.set_attribute("http.response.status_code", answer.status)
                if answer.status >= 500:
                    kind = NeighbourUnavailableError if answer.status in _TRY_AGAIN else NeighbourError
                    raise kind(f"{self.name} answered {answer.status}")
            outcome = "ok"
        except aiohttp.ClientError as error:
            raise NeighbourUnavailableError(f"{self.name}: {type(error).__name__}") from error
        except TimeoutError as error:
            if patience < self._timeout:
                raise DeadlineExceededError(f"{self.name} had {patience:g} s to answer") from error
            raise
        finally:
            seconds = time.perf_counter() - started
            self._metrics.dependency_duration.labels(self.name, outcome).observe(seconds)
        return answer
