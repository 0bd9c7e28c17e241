"""Calls of other services over gRPC: with the request's ids and deadline, retries, breaker, bulkhead."""

import time
from typing import Any

import grpc
from google.protobuf.message import Message
from opentelemetry.trace import SpanKind

from richesreach.core.auth.service_token import Credential, no_credential
from richesreach.core.metrics import Metrics
from richesreach.core.neighbours import SIZE, TIMEOUT
from richesreach.core.resilience import deadline
from richesreach.core.resilience.breaker import CircuitBreaker
from richesreach.core.resilience.bulkhead import Bulkhead
from richesreach.core.resilience.errors import (
    DeadlineExceededError,
    NeighbourError,
    NeighbourUnavailableError,
)
from richesreach.core.resilience.retry import Retries
from richesreach.core.rpc.contract import Contract, Method, methods_of
from richesreach.core.rpc.server import MAX_MESSAGE
from richesreach.core.rpc.status import FAILED, KIND, UNAVAILABLE, refusal_of
from richesreach.core.tracing import Tracing, outgoing

_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A neighbour that comes back is found within a second or two, not after gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Ours know the budget and the deadline.
    ("grpc.enable_retries", 0),
)


class RpcNeighbour:
    """One service by its contract and address, such as `market-data:9000`."""

    def __init__(
        self,
        name: str,
        address: str,
        contract: Contract,
        *,
        metrics: Metrics,
        tracing: Tracing,
        credential: Credential = no_credential,
        timeout: float = TIMEOUT,
    ) -> None:
        self.name = name
        self.breaker = CircuitBreaker(name, failures=(OSError, TimeoutError))
        self.bulkhead = Bulkhead(name, size=SIZE, queue=SIZE)
        self._address = address
        self._methods = methods_of(contract)
        self._metrics = metrics
        self._tracing = tracing
        self._credential = credential
        self._timeout = timeout
        self._retries = Retries((NeighbourUnavailableError, TimeoutError))
        self._channel: grpc.aio.Channel | None = None
        metrics.watch_breaker(self.breaker)
        metrics.watch_bulkhead(self.bulkhead)
        metrics.watch_retries(name, self._retries)

    async def call(self, method: str, request: Message, *, idempotent: bool = True) -> Any:
        """The answer's message. What is not idempotent is asked once.

        Raises Problem for what the neighbour refuses, NeighbourError, TimeoutError, CircuitOpenError,
        BulkheadFullError and DeadlineExceededError.
        """
        found = self._methods[method]

        async def once() -> Any:
            # Before the breaker: a user pool that gives no token is no failure of this neighbour.
            shown = await self._credential()
            async with self.bulkhead.place():
                return await self.breaker.call(lambda: self._send(found, request, shown))

        return await (self._retries.call(once) if idempotent else once())

    async def close(self) -> None:
        if self._channel is not None:
            await self._channel.close()

    async def _send(self, method: Method, request: Message, shown: str | None) -> Any:
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self._address, options=_OPTIONS)
        patience = deadline.allowed(self._timeout)
        ask = self._channel.unary_unary(
            method.path, method.request.SerializeToString, method.response.FromString
        )
        outcome, started = "error", time.perf_counter()
        attributes = {"rpc.system": "grpc", "rpc.method": method.path, "server.address": self.name}
        try:
            with self._tracing.span(f"{method.path} {self.name}", SpanKind.CLIENT, attributes):
                sent = {name: value for name, value in outgoing().items() if name != deadline.HEADER}
                if shown is not None:
                    sent["authorization"] = shown
                answer = await ask(request, timeout=patience, metadata=tuple(sent.items()))
            outcome = "ok"
        except grpc.aio.AioRpcError as error:
            raise self._error(error, patience) from None
        finally:
            seconds = time.perf_counter() - started
            self._metrics.dependency_duration.labels(self.name, outcome).observe(seconds)
        return answer

    def _error(self, error: grpc.aio.AioRpcError, patience: float) -> Exception:
        code = error.code()
        if code in UNAVAILABLE:
            return NeighbourUnavailableError(f"{self.name}: {code.name}")
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            if patience < self._timeout:
                return DeadlineExceededError(f"{self.name} had {patience:g} s to answer")
            return TimeoutError(f"{self.name} did not answer within {patience:g} s")
        if code in FAILED:
            return NeighbourError(f"{self.name} answered {code.name}")
        trailing = dict(error.trailing_metadata() or ())
        return refusal_of(code, error.details() or "", str(trailing.get(KIND, "")))
