"""OpenTelemetry traces: ids on every request and call, spans where a collector is named to send them to.

`OTEL_EXPORTER_OTLP_ENDPOINT` switches spans on (OTLP over HTTP, protobuf). Without it nothing is recorded,
and requests have trace ids all the same: those of the caller, or new ones, in the logs and on every call.
Sampling is what `OTEL_TRACES_SAMPLER` says, else every request; the collector beside the task keeps a share.
"""

import contextlib
import random
import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from richesreach.core import logs
from richesreach.core.identity import REQUEST_ID
from richesreach.core.metrics import endpoint_of
from richesreach.core.resilience import deadline
from richesreach.core.settings import Settings

TRACEPARENT = b"traceparent"
_W3C = TraceContextTextMapPropagator()
# W3C Trace Context, version 00: ids that are not all zeros.
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
# Where nothing is recorded: what calls of neighbours carry.
_carried: ContextVar[str | None] = ContextVar("traceparent", default=None)
# Asked all the time, by nobody who would look at a trace of it.
_UNRECORDED = ("/health", "/metrics")
Attributes = Mapping[str, str | int | float | bool]


class Tracing:
    """The spans of one service."""

    def __init__(self, settings: Settings) -> None:
        self._provider: TracerProvider | None = None
        if settings.traces_endpoint is None:
            return
        attributes = {
            "service.name": settings.service_name,
            "service.version": settings.service_version,
            "deployment.environment.name": settings.environment,
            "cloud.provider": "aws",
            "cloud.region": settings.region,
        }
        self._provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"{settings.traces_endpoint.rstrip('/')}/v1/traces", timeout=5)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))

    def close(self) -> None:
        """Send what is still here; blocks for the exporter's time-out at most."""
        if self._provider is not None:
            self._provider.shutdown()

    @contextlib.contextmanager
    def span(
        self,
        name: str,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes | None = None,
        parent: Context | None = None,
    ) -> Iterator[Span]:
        """A span below `parent`, else below the current one; it notes an error that leaves it."""
        if self._provider is None:
            yield trace.get_current_span()
            return
        tracer = self._provider.get_tracer("richesreach")
        with tracer.start_as_current_span(name, context=parent, kind=kind, attributes=attributes) as span:
            yield span

    def request(self, scope: Scope, given: str, known: dict[str, Any]) -> "_Recorded | _Passing":
        """The trace around a request whose caller sent `given`; its id becomes one of the `known` facts."""
        # A WebSocket lasts for hours: a span of it would tell nothing, and come too late.
        if self._provider is None or scope["type"] != "http" or scope["path"].startswith(_UNRECORDED):
            return _Passing(given, known)
        return _Recorded(self, scope, given, known)

    @contextlib.contextmanager
    def continued(self, name: str, given: str, kind: SpanKind = SpanKind.CONSUMER) -> Iterator[None]:
        """The trace that a message or call carries, around what is done for it; a new one without any."""
        if self._provider is None:
            known: dict[str, Any] = {}
            with _Passing(given, known):
                logs.bind(**known)
                yield
            return
        parent = _W3C.extract({"traceparent": given}, context=Context())
        with self.span(name, kind, parent=parent) as span:
            logs.bind(trace_id=trace.format_trace_id(span.get_span_context().trace_id))
            yield


def new_traceparent() -> str:
    """Ids of a trace that nobody records: not sampled."""
    # Neither is 0, which is no id; unguessable they need not be.
    both = f"{random.getrandbits(192) | 1 << 64 | 1:048x}"
    return f"00-{both[:32]}-{both[32:]}-00"


def outgoing() -> dict[str, str]:
    """The headers that every call of a neighbour carries: request id, trace, what is left of its time."""
    headers: dict[str, str] = {}
    request_id = logs.fact("request_id")
    if isinstance(request_id, str):
        headers[REQUEST_ID] = request_id
    _W3C.inject(headers)
    carried = _carried.get()
    if "traceparent" not in headers and carried is not None:
        headers["traceparent"] = carried
    left = deadline.remaining()
    if left is not None:
        headers[deadline.HEADER] = str(max(1, int(left * 1000)))
    return headers


def bind_user(user: str) -> None:
    """Name who asks in every further log line of the request: an id, never a name or an address."""
    logs.bind(user=user)


class _Passing:
    """A request whose trace nobody records: it has its ids, and hands them on."""

    __slots__ = ("_token",)

    def __init__(self, given: str, known: dict[str, Any]) -> None:
        carried = given if given and _TRACEPARENT.fullmatch(given) else new_traceparent()
        known["trace_id"] = carried[3:35]
        self._token = _carried.set(carried)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        _carried.reset(self._token)

    def answered(self, status: int | None) -> None:
        """Nobody records it."""


class _Recorded:
    """A request with a span."""

    def __init__(self, tracing: Tracing, scope: Scope, given: str, known: dict[str, Any]) -> None:
        attributes = {
            "http.request.method": scope["method"],
            "url.path": scope["path"],
            "url.scheme": scope["scheme"],
        }
        parent = _W3C.extract({"traceparent": given}, context=Context())
        self._scope = scope
        self._known = known
        self._opened = tracing.span(scope["method"], SpanKind.SERVER, attributes, parent)

    def __enter__(self) -> Self:
        self._span = self._opened.__enter__()
        self._known["trace_id"] = trace.format_trace_id(self._span.get_span_context().trace_id)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, where)

    def answered(self, status: int | None) -> None:
        """Its status, and the route that it found."""
        if status is not None:
            self._span.set_attribute("http.response.status_code", status)
            if status >= 500:
                self._span.set_status(StatusCode.ERROR)
        route = endpoint_of(self._scope)
        self._span.update_name(f"{self._scope['method']} {route}")
        self._span.set_attribute("http.route", route)
