"""Records of the raw zone: what a source delivered, before anything is derived from it."""

from __future__ import annotations

from stacks.datalake.schemas.model import Field, Schema

#: Who made a record. Samples are never mistaken for what a market or a provider said.
ORIGIN = Field("origin", "string", "who made the record", values=("live", "replay", "generator", "sample"))

SYMBOL = Field("symbol", "string", "instrument, as the source spells it (AAPL, BTC-USD)")

MARKET_DATA = Schema(
    "market_data",
    "One bar of an instrument as a source delivered it",
    (
        SYMBOL,
        Field("timestamp", "timestamp", "start of the bar, UTC"),
        Field("interval", "string", "length of the bar", values=("1s", "1m", "5m", "1h", "1d")),
        Field("open", "double", "first price", minimum=0),
        Field("high", "double", "highest price", minimum=0),
        Field("low", "double", "lowest price", minimum=0),
        Field("close", "double", "last price", minimum=0),
        Field("volume", "double", "units traded", minimum=0),
        Field("vwap", "double", "volume-weighted average price", nullable=True, minimum=0),
        Field("trades", "long", "number of trades", nullable=True, minimum=0),
        Field("currency", "string", "currency of the prices, ISO 4217 or a coin's code"),
        Field("source", "string", "provider", values=("polygon", "finnhub", "coingecko")),
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
