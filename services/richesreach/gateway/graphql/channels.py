"""Subscriptions that are the same are run once: each result is encoded once and sent to all who asked."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from graphql import GraphQLError
from strawberry.types.execution import PreExecutionError

from richesreach.gateway.graphql import errors
from richesreach.gateway.graphql.context import Context
from richesreach.gateway.graphql.metrics import GraphQLMetrics, label_of
from richesreach.gateway.graphql.schema import SCHEMA

# Results that a client may be behind before its connection is closed.
PATIENCE = 256


class TooSlowError(Exception):
    """The client does not take what it is sent."""


class RefusedError(Exception):
    """The subscription did not begin, or broke: `told` are its errors in GraphQL's form."""

    def __init__(self, told: list[dict[str, Any]]) -> None:
        super().__init__(told[0]["message"])
        self.told = told


class Member:
    """One client's place in a channel: encoded results, in order."""

    def __init__(self, leave: Callable[["Member"], None]) -> None:
        self._waiting: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._leave = leave
        self._end: Exception | None = None
        self._over = False

    def offer(self, result: bytes) -> None:
        if len(self._waiting) >= PATIENCE:
            self.end(TooSlowError())
            return
        self._waiting.append(result)
        self._news.set()

    def end(self, error: Exception | None) -> None:
        """After what waits already; at once for one that is too slow."""
        if not self._over:
            self._end, self._over = error, True
        self._news.set()

    async def results(self) -> AsyncIterator[bytes]:
        """Raises TooSlowError, RefusedError."""
        try:
            while True:
                if isinstance(self._end, TooSlowError):
                    raise self._end
                if self._waiting:
                    yield self._waiting.popleft()
                elif self._over:
                    if self._end is not None:
                        raise self._end
                    return
                else:
                    self._news.clear()
                    await self._news.wait()
        finally:
            self._leave(self)


class Channels:
    def __init__(self, metrics: GraphQLMetrics) -> None:
        self._metrics = metrics
        self._members: dict[str, set[Member]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def join(self, key: str, context: Context, variables: dict[str, Any]) -> Member:
        """A place in the channel of this key; the first to come opens it with its own context."""
        members = self._members.setdefault(key, set())
        member = Member(lambda member: self._left(key, member))
        members.add(member)
        if key not in self._tasks:
            work = self._run(key, context, variables)
            self._tasks[key] = asyncio.create_task(work, name="subscription")
        return member

    def _left(self, key: str, member: Member) -> None:
        members = self._members.get(key)
        if members is None or member not in members:
            return
        members.discard(member)
        if not members:
            del self._members[key]
            task = self._tasks.pop(key, None)
            if task is not None:
                task.cancel()

    async def _run(self, key: str, context: Context, variables: dict[str, Any]) -> None:
        end: Exception | None = None
        label = label_of(context.operation)
        try:
            async for result in await SCHEMA.subscribe(
                context.operation.document.text,
                variable_values=variables,
                context_value=context,
                operation_name=context.operation.name,
            ):
                if isinstance(result, PreExecutionError) or (result.data is None and result.errors):
                    end = RefusedError(self._told(result.errors or [], context))
                    break
                members = [*self._members.get(key, ())]
                payload = msgspec.json.encode(self._payload(result, context))
                for member in members:
                    member.offer(payload)
                self._metrics.sent.labels(label).inc(len(members))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            end = RefusedError(self._told([GraphQLError(str(error), original_error=error)], context))
        self._tasks.pop(key, None)
        for member in self._members.pop(key, set()):
            member.end(end)

    def _payload(self, result: Any, context: Context) -> dict[str, Any]:
        payload: dict[str, Any] = {"data": result.data}
        if result.errors:
            payload["errors"] = self._told(result.errors, context)
        return payload

    def _told(self, found: list[GraphQLError], context: Context) -> list[dict[str, Any]]:
        told = [errors.formatted(error, context.request_id) for error in found]
        for error in told:
            self._metrics.errors.labels(error["extensions"]["code"]).inc()
        return told
