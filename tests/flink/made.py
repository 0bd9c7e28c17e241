"""Bars, indicators and refused ticks: what the operator made of messages, and what is in the topics."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from recorded import ALL, PARTITIONS, START
from richesreach.core.events.schemas import Bar, DeadLetter, Indicator, PackedTick, TickBatch
from richesreach.stream.definitions import SECOND
from richesreach.stream.outputs import outputs
from richesreach.stream.partition import Partition

Key = tuple[str, str, int]
_TOPICS = ("market.ticks", "market.bars", "market.indicators", "dlq")
#: A symbol of which a tick long after the last closes all windows of a partition.
CLOSING = "CLOSING"


@dataclass(slots=True)
class Made:
    """By symbol, interval and end; refused ticks by partition, offset, symbol, source's number and reason."""

    bars: dict[Key, Bar] = field(default_factory=dict)
    indicators: dict[Key, dict[str, float]] = field(default_factory=dict)
    refused: set[tuple[int, int, str, int, str]] = field(default_factory=set)
    void: list[str] = field(default_factory=list)


def by_operator(messages: Mapping[int, Sequence[bytes]]) -> Made:
    """What the service `stream` makes of them."""
    made, decoder = Made(), msgspec.json.Decoder(Indicator)
    bars = msgspec.json.Decoder(Bar)
    for number, values in messages.items():
        partition = Partition()
        last = msgspec.json.encode(_closing())
        taken = partition.take(list(enumerate([*values, last])))
        made.void += [unreadable.error for unreadable in taken.unreadable]
        names = partition.reader.symbols.names
        for closing in taken.closings:
            for output in outputs(number, partition, closing):
                bar = bars.decode(output.bar)
                made.bars[bar.symbol, bar.interval, bar.end] = bar
                if output.indicator is not None:
                    indicator = decoder.decode(output.indicator)
                    made.indicators[bar.symbol, bar.interval, bar.end] = indicator.values
        for refused in taken.refused:
            symbol = names[refused.symbol]
            made.refused.add((number, refused.offset, symbol, refused.sequence, refused.reason))
    return made


def _closing() -> TickBatch:
    end = START + (ALL + 7200) * SECOND
    return TickBatch(
        source="test",
        venue="X",
        licence="test",
        ticks=[PackedTick(CLOSING, 0, end, end, 10**8, 10**8)],
        epoch=9,
    )


def publish(endpoint: str, messages: Mapping[int, Sequence[bytes]]) -> None:
    """Make the topics, and put every message where its symbols belong."""
    admin = AdminClient({"bootstrap.servers": endpoint})
    for made in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in _TOPICS]).values():
        made.result(60)
    producer = Producer({"bootstrap.servers": endpoint, "compression.type": "lz4", "acks": "all"})
    for number, values in messages.items():
        for value in values:
            producer.produce("market.ticks", value, str(number).encode(), partition=number)
    assert producer.flush(60) == 0


def of_topics(endpoint: str) -> Made:
    """What is in them now; anything that comes twice must be the same."""
    made = Made()
    for message in _held(endpoint, "market.bars"):
        bar = msgspec.json.decode(_value(message), type=Bar)
        assert message.key() == bar.symbol.encode()
        assert made.bars.setdefault((bar.symbol, bar.interval, bar.end), bar) == bar
    for message in _held(endpoint, "market.indicators"):
        indicator = msgspec.json.decode(_value(message), type=Indicator)
        key = (indicator.symbol, indicator.interval, indicator.time)
        assert made.indicators.setdefault(key, indicator.values) == indicator.values
    for message in _held(endpoint, "dlq"):
        made.refused |= set(_refused(_value(message)))
    return made


def _refused(value: bytes) -> Iterator[tuple[int, int, str, int, str]]:
    given: dict[str, Any] = msgspec.json.decode(value)
    letter = msgspec.convert(given | {"key": None}, DeadLetter)
    assert (letter.topic, letter.group) == ("market.ticks", "flink")
    assert letter.value is not None
    for tick in msgspec.json.decode(letter.value, type=TickBatch).ticks:
        yield letter.partition, letter.offset, tick.s, tick.q, letter.reason


def _held(endpoint: str, topic: str) -> Iterator[Message]:
    settings = {"bootstrap.servers": endpoint, "group.id": "test", "enable.auto.commit": False}
    consumer = Consumer(settings)
    try:
        for number in range(PARTITIONS):
            first, end = consumer.get_watermark_offsets(TopicPartition(topic, number), 30)
            consumer.assign([TopicPartition(topic, number, first)])
            deadline, seen = time.monotonic() + 60, first
            while seen < end:
                assert time.monotonic() < deadline, f"{topic} holds {end} messages, of which {seen} came"
                for message in consumer.consume(500, 1.0):
                    assert message.error() is None, message.error()
                    seen = (message.offset() or 0) + 1
                    yield message
    finally:
        consumer.close()


def _value(message: Message) -> bytes:
    value = message.value()
    assert isinstance(value, bytes)
    return value
