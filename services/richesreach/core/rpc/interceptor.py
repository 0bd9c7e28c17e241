"""What every call goes through on a server: ids, trace, deadline, who calls, logs, metrics, errors."""

import functools
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, TypeAlias, cast

import grpc
from opentelemetry.trace import SpanKind

from richesreach.core import logs
from richesreach.core.access import demand_roles
from richesreach.core.auth.authenticator import Authenticator
from richesreach.core.auth.identity import Identity
from richesreach.core.identity import REQUEST_ID, accepted_request_id
from richesreach.core.logs import logger
from richesreach.core.metrics import Metrics
from richesreach.core.problems import Problem
from richesreach.core.resilience import deadline
from richesreach.core.rpc.status import KIND, code_of, problem_of
from richesreach.core.tracing import Tracing

_caller: ContextVar[Identity | None] = ContextVar("caller", default=None)
_HEALTH = "/grpc.health.v1.Health/"
# grpcio is generic in its stubs alone.
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Method: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Handler: TypeAlias = Callable[[Any, "Context"], Awaitable[Any]]


def caller() -> Identity | None:
    """Who makes the current call."""
    return _caller.get()


class ServerInterceptor(grpc.aio.ServerInterceptor):
    """Calls of the health service pass: it tells no more than that the server answers.

    `roles` are those of which a caller needs one; without any, also nobody may call.
    """

    def __init__(
        self, metrics: Metrics, tracing: Tracing, authenticator: Authenticator, roles: frozenset[str]
    ) -> None:
        self._metrics = metrics
        self._tracing = tracing
        self._authenticator = authenticator
        self._roles = roles

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Method | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Method | None":
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or handler.unary_unary is None or method.startswith(_HEALTH):
            return handler
        given = {
            name: value if isinstance(value, str) else ""
            for name, value in handler_call_details.invocation_metadata or ()
        }
        serve: Handler = cast("Handler", handler.unary_unary)

        async def call(request: Any, context: "Context") -> Any:
            request_id = accepted_request_id([given[REQUEST_ID]] if REQUEST_ID in given else [])
            trace = self._tracing.continued(method, given.get("traceparent", ""), SpanKind.SERVER)
            with logs.facts(request_id=request_id), trace:
                work = functools.partial(self._served, given, serve, request, context)
                return await self._measured(method, work, context)

        return grpc.unary_unary_rpc_method_handler(
            call, handler.request_deserializer, handler.response_serializer
        )

    async def _measured(self, method: str, work: Callable[[], Awaitable[Any]], context: "Context") -> Any:
        """The answer; or the call ends with the status of the error."""
        code, started = grpc.StatusCode.CANCELLED, time.perf_counter()
        try:
            answer = await work()
            code = grpc.StatusCode.OK
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                logger().exception("unhandled_error", path=method)
                problem = Problem(500, "", "The service failed to answer. The request id finds the cause.")
            code = code_of(problem)
            context.set_trailing_metadata(((KIND, problem.kind),))
            await context.abort(code, problem.detail)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.called(method, code.name, seconds)
            said = {"method": method, "code": code.name, "duration_ms": round(seconds * 1000, 3)}
            logs.line("info", {"event": "call", **said})
        return answer

    async def _served(
        self, given: Mapping[str, str], serve: Handler, request: Any, context: "Context"
    ) -> Any:
        left = context.time_remaining()
        seconds = min(deadline.LONGEST, left) if left is not None else deadline.LONGEST
        token = _caller.set(await self._identified(given))
        try:
            with deadline.within(seconds):
                return await serve(request, context)
        finally:
            _caller.reset(token)

    async def _identified(self, given: Mapping[str, str]) -> Identity | None:
        """Raises Problem 401 or 403."""
        shown = given.get("authorization", "")
        found = await self._authenticator.judge(shown) if shown else None
        if found is not None:
            logs.bind(user=found.subject)
        return demand_roles(found, self._roles) if self._roles else found
