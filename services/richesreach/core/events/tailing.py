"""Following a topic from now on, without a group: one reader a process and topic, any number of followers."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from richesreach.core.events.metrics import EventMetrics
from richesreach.core.events.topics import Topic
from richesreach.core.logs import logger

# Messages that one follower may be behind: whoever is slower sees the newest and not all.
BACKLOG = 1000
# Seconds.
PATIENCE, RETRY, METADATA_TIMEOUT = 0.2, 1.0, 5.0
PARTITIONS_INTERVAL, IDLE = 60.0, 30.0
BATCH = 500


class Tail:
    """One follower: an async iterator of decoded messages. `close` it, or use it with `async with`."""

    def __init__(
        self, ready: asyncio.Event, leave: Callable[["Tail"], None], skipped: Callable[[], None]
    ) -> None:
        self._ready = ready
        self._leave = leave
        self._skipped = skipped
        self._waiting: deque[Any] = deque()
        self._news = asyncio.Event()
        self._closed = False

    async def ready(self) -> None:
        """Return once the reader stands at the end of the topic: what is published from then on will come."""
        await self._ready.wait()

    def close(self) -> None:
        self._closed = True
        self._leave(self)
        self._news.set()

    def offer(self, message: Any) -> None:
        if len(self._waiting) >= BACKLOG:
            self._waiting.popleft()
            self._skipped()
        self._waiting.append(message)
        self._news.set()

    def __aiter__(self) -> "Tail":
        return self

    async def __anext__(self) -> Any:
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    async def __aenter__(self) -> "Tail":
        await self.ready()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class Follow:
    """The reader of one topic for all its followers in this process."""

    def __init__(
        self, topic: Topic, connection: Mapping[str, Any], group: str, metrics: EventMetrics
    ) -> None:
        self._topic = topic
        self._configuration = {
            **connection,
            # Nothing is ever committed in it; the client asks for a name all the same.
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
            "fetch.wait.max.ms": 50,
        }
        self._decoder = msgspec.json.Decoder(topic.kinds)
        self._skipped = metrics.skipped.labels(topic.name)
        self._followers: set[Tail] = set()
        self._ready = asyncio.Event()
        self._began = 0.0
        self._partitions = 0
        self._asked = 0.0
        self._consumer: Consumer | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"stream-tail-{topic.name}")
        self._task: asyncio.Task[None] | None = None

    def join(self) -> Tail:
        tail = Tail(self._ready, self._followers.discard, self._skipped.inc)
        self._followers.add(tail)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"tail of {self._topic.name}")
        return tail

    async def close(self) -> None:
        for tail in list(self._followers):
            tail.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await asyncio.get_running_loop().run_in_executor(self._thread, self._end)
        self._thread.shutdown(wait=False)

    async def _run(self) -> None:
        """As long as anybody follows, and a little longer: whoever reloads a page is soon back."""
        loop, idle = asyncio.get_running_loop(), time.monotonic()
        while True:
            try:
                found = await loop.run_in_executor(self._thread, self._fetch)
            except KafkaException as error:
                logger().warning("tail_waits", topic=self._topic.name, error=str(error))
                await asyncio.sleep(RETRY)
                continue
            self._ready.set()
            for message in found:
                self._hand_out(message)
            if self._followers:
                idle = time.monotonic()
            elif time.monotonic() - idle > IDLE:
                await loop.run_in_executor(self._thread, self._end)
                self._task = None
                return

    def _hand_out(self, message: Message) -> None:
        if message.error() is not None or not self._followers:
            return
        _, published = message.timestamp()
        # A broker may count its end from the last batch's first message: what was there before is no news.
        if 0 < published < self._began:
            return
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            decoded = self._decoder.decode(message.value() or b"")
            for tail in list(self._followers):
                tail.offer(decoded)

    def _fetch(self) -> list[Message]:
        """In the reader's thread; raises KafkaException while no broker answers."""
        if self._consumer is None:
            self._consumer = Consumer(self._configuration)
            self._consumer.poll(0)  # a first token, where one is needed
        if time.monotonic() - self._asked > PARTITIONS_INTERVAL or not self._partitions:
            self._assign(self._consumer)
        first = self._consumer.poll(PATIENCE)
        return [] if first is None else [first, *self._consumer.consume(BATCH - 1, 0)]

    def _assign(self, consumer: Consumer) -> None:
        """Read all partitions: from their end at first, and one that was added later from its beginning."""
        listed = consumer.list_topics(self._topic.name, timeout=METADATA_TIMEOUT).topics[self._topic.name]
        if listed.error is not None:
            raise KafkaException(listed.error)
        self._asked = time.monotonic()
        count = len(listed.partitions)
        if self._partitions == 0:
            self._began = time.time() * 1000
            consumer.assign([self._at_end(consumer, number) for number in range(count)])
        elif count > self._partitions:
            new = [TopicPartition(self._topic.name, number, 0) for number in range(self._partitions, count)]
            consumer.incremental_assign(new)
        self._partitions = count

    def _at_end(self, consumer: Consumer, number: int) -> TopicPartition:
        """Asked for, and not left to the first fetch: what is published meanwhile must not be passed over."""
        partition = TopicPartition(self._topic.name, number)
        _, end = consumer.get_watermark_offsets(partition, timeout=METADATA_TIMEOUT)
        return TopicPartition(self._topic.name, number, end if end >= 0 else OFFSET_END)

    def _end(self) -> None:
        if self._consumer is not None:
            self._consumer.close()
            self._consumer, self._partitions = None, 0
        self._ready.clear()
