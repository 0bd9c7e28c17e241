"""What the operator publishes, and how it is known that all before a snapshot has been acknowledged.

Bars are encoded here, a few at a time: a second that closes has thousands, for which no vector may wait.
"""

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from confluent_kafka import KafkaError, Message, Producer

from richesreach.core.events.publishing import producing
from richesreach.core.events.topics import MARKET_BARS, MARKET_INDICATORS
from richesreach.core.logs import logger
from richesreach.stream.outputs import Output

# Seconds that a message may wait for its brokers before the operator begins anew from its snapshots.
PATIENCE = 60.0
# Milliseconds that outputs wait for others of their partition: each request costs the brokers as much as
# hundreds of bars, and nobody waits for a bar of which the second was over two seconds ago.
LINGER = 100
Headers: TypeAlias = list[tuple[str, str | bytes | None]]


class OutputsLostError(Exception):
    """The brokers did not acknowledge an output: what follows must be made again from the last snapshot."""


class Stage:
    """Outputs of one partition between two snapshots: how many are not sent, or not acknowledged, yet."""

    __slots__ = ("open", "trouble")

    def __init__(self) -> None:
        self.open = 0
        self.trouble: KafkaError | None = None

    def delivered(self, error: KafkaError | None, _message: Message) -> None:
        self.open -= 1
        if error is not None:
            self.trouble = error


class Outbox:
    """One producer; what is put in goes out in order. `waiting` are outputs that are not encoded yet.

    A thread may flush it while another one sends, which then sends nothing; all else is for the one that
    puts, while nobody flushes. What cannot be sent keeps its stage open for good.

    Without `bars` another job writes bars and indicators: outputs are counted and go nowhere.
    """

    def __init__(self, connection: Mapping[str, Any], *, bars: bool = True) -> None:
        self._bars = bars
        self._producer = Producer(
            {**producing(connection), "message.timeout.ms": int(PATIENCE * 1000), "linger.ms": LINGER}
        )
        self._closings: deque[tuple[Iterator[Output], Stage]] = deque()
        self._sending = threading.Lock()
        self.published = self.waiting = 0

    def put(self, made: Iterator[Output], count: int, stage: Stage) -> None:
        """So many outputs to be encoded and sent by `send`; until then the stage stays open."""
        stage.open += 1
        self.waiting += count
        self._closings.append((made, stage))

    def bury(self, topic: str, key: bytes, value: bytes, stage: Stage) -> None:
        """Send a dead letter now. Raises BufferError where too much waits for the brokers."""
        self._producer.produce(topic, value, key, on_delivery=stage.delivered)
        stage.open += 1

    def send(self, most: int) -> int:
        """Encode and send up to so many outputs, and hear what became of earlier ones; how many were sent."""
        if not self._sending.acquire(blocking=False):
            return 0
        try:
            return self._encode(most)
        finally:
            self._sending.release()

    def flush(self, seconds: float) -> None:
        """Send all there is, and wait so long until it is acknowledged."""
        with self._sending:
            while self._closings:
                self._encode(1000)
            self._producer.flush(seconds)

    def abandon(self) -> None:
        """Let go of what is not acknowledged."""
        self._closings.clear()
        self.waiting = 0
        self._producer.purge()
        self._producer.flush(1)

    def _encode(self, most: int) -> int:
        sent = 0
        while self._closings and sent < most:
            made, stage = self._closings[0]
            try:
                for output in made:
                    self._send(output, stage)
                    sent += 1
                    if sent == most:
                        break
                else:
                    self._closings.popleft()
                    stage.open -= 1
            except BaseException:
                # The output is gone: no snapshot may be kept as if its brokers had it.
                stage.open += 1
                raise
        self.published += sent
        self.waiting -= sent
        self._producer.poll(0)
        return sent

    def _send(self, output: Output, stage: Stage) -> None:
        if not self._bars:
            return
        key = output.symbol.encode()
        headers: Headers = [("id", output.identity.text)]
        self._produce(MARKET_BARS.name, output.bar, key, headers, stage)
        if output.indicator is not None:
            self._produce(MARKET_INDICATORS.name, output.indicator, key, headers, stage)

    def _produce(self, topic: str, value: bytes, key: bytes, headers: Headers, stage: Stage) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, headers=headers, on_delivery=stage.delivered)
            except BufferError:
                # The brokers are slower than the source: so is everything, until they take more.
                if self._producer.poll(1.0) == 0:
                    logger().warning("outputs_wait", topic=topic)
            else:
                stage.open += 1
                return
