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

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from richesreach.core import logs
from richesreach.core.identity import REQUEST_ID
from richesreach.core.metrics import endpoint_of
from richesreach.core.resilience import deadline
from richesreach.core.settings import Settings

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

    @property
    def recording(self) -> bool:
        return self._provider is not None

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


def new_traceparent() -> str:
    """Ids of a trace that nobody records: not sampled."""
    # Not 0, which is no id; unguessable they need not be.
    trace_number, span_number = random.getrandbits(128) or 1, random.getrandbits(64) or 1
    return f"00-{trace_number:032x}-{span_number:016x}-00"


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


class TraceMiddleware:
    """A trace around each request, and a span where they are recorded; its ids in every log line."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self.app = app
        self.tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("traceparent", "")
        # A WebSocket lasts for hours: a span of it would tell nothing, and come too late.
        worth_it = scope["type"] == "http" and not scope["path"].startswith(_UNRECORDED)
        if worth_it and self.tracing.recording:
            await self._recorded(given, scope, receive, send)
            return
        carried = given if _TRACEPARENT.fullmatch(given) else new_traceparent()
        logs.bind(trace_id=carried[3:35])
        token = _carried.set(carried)
        try:
            await self.app(scope, receive, send)
        finally:
            _carried.reset(token)

    async def _recorded(self, given: str, scope: Scope, receive: Receive, send: Send) -> None:
        attributes = {
            "http.request.method": scope["method"],
            "url.path": scope["path"],
            "url.scheme": scope["scheme"],
        }
        parent = _W3C.extract({"traceparent": given}, context=Context())
        with self.tracing.span(scope["method"], SpanKind.SERVER, attributes, parent) as span:
            logs.bind(trace_id=trace.format_trace_id(span.get_span_context().trace_id))

            async def observe(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            await self.app(scope, receive, observe)
            route = endpoint_of(scope)
            span.update_name(f"{scope['method']} {route}")
            span.set_attribute("http.route", route)
