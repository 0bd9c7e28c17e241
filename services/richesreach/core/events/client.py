"""`platform.events`: publishing, consuming and following of a service that has the need `stream`."""

import asyncio
import time
from typing import Any

import msgspec

from richesreach.core import health
from richesreach.core.endpoints import StreamAddress
from richesreach.core.events.connection import connection
from richesreach.core.events.consuming import Handle, Subscription
from richesreach.core.events.errors import EventRefusedError, StreamUnavailableError
from richesreach.core.events.log import PartitionLog
from richesreach.core.events.membership import Membership
from richesreach.core.events.metrics import EventMetrics
from richesreach.core.events.publishing import DELIVERY_TIMEOUT, Publisher
from richesreach.core.events.schemas import DeadLetter, Message
from richesreach.core.events.tailing import Follow, Tail
from richesreach.core.events.topics import DLQ, Topic
from richesreach.core.metrics import Metrics
from richesreach.core.resilience import deadline
from richesreach.core.resilience.breaker import CircuitBreaker
from richesreach.core.resilience.errors import DeadlineExceededError
from richesreach.core.settings import Settings
from richesreach.core.tracing import Tracing, outgoing

# Seconds. A member that is silent for as long has left; a group then waits as long to share its partitions.
SESSION = 10.0
_ENCODER = msgspec.json.Encoder()
# A publisher's deadline is its own: whoever reads the message later owes it nothing.
_HEADERS = ("x-request-id", "traceparent", "tracestate")


class Events:
    """The stream of one service. Its groups begin with its name: `prediction`, `prediction.drift`."""

    def __init__(
        self,
        settings: Settings,
        address: StreamAddress,
        *,
        metrics: Metrics,
        tracing: Tracing,
        session_seconds: float = SESSION,
    ) -> None:
        self.address = address
        self.metrics = EventMetrics(metrics.registry)
        self.breaker = CircuitBreaker("stream", failures=(StreamUnavailableError, TimeoutError))
        metrics.watch_breaker(self.breaker)
        self._service = settings.service_name
        self._region = settings.region
        self._tracing = tracing
        self._session_seconds = session_seconds
        self._connection = connection(address, client=self._service, region=self._region)
        self._publisher = Publisher(self._connection)
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}
        self._follows: dict[str, Follow] = {}
        self._running: dict[Subscription, asyncio.Task[None]] = {}

    def open(self) -> None:
        self._publisher.open()

    async def close(self) -> None:
        """Let handlers finish what they handle, then followers, then what is to be published."""
        for subscription in self._running:
            subscription.end()
        if self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)
        for follow in self._follows.values():
            await follow.close()
        await self._publisher.close()

    async def publish(
        self, topic: Topic, key: str, message: Message, *, partition: int | None = None
    ) -> None:
        """Return once the brokers have it on all replicas in sync. Messages of one key stay in order, or of
        one `partition`, where that is given: the key then says nothing of where the message goes.

        Raises EventRefusedError for what `topic` does not hold; StreamUnavailableError, CircuitOpenError and
        DeadlineExceededError where nobody knows whether it arrived: publish again what may come twice.
        """
        value = self._encoded(topic, message)
        outcome, started = "unavailable", time.perf_counter()
        try:
            await self.breaker.call(lambda: self._send(topic, key, value, partition))
            outcome = "acknowledged"
        except EventRefusedError:
            outcome = "refused"
            raise
        finally:
            self.metrics.published.labels(topic.name, outcome).inc()
            self.metrics.publishing.labels(topic.name).observe(time.perf_counter() - started)

    async def partitions(self, topic: Topic) -> int:
        """How many `topic` has now. Raises StreamUnavailableError; EventRefusedError where there is none."""
        return await self._publisher.partitions(topic.name, health.SERVER_TIMEOUT)

    def consume(self, topic: Topic, *, group: str, handle: Handle) -> Subscription:
        """Begin to hand each message of `topic` to `handle`, at least once, in order by partition.

        A handler that raises PoisonError gives its message to the dead letters at once; one that fails does
        so after five tries; one whose dependency is gone waits for it. It ends with the service.
        """
        if group != self._service and not group.startswith(f"{self._service}."):
            raise ValueError(
                f"group {group!r} must be {self._service!r} or begin with {self._service!r} and a dot:"
                " a service may read in its own groups alone"
            )
        for other in self._running:
            # Members of one group with different topics would stop each other at each rebalance.
            if other.group == group and other.topic.name != topic.name:
                raise ValueError(
                    f"group {group!r} reads {other.topic.name} already; name one for {topic.name}"
                )
        subscription = Subscription(
            topic,
            group,
            handle,
            membership=Membership(self._connection, topic.name, group, self._session_seconds),
            bury=self._bury,
            metrics=self.metrics,
            tracing=self._tracing,
        )
        self._running[subscription] = asyncio.create_task(subscription.run(), name=f"consumer {group}")
        return subscription

    def tail(self, topic: Topic) -> Tail:
        """Follow `topic` from now on; a follower that is too slow misses the oldest of what waits for it."""
        follow = self._follows.get(topic.name)
        if follow is None:
            follow = Follow(topic, self._connection, f"{self._service}.tail", self.metrics)
            self._follows[topic.name] = follow
        return follow.join()

    def log(self, topic: Topic, partition: int) -> PartitionLog:
        """One partition of `topic`, for a reader that keeps its own place; whoever asks closes it."""
        return PartitionLog(self._connection, topic.name, partition, f"{self._service}.log")

    def dependency(self) -> health.Dependency:
        """Degraded without brokers, and never down: what was published before is read, and caches serve."""

        async def check() -> health.Report:
            try:
                brokers = await self._publisher.brokers(health.SERVER_TIMEOUT)
            except StreamUnavailableError as error:
                return {"status": "degraded", "error": str(error), "circuit": self.breaker.state.value}
            return {"status": "healthy", "brokers": brokers, "circuit": self.breaker.state.value}

        return health.Dependency(check, critical=False)

    def _encoded(self, topic: Topic, message: Message) -> bytes:
        value = _ENCODER.encode(message)
        decoder = self._decoders.get(topic.name)
        if decoder is None:
            decoder = self._decoders[topic.name] = msgspec.json.Decoder(topic.kinds)
        try:
            # A struct takes whatever it is given; only its reader checks it.
            decoder.decode(value)
        except msgspec.ValidationError as error:
            raise EventRefusedError(f"{topic.name} does not hold such a message: {error}") from error
        return value

    async def _send(self, topic: Topic, key: str, value: bytes, partition: int | None) -> None:
        carried = outgoing()
        headers = {name: carried[name] for name in _HEADERS if name in carried}
        headers |= {"content-type": "application/json", "source": self._service}
        patience = deadline.allowed(DELIVERY_TIMEOUT + 1)
        try:
            async with asyncio.timeout(patience):
                await self._publisher.publish(topic.name, key.encode(), value, headers, partition)
        except TimeoutError as error:
            if patience <= DELIVERY_TIMEOUT:
                raise DeadlineExceededError(f"{topic.name} had {patience:g} s to acknowledge") from error
            raise StreamUnavailableError(f"{topic.name} did not acknowledge in time") from error

    async def _bury(self, key: bytes, letter: DeadLetter) -> None:
        await self.publish(DLQ, key.decode(errors="replace"), letter)
