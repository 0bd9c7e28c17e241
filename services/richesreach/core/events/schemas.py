"""The messages of the topics, as every producer writes and every consumer reads them: JSON, one kind a tag.

Prices, sizes and money are decimal strings; times are Unix nanoseconds. What is committed below
`stacks/streaming/schemas` is made of these classes (`make event-schemas`). A class may gain fields that have
a default, and nothing else may change: messages written before must stay readable, and readers of before
leave out what they do not know.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Symbol = Annotated[str, Meta(pattern=r"^[A-Z0-9][A-Z0-9._:/=^-]{0,31}$")]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=4096)]
# Unix time in nanoseconds: 64 bits with a sign last until the year 2262.
Nanoseconds = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# A decimal number of at most eight places, times 10^8 (see `scaled`). A price may be below zero.
Scaled = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Side = Literal["buy", "sell"]
# In one batch: at some 110 bytes each it stays well below what a broker takes.
MOST_TICKS = 4096
Interval = Literal["1s", "1m", "5m", "15m", "1h", "1d"]


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """What goes through a topic. The tag keeps the way open to a second kind of message in one topic."""


class Tick(Message, frozen=True, kw_only=True):
    """One trade or quote of one instrument. `sequence` counts without gaps by source and symbol."""

    symbol: Symbol
    venue: Name
    price: Decimal
    size: Decimal
    event_time: Nanoseconds
    received_time: Nanoseconds
    source: Name
    licence: Name
    sequence: Count
    bid: Decimal | None = None
    ask: Decimal | None = None


class PackedTick(msgspec.Struct, frozen=True, gc=False):
    """One trade or quote in a batch: symbol, sequence, event and receive time, price and size times 10^8.

    The symbol has the form of `Symbol`, which its source has checked: a regular expression for each tick
    would cost whoever reads a hundred thousand a second as much as all the rest of it.
    """

    s: Annotated[str, Meta(min_length=1, max_length=32)]
    q: Count
    t: Nanoseconds
    r: Nanoseconds
    p: Scaled
    z: Count


class TickBatch(Message, frozen=True, kw_only=True, tag="ticks"):
    """Ticks of one source and venue, whose symbols all belong to the partition that the batch is in.

    `q` counts without gaps by source and symbol, as `sequence` does in a tick that comes alone. `epoch` is
    the term of the one task of the region that publishes ticks. A batch that comes after a heartbeat of a
    later epoch is void: it was under way when its task was succeeded, and its numbers were given again.
    """

    source: Name
    venue: Name
    licence: Name
    ticks: Annotated[list[PackedTick], Meta(min_length=1, max_length=MOST_TICKS)]
    epoch: Count = 0


class Numbers(msgspec.Struct, frozen=True):
    """Of one source: when its numbers began, and the last one that was given to each symbol. `lost` are of
    each how many below it went with ticks that the brokers refused. `heard` is until when it was listened to
    and all that it said handed over; it stands still while what an interruption hid is asked for. 0: never.
    """

    began: Nanoseconds
    last: dict[str, Count]
    lost: dict[str, Count] = msgspec.field(default_factory=dict)
    heard: Nanoseconds = 0


class Heartbeat(Message, frozen=True, kw_only=True):
    """The partition's publisher, `member` in its term `epoch`, is well, and has published all ticks up to
    `time` that it had: watermarks may go on to it as if a tick had that event time. 0 says nothing of ticks.

    `numbers`, where it has any, are the last of all sources and symbols in this partition: who succeeds the
    publisher reads on from there.
    """

    member: Name
    epoch: Count
    time: Nanoseconds
    numbers: dict[Name, Numbers] = msgspec.field(default_factory=dict)


class Bar(Message, frozen=True, kw_only=True):
    """Open, high, low, close and volume of one interval. A revision above 0 corrects an earlier one."""

    symbol: Symbol
    interval: Interval
    start: Nanoseconds
    end: Nanoseconds
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    ticks: Count
    vwap: Decimal | None = None
    revision: Count = 0


class Indicator(Message, frozen=True, kw_only=True):
    """Technical indicators of one symbol at the end of one interval, by name: `rsi_14`, `macd`, `regime`."""

    symbol: Symbol
    interval: Interval
    time: Nanoseconds
    values: dict[Name, float]


class Sentiment(Message, frozen=True, kw_only=True):
    """What a text says about a symbol: from -1 (bad) to 1 (good). `document` is an id, never the text."""

    symbol: Symbol
    score: Annotated[float, Meta(ge=-1.0, le=1.0)]
    confidence: Share
    published_time: Nanoseconds
    source: Name
    licence: Name
    document: Name
    model: Name


class Signal(Message, frozen=True, kw_only=True):
    """A prediction as traders see it. `id` is unique; `version` is the model's."""

    id: Name
    symbol: Symbol
    engine: Name
    version: Name
    action: Literal["buy", "hold", "sell"]
    confidence: Share
    horizon: Interval
    time: Nanoseconds
    price: Decimal | None = None
    target: Decimal | None = None
    explanation: dict[Name, float] = msgspec.field(default_factory=dict)


class Drift(Message, frozen=True, kw_only=True):
    """A model's inputs or answers move away from what it was trained on."""

    engine: Name
    version: Name
    feature: Name
    statistic: Name
    value: float
    threshold: float
    time: Nanoseconds


class TradingEvent(Message, frozen=True, kw_only=True, tag="trading-event"):
    """One step of an order or a position; `number` counts without gaps within the account."""

    id: Name
    account: Name
    number: Count
    kind: Name
    symbol: Symbol
    time: Nanoseconds
    order: Name | None = None
    side: Side | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None


class AnalyticsEvent(Message, frozen=True, kw_only=True, tag="analytics-event"):
    """Something that happened, for dashboards. `user` is an id, never a name or an address."""

    id: Name
    name: Name
    time: Nanoseconds
    service: Name
    user: Name | None = None
    attributes: dict[Name, str | int | float | bool | None] = msgspec.field(default_factory=dict)


class Alert(Message, frozen=True, kw_only=True):
    """A condition that a user or a rule asked to be told of came true."""

    id: Name
    kind: Name
    symbol: Symbol | None
    user: Name | None
    severity: Literal["info", "warning", "critical"]
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    time: Nanoseconds
    detail: Text = ""


class DeadLetter(Message, frozen=True, kw_only=True, tag="dead-letter"):
    """A message that its consumer could not handle, as it was: `value` and `key` are base64 in JSON."""

    topic: Name
    partition: Count
    offset: Count
    group: Name
    reason: Literal["undecodable", "refused", "failed", "late", "ahead"]
    error: Text
    attempts: Count
    time: Nanoseconds
    key: bytes | None
    value: bytes | None
    headers: dict[str, str]


def schema_of(kinds: Any, title: str) -> dict[str, Any]:
    """The JSON schema (draft 7, the newest that Glue's registry takes) of one topic's messages.

    Closed, because a field that anybody might have written with another meaning could never be added.
    """
    (root,), definitions = msgspec.json.schema_components([kinds], ref_template="#/definitions/{name}")
    for definition in definitions.values():
        if definition.get("type") == "object" and "properties" in definition:
            definition["additionalProperties"] = False
    root.pop("discriminator", None)  # OpenAPI's word, unknown to JSON schema
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        **root,
        "definitions": definitions,
    }
