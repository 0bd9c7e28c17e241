"""The topics: what each holds. How many partitions one has and for how long it keeps is the deployment's."""

from dataclasses import dataclass
from typing import Any

from richesreach.core.events import schemas


@dataclass(frozen=True, slots=True)
class Topic:
    """`kinds` is a message class, or a union of them."""

    name: str
    kinds: Any


MARKET_TICKS = Topic("market.ticks", schemas.Tick | schemas.TickBatch | schemas.Heartbeat)
MARKET_BARS = Topic("market.bars", schemas.Bar)
MARKET_INDICATORS = Topic("market.indicators", schemas.Indicator)
NEWS_SENTIMENT = Topic("news.sentiment", schemas.Sentiment)
ML_PREDICTIONS = Topic("ml.predictions", schemas.Signal)
ML_DRIFT = Topic("ml.drift", schemas.Drift)
TRADING_EVENTS = Topic("trading.events", schemas.TradingEvent)
ANALYTICS_EVENTS = Topic("analytics.events", schemas.AnalyticsEvent | schemas.Alert)
DLQ = Topic("dlq", schemas.DeadLetter)

TOPICS = {
    topic.name: topic
    for topic in (
        MARKET_TICKS,
        MARKET_BARS,
        MARKET_INDICATORS,
        NEWS_SENTIMENT,
        ML_PREDICTIONS,
        ML_DRIFT,
        TRADING_EVENTS,
        ANALYTICS_EVENTS,
        DLQ,
    )
}
