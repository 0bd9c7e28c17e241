"""GraphQL's metrics. An operation is labelled by its root field, never by the name that a client gave it."""

from graphql import OperationType
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from richesreach.gateway.graphql.documents import Operation

# Labels are the schema's own names, and these for the rest.
_SEVERAL, _INTROSPECTION = "several", "introspection"


def label_of(operation: Operation) -> str:
    """The one field at the operation's root; valid operations have none but the schema's."""
    names = {name for name in operation.fields if name != "__typename"}
    if any(name.startswith("__") for name in names):
        return _INTROSPECTION
    return names.pop() if len(names) == 1 else _SEVERAL


class GraphQLMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        of_operation = ("operation", "type")
        self.operations = Counter(
            "richesreach_graphql_operations_total",
            "Operations by root field, type and outcome: ok, partial, error, cached",
            (*of_operation, "outcome"),
            registry=registry,
        )
        self.duration = Histogram(
            "richesreach_graphql_operation_duration_seconds",
            "Time to run an operation that no cache answered, in seconds",
            of_operation,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
            registry=registry,
        )
        self.errors = Counter(
            "richesreach_graphql_errors_total",
            "Errors told to callers by code, of requests that were refused and of fields that failed",
            ("code",),
            registry=registry,
        )
        self.cost = Histogram(
            "richesreach_graphql_operation_cost",
            "Values that the answer to an operation may hold",
            of_operation,
            buckets=(1, 10, 50, 100, 250, 500, 1000, 2500, 5000),
            registry=registry,
        )
        self.connections = Gauge(
            "richesreach_graphql_connections",
            "Open WebSockets",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.subscriptions = Gauge(
            "richesreach_graphql_subscriptions",
            "Open subscriptions by root field",
            ("operation",),
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.sent = Counter(
            "richesreach_graphql_messages_total",
            "Messages sent to subscribers by root field",
            ("operation",),
            registry=registry,
        )
        self.closed = Counter(
            "richesreach_graphql_closed_total",
            "WebSockets that the service closed by code",
            ("code",),
            registry=registry,
        )

    def ran(self, operation: Operation, outcome: str, cost: int, seconds: float | None) -> None:
        """`seconds` is None for an answer that was kept."""
        label, kind = label_of(operation), kind_of(operation.type)
        self.operations.labels(label, kind, outcome).inc()
        if seconds is not None:
            self.duration.labels(label, kind).observe(seconds)
            self.cost.labels(label, kind).observe(cost)


def kind_of(operation: OperationType) -> str:
    kind: str = operation.value
    return kind
