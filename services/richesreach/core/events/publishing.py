"""Publishing: an idempotent producer whose acknowledgements wake those that wait on the event loop."""

import asyncio
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin._metadata import ClusterMetadata

from richesreach.core.events.errors import EventRefusedError, StreamUnavailableError
from richesreach.core.logs import logger

# Seconds until a message that no broker acknowledged is given up; whoever published it may try again.
DELIVERY_TIMEOUT = 8.0
REACH_TIMEOUT = 1.0
# What may wait for the brokers, all in all. Beyond it publishing fails at once and fills no memory.
BUFFERED_MESSAGES, BUFFERED_KIBIBYTES = 50_000, 65_536
MAX_MESSAGE_BYTES = 1_000_000
# Errors that the message or the rights deserve: another try, and another broker, would say the same.
_REFUSALS = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.INVALID_MSG,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.POLICY_VIOLATION,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
    }
)
# librdkafka's word for one that its partitioner chooses.
PARTITION_BY_KEY = -1
Outcome = tuple["asyncio.Future[None]", KafkaError | None]


def producing(connection: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a producer: idempotent, and where a key goes is the same for all."""
    return {
        **connection,
        # acks=all and at most five requests in flight, in order, come with it.
        "enable.idempotence": True,
        "compression.type": "lz4",
        # What one turn of the event loop publishes goes out together, and nobody waits longer for more.
        "linger.ms": 1,
        "message.timeout.ms": int(DELIVERY_TIMEOUT * 1000),
        "queue.buffering.max.messages": BUFFERED_MESSAGES,
        "queue.buffering.max.kbytes": BUFFERED_KIBIBYTES,
        "message.max.bytes": MAX_MESSAGE_BYTES,
        # As the Java clients and Flink do, so that one key is in one partition whoever writes it.
        "partitioner": "murmur2_random",
    }


class Publisher:
    """One librdkafka producer and the thread that asks it what became of the messages."""

    def __init__(self, connection: Mapping[str, Any]) -> None:
        self._configuration = producing(connection)
        self._producer: Producer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._outcomes: deque[Outcome] = deque()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._doubtful = False

    def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(self._configuration)
        self._thread = threading.Thread(target=self._poll, name="stream-publisher", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Wait for what is on its way, as long as a message may take; then let go."""
        if self._thread is None:
            return
        await asyncio.to_thread(self._flush)
        self._ending.set()
        await asyncio.to_thread(self._thread.join)
        self._settle()
        self._producer = self._thread = None

    async def publish(
        self,
        topic: str,
        key: bytes,
        value: bytes,
        headers: Mapping[str, str],
        partition: int | None = None,
    ) -> None:
        """Return once every replica in sync has it. Without `partition` the key chooses one.

        Raises StreamUnavailableError when that cannot be known, EventRefusedError when it will never be.
        """
        if self._producer is None or self._loop is None:
            raise StreamUnavailableError("the stream is not open: the service starts or ends")
        acknowledged: asyncio.Future[None] = self._loop.create_future()

        def delivered(error: KafkaError | None, _message: Message) -> None:
            self._outcomes.append((acknowledged, error))

        try:
            self._producer.produce(
                topic,
                value,
                key,
                partition=PARTITION_BY_KEY if partition is None else partition,
                on_delivery=delivered,
                headers=[(n, v.encode()) for n, v in headers.items()],
            )
        except BufferError as error:
            raise StreamUnavailableError(
                "the stream takes messages more slowly than they come: the buffer is full"
            ) from error
        except KafkaException as error:
            raise self._trouble(error.args[0], topic) from error
        try:
            await acknowledged
        except KafkaException as error:
            raise self._trouble(error.args[0], topic) from error

    async def brokers(self, seconds: float) -> int:
        """How many there are. Raises StreamUnavailableError."""
        return len((await self._listed(seconds)).brokers)

    async def partitions(self, topic: str, seconds: float) -> int:
        """How many `topic` has. Raises StreamUnavailableError, EventRefusedError."""
        found = (await self._listed(seconds, topic)).topics[topic]
        if found.error is not None:
            raise self._trouble(found.error, topic)
        return len(found.partitions)

    async def _listed(self, seconds: float, topic: str | None = None) -> ClusterMetadata:
        producer = self._producer
        if producer is None:
            raise StreamUnavailableError("the stream is not open")
        try:
            return await asyncio.to_thread(producer.list_topics, topic, timeout=seconds)
        except KafkaException as error:
            raise StreamUnavailableError(error.args[0].str()) from error

    def _trouble(self, error: KafkaError, topic: str) -> Exception:
        if error.code() in _REFUSALS:
            return EventRefusedError(f"{topic} does not take the message: {error.str()}")
        if error.fatal() or error.code() == KafkaError._MSG_TIMED_OUT:
            self._doubtful = True
        return StreamUnavailableError(f"{topic} did not acknowledge: {error.str()}")

    def _poll(self) -> None:
        """In the publisher's thread: outcomes of deliveries, and renewed tokens."""
        while not self._ending.is_set():
            producer = self._producer
            if producer is None or self._loop is None:
                return
            try:
                producer.poll(0.1)
            except KafkaException as error:
                logger().warning("stream_poll_failed", error=str(error))
            if self._outcomes:
                self._loop.call_soon_threadsafe(self._settle)
            if self._doubtful:
                self._doubtful = False
                self._examine(producer)

    def _examine(self, doubtful: Producer) -> None:
        """Brokers that answer and acknowledge nothing have lost their memory of this producer, which numbers
        its messages and would wait for good: a new one begins anew.
        """
        try:
            doubtful.list_topics(timeout=REACH_TIMEOUT)
        except KafkaException:
            return  # nobody is there to be blamed, and messages go out when somebody is
        logger().warning("stream_producer_replaced")
        self._producer = Producer(self._configuration)
        doubtful.purge()
        doubtful.flush(1)

    def _settle(self) -> None:
        while self._outcomes:
            acknowledged, error = self._outcomes.popleft()
            if acknowledged.done():
                continue
            if error is None:
                acknowledged.set_result(None)
            else:
                acknowledged.set_exception(KafkaException(error))

    def _flush(self) -> None:
        if self._producer is not None and self._producer.flush(DELIVERY_TIMEOUT):
            self._producer.purge()
            self._producer.flush(1)
