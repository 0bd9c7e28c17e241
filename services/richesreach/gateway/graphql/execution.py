"""Runs operations, and keeps whole answers to public queries for a moment."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from graphql import OperationType

from richesreach.core.cache.codec import Entry, Format
from richesreach.core.cache.flights import Flights
from richesreach.core.cache.local import LocalCache
from richesreach.core.metrics import Metrics
from richesreach.gateway.graphql import errors, limits
from richesreach.gateway.graphql.context import Context, Who
from richesreach.gateway.graphql.documents import Operation
from richesreach.gateway.graphql.feeds import Feeds
from richesreach.gateway.graphql.metrics import GraphQLMetrics
from richesreach.gateway.graphql.schema import SCHEMA
from richesreach.gateway.market.domain import Domain

# What every caller gets the same answer to; all other fields are the caller's own.
PUBLIC = frozenset({"symbol", "symbols", "signals", "performance", "engines", "__typename"})
# Variables of more bytes belong to no query that many send.
_MAX_KEY = 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is that of HTTP; `body` is JSON."""

    status: int
    body: bytes
    public: bool


class Executor:
    def __init__(
        self,
        domain: Domain,
        feeds: Feeds,
        metrics: GraphQLMetrics,
        requests: Metrics,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.metrics = metrics
        self._domain = domain
        self._feeds = feeds
        self._requests = requests
        self._now = now
        self._answers = LocalCache(max_entries=limits.ANSWERS, max_bytes=limits.ANSWER_BYTES)
        self._flights: Flights[Answer] = Flights()

    def context(self, operation: Operation, request_id: str, who: Who) -> Context:
        return Context(self._domain, operation, request_id, who, self._feeds)

    async def run(self, context: Context, variables: dict[str, Any], cost: int) -> Answer:
        """The answer of a query or mutation, from memory where that has it."""
        operation = context.operation
        key = cache_key(operation, variables)
        if key is None:
            return await self._run(context, variables, cost)
        kept = self._answers.get(key, self._now())
        if kept is not None:
            self.metrics.ran(operation, "cached", cost, None)
            return Answer(200, kept.payload, public=True)
        return await self._flights.join(key, lambda: self._kept(key, context, variables, cost))

    async def _kept(self, key: str, context: Context, variables: dict[str, Any], cost: int) -> Answer:
        epoch = self._answers.epoch(key)
        answer = await self._run(context, variables, cost)
        if answer.public:
            until = self._now() + limits.ANSWER_SECONDS
            self._answers.put(key, Entry(answer.body, Format.JSON, until), until, epoch=epoch)
        return answer

    async def _run(self, context: Context, variables: dict[str, Any], cost: int) -> Answer:
        operation, started = context.operation, time.perf_counter()
        result = await SCHEMA.execute(
            operation.document.text,
            variable_values=variables,
            context_value=context,
            operation_name=operation.name,
        )
        body: dict[str, Any] = {"data": result.data}
        status, outcome = 200, "ok"
        if result.errors:
            told = [errors.formatted(error, context.request_id) for error in result.errors]
            body = {"errors": told, **body}
            status, outcome = self._status(result.data, told), "error" if result.data is None else "partial"
            if status == 400:
                body.pop("data")  # nothing was run
            self.told(operation.type, told, status)
        self.metrics.ran(operation, outcome, cost, time.perf_counter() - started)
        public = outcome == "ok" and is_public(operation)
        return Answer(status, msgspec.json.encode(body), public=public)

    def told(self, kind: OperationType, told: list[dict[str, Any]], status: int) -> None:
        """Count errors: by their code, and, of those that HTTP's status does not show, as the API's."""
        for error in told:
            code = error["extensions"]["code"]
            self.metrics.errors.labels(code).inc()
            if status < 400:
                labels = ("POST", "/graphql", errors.STATUSES.get(code, 400))
                self._requests.of_requests.errors.labels(*labels).inc()

    @staticmethod
    def _status(data: Any, told: list[dict[str, Any]]) -> int:
        """200 for every answer that was run for, but 503 where there is none for want of a dependency; 400
        for variables that do not fit, before anything was run.
        """
        if data is not None:
            return 200
        codes = {error["extensions"]["code"] for error in told}
        if codes & {errors.UNAVAILABLE}:
            return 503
        return 400 if not any("path" in error for error in told) else 200


def is_public(operation: Operation) -> bool:
    return operation.type is OperationType.QUERY and PUBLIC.issuperset(operation.fields)


def cache_key(operation: Operation, variables: dict[str, Any]) -> str | None:
    """None for what is not kept."""
    if not is_public(operation):
        return None
    if not variables:
        return f"{operation.document.hash}:{operation.name or ''}"
    told = msgspec.json.encode(variables, order="sorted")
    if len(told) > _MAX_KEY:
        return None
    return f"{operation.document.hash}:{operation.name or ''}:{told.decode()}"
