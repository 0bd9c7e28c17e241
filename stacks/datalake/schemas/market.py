"""Records of the raw zone: what a source delivered, before anything is derived from it."""

from __future__ import annotations

from stacks.datalake.schemas.model import Field, Schema

#: Who made a record. Samples are never mistaken for what a market or a provider said.
ORIGIN = Field("origin", "string", "who made the record", values=("live", "replay", "generator", "sample"))

SYMBOL = Field("symbol", "string", "instrument, as the source spells it (AAPL, BTC-USD)")

INTERVAL = Field("interval", "string", "length of the bar", values=("1s", "1m", "5m", "1h", "1d"))

#: Where in the stream a record stood; ``stream_epoch`` counts how often its topic was made anew.
STREAM = (
    Field("stream_epoch", "long", "number of the topic's life", minimum=0),
    Field("stream_partition", "long", "partition of the topic", minimum=0),
    Field("stream_offset", "long", "offset of the message", minimum=0),
)

MARKET_TICKS = Schema(
    "market_ticks",
    "One trade or quote as its source delivered it",
    (
        SYMBOL,
        Field("source", "string", "provider, replay or generator"),
        Field("venue", "string", "where it was traded or quoted"),
        Field("licence", "string", "under which it may be used"),
        Field("sequence", "long", "counts without gaps by source and symbol", minimum=0),
        Field("event_time", "long", "when it happened, Unix nanoseconds", minimum=0),
        Field("received_time", "long", "when the platform received it, Unix nanoseconds", minimum=0),
        Field("price", "decimal", "price"),
        Field("size", "decimal", "units"),
        Field("bid", "decimal", "best bid at that time", nullable=True),
        Field("ask", "decimal", "best ask at that time", nullable=True),
        *STREAM,
        Field("stream_place", "long", "place in the message, from 0", minimum=0),
        ORIGIN,
    ),
    key=("stream_epoch", "source", "symbol", "sequence"),
    max_null_share=1,
)

BARS = Schema(
    "bars",
    "One bar that the platform made of ticks",
    (
        SYMBOL,
        Field("timestamp", "timestamp", "start of the bar, UTC"),
        Field("ends_at", "timestamp", "end of the bar, UTC, which it excludes"),
        INTERVAL,
        Field("open", "decimal", "first price"),
        Field("high", "decimal", "highest price"),
        Field("low", "decimal", "lowest price"),
        Field("close", "decimal", "last price"),
        Field("volume", "decimal", "units traded"),
        Field("vwap", "decimal", "volume-weighted average price", nullable=True),
        Field("ticks", "long", "ticks in it", minimum=1),
        Field("revision", "long", "above 0 where it corrects an earlier one", minimum=0),
        *STREAM,
        ORIGIN,
    ),
    key=("symbol", "interval", "timestamp", "revision"),
    max_null_share=1,
)

MARKET_DATA = Schema(
    "market_data",
    "One bar of an instrument as a source delivered it",
    (
        SYMBOL,
        Field("timestamp", "timestamp", "start of the bar, UTC"),
        INTERVAL,
        Field("open", "double", "first price", minimum=0),
        Field("high", "double", "highest price", minimum=0),
        Field("low", "double", "lowest price", minimum=0),
        Field("close", "double", "last price", minimum=0),
        Field("volume", "double", "units traded", minimum=0),
        Field("vwap", "double", "volume-weighted average price", nullable=True, minimum=0),
        Field("trades", "long", "number of trades", nullable=True, minimum=0),
        Field("currency", "string", "currency of the prices, ISO 4217 or a coin's code"),
        Field("source", "string", "provider", values=("polygon", "finnhub", "coingecko")),
        Field("licence", "string", "under which it may be used", nullable=True),
        Field("ingested_at", "timestamp", "when the platform received it, UTC"),
        ORIGIN,
    ),
    key=("source", "symbol", "interval", "timestamp"),
)

NEWS = Schema(
    "news",
    "One article that names instruments",
    (
        Field("article_id", "string", "the source's id"),
        Field("published_at", "timestamp", "when it was published, UTC"),
        Field("headline", "string", "headline"),
        Field("summary", "string", "summary in the source's words", nullable=True),
        Field("symbols", "string", "instruments it names, separated by commas"),
        Field("publisher", "string", "who published it"),
        Field("url", "string", "where it stands", nullable=True),
        Field("language", "string", "ISO 639-1"),
        Field("ingested_at", "timestamp", "when the platform received it, UTC"),
        ORIGIN,
    ),
    key=("article_id",),
)

SENTIMENT = Schema(
    "sentiment",
    "One statement about an instrument with its sentiment",
    (
        Field("statement_id", "string", "id of the statement"),
        SYMBOL,
        Field("timestamp", "timestamp", "when it was made, UTC"),
        Field("channel", "string", "where it was made", values=("news", "social", "filing", "call")),
        Field("score", "double", "-1 very negative to 1 very positive", minimum=-1, maximum=1),
        Field("confidence", "double", "0 to 1", minimum=0, maximum=1),
        Field("model", "string", "model and version that scored it"),
        Field("language", "string", "ISO 639-1", nullable=True),
        Field("ingested_at", "timestamp", "when the platform received it, UTC"),
        ORIGIN,
    ),
    key=("statement_id",),
)
